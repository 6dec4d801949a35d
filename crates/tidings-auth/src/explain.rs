use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tidings::Timestamp;

use crate::token::{Claims, Header, Token};
use crate::{Denied, Grant, RightsTemplate};

/// What a token says. Whether it says so rightly is another question: its signature was not looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Its header, as it stands there.
    pub header: Value,
    /// Its claims, as they stand there.
    pub claims: Value,
    /// From when on it is good (`nbf`).
    pub not_before: Option<Timestamp>,
    /// When it was made (`iat`).
    pub issued_at: Option<Timestamp>,
    /// From when on it is good for nothing (`exp`).
    pub expires_at: Option<Timestamp>,
    /// What it is good for, with `{identity}` filled in, at an issuer who takes it for any time, audience and namespace; or
    /// the first reason why no issuer takes it.
    pub grant: Result<Grant, Denied>,
}

/// Reads a token without believing it. Nobody gets anything for it.
///
/// ```
/// use tidings::Timestamp;
/// use tidings_auth::{Denied, explain};
///
/// let now = Timestamp::from_millis(1_767_225_600_000);
/// // {"alg":"HS256"}.{"sub":"7"}
/// let explanation = explain("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.", now)?;
/// assert_eq!(explanation.claims["sub"], "7");
/// assert_eq!(explanation.grant, Err(Denied::MissingClaim { claim: "exp" }));
/// # Ok::<(), Denied>(())
/// ```
///
/// # Errors
/// [`Denied`], if it cannot even be read.
pub fn explain(token: &str, now: Timestamp) -> Result<Explanation, Denied> {
    let token = Token::read(token)?;
    let claims = Claims::read(&token.claims);
    let grant = match (Header::read(&token.header), &claims) {
        (Err(denied), _) => Err(denied),
        (_, Err(denied)) => Err(*denied),
        (Ok(_), Ok(claims)) => {
            let namespace = claims.namespace.map(Arc::from);
            let times = claims.check_times(now, Duration::MAX);
            times.map(|()| claims.grant(namespace, &RightsTemplate::default()))
        }
    };
    let claims = claims.ok();
    Ok(Explanation {
        not_before: claims.as_ref().and_then(|claims| claims.not_before),
        issued_at: claims.as_ref().and_then(|claims| claims.issued_at),
        expires_at: claims.as_ref().map(|claims| claims.expires_at),
        grant,
        header: Value::Object(token.header.clone()),
        claims: Value::Object(token.claims.clone()),
    })
}
