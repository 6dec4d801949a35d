//! Where requests come in: the rules of a listener, and where they lead.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tidings::Selector;
use tidings_auth::{Grant, Rights};

use crate::api::access::{Access, guard, pass};
use crate::api::hub::Hub;
use crate::api::namespaces::Namespaces;
use crate::api::{behind_the_gate, codings, cors, drain, health, other_method};
use crate::page;

/// Whom a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Publishers and readers.
    Everybody,
    /// They, and those who look after the hub.
    Administrators,
}

/// What everybody may read of an open hub whose administrators have a listener of their own: all but what dashboards are told.
const READABLE: [&str; 2] = ["**", "tidings/executions/**"];

impl Audience {
    /// What somebody may do at a hub without keys.
    fn grant_of_all(self) -> Grant {
        let all = Grant::everything();
        match self {
            Self::Administrators => all,
            Self::Everybody => {
                let publish = all.rights.publish().iter().cloned();
                let readable = READABLE.map(|text| Selector::new(text).expect("a selector"));
                Grant::anonymous(Rights::new(publish, readable))
            }
        }
    }
}

/// What the requests to one listener are judged by, and the hub and the namespaces to which they may be for.
#[derive(Clone, Debug)]
pub(crate) struct Entrance(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    hub: Hub,
    namespaces: Arc<Namespaces>,
    access: Access,
    audience: Audience,
    /// What somebody may do if the hub has no keys.
    grant_of_all: Grant,
}

impl Entrance {
    /// The entrance at an address.
    pub(crate) fn new(
        hub: &Hub,
        namespaces: &Arc<Namespaces>,
        address: SocketAddr,
        audience: Audience,
    ) -> Self {
        Self(Arc::new(Parts {
            hub: hub.clone(),
            namespaces: namespaces.clone(),
            access: Access::new(&hub.settings, address),
            audience,
            grant_of_all: audience.grant_of_all(),
        }))
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    pub(super) fn namespaces(&self) -> &Namespaces {
        &self.0.namespaces
    }

    pub(super) fn access(&self) -> &Access {
        &self.0.access
    }

    pub(super) fn audience(&self) -> Audience {
        self.0.audience
    }

    pub(super) fn grant_of_all(&self) -> &Grant {
        &self.0.grant_of_all
    }

    /// All routes, behind the rules.
    pub(crate) fn router(self) -> Router {
        let hub = self.hub().clone();
        let open = Router::new()
            .route("/healthz", get(health::live))
            .route("/readyz", get(health::ready));
        let open = match self.audience() {
            Audience::Everybody => open,
            Audience::Administrators => open.merge(page::router()),
        };
        let gated = behind_the_gate(&hub, self.audience()).with_state(hub.clone());
        let entrance = self.clone();
        // Not by routes of this one: a request must not have been routed when its namespace is known.
        let gate = move |request: Request| pass(entrance.clone(), gated.clone(), request);
        open.route_layer(from_fn(codings::refuse))
            .method_not_allowed_fallback(other_method)
            .fallback(gate)
            .layer(from_fn_with_state(hub.clone(), drain::send_away))
            .layer(from_fn_with_state(self.clone(), cors::tell))
            .layer(from_fn_with_state(self, guard))
            .with_state(hub)
    }
}
