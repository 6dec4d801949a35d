//! TLS: the certificate that a server shows, and the handshake.

mod files;
mod identity;
mod reminder;
mod shown;
mod term;

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tidings::rfc3339;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::Ticketer;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use self::files::{Files, Stamp};
use self::reminder::Reminder;
use self::shown::{Meeting, Shown, is_validation};
use super::line::Line;
use super::transport::Encryption;

pub use self::identity::TlsError;
pub use self::term::{Term, TermWarning};

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
    meeting: RwLock<Meeting>,
    /// Where certificate and key come from, if from files.
    source: Option<Source>,
}

struct Source {
    files: Files,
    /// The state of the files when they were last read. Guards itself alone, held for one look.
    read: Mutex<Stamp>,
    /// Of what is wrong with the term of what was read. Guards itself alone, held for one look.
    reminder: Mutex<Reminder>,
}

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Tls {
    /// A certificate with the ones up to its authority, and its key, both as PEM.
    ///
    /// # Errors
    /// If one of them is missing or unusable, or the key does not fit the certificate.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::of(Some((certificate, key)), None)
    }

    /// The same from files. While a server runs with it, the files are looked at once a second, and read again when they
    /// have changed and stayed the same until the next look. What cannot be used is told in the log, and the certificate
    /// stays as it is. What [`Term::warning`] has to say of the one that is shown is told there as well, when it has been
    /// read and once a day.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem), and if a file cannot be read.
    pub fn from_files(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let files = Files::new(certificate.into(), key.into());
        // Taken first: a change after it is a change.
        let read = Mutex::new(files.stamp());
        let (certificate, key) = files.read()?;
        let source = Source {
            files,
            read,
            reminder: Mutex::default(),
        };
        Self::of(Some((&certificate, &key)), Some(source))
    }

    /// No certificate for now: handshakes are refused until there is one by [`replace`](Self::replace).
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn without_certificate() -> Result<Self, TlsError> {
        Self::of(None, None)
    }

    fn of(pair: Option<(&[u8], &[u8])>, source: Option<Source>) -> Result<Self, TlsError> {
        let identity = pair.map(|(certificate, key)| identity::identity(certificate, key));
        let shown = Shown {
            identity: identity.transpose()?,
            ..Shown::default()
        };
        let tickets = Ticketer::new().map_err(|error| TlsError::Setup(error.into()))?;
        Ok(Self(Arc::new(Parts {
            meeting: RwLock::new(Meeting::new(shown, tickets)?),
            source,
        })))
    }

    /// Shows another certificate to connections that come from now on. Those that are open are not touched.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem); nothing has changed then.
    pub fn replace(&self, certificate: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let identity = identity::identity(certificate, key)?;
        self.change(|shown| shown.identity = Some(identity));
        Ok(())
    }

    /// Shows a certificate to those who validate `name`, which is in lower case, by TLS-ALPN-01 ([RFC 8737]), and to nobody
    /// else. They are served nothing: their connections are closed after the handshake. That is for a client of an ACME
    /// server, which makes the certificate of what it is told.
    ///
    /// There is one for each name, until [`end_proofs`](Self::end_proofs).
    ///
    /// [RFC 8737]: https://www.rfc-editor.org/rfc/rfc8737
    ///
    /// # Errors
    /// If one of the two is missing or unusable; nothing has changed then. Whether they fit is not looked at.
    pub fn prove(&self, name: &str, certificate: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let proof = identity::pair(certificate, key)?;
        self.change(|shown| {
            shown.proofs.insert(name.to_owned(), proof);
        });
        Ok(())
    }

    /// Shows nothing more to those who validate a name: their handshakes fail.
    pub fn end_proofs(&self) {
        self.change(|shown| shown.proofs.clear());
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        let meeting = self.0.meeting.write();
        meeting
            .unwrap_or_else(PoisonError::into_inner)
            .change(change);
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
        self.replace(&certificate, &key)?;
        *source.reminder() = Reminder::default();
        Ok(())
    }

    /// From when until when the certificate is good; nothing if there is none.
    pub fn term(&self) -> Option<Term> {
        let meeting = self.0.meeting.read();
        let meeting = meeting.unwrap_or_else(PoisonError::into_inner);
        Term::of_der(meeting.identity()?.cert.first()?)
    }

    /// Shakes hands with a peer that has just connected. There is nothing to serve to one that has come to validate a name.
    pub(super) async fn accept(&self, line: Line) -> io::Result<Option<TlsStream<Line>>> {
        let mut stream = TlsAcceptor::from(self.config()).accept(line).await?;
        if is_validation(stream.get_ref().1.alpn_protocol()) {
            stream.shutdown().await?;
            return Ok(None);
        }
        Ok(Some(stream))
    }

    fn config(&self) -> Arc<ServerConfig> {
        let meeting = self.0.meeting.read();
        meeting.unwrap_or_else(PoisonError::into_inner).config()
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
            if source.reminder().is_due(Instant::now()) {
                self.tell_of_term(source);
            }
        }
    }

    fn tell_of_term(&self, source: &Source) {
        let Some(term) = self.term() else {
            return;
        };
        if let Some(problem) = term.warning(term::now()) {
            let certificate = source.files.certificate().display();
            let (from, until) = (rfc3339(term.from), rfc3339(term.until));
            warn!(%certificate, %from, %until, %problem, "the certificate needs to be seen to");
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

impl Source {
    fn read(&self) -> MutexGuard<'_, Stamp> {
        // A stamp is put in whole.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reminder(&self) -> MutexGuard<'_, Reminder> {
        // It is one value.
        self.reminder.lock().unwrap_or_else(PoisonError::into_inner)
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
