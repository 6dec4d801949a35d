use std::path::{Path, PathBuf};
use std::time::Duration;

use tidings_auth::{Algorithm, Issuer, JwksUrl, Key, KeyError, Namespace};
use toml::Value;

use crate::settings::auth::lifetime;
use crate::settings::auth::rights::RightsSettings;
use crate::settings::auth::secret::{Secret, read_key};
use crate::settings::given::Given;
use crate::settings::value;

/// One `[[issuer]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IssuerSettings {
    /// `issuer`: what its tokens have as `iss`. Only one issuer can do without.
    pub(crate) name: Option<String>,
    /// `audience`: what its tokens must have as `aud`, one of them. Default: anything.
    pub(crate) audience: Vec<String>,
    /// `secret`, `secret_file`, `public_key_file` or `jwks_url`: what they are signed with.
    pub(crate) keys: KeySource,
    /// `namespace` or `namespace_by_token`: where they count. Default the hub's own.
    pub(crate) namespace: Namespace,
    /// `publish` and `subscribe`: what tokens give the right to that do not say. Default nothing.
    pub(crate) rights: RightsSettings,
    /// `max_token_lifetime`. Default that of all.
    pub(crate) max_lifetime: Duration,
}

/// What the tokens of an issuer are signed with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeySource {
    /// A secret that both have, from this file if it is not in the settings.
    Secret {
        algorithm: Algorithm,
        secret: Secret,
        file: Option<PathBuf>,
    },
    /// The public half of a pair, as PEM from this file.
    PublicKey {
        algorithm: Algorithm,
        pem: String,
        file: PathBuf,
    },
    /// A set that is fetched; also from an address that is not public, if `jwks_private_addresses` says so.
    Jwks {
        url: String,
        private_addresses: bool,
    },
}

/// The settings of which an issuer has one.
const SOURCES: [&str; 4] = ["secret", "secret_file", "public_key_file", "jwks_url"];

const ONE_OF_THEM: &str = "an issuer has one of secret, secret_file, public_key_file and jwks_url";

/// What `secret_file` is to have, long enough for any algorithm.
const SECRET_FILE: &str =
    "it must have the secret itself as a text, such as `openssl rand -hex 32` makes";

/// What `public_key_file` is to have.
const PUBLIC_KEY_FILE: &str = "it must have a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----, such as \
     `openssl pkey -in private.pem -pubout` makes of a private one";

impl IssuerSettings {
    pub(super) fn read(given: &mut Given, max_lifetime: Duration) -> Option<Self> {
        let keys = KeySource::read(given);
        let namespace = read_namespace(given);
        Some(Self {
            name: given.read("issuer", value::some(value::owned), None),
            audience: given.read(
                "audience",
                value::list(|text| Ok(text.to_owned())),
                Vec::new(),
            ),
            namespace,
            rights: RightsSettings::read(given),
            max_lifetime: given.read("max_token_lifetime", lifetime(), max_lifetime),
            keys: keys?,
        })
    }

    pub(super) fn issuer(&self) -> Issuer {
        let issuer = self
            .keys
            .issuer()
            .expect("they were tried when they were read");
        let issuer = issuer
            .in_namespace(self.namespace.clone())
            .default_rights(self.rights.template())
            .max_lifetime(self.max_lifetime);
        let issuer = self.audience.iter().fold(issuer, |issuer, audience| {
            issuer.for_audience(audience.as_str())
        });
        match &self.name {
            Some(name) => issuer.named(name.as_str()),
            None => issuer,
        }
    }
}

impl KeySource {
    fn read(given: &mut Given) -> Option<Self> {
        let private_addresses = given.read("jwks_private_addresses", value::flag, false);
        let algorithm = match given.has("jwks_url") {
            true => {
                let problem = "cannot stand beside jwks_url: each key of a set says its own";
                given.read("algorithm", |_| Err(problem.to_owned()), None)
            }
            false => given.require("algorithm", value::parsed),
        };
        let mut sources = Vec::new();
        for source in SOURCES {
            if !given.has(source) {
                continue;
            }
            let parse = |value: &Value| {
                let text = value::text(value)?;
                match algorithm {
                    None if source == "jwks_url" => Self::jwks(text, private_addresses).map(Some),
                    None => Ok(None),
                    Some(algorithm) => Self::own(source, text, algorithm).map(Some),
                }
            };
            sources.push(given.read(source, parse, None));
        }
        match sources.len() {
            1 => sources.pop().flatten(),
            0 => {
                given.refuse("secret", format_args!("is missing: {ONE_OF_THEM}"));
                None
            }
            _ => {
                given.refuse("secret", format_args!("is not alone: {ONE_OF_THEM}"));
                None
            }
        }
    }

    fn jwks(url: &str, private_addresses: bool) -> Result<Self, String> {
        jwks_url(url, private_addresses)?;
        Ok(Self::Jwks {
            url: url.to_owned(),
            private_addresses,
        })
    }

    fn own(source: &str, text: &str, algorithm: Algorithm) -> Result<Self, String> {
        let keys = match source {
            "public_key_file" => Self::PublicKey {
                algorithm,
                pem: read_key(Path::new(text), PUBLIC_KEY_FILE)?,
                file: text.into(),
            },
            "secret_file" => Self::Secret {
                algorithm,
                // A line end is what editors put there.
                secret: Secret::new(
                    read_key(Path::new(text), SECRET_FILE)?.trim_end_matches(['\r', '\n']),
                ),
                file: Some(text.into()),
            },
            _ => Self::Secret {
                algorithm,
                secret: Secret::new(text),
                file: None,
            },
        };
        keys.issuer().map(drop)?;
        Ok(keys)
    }

    fn issuer(&self) -> Result<Issuer, String> {
        let key = match self {
            Self::Jwks {
                url,
                private_addresses,
            } => {
                return jwks_url(url, *private_addresses).map(Issuer::with_jwks);
            }
            Self::Secret {
                algorithm, secret, ..
            } => Key::secret(*algorithm, secret.as_bytes()),
            Self::PublicKey { algorithm, pem, .. } => Key::pem(*algorithm, pem.as_bytes()),
        };
        key.map(|key| Issuer::with_keys([key]))
            .map_err(|error| match error {
                KeyError::NotPem { .. } => format!("{error}: {PUBLIC_KEY_FILE}"),
                error => error.to_string(),
            })
    }
}

fn jwks_url(url: &str, private_addresses: bool) -> Result<JwksUrl, String> {
    let url = match private_addresses {
        true => JwksUrl::allowing_private(url),
        false => JwksUrl::new(url),
    };
    url.map_err(|error| error.to_string())
}

fn read_namespace(given: &mut Given) -> Namespace {
    let fixed = given.read("namespace", value::some(value::namespace), None);
    // The claim has one name; to choose it is to say that tokens do.
    match (fixed, given.read("namespace_by_token", value::flag, false)) {
        (Some(_), true) => {
            given.refuse(
                "namespace_by_token",
                "cannot be true together with namespace",
            );
            Namespace::Default
        }
        (Some(namespace), false) => Namespace::Fixed(namespace.into()),
        (None, true) => Namespace::Claimed,
        (None, false) => Namespace::Default,
    }
}
