//! What is given out of access, and taken back.

use std::time::Duration;

use anyhow::Context;
use tidings::{GoodbyeReason, Peer};
use tidings_auth::{Revocation, RevocationError, Revoked, Ticket, TicketError, Tickets};
use tidings_http::Problem;

use crate::api::Kind;
use crate::api::access::caller::Caller;
use crate::api::access::gate::Gate;
use crate::api::access::refusal::unauthorized;
use crate::api::hub::{Hub, Shared};
use crate::wall_clock::now;

impl Gate {
    /// Something that opens one stream as who asks for it.
    pub(crate) fn ticket(&self, caller: &Caller) -> Result<Ticket, Problem> {
        if self.is_open() {
            return Ok(Ticket::unknown(now()));
        }
        let grant = caller.admission().own_grant();
        let ticket = self.tickets.issue(&grant, now());
        ticket.map_err(|error| match error {
            TicketError::TooMany => {
                let problem = Kind::TooManyTickets.because(error.to_string());
                problem.retry_after(Tickets::LIFETIME)
            }
            _ => unauthorized(&error.to_string()),
        })
    }
}

impl Hub {
    /// Takes credentials back and ends their streams, of which it gives the number.
    pub(crate) async fn revoke(&self, what: Revoked) -> Result<(Revocation, usize), Problem> {
        let revocation = {
            let mut changes = self.ledger.changes();
            let revoked = self.gate.revocations.revoke(what, self.namespace(), now());
            let revocation = revoked.map_err(refused)?;
            changes.revoked(&revocation);
            revocation
        };
        // Before anything is waited for: whoever asked may go away, and a file may hang.
        let streams = self.disconnect_revoked(&revocation.what);
        self.write_down("the revocation holds until the hub is started again")
            .await?;
        Ok((revocation, streams))
    }

    /// Takes a revocation back, and says whether there was one.
    pub(crate) async fn lift(&self, what: Revoked) -> Result<bool, Problem> {
        {
            let mut changes = self.ledger.changes();
            if !self.gate.revocations.lift(&what, self.namespace()) {
                return Ok(false);
            }
            changes.lifted(what);
        }
        self.write_down("it is revoked again when the hub is started again")
            .await?;
        Ok(true)
    }

    /// What is revoked here.
    pub(crate) fn revocations(&self) -> Vec<Revocation> {
        let mut all = self.gate.revocations.all(now());
        all.retain(|revocation| revocation.namespace.as_deref() == self.namespace());
        all
    }

    async fn write_down(&self, otherwise: &str) -> Result<(), Problem> {
        let hub = self.clone();
        let written = self.ledger.write(move || hub.revocations()).await;
        written.map_err(|failed| {
            let detail = format!("the revocation could not be written down: {failed}; {otherwise}");
            Kind::StoreFailed.because(detail).retry_after(self.later())
        })
    }

    /// Ends the streams of credentials that are revoked, and gives their number.
    fn disconnect_revoked(&self, what: &Revoked) -> usize {
        let is_meant = |peer: &Peer| {
            peer.owner.as_ref().is_some_and(|owner| match what {
                Revoked::Jti(jti) => owner.token.as_deref() == Some(jti),
                Revoked::Identity(name) => owner.identity.as_deref() == Some(name),
                Revoked::Key(id) => owner.key.as_deref() == Some(id),
            })
        };
        let [events, viewers] = [&self.broker, &self.viewers]
            .map(|broker| broker.disconnect_where(is_meant, GoodbyeReason::Revoked));
        events + viewers
    }
}

impl Shared {
    /// Has what is written down as revoked in a namespace hold.
    ///
    /// # Errors
    ///
    /// Something that cannot hold. Then nobody is to be let in there.
    pub(crate) fn recall(
        &self,
        revocations: Vec<Revocation>,
        namespace: Option<&str>,
    ) -> anyhow::Result<()> {
        for mut revocation in revocations {
            revocation.namespace = namespace.map(str::to_owned);
            let restored = self.gate.revocations.restore(revocation, now());
            restored.context("what is revoked according to its file cannot be held")?;
        }
        Ok(())
    }
}

fn refused(error: RevocationError) -> Problem {
    match error {
        RevocationError::Full => {
            let problem = Kind::TooManyRevocations.because(error.to_string());
            problem.retry_after(Duration::from_secs(60))
        }
        _ => Kind::BadParameter.at("body", error),
    }
}
