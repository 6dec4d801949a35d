use std::sync::Arc;

use tidings_auth::{ApiKey, SecretHash, StoredKey};
use toml::Value;

use crate::settings::auth::rights::RightsSettings;
use crate::settings::given::Given;
use crate::settings::value;

/// One `[[api_key]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiKeySettings {
    /// `id`: the part of the key that is no secret.
    pub(crate) id: String,
    /// `hash`: SHA-256 of the part that is.
    pub(crate) hash: SecretHash,
    /// `identity`: who comes with it. Default its id.
    pub(crate) identity: Option<String>,
    /// `namespace`: where it counts. Default the hub's own.
    pub(crate) namespace: Option<String>,
    /// `publish`, `subscribe` and `admin`: what it gives the right to. Default nothing.
    pub(crate) rights: RightsSettings,
}

impl ApiKeySettings {
    pub(super) fn read(given: &mut Given) -> Option<Self> {
        let id = given.require("id", id);
        let hash = given.require("hash", value::parsed);
        let identity = given.read("identity", value::some(value::name), None);
        let namespace = given.read("namespace", value::some(value::namespace), None);
        let rights = RightsSettings::read_with_admin(given);
        Some(Self {
            id: id?,
            hash: hash?,
            identity,
            namespace,
            rights,
        })
    }

    pub(super) fn stored(&self) -> StoredKey {
        let identity = self.identity.as_ref().unwrap_or(&self.id);
        StoredKey {
            id: self.id.clone(),
            hash: self.hash,
            identity: Some(Arc::from(&**identity)),
            namespace: self.namespace.as_deref().map(Arc::from),
            rights: Arc::new(self.rights.template().resolve(Some(identity))),
            expires_at: None,
        }
    }
}

/// It is not shown: who takes the key for the id has put a secret there.
fn id(value: &Value) -> Result<String, String> {
    let text = value::text(value)?;
    ApiKey::is_id(text)
        .then(|| text.to_owned())
        .ok_or_else(|| "must be 8 to 16 lower-case letters and digits".to_owned())
}
