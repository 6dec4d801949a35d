//! What carries requests: the HTTP stack, as far as this crate needs one.

mod body;
mod error;
mod reqwest;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};

pub use self::body::Body;
pub use self::error::TransportError;
pub(crate) use self::reqwest::ReqwestTransport;

/// An HTTP stack. A client brings one of its own (reqwest with rustls); another one fits by
/// [`ClientBuilder::transport`](crate::ClientBuilder::transport).
///
/// One call is one exchange: redirects are not followed, nothing is tried again, and no time limit
/// is set but that for making a connection, because all of that is the client's. Dropping the
/// future or the body gives the exchange up and closes what it took.
///
/// ```
/// use bytes::Bytes;
/// use futures_util::StreamExt;
/// use http::{Request, Response};
/// use tidings_client::{Body, Client, Exchange, Item, Transport};
///
/// /// Answers everything with one event, without a network.
/// #[derive(Debug)]
/// struct Canned;
///
/// impl Transport for Canned {
///     fn send(&self, _: Request<Bytes>) -> Exchange<'_> {
///         let answer = Response::builder()
///             .header("content-type", "text/event-stream")
///             .body(Body::from("data: hello\n\n"));
///         Box::pin(async { Ok(answer.expect("a valid head")) })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder("http://example.org/stream").transport(Canned).build()?;
/// let mut stream = client.stream().open();
/// let Some(Ok(Item::Event(event))) = stream.next().await else { panic!("an event") };
/// assert_eq!(event.data, "hello");
/// # Ok(())
/// # }
/// ```
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends the request, and gives the head of the answer as soon as it is there.
    ///
    /// # Errors
    ///
    /// Fails if there is no answer; an answer of any status is none.
    fn send(&self, request: Request<Bytes>) -> Exchange<'_>;
}

/// What becomes of a request.
pub type Exchange<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Body>, TransportError>> + Send + 'a>>;
