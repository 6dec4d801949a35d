use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::identity::TlsError;

/// What those who validate a name speak, and nobody else (RFC 8737, section 6.2).
const VALIDATION: &[u8] = b"acme-tls/1";

/// Which certificate is shown to whom.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// Shown to clients; `None` until there is one.
    pub(super) identity: Option<Arc<CertifiedKey>>,
    /// Shown to those who validate a name, by this name.
    pub(super) proofs: BTreeMap<String, Arc<CertifiedKey>>,
}

/// What new connections are met with.
#[derive(Clone, Debug)]
pub(super) struct Meeting {
    shown: Shown,
    /// Made of what is shown.
    config: Arc<ServerConfig>,
}

impl Meeting {
    pub(super) fn new(shown: Shown, tickets: Arc<dyn ProducesTickets>) -> Result<Self, TlsError> {
        let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Setup(error.into()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown.clone()));
        config.alpn_protocols = shown.protocols();
        config.ticketer = tickets;
        let config = Arc::new(config);
        Ok(Self { shown, config })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// What is shown to clients.
    pub(super) fn identity(&self) -> Option<&CertifiedKey> {
        self.shown.identity.as_deref()
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown);
        let config = Arc::make_mut(&mut self.config);
        config.cert_resolver = Arc::new(self.shown.clone());
        config.alpn_protocols = self.shown.protocols();
    }
}

impl Shown {
    /// The best one first. A client that can speak HTTP is never taken for one that validates.
    fn protocols(&self) -> Vec<Vec<u8>> {
        let validation = (!self.proofs.is_empty()).then_some(VALIDATION);
        let http = [&b"h2"[..], b"http/1.1"];
        http.into_iter()
            .chain(validation)
            .map(<[u8]>::to_vec)
            .collect()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let offered = hello.alpn().into_iter().flatten();
        // Without any proof it is not spoken, and who offers nothing else is told that next.
        if !self.proofs.is_empty() && offered.eq([VALIDATION]) {
            return self.proofs.get(hello.server_name()?).cloned();
        }
        self.identity.clone()
    }
}

/// Whether it is for a validation that a protocol has been agreed on.
pub(super) fn is_validation(protocol: Option<&[u8]>) -> bool {
    protocol == Some(VALIDATION)
}
