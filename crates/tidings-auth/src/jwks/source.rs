use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};

use super::document::Document;
use super::reach::Reach;
use crate::{JwksError, JwksUrl};

/// The most bytes of an answer. One with 100 keys of RSA with 4096 bits has about as many.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// From the first packet to the last.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches one issuer's keys from one URL.
#[derive(Debug)]
pub(super) struct Source {
    url: JwksUrl,
    client: Client,
}

impl Source {
    pub(super) fn new(url: JwksUrl) -> Result<Self, reqwest::Error> {
        // A proxy would resolve the name itself, so the addresses that are allowed would mean nothing.
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .dns_resolver(Resolver(url.reach()))
            .user_agent(concat!("tidings/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { url, client })
    }

    pub(super) fn url(&self) -> &JwksUrl {
        &self.url
    }

    pub(super) async fn fetch(&self) -> Result<Document, JwksError> {
        let unanswered = |error: reqwest::Error| JwksError::Unanswered(error.without_url().into());
        let request = self.client.get(self.url.url().clone());
        let mut response = request.send().await.map_err(unanswered)?;
        if response.status() != StatusCode::OK {
            return Err(JwksError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(JwksError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Document::read(&body)
    }
}

/// Resolves a name to addresses that are allowed. These, and no others, are then connected to: what the name leads to a
/// moment later makes no difference.
#[derive(Debug)]
struct Resolver(Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            // The port is put in by the caller.
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(permitted(reach, addresses)?.into_iter()) as Addrs)
        })
    }
}

/// The addresses, if all of them are allowed. A name of which some are not is not to be trusted with the others.
fn permitted(
    reach: Reach,
    addresses: impl Iterator<Item = SocketAddr>,
) -> io::Result<Vec<SocketAddr>> {
    let addresses: Vec<_> = addresses.collect();
    if addresses.iter().all(|address| reach.allows(address.ip())) {
        return Ok(addresses);
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "the name leads to an address that is not allowed",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(reach: Reach, addresses: &[&str]) -> bool {
        let addresses = addresses.iter().map(|text| text.parse().unwrap());
        permitted(reach, addresses).is_ok()
    }

    #[test]
    fn one_private_address_is_enough_to_distrust_a_name() {
        assert!(leads(Reach::Public, &["1.1.1.1:0", "[2606:4700::1]:0"]));
        assert!(!leads(Reach::Public, &["1.1.1.1:0", "10.0.0.1:0"]));
        assert!(!leads(Reach::Public, &["[::ffff:169.254.169.254]:0"]));
        assert!(leads(Reach::Loopback, &["127.0.0.1:0", "[::1]:0"]));
        assert!(!leads(Reach::Loopback, &["127.0.0.1:0", "1.1.1.1:0"]));
    }
}
