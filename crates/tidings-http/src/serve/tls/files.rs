use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::identity::TlsError;

/// Where a certificate and its key are kept.
#[derive(Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What tells one state of the files from another without reading them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp([Option<(SystemTime, u64, u64)>; 2]);

impl Files {
    pub(super) fn new(certificate: PathBuf, key: PathBuf) -> Self {
        Self { certificate, key }
    }

    /// The state of the files; links are followed, so a link to other files is another state.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp([&self.certificate, &self.key].map(|path| stamp(path)))
    }

    /// Where the certificate is.
    pub(super) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// What is in them.
    pub(super) fn read(&self) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
        let certificate =
            fs::read(&self.certificate).map_err(|source| TlsError::CertificateFile {
                path: self.certificate.clone(),
                source,
            })?;
        let key = fs::read(&self.key).map_err(|source| TlsError::KeyFile {
            path: self.key.clone(),
            source,
        })?;
        Ok((certificate, key))
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), number(&metadata)))
}

#[cfg(unix)]
fn number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number(_: &Metadata) -> u64 {
    0
}
