//! What is given out of access, and taken back.

use std::time::Duration;

use http::StatusCode;
use tidings_auth::{Grant, Revocation, RevocationError, Revoked, Ticket, TicketError, Tickets};
use tidings_http::Problem;

use crate::api::access::caller::Caller;
use crate::api::access::gate::Gate;
use crate::api::access::refusal::unauthorized;
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
                let status = StatusCode::TOO_MANY_REQUESTS;
                let problem = Problem::new(status, "too-many-tickets", error.to_string());
                problem.retry_after(Tickets::LIFETIME)
            }
            _ => unauthorized(&error.to_string()),
        })
    }

    /// Takes credentials back, of those that count where the one who asks is.
    pub(crate) fn revoke(&self, what: Revoked, by: &Grant) -> Result<Revocation, Problem> {
        let namespace = by.namespace.as_deref();
        let revoked = self.revocations.revoke(what, namespace, now());
        revoked.map_err(|error| match error {
            RevocationError::Full => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let problem = Problem::new(status, "too-many-revocations", error.to_string());
                problem.retry_after(Duration::from_secs(60))
            }
            _ => Problem::bad_parameter("body", format!("body: {error}")),
        })
    }

    /// Has what was revoked before hold again.
    pub(crate) fn restore(&self, revocation: Revocation) -> Result<(), RevocationError> {
        self.revocations.restore(revocation, now())
    }

    /// Takes a revocation back, and says whether there was one.
    pub(crate) fn lift(&self, what: &Revoked, by: &Grant) -> bool {
        self.revocations.lift(what, by.namespace.as_deref())
    }

    /// What is revoked where the one who asks is.
    pub(crate) fn revocations(&self, by: &Grant) -> Vec<Revocation> {
        let mut all = self.revocations.all(now());
        all.retain(|revocation| revocation.namespace.as_deref() == by.namespace.as_deref());
        all
    }
}
