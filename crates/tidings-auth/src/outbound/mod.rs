//! Requests that the hub sends itself, and where they may go.

mod client;
mod place;
mod reach;

pub(crate) use self::client::{BodyError, body, client};
pub(crate) use self::place::Place;
pub use self::place::UrlError;
pub(crate) use self::reach::Reach;
