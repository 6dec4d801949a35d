//! Who is let in.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, Method, StatusCode};
use tidings_auth::{Revocations, TakenTicket, Tickets};
use tidings_http::{EventStream, Problem, StreamRequest};
use tower::ServiceExt;

use crate::api::access::admission::Admission;
use crate::api::access::caller::Caller;
use crate::api::access::denials::{Attempt, Denials};
use crate::api::access::judge::Means;
use crate::api::access::refusal::{BAD_CREDENTIALS, Refusal};
use crate::api::entrance::Entrance;
use crate::api::streams::asks_for_stream;
use crate::settings::AuthSettings;

/// Who is let in, and as whom.
#[derive(Debug)]
pub(crate) struct Gate {
    /// `None` where there are no keys: everybody may do everything.
    pub(super) means: Option<Means>,
    pub(super) tickets: Tickets,
    pub(super) revocations: Revocations,
    pub(super) denials: Denials,
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

    /// Who shows this, and the ticket that it was, if it was one.
    ///
    /// # Errors
    ///
    /// Why they may not, and who it is as far as that is known.
    async fn enter(
        &self,
        entrance: &Entrance,
        shown: Result<Option<String>, Refusal>,
    ) -> Result<(Admission, Option<TakenTicket<'_>>), (Refusal, Option<Arc<str>>)> {
        let nobody = |refusal| (refusal, None);
        let shown = shown.map_err(nobody)?;
        let judged = self.judge(shown.as_deref(), entrance.grant_of_all()).await;
        let (grant, ticket) = judged.map_err(nobody)?;
        let identity = grant.identity.clone();
        let admitted = self.admit(grant).await;
        let admission = admitted.map_err(|refusal| (refusal, identity))?;
        Ok((admission, ticket))
    }
}

/// Lets in who may come, leads them to the routes of their namespace, which are `own` for those who have none, and keeps
/// the record of who may not.
pub(crate) async fn pass(entrance: Entrance, own: Router, request: Request) -> Response {
    let hub = entrance.hub();
    let gate = &hub.gate;
    let attempt = Attempt::of(&request);
    let is_for_stream = asks_for_stream(&request);
    let (parts, body) = request.into_parts();
    let stream = is_for_stream.then(|| StreamRequest::read(&parts).ok());
    let stream = stream.flatten();
    let mut request = Request::from_parts(parts, body);
    let refuse = |refusal: Refusal, identity: Option<&str>| {
        gate.denials.note(&attempt, identity, &refusal);
        refusal.into_response(hub, stream.as_ref())
    };
    let shown = gate.shown(entrance.access(), &request, is_for_stream);
    let shown = shown.map(|shown| shown.map(Cow::into_owned));
    let (admission, ticket) = match gate.enter(&entrance, shown).await {
        Ok(entered) => entered,
        Err((refusal, identity)) => return refuse(refusal, identity.as_deref()),
    };
    let identity = admission.grant.identity.clone();
    let routes = match &admission.grant.namespace {
        None => Ok(own),
        Some(name) => {
            let audience = entrance.audience();
            entrance.namespaces().routes(name, audience).await
        }
    };
    let routes = match routes {
        Ok(routes) => routes,
        Err(problem) => {
            return match &stream {
                Some(stream) => stream.refuse(problem),
                None => problem.into_response(),
            };
        }
    };
    // What is revoked in a namespace is known once it is open.
    if let Err(refusal) = gate.check(&admission) {
        return refuse(refusal, identity.as_deref());
    }
    let caller = Caller::new(admission, &request);
    request.extensions_mut().insert(caller.peer().clone());
    request.extensions_mut().insert(caller.clone());
    let is_read = [Method::GET, Method::HEAD].contains(request.method()) || is_for_stream;
    let mut response = routes.oneshot(request).await.into_response();
    // A stream that was just being opened was in no list when what it is open by was taken back. What was changed is
    // changed, and is answered so.
    if is_read && let Err(refusal) = gate.check(caller.admission()) {
        return refuse(refusal, identity.as_deref());
    }
    if EventStream::is_body_of(&response)
        && let Some(ticket) = ticket
    {
        ticket.use_up();
    }
    if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&response.status()) {
        let reason = response.extensions().get::<Problem>();
        let reason = reason.map_or("forbidden", Problem::detail);
        gate.denials.note(&attempt, identity.as_deref(), &reason);
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(BAD_CREDENTIALS);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}
