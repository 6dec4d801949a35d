//! Somebody who is let in, and for how long that holds.

use std::sync::Arc;

use tidings::{Consent, GoodbyeReason};
use tidings_auth::{Denied, Grant, Question, Rights};

use crate::api::access::gate::Gate;
use crate::api::access::refusal::Refusal;
use crate::wall_clock::now;

/// Somebody who is let in.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    /// What they may do.
    pub(super) grant: Grant,
    /// What their credentials give the right to, whatever the application says.
    own_rights: Arc<Rights>,
    /// The application's word, where it decides.
    pub(super) consent: Option<Consent>,
}

impl Admission {
    /// What the credentials are good for by themselves: the application is asked about a ticket anew.
    pub(super) fn own_grant(&self) -> Grant {
        Grant {
            rights: self.own_rights.clone(),
            ..self.grant.clone()
        }
    }
}

impl Gate {
    /// Lets in who has this grant, if the application agrees where one decides. It has no say about those who have proved
    /// nothing.
    pub(super) async fn admit(&self, grant: Grant) -> Result<Admission, Refusal> {
        let own_rights = grant.rights.clone();
        let consents = self.consents().zip(Question::about(&grant));
        let Some((consents, question)) = consents else {
            return Ok(Admission {
                grant,
                own_rights,
                consent: None,
            });
        };
        let said = consents.of(&question).await;
        let (answer, consent) = said.map_err(|_| Refusal::Unanswered)?;
        let grant = answer.apply(&grant).ok_or(Refusal::Application)?;
        Ok(Admission {
            grant,
            own_rights,
            consent: Some(consent),
        })
    }

    /// Whether what somebody was let in by was taken back.
    pub(super) fn check(&self, admission: &Admission) -> Result<(), Refusal> {
        if self.revocations.is_revoked(&admission.grant, now()) {
            return Err(Denied::Revoked.into());
        }
        let consent = admission.consent.as_ref();
        match consent.and_then(Consent::withdrawn) {
            None => Ok(()),
            Some(GoodbyeReason::Revoked) => Err(Refusal::Application),
            Some(_) => Err(Refusal::Changed),
        }
    }

    /// Whether somebody is still let in: nothing was taken back, and their credentials have not expired.
    pub(super) fn check_again(&self, admission: &Admission) -> Result<(), Refusal> {
        if admission.grant.has_expired(now()) {
            return Err(Denied::Expired.into());
        }
        self.check(admission)
    }
}
