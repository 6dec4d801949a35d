//! An application that decides itself who may come.

mod answer;
mod client;
mod question;
mod secret;
mod url;

pub use self::answer::{Answer, AnswerError};
pub use self::client::{Authorizer, AuthorizerError, Unanswered};
pub use self::question::Question;
pub use self::secret::{AuthorizerSecret, AuthorizerSecretError};
pub use self::url::AuthorizerUrl;
