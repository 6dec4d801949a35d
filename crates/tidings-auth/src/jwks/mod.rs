//! The keys of issuers that publish them.

mod document;
mod error;
mod key_set;
mod source;
mod url;

pub use self::error::JwksError;
pub use self::key_set::KeySetState;
pub(crate) use self::key_set::{Current, KeySet};
pub use self::url::JwksUrl;
