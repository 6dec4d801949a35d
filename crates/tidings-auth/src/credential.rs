use std::sync::Arc;

/// What a [`Grant`](crate::Grant) was given for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// Nothing: anybody has it.
    Anonymous,
    /// A signed token.
    Token {
        /// Its claim `iss`.
        issuer: Option<Arc<str>>,
        /// Its claim `jti`, by which it can be revoked alone.
        jti: Option<Arc<str>>,
    },
    /// An API key.
    Key {
        /// Its public part.
        id: Arc<str>,
    },
    /// A ticket.
    Ticket {
        /// The credential of who asked for it; never a ticket itself.
        of: Arc<Self>,
    },
}

impl Credential {
    /// What was presented in the beginning: for a ticket, the credential that it was asked for with.
    pub fn original(&self) -> &Self {
        match self {
            Self::Ticket { of } => of.original(),
            Self::Anonymous | Self::Token { .. } | Self::Key { .. } => self,
        }
    }
}
