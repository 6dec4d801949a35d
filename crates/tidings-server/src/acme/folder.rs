use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use instant_acme::AccountCredentials;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::settings::AcmeSettings;

/// The files in the folder.
const ACCOUNT: &str = "account.json";
const CERTIFICATE: &str = "certificate.json";

/// What is read of a file at most.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Where the account and the certificate are kept, each in a file of JSON that nobody else can read.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

/// A certificate as it is kept, with what it was asked for.
#[derive(Deserialize, Serialize)]
pub(super) struct Issued {
    directory: String,
    domains: Vec<String>,
    /// PEM of the certificate and of those up to its authority.
    pub(super) certificate: String,
    /// PEM of its private key.
    pub(super) key: String,
}

/// An account as it is kept.
#[derive(Deserialize, Serialize)]
pub(super) struct Registered {
    directory: String,
    contact: Option<String>,
    pub(super) credentials: AccountCredentials,
}

impl Issued {
    pub(super) fn new(settings: &AcmeSettings, certificate: String, key: String) -> Self {
        Self {
            directory: settings.directory.clone(),
            domains: settings.domains.clone(),
            certificate,
            key,
        }
    }

    pub(super) fn is_for(&self, settings: &AcmeSettings) -> bool {
        self.directory == settings.directory && self.domains == settings.domains
    }
}

impl Registered {
    pub(super) fn new(settings: &AcmeSettings, credentials: AccountCredentials) -> Self {
        Self {
            directory: settings.directory.clone(),
            contact: settings.contact.clone(),
            credentials,
        }
    }

    pub(super) fn is_for(&self, settings: &AcmeSettings) -> bool {
        self.directory == settings.directory && self.contact == settings.contact
    }
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn issued(&self) -> io::Result<Option<Issued>> {
        self.read(CERTIFICATE)
    }

    pub(super) async fn keep_issued(&self, issued: Issued) -> io::Result<()> {
        self.keep(CERTIFICATE, issued).await
    }

    pub(super) async fn account(&self) -> io::Result<Option<Registered>> {
        let folder = self.clone();
        spawn_blocking(move || folder.read(ACCOUNT)).await?
    }

    pub(super) async fn keep_account(&self, registered: Registered) -> io::Result<()> {
        self.keep(ACCOUNT, registered).await
    }

    pub(super) async fn forget_account(&self) {
        if let Err(error) = tokio::fs::remove_file(self.0.join(ACCOUNT)).await {
            warn!(%error, "the account that is not known any more cannot be deleted");
        }
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        let path = self.0.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST_FILE).read_to_end(&mut bytes)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            // Where it is broken, and nothing of what is there.
            let (path, line, column) = (path.display(), error.line(), error.column());
            let text = format!("{path} has something else in it, at {line}:{column}");
            io::Error::new(ErrorKind::InvalidData, text)
        })
    }

    async fn keep<T: Serialize + Send + 'static>(
        &self,
        name: &'static str,
        it: T,
    ) -> io::Result<()> {
        let folder = self.clone();
        // Done whether or not anybody waits for it.
        spawn_blocking(move || folder.write(name, &it)).await?
    }

    /// What was there is there until the new one is on the disk.
    fn write(&self, name: &str, it: &impl Serialize) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        let mut file = NamedTempFile::new_in(&self.0)?;
        file.write_all(&serde_json::to_vec_pretty(it)?)?;
        file.as_file().sync_all()?;
        file.persist(self.0.join(name))
            .map_err(|error| error.error)?;
        File::open(&self.0)?.sync_all()
    }
}
