use std::io;

use instant_acme::{Error, Problem};
use thiserror::Error;
use tidings_http::TlsError;

/// Why there is no certificate.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// The server says no.
    #[error("the ACME server refuses it: {0}")]
    Refused(String),

    /// The server knows nothing of the account, which is as good as gone.
    #[error("the ACME server does not know the account any more")]
    UnknownAccount,

    /// The server did not find the hub under a name.
    #[error("{name} was not validated: {reason}")]
    NotValidated { name: String, reason: String },

    /// The server has other ways to validate a name, but not ours.
    #[error("the ACME server does not validate {0} by TLS-ALPN-01")]
    NoChallenge(String),

    /// It cannot be reached, or what it says cannot be understood.
    #[error("the ACME server has no answer")]
    NoAnswer(#[source] Error),

    #[error("the ACME server is too slow")]
    TooSlow,

    #[error("cannot make a request for a certificate")]
    Request(#[from] rcgen::Error),

    #[error("the certificate cannot be used")]
    BadCertificate(#[source] Option<TlsError>),

    #[error("the folder of certificates cannot be used")]
    Folder(#[source] io::Error),
}

/// What is logged of a text of the server, in characters.
const LONGEST_TEXT: usize = 500;

/// The kind of problem with an account that is not there (RFC 8555, section 6.7).
const UNKNOWN_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

impl Failure {
    /// Whether asking again soon would bring the same answer, and count as one more attempt.
    pub(super) fn is_lasting(&self) -> bool {
        !matches!(
            self,
            Self::UnknownAccount | Self::NoAnswer(_) | Self::TooSlow
        )
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) if problem.r#type.as_deref() == Some(UNKNOWN_ACCOUNT) => {
                Self::UnknownAccount
            }
            Error::Api(problem) => Self::Refused(told(&problem)),
            Error::Timeout(_) => Self::TooSlow,
            error => Self::NoAnswer(error),
        }
    }
}

/// What the server says of a problem, on one line.
pub(super) fn told(problem: &Problem) -> String {
    let text = problem.to_string();
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(LONGEST_TEXT).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_stays_on_a_line_that_ends() {
        let detail = format!("no\n\u{1b}[31m{}", "x".repeat(10_000));
        let problem = Problem {
            r#type: None,
            detail: Some(detail),
            status: None,
            subproblems: Vec::new(),
        };
        let told = Failure::from(Error::Api(problem)).to_string();
        assert!(told.contains("no  [31mxxx"), "{told}");
        assert!(told.len() < 600, "{}", told.len());
    }
}
