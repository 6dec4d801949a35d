//! The certificate of the hub, and what keeps it good while the hub runs.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;

use tidings_http::{TermWarning, Tls};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

#[cfg(feature = "acme")]
use crate::acme::Acme;
use crate::settings::TlsSettings;
use crate::wall_clock::now;

/// The certificate of a hub.
#[derive(Debug)]
pub(crate) struct Certificate {
    tls: Tls,
    source: Source,
}

/// Where it comes from.
#[derive(Debug)]
enum Source {
    Files,
    #[cfg(feature = "acme")]
    Acme(Box<Acme>),
}

impl Certificate {
    /// The one that the settings name.
    ///
    /// # Errors
    ///
    /// What is wrong with which setting.
    pub(crate) fn load(settings: &TlsSettings) -> Result<Self, String> {
        match settings {
            TlsSettings::Files(files) => Ok(Self {
                tls: files.load()?,
                source: Source::Files,
            }),
            #[cfg(feature = "acme")]
            TlsSettings::Acme(settings) => {
                let tls = Tls::without_certificate()
                    .map_err(|error| format!("tls.acme: {:#}", anyhow::Error::from(error)))?;
                let acme = Acme::new(settings, tls.clone())?;
                let source = Source::Acme(Box::new(acme));
                Ok(Self { tls, source })
            }
            #[cfg(not(feature = "acme"))]
            TlsSettings::Acme(_) => Err(
                "tls.acme: this hub was built without ACME: build it with the feature acme (cargo build --release -p \
                 tidings-server --features acme), or name files in tls.certificate and tls.key"
                    .to_owned(),
            ),
        }
    }

    /// What is to be said of the time in which it is good. One from an ACME server is renewed in time.
    pub(crate) fn warning(&self) -> Option<TermWarning> {
        match &self.source {
            Source::Files => self.tls.term()?.warning(now()),
            #[cfg(feature = "acme")]
            Source::Acme(_) => None,
        }
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Sees to the certificate, for ever. SIGHUP, which ends a hub without one, has it read again or asked for again from when
    /// this is called.
    ///
    /// # Errors
    ///
    /// SIGHUP cannot be listened for.
    pub(crate) fn keep(self) -> io::Result<impl Future<Output = Infallible>> {
        let hangups = signal(SignalKind::hangup())?;
        let Self { tls, source } = self;
        Ok(async move {
            match source {
                Source::Files => reload_on_hangup(&tls, hangups).await,
                #[cfg(feature = "acme")]
                Source::Acme(acme) => acme.keep(hangups).await,
            }
        })
    }
}

async fn reload_on_hangup(tls: &Tls, mut hangups: Signal) -> Infallible {
    while hangups.recv().await.is_some() {
        match tls.reload() {
            Ok(()) => info!("the certificate was read again"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, "the new certificate is not used; the old one stays");
            }
        }
    }
    pending().await
}

#[cfg(all(test, not(feature = "acme")))]
mod tests {
    use crate::settings::AcmeSettings;

    use super::*;

    #[test]
    fn a_hub_without_acme_says_how_to_build_one_with_it() {
        let settings = TlsSettings::Acme(AcmeSettings {
            domains: vec!["hub.example".to_owned()],
            contact: None,
            directory: "https://ca.example/".to_owned(),
            directory_ca_file: None,
            folder: "acme".into(),
        });
        let problem = Certificate::load(&settings).unwrap_err();
        assert!(problem.starts_with("tls.acme: this hub was built without"));
        assert!(problem.contains("--features acme"), "{problem}");
    }
}
