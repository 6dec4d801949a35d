//! Who may do what on a Tidings hub.
//!
//! Whoever presents a credential gets a [`Grant`], or a [`Denied`] that says why not. A grant is what everything else asks:
//! it holds the [`Rights`] on topics, whose they are, and until when. Credentials are
//!
//! - signed tokens of [`Issuer`]s, which a [`Verifier`] checks and a [`Minter`] makes;
//! - API keys, which are in a [`KeyRing`];
//! - one-time [`Tickets`], which somebody asks for with one of the others.
//!
//! What was granted can end early: [`Revocations`]. An application that decides itself is asked by an [`Authorizer`]. Nothing here reads a clock, a file or a request: the time is an argument,
//! and what is kept or carried is the business of whoever calls.

mod algorithm;
mod api_key;
mod authorizer;
mod cache;
mod credential;
mod denied;
mod explain;
mod grant;
mod issuer;
mod json;
mod jwks;
mod key;
mod key_ring;
mod mint;
mod moment;
mod outbound;
mod random;
mod revocation;
mod rights;
mod template;
mod terms;
mod ticket;
mod token;
mod trusted;
mod verifier;

pub use crate::algorithm::{Algorithm, AlgorithmError};
pub use crate::api_key::{ApiKey, ApiKeyError, SecretHash, SecretHashError};
pub use crate::authorizer::{
    Answer, AnswerError, Authorizer, AuthorizerError, AuthorizerSecret, AuthorizerSecretError,
    AuthorizerUrl, Question, Unanswered,
};
pub use crate::credential::Credential;
pub use crate::denied::Denied;
pub use crate::explain::{Explanation, explain};
pub use crate::grant::Grant;
pub use crate::issuer::{Issuer, Namespace};
pub use crate::jwks::{JwksError, JwksUrl, KeySetState};
pub use crate::key::{Key, KeyError};
pub use crate::key_ring::{KeyRing, KeyRingError, StoredKey};
pub use crate::mint::{MintError, Minter, NewToken};
pub use crate::outbound::UrlError;
pub use crate::revocation::{Revocation, RevocationError, Revocations, Revoked};
pub use crate::rights::Rights;
pub use crate::template::{MAX_SELECTORS, RightsTemplate, TemplateError};
pub use crate::ticket::{TakenTicket, Ticket, TicketError, Tickets};
pub use crate::verifier::{Verifier, VerifierError};
