use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use axum::Router;

use super::ServeLimits;
use super::admission::Admission;
use super::proxies::TrustedProxies;
#[cfg(feature = "tls")]
use super::tls::Tls;

/// What the connections of a server have in common.
#[derive(Debug)]
pub(super) struct House {
    pub(super) router: Router,
    /// Answers those who are over a cap.
    pub(super) refusals: Router,
    pub(super) limits: ServeLimits,
    pub(super) admission: Arc<Admission>,
    pub(super) proxies: TrustedProxies,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Tls>,
}

impl House {
    /// What is to be done beside serving, for as long as it is polled.
    pub(super) async fn upkeep(self: Arc<Self>) -> Infallible {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.follow_files().await;
        }
        pending().await
    }
}
