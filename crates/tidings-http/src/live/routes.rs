//! The two routes of a resource.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;

use super::provider::Key;
use super::resource::Resource;
use super::viewer::{Admitted, Join, Viewer};
use super::views::Lease;
use crate::{Problem, StreamRequest, stream::stream_head};

/// How much of what an extractor says when it refuses is looked at, in bytes.
const REJECTION_BYTES: usize = 4 << 10;

/// How often a viewer who finds its view at its end looks for the next one.
const ATTEMPTS: usize = 5;

/// Both routes.
pub(super) fn router<K, S>(resource: Arc<Resource<K>>) -> Router<S>
where
    K: Key + FromRequestParts<S>,
    S: Clone + Send + Sync + 'static,
{
    let path = resource.path.clone();
    let snapshots = snapshot(resource.clone());
    Router::new()
        .route(&path, snapshots)
        .route(&format!("{path}/stream"), twin(resource))
}

/// The route of the snapshot.
pub(super) fn snapshot<K, S>(resource: Arc<Resource<K>>) -> MethodRouter<S>
where
    K: Key + FromRequestParts<S>,
    S: Clone + Send + Sync + 'static,
{
    get(async move |State(state): State<S>, request: Request| {
        let (mut parts, _) = request.into_parts();
        let key = key::<K, S>(&mut parts, &state).await?;
        let body = resource.snapshot(key).await;
        let body = body.map_err(IntoResponse::into_response)?;
        let json = HeaderValue::from_static("application/json");
        Ok::<_, Response>(([(CONTENT_TYPE, json)], body))
    })
}

/// The route of the twin.
pub(super) fn twin<K, S>(resource: Arc<Resource<K>>) -> MethodRouter<S>
where
    K: Key + FromRequestParts<S>,
    S: Clone + Send + Sync + 'static,
{
    get(async move |State(state): State<S>, request: Request| {
        let (mut parts, _) = request.into_parts();
        let key = key::<K, S>(&mut parts, &state).await?;
        let request = StreamRequest::read(&parts).map_err(IntoResponse::into_response)?;
        match look(&resource, key, &parts, &request).await {
            Ok(_) if request.head_only => Ok(stream_head()),
            Ok((admitted, lease)) => {
                let stream = admitted.stream(resource.settings.options);
                let held = |body| {
                    Body::new(Held {
                        body,
                        _lease: lease,
                    })
                };
                Ok(stream.into_response().map(held))
            }
            Err(problem) => Err(request.refuse(problem)),
        }
    })
}

/// Waits to be let in by the view of this key.
async fn look<K: Key>(
    resource: &Arc<Resource<K>>,
    key: K,
    parts: &Parts,
    request: &StreamRequest,
) -> Result<(Admitted, Lease), Problem> {
    for _ in 0..ATTEMPTS {
        let viewer = Viewer::read(parts, request)?;
        let lease = resource.enter(&key, viewer.caller())?;
        let (reply, answer) = oneshot::channel();
        if lease.ask(Join { viewer, reply }).await
            && let Ok(outcome) = answer.await
        {
            return Ok((outcome?, lease));
        }
    }
    let detail = "the stream could not be opened";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "draining", detail);
    Err(problem.retry_after(resource.settings.options.later()))
}

/// What the request asks, or the answer that refuses it.
async fn key<K, S>(parts: &mut Parts, state: &S) -> Result<K, Response>
where
    K: FromRequestParts<S>,
{
    let key = K::from_request_parts(parts, state).await;
    match key.map_err(IntoResponse::into_response) {
        Ok(key) => Ok(key),
        Err(rejection) => Err(as_problem(rejection).await),
    }
}

/// The answer of an extractor that refuses, as a problem if it is none.
async fn as_problem(rejection: Response) -> Response {
    let (mut head, body) = rejection.into_parts();
    let is_problem = head
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|media_type| media_type == "application/problem+json");
    let kind = match head.status.as_u16() {
        _ if is_problem => return Response::from_parts(head, body),
        ..400 => return Response::from_parts(head, body),
        400 => "bad-request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not-found",
        _ => "refused",
    };
    let said = to_bytes(body, REJECTION_BYTES).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let problem = Problem::new(head.status, kind, said).into_response();
    // Other headers may matter, as WWW-Authenticate does.
    head.headers.remove(CONTENT_LENGTH);
    head.headers.extend(problem.headers().clone());
    Response::from_parts(head, problem.into_body())
}

/// The body of a stream, which keeps its view going.
struct Held {
    // Dropped first: whoever gives up the last lease has left.
    body: Body,
    _lease: Lease,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
