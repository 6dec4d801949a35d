use std::time::{Duration, SystemTime};

use thiserror::Error;
use tidings::{Timestamp, rfc3339};
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore};

/// From when until when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    /// The first moment at which it is good.
    pub from: Timestamp,
    /// The last one.
    pub until: Timestamp,
}

/// Why a certificate should be replaced now, or should not have been put in place yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum TermWarning {
    /// It is not good yet.
    #[error("it is good from {} on, and clients refuse it until then", rfc3339(*from))]
    NotYet {
        /// When it will be.
        from: Timestamp,
    },

    /// It is good no longer.
    #[error("it expired at {}, and clients refuse it", rfc3339(*until))]
    Expired {
        /// The last moment at which it was.
        until: Timestamp,
    },

    /// Little is left of its time.
    #[error("it expires at {}, which is {} days from now", rfc3339(*until), days(*left))]
    Soon {
        /// The last moment at which it is good.
        until: Timestamp,
        /// How long that is from now.
        left: Duration,
    },
}

/// The year 10000, which no certificate can name.
const NEVER: u64 = 253_402_300_800;

const DAY: Duration = Duration::from_secs(86_400);

/// With less than that left a certificate should have been replaced.
const LITTLE: Duration = Duration::from_secs(14 * 86_400);

impl Term {
    /// That of the first certificate in PEM; nothing if there is none.
    ///
    /// ```
    /// use tidings_http::Term;
    ///
    /// assert_eq!(Term::of(b"no certificate"), None);
    /// ```
    pub fn of(pem: &[u8]) -> Option<Self> {
        Self::of_der(&CertificateDer::from_pem_slice(pem).ok()?)
    }

    pub(super) fn of_der(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = ParsedCertificate::try_from(certificate).ok()?;
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
                from: moment(not_before),
                until: moment(not_after),
            }),
            _ => None,
        }
    }

    /// How long it is good in all.
    pub fn length(&self) -> Duration {
        self.until.since(self.from)
    }

    /// What there is to be said of it at this moment: it is not good, or fewer than 14 days are left. Of one that is made for
    /// less than six weeks, less than a third.
    pub fn warning(&self, now: Timestamp) -> Option<TermWarning> {
        let Self { from, until } = *self;
        let left = until.since(now);
        if now < from {
            Some(TermWarning::NotYet { from })
        } else if now > until {
            Some(TermWarning::Expired { until })
        } else if left < LITTLE.min(self.length() / 3) {
            Some(TermWarning::Soon { until, left })
        } else {
            None
        }
    }
}

/// The time by the clock on the wall, which is what certificates go by.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp::from_millis(0).after(since.unwrap_or_default())
}

fn moment(time: UnixTime) -> Timestamp {
    Timestamp::from_millis(0).after(Duration::from_secs(time.as_secs()))
}

fn days(time: Duration) -> u64 {
    time.as_secs() / DAY.as_secs()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn the_term_is_that_of_the_certificate() {
        let mut params = CertificateParams::new(["hub.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 4, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let term = Term::of(format!("{}{certificate}", key.serialize_pem()).as_bytes()).unwrap();
        assert_eq!(term.length(), 90 * DAY);
        assert_eq!(rfc3339(term.until), "2026-04-01T00:00:00.000Z");
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

    /// Of a term of so many days, what is said of it when so many hours of it are over.
    fn warning(days: u32, hours: u32) -> Option<TermWarning> {
        let from = Timestamp::from_millis(1_767_225_600_000);
        let until = from.after(days * DAY);
        Term { from, until }.warning(from.after(hours * DAY / 24))
    }

    #[test]
    fn a_certificate_of_which_little_is_left_is_told_of() {
        let left = |days, hours| match warning(days, hours) {
            Some(TermWarning::Soon { left, .. }) => Some(left),
            None => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(left(90, 76 * 24), None);
        assert_eq!(left(90, 76 * 24 + 1), Some(14 * DAY - DAY / 24));
        assert_eq!(left(90, 90 * 24), Some(Duration::ZERO));
        let soon = warning(90, 87 * 24 - 1).unwrap().to_string();
        assert!(soon.ends_with("which is 3 days from now"), "{soon}");
        // One that is made for few days is renewed every few days.
        assert_eq!(left(6, 0), None);
        assert_eq!(left(6, 4 * 24), None);
        assert_eq!(left(6, 4 * 24 + 1), Some(2 * DAY - DAY / 24));
    }

    #[test]
    fn a_certificate_that_is_not_good_is_told_of() {
        let expired = warning(90, 90 * 24 + 1).unwrap();
        assert_eq!(
            expired.to_string(),
            "it expired at 2026-04-01T00:00:00.000Z, and clients refuse it"
        );
        let from = Timestamp::from_millis(1_767_225_600_000);
        let until = from.after(DAY);
        let early = Term { from, until }.warning(Timestamp::from_millis(1_767_225_599_999));
        assert_eq!(early, Some(TermWarning::NotYet { from }));
    }
}
