use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};

use super::place::Place;
use super::reach::Reach;

/// Why a body is not had.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// There is more of it than is wanted.
    TooLarge,
    /// It broke off, or did not come in time.
    BrokenOff(reqwest::Error),
}

/// A client for one place. It follows nobody elsewhere, and gives up when `timeout` has passed from the first packet to the
/// last.
pub(crate) fn client(place: &Place, timeout: Duration) -> ClientBuilder {
    Client::builder()
        .timeout(timeout)
        .redirect(Policy::none())
        // A proxy would resolve the name itself, so the addresses that are allowed would mean nothing.
        .no_proxy()
        .dns_resolver(Resolver(place.reach()))
        .user_agent(concat!("tidings/", env!("CARGO_PKG_VERSION")))
}

/// The body of an answer that has up to `most` bytes.
pub(crate) async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::BrokenOff)? {
        if body.len() + chunk.len() > most {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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
