use std::sync::Arc;

use tidings::Timestamp;

use crate::issuer::Terms;
use crate::token::Claims;
use crate::{Denied, Grant, Namespace};

impl Terms {
    /// What a token with these claims gets, once its signature is known to be good.
    pub(crate) fn grant(&self, claims: &Claims<'_>, now: Timestamp) -> Result<Grant, Denied> {
        claims.check_times(now, self.max_lifetime)?;
        self.check_audience(claims)?;
        let namespace = self.namespace(claims.namespace)?;
        Ok(claims.grant(namespace, &self.default_rights))
    }

    fn check_audience(&self, claims: &Claims<'_>) -> Result<(), Denied> {
        let is_ours = |aud: &&str| self.audiences.iter().any(|own| **own == **aud);
        match &claims.audience {
            None if self.audiences.is_empty() => Ok(()),
            None => Err(Denied::MissingClaim { claim: "aud" }),
            Some(audience) if audience.iter().any(is_ours) => Ok(()),
            Some(_) => Err(Denied::WrongAudience),
        }
    }

    fn namespace(&self, claimed: Option<&str>) -> Result<Option<Arc<str>>, Denied> {
        let claim = "tidings.namespace";
        match (&self.namespace, claimed) {
            (Namespace::Default, None) => Ok(None),
            (Namespace::Fixed(own), None) => Ok(Some(Arc::clone(own))),
            (Namespace::Fixed(own), Some(claimed)) if **own == *claimed => {
                Ok(Some(Arc::clone(own)))
            }
            (Namespace::Claimed, Some(claimed)) if Namespace::is_name(claimed) => {
                Ok(Some(claimed.into()))
            }
            (Namespace::Claimed, None) => Err(Denied::MissingClaim { claim }),
            (_, Some(_)) => Err(Denied::BadClaim { claim }),
        }
    }
}
