use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tidings::Timestamp;

use crate::{Credential, Denied, Grant, RightsTemplate, TemplateError};

/// How far the issuer's clock may be ahead of ours: for `nbf` and `iat`, never for `exp`.
pub(crate) const LEEWAY: Duration = Duration::from_secs(30);

/// The longest identity and `jti`, in bytes. OpenID Connect allows a `sub` of 255 (Core 1.0, section 2).
pub(crate) const MAX_NAME_BYTES: usize = 256;

/// What a token claims.
#[derive(Debug)]
pub(crate) struct Claims<'a> {
    pub(crate) issuer: Option<&'a str>,
    /// Absent if the token is for nobody in particular.
    pub(crate) audience: Option<Vec<&'a str>>,
    pub(crate) jti: Option<&'a str>,
    /// Not empty.
    pub(crate) identity: Option<&'a str>,
    pub(crate) namespace: Option<&'a str>,
    /// Absent if the token says nothing about Tidings.
    pub(crate) rights: Option<RightsTemplate>,
    pub(crate) expires_at: Timestamp,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
}

impl<'a> Claims<'a> {
    pub(crate) fn read(claims: &'a Map<String, Value>) -> Result<Self, Denied> {
        let access = Access::read(claims)?;
        let subject = name(text(claims, "sub")?, "sub")?;
        let identity = access.as_ref().and_then(|access| access.identity);
        Ok(Self {
            issuer: text(claims, "iss")?,
            audience: audience(claims)?,
            jti: name(text(claims, "jti")?, "jti")?,
            identity: identity.or(subject).filter(|identity| !identity.is_empty()),
            namespace: access.as_ref().and_then(|access| access.namespace),
            rights: access.map(|access| access.rights),
            expires_at: seconds(claims, "exp")?.ok_or(Denied::MissingClaim { claim: "exp" })?,
            not_before: seconds(claims, "nbf")?,
            issued_at: seconds(claims, "iat")?,
        })
    }

    /// What these claims are good for in the namespace, with these rights if they name none.
    pub(crate) fn grant(
        &self,
        namespace: Option<Arc<str>>,
        default_rights: &RightsTemplate,
    ) -> Grant {
        let rights = self.rights.as_ref().unwrap_or(default_rights);
        Grant {
            identity: self.identity.map(Arc::from),
            namespace,
            rights: Arc::new(rights.resolve(self.identity)),
            credential: Credential::Token {
                issuer: self.issuer.map(Arc::from),
                jti: self.jti.map(Arc::from),
            },
            expires_at: Some(self.expires_at),
        }
    }

    /// Whether the token is good at this moment, and lives no longer than `max_lifetime`.
    ///
    /// The lifetime is counted from `iat`, so that a token made to live long is refused on its last day as on its first;
    /// without `iat` it is what is left.
    pub(crate) fn check_times(&self, now: Timestamp, max_lifetime: Duration) -> Result<(), Denied> {
        if now >= self.expires_at {
            return Err(Denied::Expired);
        }
        let begins = [self.not_before, self.issued_at];
        if begins
            .into_iter()
            .flatten()
            .any(|at| at > now.after(LEEWAY))
        {
            return Err(Denied::NotYetValid);
        }
        if self.expires_at.since(self.issued_at.unwrap_or(now)) > max_lifetime {
            return Err(Denied::LivesTooLong);
        }
        Ok(())
    }
}

/// The claim `tidings`.
struct Access<'a> {
    identity: Option<&'a str>,
    namespace: Option<&'a str>,
    rights: RightsTemplate,
}

impl<'a> Access<'a> {
    fn read(claims: &'a Map<String, Value>) -> Result<Option<Self>, Denied> {
        let Some(claim) = claims.get("tidings") else {
            return Ok(None);
        };
        let bad = Denied::BadClaim { claim: "tidings" };
        let claim = claim.as_object().ok_or(bad)?;
        // What is not understood may be a restriction.
        let known = ["publish", "subscribe", "admin", "identity", "namespace"];
        if claim.keys().any(|key| !known.contains(&key.as_str())) {
            return Err(bad);
        }
        let publish = texts(claim, "publish", "tidings.publish")?;
        let subscribe = texts(claim, "subscribe", "tidings.subscribe")?;
        let rights = RightsTemplate::new(publish, subscribe).map_err(|error| refused(&error))?;
        let is_admin = match claim.get("admin") {
            None => false,
            Some(Value::Bool(admin)) => *admin,
            Some(_) => {
                return Err(Denied::BadClaim {
                    claim: "tidings.admin",
                });
            }
        };
        let identity = member(claim, "identity", "tidings.identity")?;
        Ok(Some(Self {
            identity: name(identity, "tidings.identity")?,
            namespace: member(claim, "namespace", "tidings.namespace")?,
            rights: if is_admin {
                rights.with_admin()
            } else {
                rights
            },
        }))
    }
}

fn refused(error: &TemplateError) -> Denied {
    let claim = |list: &str| match list {
        "publish" => "tidings.publish",
        _ => "tidings.subscribe",
    };
    match error {
        TemplateError::TooMany { list } => Denied::TooManySelectors { claim: claim(list) },
        TemplateError::NotASelector { list, .. }
        | TemplateError::PartialPlaceholder { list, .. } => Denied::BadClaim { claim: claim(list) },
    }
}

fn text<'a>(
    claims: &'a Map<String, Value>,
    claim: &'static str,
) -> Result<Option<&'a str>, Denied> {
    member(claims, claim, claim)
}

fn member<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    claim: &'static str,
) -> Result<Option<&'a str>, Denied> {
    let text = |value: &'a Value| value.as_str().ok_or(Denied::BadClaim { claim });
    object.get(key).map(text).transpose()
}

fn name<'a>(text: Option<&'a str>, claim: &'static str) -> Result<Option<&'a str>, Denied> {
    match text {
        Some(text) if text.len() > MAX_NAME_BYTES => Err(Denied::BadClaim { claim }),
        _ => Ok(text),
    }
}

fn texts<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    claim: &'static str,
) -> Result<Vec<&'a str>, Denied> {
    let bad = Denied::BadClaim { claim };
    let Some(list) = object.get(key) else {
        return Ok(Vec::new());
    };
    let list = list.as_array().ok_or(bad)?;
    list.iter().map(|item| item.as_str().ok_or(bad)).collect()
}

/// A text, or an array of texts (RFC 7519, section 4.1.3).
fn audience(claims: &Map<String, Value>) -> Result<Option<Vec<&str>>, Denied> {
    match claims.get("aud") {
        None => Ok(None),
        Some(Value::String(one)) => Ok(Some(vec![one])),
        Some(_) => texts(claims, "aud", "aud").map(Some),
    }
}

/// A moment in whole seconds since the epoch. Fractions, which RFC 7519 allows, are refused with everything else.
fn seconds(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<Timestamp>, Denied> {
    let moment = |value: &Value| {
        let seconds = value.as_u64().ok_or(Denied::BadClaim { claim })?;
        Ok(Timestamp::from_millis(seconds.saturating_mul(1000)))
    };
    claims.get(claim).map(moment).transpose()
}
