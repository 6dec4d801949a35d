//! What a caller may read, apart from who it is.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tidings::Topic;
use tidings_auth::Rights;
use tidings_http::Problem;

use crate::api::access::caller::{Caller, unreadable};

/// What a caller may read: all who may read the same share what is made of it, whatever else they may do.
#[derive(Clone, Debug)]
pub(crate) struct Sight(Arc<Rights>);

impl PartialEq for Sight {
    fn eq(&self, other: &Self) -> bool {
        self.0.subscribe() == other.0.subscribe()
    }
}

impl Eq for Sight {}

impl Hash for Sight {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.subscribe().hash(state);
    }
}

impl Sight {
    pub(crate) fn sees(&self, topic: &Topic) -> bool {
        self.0.may_subscribe(topic)
    }

    /// # Errors
    ///
    /// 403 if the topic is not among what may be seen.
    pub(crate) fn must_see(&self, topic: &Topic) -> Result<(), Problem> {
        if self.sees(topic) {
            return Ok(());
        }
        Err(unreadable("topic", topic))
    }
}

impl<S: Sync> FromRequestParts<S> for Sight {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.may_subscribe_at_all()?;
        Ok(Self(caller.grant().rights.clone()))
    }
}
