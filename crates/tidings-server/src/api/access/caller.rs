//! Who a request comes from, and what it may do.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, Request};
use http::header::USER_AGENT;
use http::request::Parts;
use tidings::{Owner, Peer, Selector, Subscription, Topic};
use tidings_auth::{Credential, Grant};
use tidings_http::Problem;
use tokio::time::Instant;

use crate::api::Kind;
use crate::api::access::admission::Admission;
use crate::api::body::Received;
use crate::api::hub::Hub;
use crate::wall_clock::now;

/// The longest user agent that is remembered, in characters.
const USER_AGENT_LENGTH: usize = 256;

/// Who a request comes from, and what it may do. The gate has let it in.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    admission: Admission,
    peer: Peer,
}

impl Caller {
    pub(super) fn new(admission: Admission, request: &Request) -> Self {
        let remote = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let user_agent = request.headers().get(USER_AGENT).map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.chars().take(USER_AGENT_LENGTH).collect()
        });
        let peer = Peer {
            owner: owner(&admission).map(Arc::new),
            remote: remote.map(|ConnectInfo(remote)| *remote),
            user_agent,
        };
        Self { admission, peer }
    }

    pub(crate) fn grant(&self) -> &Grant {
        &self.admission.grant
    }

    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// As the list of connections knows it.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Who the credentials say it is.
    pub(crate) fn identity(&self) -> Option<&str> {
        self.grant().identity.as_deref()
    }

    /// Whether a stream is the caller's: somebody else's with the same rights is not. Those without credentials are told
    /// apart by nothing but the secret name of their stream.
    pub(crate) fn is_same(&self, peer: &Peer) -> bool {
        let names = |peer: &Peer| {
            let owner = peer.owner.as_ref()?;
            Some((owner.token.clone(), owner.key.clone()))
        };
        match (self.identity(), peer.identity()) {
            (None, None) => names(&self.peer) == names(peer),
            (own, other) => own == other,
        }
    }

    /// The same with the right to read this as well.
    pub(super) fn and_reading(mut self, selector: Selector) -> Self {
        let rights = &mut self.admission.grant.rights;
        if !rights.covers(&selector) {
            *rights = Arc::new(rights.and_subscribe(selector));
        }
        self
    }

    /// A subscription that reads what the caller may read, for as long as it may.
    pub(crate) fn limit(&self, subscription: Subscription) -> Subscription {
        let subscription = subscription.peer(self.peer.clone());
        subscription.within(self.grant().rights.subscribe().clone())
    }

    /// Receives the body of a request that changes something. What was let in may have been taken back meanwhile.
    ///
    /// # Errors
    ///
    /// Those of the inbox, and those of the gate.
    pub(crate) async fn receive(
        &self,
        hub: &Hub,
        body: Body,
        limit: usize,
    ) -> Result<Received, Problem> {
        let received = hub.inbox.receive(body, limit).await?;
        self.check_again(hub)?;
        Ok(received)
    }

    /// Refuses who was let in and would not be any more.
    pub(crate) fn check_again(&self, hub: &Hub) -> Result<(), Problem> {
        let still = hub.gate.check_again(&self.admission);
        still.map_err(|refusal| refusal.problem(hub))
    }

    /// Refuses who may publish nowhere, before anything of the request is looked at.
    pub(crate) fn may_publish_at_all(&self) -> Result<(), Problem> {
        let rights = &self.grant().rights;
        if rights.publish().is_empty() {
            return Err(forbidden("these credentials give no right to publish"));
        }
        Ok(())
    }

    pub(crate) fn may_publish(
        &self,
        field: impl Into<Cow<'static, str>>,
        topic: &Topic,
    ) -> Result<(), Problem> {
        if self.grant().may_publish(topic) {
            return Ok(());
        }
        let field = field.into();
        let detail = format!("{field}: these credentials give no right to publish on {topic}");
        Err(forbidden(detail).field(field))
    }

    /// Refuses who may read nothing.
    pub(crate) fn may_subscribe_at_all(&self) -> Result<(), Problem> {
        if self.grant().rights.subscribe().is_empty() {
            return Err(forbidden("these credentials give no right to subscribe"));
        }
        Ok(())
    }

    /// Refuses topics outside the rights. Patterns are allowed: of what they match, only what is within the rights is read.
    pub(crate) fn may_subscribe<'a>(
        &self,
        field: &'static str,
        selectors: impl IntoIterator<Item = &'a Selector>,
    ) -> Result<(), Problem> {
        let refused = selectors.into_iter().find_map(|selector| match selector {
            Selector::Topic(topic) if !self.grant().may_subscribe(topic) => Some(topic),
            _ => None,
        });
        match refused {
            None => Ok(()),
            Some(topic) => Err(unreadable(field, topic)),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        // A route that is not behind the gate is a mistake, and is not for everybody.
        caller.ok_or_else(|| forbidden("this is not open to requests that have not been judged"))
    }
}

/// Whose stream it is, and until when; nobody's without credentials.
fn owner(admission: &Admission) -> Option<Owner> {
    let grant = &admission.grant;
    let mut owner = Owner {
        consent: admission.consent.clone(),
        identity: grant.identity.as_deref().map(Box::from),
        namespace: grant.namespace.as_deref().map(Box::from),
        ..Owner::default()
    };
    match grant.credential.original() {
        Credential::Token { jti, .. } => owner.token = jti.as_deref().map(Box::from),
        Credential::Key { id } => owner.key = Some((**id).into()),
        _ => return None,
    }
    owner.expires_at = grant.expires_at.and_then(|moment| {
        let left = moment.since(now());
        Instant::now().checked_add(left)
    });
    Some(owner)
}

pub(super) fn unreadable(field: &'static str, topic: &Topic) -> Problem {
    let detail = format!("{field}: these credentials give no right to subscribe to {topic}");
    forbidden(detail).field(field)
}

pub(super) fn forbidden(detail: impl Into<String>) -> Problem {
    Kind::Forbidden.because(detail)
}
