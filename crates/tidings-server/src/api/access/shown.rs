//! What may be shown where.

use std::borrow::Cow;

use axum::extract::Request;
use tidings_auth::Tickets;

use crate::api::access::credentials::{Carrier, Credentials};
use crate::api::access::gate::Gate;
use crate::api::access::guard::Access;
use crate::api::access::refusal::Refusal;

impl Gate {
    /// What a request shows, if that may count where it stands.
    pub(super) fn shown<'a>(
        &self,
        access: &Access,
        request: &'a Request,
        is_for_stream: bool,
    ) -> Result<Option<Cow<'a, str>>, Refusal> {
        let Some(means) = &self.means else {
            return Ok(None);
        };
        let found = Credentials::find(request.headers(), request.uri().query());
        let Some(Credentials { text, carrier }) = found else {
            return Ok(None);
        };
        let is_ticket = Tickets::is_ticket(&text);
        match carrier {
            Carrier::Query if !is_for_stream => Err(Refusal::QueryElsewhere),
            Carrier::Query if !is_ticket && !means.query_tokens => Err(Refusal::QueryToken),
            Carrier::Query => Ok(Some(text)),
            _ if is_ticket => Err(Refusal::TicketElsewhere),
            // The browser sends it whatever page asks.
            Carrier::Cookie if !access.trusts_page(request) => Err(Refusal::ForeignPage),
            _ => Ok(Some(text)),
        }
    }
}
