//! What credentials are good for.

use tidings_auth::{Denied, Grant, KeyRing, KeySetState, TakenTicket, Tickets, Verifier};

use crate::api::access::consents::Consents;
use crate::api::access::gate::Gate;
use crate::api::access::refusal::Refusal;
use crate::settings::AuthSettings;
use crate::wall_clock::now;

/// What begins an API key. What is neither that nor a ticket is taken for a token.
const KEY_PREFIX: &str = "tdk_";

/// What a hub with keys judges credentials by.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) verifier: Verifier,
    key_ring: KeyRing,
    /// What somebody without credentials may do.
    anonymous: Option<Grant>,
    pub(super) query_tokens: bool,
    /// What the application says, where one decides.
    consents: Option<Consents>,
}

impl Means {
    pub(super) fn new(settings: &AuthSettings) -> anyhow::Result<Self> {
        let anonymous = Grant::anonymous(settings.anonymous.clone());
        let rights = &anonymous.rights;
        let may_something = !rights.publish().is_empty() || !rights.subscribe().is_empty();
        Ok(Self {
            verifier: settings.verifier()?,
            key_ring: settings.key_ring()?,
            anonymous: may_something.then_some(anonymous),
            query_tokens: settings.query_tokens,
            consents: settings
                .authorizer
                .as_ref()
                .map(Consents::new)
                .transpose()?,
        })
    }
}

impl Gate {
    /// What is granted to whoever shows this, and the ticket that it is granted by, if it is one; without keys what everybody
    /// has.
    pub(super) async fn judge(
        &self,
        shown: Option<&str>,
        of_all: &Grant,
    ) -> Result<(Grant, Option<TakenTicket<'_>>), Refusal> {
        let Some(means) = &self.means else {
            return Ok((of_all.clone(), None));
        };
        let Some(text) = shown else {
            let grant = means.anonymous.clone().ok_or(Refusal::Missing)?;
            return Ok((grant, None));
        };
        let now = now();
        let mut ticket = None;
        let grant = if Tickets::is_ticket(text) {
            let taken = self.tickets.take(text, now)?;
            let grant = taken.grant().clone();
            ticket = Some(taken);
            grant
        } else if text.starts_with(KEY_PREFIX) {
            means.key_ring.verify(text, now)?
        } else {
            means.verifier.verify(text, now).await?
        };
        if self.revocations.is_revoked(&grant, now) {
            return Err(Denied::Revoked.into());
        }
        Ok((grant, ticket))
    }

    /// How it stands with the keys that issuers publish.
    pub(crate) fn key_sets(&self) -> Vec<KeySetState> {
        let means = self.means.as_ref();
        means.map_or_else(Vec::new, |means| means.verifier.key_sets())
    }

    pub(super) fn consents(&self) -> Option<&Consents> {
        self.means.as_ref()?.consents.as_ref()
    }
}
