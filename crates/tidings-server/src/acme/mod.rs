//! A certificate from an ACME server (RFC 8555), which validates the names by TLS-ALPN-01 (RFC 8737) where the hub listens.

mod caller;
mod failure;
mod folder;
mod order;
mod pace;
mod renewal;

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use instant_acme::{Account, NewAccount};
use tidings::rfc3339;
use tidings_http::{Term, Tls};
use tokio::select;
use tokio::signal::unix::Signal;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::acme::caller::Caller;
use crate::acme::failure::Failure;
use crate::acme::folder::{Folder, Issued, Registered};
use crate::acme::pace::Pace;
use crate::acme::renewal::renewal;
use crate::settings::AcmeSettings;
use crate::wall_clock::now;

/// Time for all of one attempt.
const ATTEMPT_TIME: Duration = Duration::from_secs(600);

/// The clock is looked at so often: it may be set, and goes on while the machine sleeps.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// A certificate that is kept good: had from the server, shown, written down, and renewed when two thirds of its time are over.
#[derive(Debug)]
pub(crate) struct Acme {
    settings: AcmeSettings,
    tls: Tls,
    caller: Caller,
    folder: Folder,
    /// That of the certificate that is shown, if there is one.
    term: Option<Term>,
}

impl Acme {
    /// Has `tls` show the certificate that was kept, if it is for these settings.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings.
    pub(crate) fn new(settings: &AcmeSettings, tls: Tls) -> Result<Self, String> {
        let mut acme = Self {
            settings: settings.clone(),
            tls,
            caller: Caller::new(settings.directory_ca_file.as_deref())?,
            folder: Folder::new(settings.folder.clone()),
            term: None,
        };
        let kept = acme.folder.issued().map_err(Failure::Folder);
        let shown = kept.and_then(|kept| match kept {
            Some(issued) if issued.is_for(settings) => acme.show(&issued),
            Some(_) | None => Ok(()),
        });
        if let Err(error) = shown {
            let error = &error as &dyn Error;
            warn!(error, "the certificate that was kept is not used");
        }
        Ok(acme)
    }

    /// Sees to it that there is a certificate. Each hangup ends the wait for another attempt.
    pub(crate) async fn keep(mut self, mut hangups: Signal) -> Infallible {
        let mut pace = Pace::default();
        loop {
            self.until_due().await;
            let wait = match timeout(ATTEMPT_TIME, self.renew()).await {
                Ok(Ok(rest)) => {
                    pace = Pace::default();
                    rest
                }
                Ok(Err(failure)) => self.tell(&failure, &mut pace),
                Err(_elapsed) => self.tell(&Failure::TooSlow, &mut pace),
            };
            select! {
                () = sleep(wait) => {}
                Some(()) = hangups.recv() => {}
            }
        }
    }

    /// Returns at once if there is no certificate.
    async fn until_due(&self) {
        while let Some(term) = &self.term {
            let left = renewal(term).since(now());
            if left.is_zero() {
                return;
            }
            sleep(left.min(LOOK_EVERY)).await;
        }
    }

    /// Gets another certificate. Gives how long it is to be left alone, whatever the clock says.
    async fn renew(&mut self) -> Result<Duration, Failure> {
        let domains = self.settings.domains.join(", ");
        info!(domains, directory = %self.settings.directory, "asking for a certificate");
        let account = self.account().await?;
        let ordered = order::order(&account, &self.settings, &self.tls).await;
        if let Err(Failure::UnknownAccount) = &ordered {
            self.folder.forget_account().await;
        }
        let issued = ordered?;
        self.show(&issued)?;
        if let Err(error) = self.folder.keep_issued(issued).await {
            warn!(%error, "the certificate is used, but cannot be kept for the next start");
        }
        let term = self.term.as_ref().ok_or(Failure::BadCertificate(None))?;
        info!(domains, until = %rfc3339(term.until), "there is a new certificate");
        Ok(LOOK_EVERY.min(term.length() / 3))
    }

    fn show(&mut self, issued: &Issued) -> Result<(), Failure> {
        let term = Term::of(issued.certificate.as_bytes()).ok_or(Failure::BadCertificate(None))?;
        self.tls
            .replace(issued.certificate.as_bytes(), issued.key.as_bytes())
            .map_err(|error| Failure::BadCertificate(Some(error)))?;
        self.term = Some(term);
        Ok(())
    }

    /// The account that was kept, or a new one.
    async fn account(&self) -> Result<Account, Failure> {
        let builder = || Account::builder_with_http(Box::new(self.caller.clone()));
        match self.folder.account().await {
            Ok(Some(kept)) if kept.is_for(&self.settings) => {
                match builder().from_credentials(kept.credentials).await {
                    Err(instant_acme::Error::KeyRejected) => {
                        warn!("the account that was kept has no key that can be used");
                    }
                    restored => return Ok(restored?),
                }
            }
            Ok(_) => {}
            Err(error) => warn!(%error, "the account that was kept is not used"),
        }
        let contact: Vec<_> = self.settings.contact.as_deref().into_iter().collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let directory = self.settings.directory.clone();
        let (account, credentials) = builder().create(&new, directory, None).await?;
        let registered = Registered::new(&self.settings, credentials);
        let kept = self.folder.keep_account(registered).await;
        kept.map_err(Failure::Folder)?;
        Ok(account)
    }

    /// Gives how long to wait.
    fn tell(&self, failure: &Failure, pace: &mut Pace) -> Duration {
        let wait = pace.wait(failure);
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let again_in = humantime::format_duration(Duration::from_secs(seconds));
        let error = failure as &dyn Error;
        match &self.term {
            Some(term) => {
                let until = rfc3339(term.until);
                warn!(error, %again_in, %until, "no new certificate; the old one stays");
            }
            None => warn!(error, %again_in, "no certificate yet: nobody can connect"),
        }
        wait
    }
}
