use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore};

/// From when until when a certificate is good, in seconds since 1970.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Term {
    from: u64,
    until: u64,
}

/// The year 10000, which no certificate can name.
const NEVER: u64 = 253_402_300_800;

impl Term {
    /// That of the first certificate in PEM.
    pub(super) fn of(pem: &[u8]) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(pem).ok()?;
        let certificate = ParsedCertificate::try_from(&certificate).ok()?;
        // Whoever verifies it, at a time when it is not good, is told from when or until when it is.
        let verify = |seconds| {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            let nobody = RootCertStore::empty();
            verify_server_cert_signed_by_trust_anchor(&certificate, &nobody, &[], now, &[])
        };
        match (verify(0), verify(NEVER)) {
            (
                Err(Error::InvalidCertificate(CertificateError::NotValidYetContext {
                    not_before,
                    ..
                })),
                Err(Error::InvalidCertificate(CertificateError::ExpiredContext {
                    not_after, ..
                })),
            ) => Some(Self {
                from: not_before.as_secs(),
                until: not_after.as_secs(),
            }),
            _ => None,
        }
    }

    pub(super) fn length(&self) -> Duration {
        Duration::from_secs(self.until.saturating_sub(self.from))
    }

    /// When to get another one: a third of the time is for what may go wrong.
    pub(super) fn renewal(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.until) - self.length() / 3
    }

    pub(super) fn end(&self) -> Timestamp {
        let seconds = i64::try_from(self.until).ok();
        let end = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        end.unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn the_term_is_that_of_the_certificate_and_renewal_is_at_two_thirds() {
        let mut params = CertificateParams::new(["hub.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 4, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let term = Term::of(format!("{}{certificate}", key.serialize_pem()).as_bytes()).unwrap();
        assert_eq!(term.length(), Duration::from_secs(90 * 86_400));
        assert_eq!(term.end().to_string(), "2026-04-01T00:00:00Z");
        let renewal = Timestamp::try_from(term.renewal()).unwrap();
        assert_eq!(renewal.to_string(), "2026-03-02T00:00:00Z");
    }

    #[test]
    fn what_is_no_certificate_has_no_term() {
        for text in [
            "",
            "x",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(Term::of(text.as_bytes()), None, "{text}");
        }
    }
}
