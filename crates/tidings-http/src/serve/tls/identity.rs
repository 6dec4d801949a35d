use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::rustls;
use tokio_rustls::rustls::InconsistentKeys;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file of the certificate cannot be read.
    #[error("cannot read the certificate {}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },

    /// The file of the key cannot be read.
    #[error("cannot read the key {}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },

    /// There is no certificate in what should be one.
    #[error("there is no certificate in it, which begins with -----BEGIN CERTIFICATE-----")]
    NoCertificate,

    /// The certificate is not well-formed.
    #[error("the certificate is not well-formed")]
    BadCertificate(#[source] Box<dyn Error + Send + Sync>),

    /// There is no private key in what should be one, or it has a passphrase.
    #[error(
        "there is no private key in it, which begins with -----BEGIN PRIVATE KEY-----; one with a passphrase is not read"
    )]
    NoKey,

    /// The key is not well-formed, or of a kind that is not supported: RSA, ECDSA and Ed25519 are.
    #[error("the key is not well-formed or of no supported kind")]
    BadKey(#[source] Box<dyn Error + Send + Sync>),

    /// The key is that of another certificate.
    #[error("the key does not fit the certificate")]
    Mismatch,

    /// The system has no randomness to give.
    #[error("cannot prepare TLS")]
    Setup(#[source] Box<dyn Error + Send + Sync>),
}

/// The longest chain that is shown.
const MOST_CERTIFICATES: usize = 16;

/// A certificate with its key, which fits.
pub(super) fn identity(certificate: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, TlsError> {
    let identity = pair(certificate, key)?;
    match identity.keys_match() {
        // Every kind of key tells its public half.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(identity),
        Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::Mismatch),
        Err(error) => Err(TlsError::BadCertificate(error.into())),
    }
}

/// A certificate with a key. It may have extensions of which clients must know what they mean, and nobody does here.
pub(super) fn pair(certificate: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = chain(certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey,
        error => TlsError::BadKey(bad_pem(&error).into()),
    })?;
    let key = aws_lc_rs::sign::any_supported_type(&key)
        .map_err(|error| TlsError::BadKey(error.into()))?;
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(pem).take(MOST_CERTIFICATES);
    let chain: Vec<_> = certificates
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::BadCertificate(bad_pem(&error).into()))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    Ok(chain)
}

/// What is wrong with a file. The error itself quotes the line, which may be all of a key.
fn bad_pem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } | pem::Error::IllegalSectionStart { .. } => {
            "-----BEGIN and -----END each need a line of their own"
        }
        _ => "what is between -----BEGIN and -----END is not base64",
    }
}
