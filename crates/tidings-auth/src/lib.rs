//! Who may do what on a Tidings hub.
//!
//! Whoever presents a credential gets a [`Grant`], or a [`Denied`] that says why not. A grant is what
//! everything else asks: it holds the [`Rights`] on topics, whose they are, and until when.

mod credential;
mod grant;
mod rights;
mod template;

pub use crate::credential::Credential;
pub use crate::grant::Grant;
pub use crate::rights::Rights;
pub use crate::template::{MAX_SELECTORS, RightsTemplate, TemplateError};
