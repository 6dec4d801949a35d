//! TLS: the certificate that a server shows, and the handshake.

mod files;
mod identity;

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::Ticketer;
use tokio_rustls::rustls::server::ProducesTickets;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};
use tracing::{info, warn};

use self::files::{Files, Stamp};
use super::line::Line;
use super::transport::Encryption;

pub use self::identity::TlsError;

/// The certificate and the key of a server, which can be replaced while it runs. Clones are the same one.
///
/// TLS 1.3 and 1.2 are spoken, with HTTP/2 and HTTP/1.1 to choose from (ALPN). Clients that come back resume their session for
/// up to twelve hours by tickets that only this process can read.
///
/// ```no_run
/// # async fn example(router: axum::Router) -> Result<(), Box<dyn std::error::Error>> {
/// use tidings_http::{Server, Tls};
///
/// let tls = Tls::from_files("certificate.pem", "key.pem")?;
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
/// Server::new(router).tls(tls).run(listener, std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls(Arc<Parts>);

struct Parts {
    /// What new connections are met with. Guards itself alone; held to take it and to replace it.
    config: RwLock<Arc<ServerConfig>>,
    tickets: Arc<dyn ProducesTickets>,
    /// Where certificate and key come from, if from files.
    source: Option<Source>,
}

struct Source {
    files: Files,
    /// The state of the files when they were last read. Guards itself alone, held for one look.
    read: Mutex<Stamp>,
}

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Tls {
    /// A certificate with the ones up to its authority, and its key, both as PEM.
    ///
    /// # Errors
    /// If one of them is missing or unusable, or the key does not fit the certificate.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let tickets = tickets()?;
        let config = identity::config(certificate, key, &tickets)?;
        Ok(Self::of(config, tickets, None))
    }

    /// The same from files. While a server runs with it, the files are looked at once a second, and read again when they
    /// have changed and stayed the same until the next look. What cannot be used is told in the log, and the certificate
    /// stays as it is.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem), and if a file cannot be read.
    pub fn from_files(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let files = Files::new(certificate.into(), key.into());
        let tickets = tickets()?;
        // Taken first: a change after it is a change.
        let read = Mutex::new(files.stamp());
        let (certificate, key) = files.read()?;
        let config = identity::config(&certificate, &key, &tickets)?;
        let source = Source { files, read };
        Ok(Self::of(config, tickets, Some(source)))
    }

    fn of(config: ServerConfig, tickets: Arc<dyn ProducesTickets>, source: Option<Source>) -> Self {
        Self(Arc::new(Parts {
            config: RwLock::new(Arc::new(config)),
            tickets,
            source,
        }))
    }

    /// Shows another certificate to connections that come from now on. Those that are open are not touched.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem); nothing has changed then.
    pub fn replace(&self, certificate: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let config = identity::config(certificate, key, &self.0.tickets)?;
        let mut current = self
            .0
            .config
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(config);
        Ok(())
    }

    /// Reads the files now, whether they have changed or not. Without files nothing happens.
    ///
    /// # Errors
    /// As for [`from_files`](Self::from_files); nothing has changed then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let Some(source) = &self.0.source else {
            return Ok(());
        };
        *source.read() = source.files.stamp();
        let (certificate, key) = source.files.read()?;
        self.replace(&certificate, &key)
    }

    /// The handshake with a peer that has just connected.
    pub(super) fn accept(&self, line: Line) -> Accept<Line> {
        let config = self.0.config.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&config)).accept(line)
    }

    /// Reads the files again whenever they have changed.
    pub(super) async fn follow_files(&self) -> Infallible {
        let Some(source) = &self.0.source else {
            return pending().await;
        };
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = source.read().clone();
        loop {
            ticks.tick().await;
            let now = match self.look().await {
                Ok(now) => now,
                // The runtime is going down.
                Err(_cancelled) => return pending().await,
            };
            // One of them may be new and the other one still to come.
            let is_settled = now == std::mem::replace(&mut last, now.clone());
            if is_settled && now != *source.read() {
                self.reload_and_tell().await;
            }
        }
    }

    /// What is wrong with the files on a network must not keep the runtime.
    async fn look(&self) -> io::Result<Stamp> {
        let tls = self.clone();
        let look = move || tls.0.source.as_ref().map(|source| source.files.stamp());
        Ok(tokio::task::spawn_blocking(look).await?.unwrap_or_default())
    }

    async fn reload_and_tell(&self) {
        let tls = self.clone();
        match tokio::task::spawn_blocking(move || tls.reload()).await {
            Ok(Ok(())) => info!("the certificate was read again"),
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, "the new certificate is not used; the old one stays");
            }
            // The runtime is going down.
            Err(_cancelled) => {}
        }
    }
}

fn tickets() -> Result<Arc<dyn ProducesTickets>, TlsError> {
    Ticketer::new().map_err(|error| TlsError::Setup(error.into()))
}

impl Source {
    fn read(&self) -> MutexGuard<'_, Stamp> {
        // A stamp is put in whole.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of the key.
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Encryption for TlsStream<Line> {
    fn line(&mut self) -> &mut Line {
        self.get_mut().0
    }
}
