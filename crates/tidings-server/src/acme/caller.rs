use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;
use std::{fs, io};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::BodyExt;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

/// Time for one request and its answer.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// The longest answer. A certificate with all that lead to its root has some kilobytes.
const LONGEST_ANSWER: usize = 256 * 1024;

/// What speaks to the ACME server: over HTTPS, to no other server, and not for ever.
#[derive(Clone, Debug)]
pub(super) struct Caller(Client);

impl Caller {
    /// Trusts the authorities in a file alone, or those of the system.
    pub(super) fn new(authorities: Option<&Path>) -> Result<Self, String> {
        let mut builder = Client::builder()
            .https_only(true)
            .redirect(Policy::none())
            .timeout(ANSWER_TIME);
        if let Some(path) = authorities {
            builder = builder.tls_certs_only(read(path)?);
        }
        builder
            .build()
            .map(Self)
            .map_err(|error| format!("tls.acme: {:#}", anyhow::Error::from(error)))
    }

    async fn call(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await;
        let request = self
            .0
            .request(head.method, head.uri.to_string())
            .headers(head.headers)
            .body(body.to_bytes());
        let mut answer = request.send().await.map_err(lost)?;
        let mut body = BytesMut::new();
        while let Some(piece) = answer.chunk().await.map_err(lost)? {
            if body.len() + piece.len() > LONGEST_ANSWER {
                return Err(Error::Str("an answer of at most 256 KiB"));
            }
            body.extend_from_slice(&piece);
        }
        let (parts, _) = Response::<reqwest::Body>::from(answer).into_parts();
        Ok(BytesResponse {
            parts,
            body: Box::new(body.freeze()),
        })
    }
}

impl HttpClient for Caller {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().call(request))
    }
}

/// An address of an ACME server can have a secret in it.
fn lost(error: reqwest::Error) -> Error {
    Error::Other(Box::new(error.without_url()))
}

fn read(path: &Path) -> Result<Vec<Certificate>, String> {
    let unusable = |error: &dyn std::fmt::Display| {
        let path = path.display();
        format!("tls.acme.directory_ca_file: cannot read certificates from {path}: {error}")
    };
    let pem = fs::read(path).map_err(|error| unusable(&error))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(&error))?;
    if certificates.is_empty() {
        let none = io::Error::other("there is none in it");
        return Err(unusable(&none));
    }
    Ok(certificates)
}
