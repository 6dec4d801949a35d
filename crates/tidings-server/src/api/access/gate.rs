//! Who is let in.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, Method, StatusCode};
use tidings_auth::{
    Denied, Grant, KeyRing, Revocation, RevocationError, Revocations, Revoked, Ticket, TicketError,
    Tickets, Verifier,
};
use tidings_http::Problem;
use tokio::time::{MissedTickBehavior, interval};
use tower::ServiceExt;

use crate::api::access::caller::Caller;
use crate::api::access::credentials::{Carrier, Credentials};
use crate::api::access::denials::{Attempt, Denials};
use crate::api::access::guard::Access;
use crate::api::drain::asks_for_stream;
use crate::api::entrance::Entrance;
use crate::api::hub::Hub;
use crate::settings::AuthSettings;
use crate::wall_clock::now;

/// What begins an API key. What is neither that nor a ticket is taken for a token.
const KEY_PREFIX: &str = "tdk_";

/// How often it is looked whether a set of keys is due.
const REFRESH: Duration = Duration::from_secs(5);

/// Who is let in, and as whom.
#[derive(Debug)]
pub(crate) struct Gate {
    /// `None` where there are no keys: everybody may do everything.
    means: Option<Means>,
    tickets: Tickets,
    revocations: Revocations,
    denials: Denials,
}

/// What a hub with keys judges credentials by.
#[derive(Debug)]
struct Means {
    verifier: Verifier,
    key_ring: KeyRing,
    /// What somebody without credentials may do.
    anonymous: Option<Grant>,
    query_tokens: bool,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("no credentials")]
    Missing,
    #[error("{0}")]
    Denied(#[from] Denied),
    #[error("credentials in the URL of something other than a stream")]
    QueryElsewhere,
    #[error("a ticket that is not in the URL of a stream")]
    TicketElsewhere,
    #[error("a token in the URL, and auth.query_tokens is not set")]
    QueryToken,
    #[error("a cookie that a page of another origin had sent")]
    ForeignPage,
}

impl Gate {
    /// # Errors
    ///
    /// What the settings would have been refused for.
    pub(crate) fn new(settings: &AuthSettings) -> anyhow::Result<Self> {
        let means = settings.has_keys().then(|| Means::new(settings));
        let means = means.transpose()?;
        let lifetime = means
            .as_ref()
            .map(|means| means.verifier.longest_lifetime());
        Ok(Self {
            means,
            tickets: Tickets::new(),
            revocations: Revocations::new(lifetime.unwrap_or_default()),
            denials: Denials::default(),
        })
    }

    /// Whether everybody may do everything.
    pub(crate) fn is_open(&self) -> bool {
        self.means.is_none()
    }

    /// Whether the credentials that this was granted for are revoked by now.
    fn is_revoked(&self, grant: &Grant) -> bool {
        self.revocations.is_revoked(grant, now())
    }

    /// Whether what was granted still holds.
    pub(super) fn is_good(&self, grant: &Grant) -> bool {
        let now = now();
        !grant.has_expired(now) && !self.revocations.is_revoked(grant, now)
    }

    /// What a request shows, if that may count where it stands.
    fn shown<'a>(
        &self,
        access: &Access,
        request: &'a Request,
    ) -> Result<Option<Cow<'a, str>>, Refusal> {
        let Some(means) = &self.means else {
            return Ok(None);
        };
        let found = Credentials::find(request.headers(), request.uri().query());
        let Some(Credentials { text, carrier }) = found else {
            return Ok(None);
        };
        let is_ticket = Tickets::is_ticket(&text);
        match carrier {
            Carrier::Query if !asks_for_stream(request) => Err(Refusal::QueryElsewhere),
            Carrier::Query if !is_ticket && !means.query_tokens => Err(Refusal::QueryToken),
            Carrier::Query => Ok(Some(text)),
            _ if is_ticket => Err(Refusal::TicketElsewhere),
            // The browser sends it whatever page asks.
            Carrier::Cookie if !access.trusts_page(request) => Err(Refusal::ForeignPage),
            _ => Ok(Some(text)),
        }
    }

    /// What is granted to whoever shows this.
    async fn judge(&self, shown: Option<&str>) -> Result<Grant, Refusal> {
        let Some(means) = &self.means else {
            return Ok(Grant::everything());
        };
        let Some(text) = shown else {
            return means.anonymous.clone().ok_or(Refusal::Missing);
        };
        let now = now();
        let grant = if Tickets::is_ticket(text) {
            self.tickets.redeem(text, now)?
        } else if text.starts_with(KEY_PREFIX) {
            means.key_ring.verify(text, now)?
        } else {
            means.verifier.verify(text, now).await?
        };
        if self.revocations.is_revoked(&grant, now) {
            return Err(Denied::Revoked.into());
        }
        Ok(grant)
    }

    /// Something that opens one stream as whoever this was granted to.
    pub(crate) fn ticket(&self, grant: &Grant) -> Result<Ticket, Problem> {
        if self.is_open() {
            return Ok(Ticket::unknown(now()));
        }
        let ticket = self.tickets.issue(grant, now());
        ticket.map_err(|error| match error {
            TicketError::TooMany => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let problem = Problem::new(status, "too-many-tickets", error.to_string());
                problem.retry_after(Tickets::LIFETIME)
            }
            _ => unauthorized(&error.to_string()),
        })
    }

    /// Takes credentials back, of those that count where the one who asks is.
    pub(crate) fn revoke(&self, what: Revoked, by: &Grant) -> Result<Revocation, Problem> {
        let namespace = by.namespace.as_deref();
        let revoked = self.revocations.revoke(what, namespace, now());
        revoked.map_err(|error| match error {
            RevocationError::Full => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let problem = Problem::new(status, "too-many-revocations", error.to_string());
                problem.retry_after(Duration::from_secs(60))
            }
            _ => Problem::bad_parameter("body", format!("body: {error}")),
        })
    }

    /// Has what was revoked before hold again.
    pub(crate) fn restore(&self, revocation: Revocation) -> Result<(), RevocationError> {
        self.revocations.restore(revocation, now())
    }

    /// Takes a revocation back, and says whether there was one.
    pub(crate) fn lift(&self, what: &Revoked, by: &Grant) -> bool {
        self.revocations.lift(what, by.namespace.as_deref())
    }

    /// What is revoked where the one who asks is.
    pub(crate) fn revocations(&self, by: &Grant) -> Vec<Revocation> {
        let mut all = self.revocations.all(now());
        all.retain(|revocation| revocation.namespace.as_deref() == by.namespace.as_deref());
        all
    }

    /// Has the sets of keys fetched that are due, for ever.
    pub(crate) async fn refresh_keys(&self) -> Infallible {
        let Some(means) = &self.means else {
            return pending().await;
        };
        let mut ticks = interval(REFRESH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            means.verifier.refresh(now()).await;
        }
    }
}

impl Means {
    fn new(settings: &AuthSettings) -> anyhow::Result<Self> {
        let anonymous = Grant::anonymous(settings.anonymous.clone());
        let rights = &anonymous.rights;
        let may_something = !rights.publish().is_empty() || !rights.subscribe().is_empty();
        Ok(Self {
            verifier: settings.verifier()?,
            key_ring: settings.key_ring()?,
            anonymous: may_something.then_some(anonymous),
            query_tokens: settings.query_tokens,
        })
    }
}

impl Refusal {
    fn into_response(self, hub: &Hub) -> Response {
        let (problem, challenge) = match self {
            Self::ForeignPage => {
                let detail = "Origin: a cookie counts only where the page is the hub's own or its origin is listed";
                let problem = Problem::new(StatusCode::FORBIDDEN, "foreign-origin", detail);
                return problem.field("Origin").into_response();
            }
            Self::Denied(denied) if denied.is_temporary() => {
                let detail =
                    "the keys that tell whether these credentials are good cannot be had for now";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let problem = Problem::new(status, "keys-unavailable", detail);
                return problem.retry_after(hub.later()).into_response();
            }
            Self::Missing => {
                let detail = "credentials are missing: a token in Authorization: Bearer, or a key in X-API-Key";
                (unauthorized(detail), "Bearer realm=\"tidings\"")
            }
            _ => {
                let challenge = "Bearer realm=\"tidings\", error=\"invalid_token\"";
                (unauthorized(Denied::PUBLIC_MESSAGE), challenge)
            }
        };
        // RFC 6750, section 3.
        let challenge = [(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))];
        (challenge, problem).into_response()
    }
}

pub(super) fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

/// Lets in who may come, leads them to the routes of their namespace, which are `own` for those who have none, and keeps
/// the record of who may not.
pub(crate) async fn pass(entrance: Entrance, own: Router, mut request: Request) -> Response {
    let hub = entrance.hub();
    let attempt = Attempt::of(&request);
    let denials = &hub.gate.denials;
    let shown = hub.gate.shown(entrance.access(), &request);
    let granted = match shown.map(|shown| shown.map(Cow::into_owned)) {
        Ok(shown) => hub.gate.judge(shown.as_deref()).await,
        Err(refusal) => Err(refusal),
    };
    let grant = match granted {
        Ok(grant) => grant,
        Err(refusal) => {
            denials.note(&attempt, None, &refusal);
            return refusal.into_response(hub);
        }
    };
    let routes = match &grant.namespace {
        None => own,
        Some(name) => match entrance
            .namespaces()
            .routes(name, entrance.audience())
            .await
        {
            Ok(routes) => routes,
            Err(problem) => return problem.into_response(),
        },
    };
    // What is revoked in a namespace is known once it is open.
    if hub.gate.is_revoked(&grant) {
        let refusal = Refusal::Denied(Denied::Revoked);
        denials.note(&attempt, grant.identity.as_deref(), &refusal);
        return refusal.into_response(hub);
    }
    let caller = Caller::new(grant, &request);
    request.extensions_mut().insert(caller.peer().clone());
    request.extensions_mut().insert(caller.clone());
    let is_read =
        [Method::GET, Method::HEAD].contains(request.method()) || asks_for_stream(&request);
    let response = routes.oneshot(request).await.into_response();
    // A stream that was just being opened was in no list when its credentials were revoked. What was changed is changed,
    // and is answered so.
    if is_read && hub.gate.is_revoked(caller.grant()) {
        let refusal = Refusal::Denied(Denied::Revoked);
        denials.note(&attempt, caller.identity(), &refusal);
        return refusal.into_response(hub);
    }
    if response.status() == StatusCode::FORBIDDEN {
        let reason = response.extensions().get::<Problem>();
        let reason = reason.map_or("forbidden", Problem::detail);
        denials.note(&attempt, caller.identity(), &reason);
    }
    response
}
