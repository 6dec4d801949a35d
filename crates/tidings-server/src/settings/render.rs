use std::path::Path;
use std::time::Duration;

use humantime::format_duration;
use tidings::{LagPolicy, Retention, TopicSettings};
use tidings_auth::{Algorithm, Namespace};
use toml::{Table, Value};

use crate::durability;
use crate::settings::auth::{
    ApiKeySettings, AuthSettings, AuthorizerSettings, IssuerSettings, KeySource, RightsSettings,
};
use crate::settings::{AcmeSettings, Settings, Storage, TlsSettings};

/// The settings as a file that sets all of them.
pub(super) fn toml(settings: &Settings) -> String {
    let limits = &settings.limits;
    let mut file = Table::new();
    put(&mut file, "listen", settings.listen.to_string());
    if let Some(address) = settings.admin_listen {
        put(&mut file, "admin_listen", address.to_string());
    }
    match &settings.storage {
        Storage::Memory => put(&mut file, "memory", true),
        Storage::Folder(folder) => {
            put(&mut file, "memory", false);
            put(&mut file, "data_dir", folder.to_string_lossy().into_owned());
        }
    }
    put(
        &mut file,
        "durability",
        durability::name(settings.durability),
    );
    put(
        &mut file,
        "keep_alive",
        settings.keep_alive.map_or_else(|| "0".to_owned(), duration),
    );
    put(&mut file, "retry", duration(settings.retry));
    put(&mut file, "drain", duration(settings.drain));
    put(
        &mut file,
        "stream_threads",
        count(settings.stream_threads as u64),
    );
    put(
        &mut file,
        "metrics_interval",
        settings
            .metrics_interval
            .map_or_else(|| "0".to_owned(), duration),
    );
    put(&mut file, "insecure_anonymous", settings.insecure_anonymous);
    put(&mut file, "allowed_hosts", texts(&settings.allowed_hosts));
    put(
        &mut file,
        "allowed_origins",
        texts(&settings.allowed_origins),
    );
    put(
        &mut file,
        "trusted_proxies",
        texts(&settings.trusted_proxies),
    );
    put(&mut file, "proxy_protocol", settings.proxy_protocol);
    if let Some(settings) = &settings.tls {
        put(&mut file, "tls", tls(settings));
    }

    put(&mut file, "auth", auth(&settings.auth));
    if !settings.auth.issuers.is_empty() {
        let issuers = settings.auth.issuers.iter().map(issuer);
        put(
            &mut file,
            "issuer",
            issuers.map(Value::from).collect::<Vec<_>>(),
        );
    }
    if !settings.auth.api_keys.is_empty() {
        let keys = settings.auth.api_keys.iter().map(api_key);
        put(
            &mut file,
            "api_key",
            keys.map(Value::from).collect::<Vec<_>>(),
        );
    }

    if let Some(authorizer) = &settings.auth.authorizer {
        put(&mut file, "authorizer", self::authorizer(authorizer));
    }

    let mut table = Table::new();
    put(&mut table, "connections", count(limits.connections as u64));
    put(
        &mut table,
        "connections_per_address",
        count(limits.connections_per_address as u64),
    );
    put(
        &mut table,
        "connections_per_identity",
        count(limits.connections_per_identity as u64),
    );
    put(
        &mut table,
        "connections_per_namespace",
        count(limits.connections_per_namespace as u64),
    );
    put(
        &mut table,
        "publish_rate",
        count(limits.publish_rate.get().into()),
    );
    put(&mut table, "namespaces", count(limits.namespaces as u64));
    put(&mut table, "views", count(limits.views as u64));
    put(&mut table, "topics", count(limits.topics as u64));
    put(&mut table, "selectors", count(limits.selectors as u64));
    put(&mut table, "event_size", size(limits.event_size as u64));
    put(&mut table, "batch_size", size(limits.batch_size as u64));
    put(&mut file, "limits", table);

    let mut table = retention(&settings.retention);
    put(&mut table, "total", size(settings.total));
    put(&mut file, "retention", table);

    if !settings.topics.is_empty() {
        let topics: Vec<Value> = settings
            .topics
            .iter()
            .map(|topic| topic_table(topic).into())
            .collect();
        put(&mut file, "topic", topics);
    }
    // Whoever asks what the hub would do is told that it is there.
    let secret = match settings.auth.jwt_secret {
        Some(_) => "# auth.jwt_secret is set, and not shown.\n",
        None => "",
    };
    format!("{secret}{file}")
}

/// A number of bytes in the largest unit that leaves nothing over.
pub(super) fn size(bytes: u64) -> String {
    let units = [
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    let unit = units
        .into_iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    let (unit, name) = unit.unwrap_or((1, "B"));
    format!("{}{name}", bytes / unit)
}

fn tls(settings: &TlsSettings) -> Table {
    let mut table = Table::new();
    match settings {
        TlsSettings::Files(files) => {
            put(&mut table, "certificate", path(&files.certificate));
            put(&mut table, "key", path(&files.key));
        }
        TlsSettings::Acme(settings) => put(&mut table, "acme", acme(settings)),
    }
    table
}

fn acme(settings: &AcmeSettings) -> Table {
    let mut table = Table::new();
    put(&mut table, "domains", settings.domains.clone());
    if let Some(contact) = &settings.contact {
        put(&mut table, "contact", contact.as_str());
    }
    // There are no such settings without it.
    put(&mut table, "agree_to_terms", true);
    put(&mut table, "directory", settings.directory.as_str());
    if let Some(file) = &settings.directory_ca_file {
        put(&mut table, "directory_ca_file", path(file));
    }
    put(&mut table, "dir", path(&settings.folder));
    table
}

/// All but the secret.
fn auth(auth: &AuthSettings) -> Table {
    let mut table = Table::new();
    put(
        &mut table,
        "max_token_lifetime",
        duration(auth.max_lifetime),
    );
    put(&mut table, "query_tokens", auth.query_tokens);
    put(
        &mut table,
        "anonymous_publish",
        texts(auth.anonymous.publish()),
    );
    put(
        &mut table,
        "anonymous_subscribe",
        texts(auth.anonymous.subscribe()),
    );
    table
}

/// All but a secret that is in the settings.
fn issuer(issuer: &IssuerSettings) -> Table {
    let mut table = Table::new();
    if let Some(name) = &issuer.name {
        put(&mut table, "issuer", name.as_str());
    }
    put(&mut table, "audience", issuer.audience.clone());
    let mut signed = |algorithm: Algorithm, key: &str, file: Option<&Path>| {
        put(&mut table, "algorithm", algorithm.to_string());
        if let Some(file) = file {
            put(&mut table, key, file.to_string_lossy().into_owned());
        }
    };
    match &issuer.keys {
        KeySource::Secret {
            algorithm, file, ..
        } => {
            signed(*algorithm, "secret_file", file.as_deref());
        }
        KeySource::PublicKey {
            algorithm, file, ..
        } => {
            signed(*algorithm, "public_key_file", Some(file));
        }
        KeySource::Jwks {
            url,
            private_addresses,
        } => {
            put(&mut table, "jwks_url", url.as_str());
            put(&mut table, "jwks_private_addresses", *private_addresses);
        }
    }
    match &issuer.namespace {
        Namespace::Default => {}
        Namespace::Fixed(name) => put(&mut table, "namespace", &**name),
        Namespace::Claimed => put(&mut table, "namespace_by_token", true),
    }
    rights(&mut table, &issuer.rights);
    put(
        &mut table,
        "max_token_lifetime",
        duration(issuer.max_lifetime),
    );
    table
}

fn api_key(key: &ApiKeySettings) -> Table {
    let mut table = Table::new();
    put(&mut table, "id", key.id.as_str());
    put(&mut table, "hash", key.hash.to_string());
    if let Some(identity) = &key.identity {
        put(&mut table, "identity", identity.as_str());
    }
    if let Some(namespace) = &key.namespace {
        put(&mut table, "namespace", namespace.as_str());
    }
    rights(&mut table, &key.rights);
    put(&mut table, "admin", key.rights.is_admin);
    table
}

/// All but a secret that is in the settings.
fn authorizer(authorizer: &AuthorizerSettings) -> Table {
    let mut table = Table::new();
    put(&mut table, "url", authorizer.url.as_str());
    put(&mut table, "allow_http", authorizer.allow_http);
    if let Some(file) = &authorizer.secret_file {
        let file = file.to_string_lossy().into_owned();
        put(&mut table, "secret_file", file);
    }
    put(&mut table, "ttl", duration(authorizer.ttl));
    put(&mut table, "timeout", duration(authorizer.timeout));
    table
}

fn rights(table: &mut Table, rights: &RightsSettings) {
    put(table, "publish", rights.publish.clone());
    put(table, "subscribe", rights.subscribe.clone());
}

fn topic_table(topic: &TopicSettings) -> Table {
    let mut table = Table::new();
    put(&mut table, "pattern", topic.selector.to_string());
    if let Some(lag) = topic.lag {
        let lag = match lag {
            LagPolicy::Conflate => "conflate",
            LagPolicy::Skip => "skip",
            LagPolicy::Disconnect => "disconnect",
        };
        put(&mut table, "lag", lag);
    }
    if let Some(durability) = topic.durability {
        put(&mut table, "durability", durability::name(durability));
    }
    if let Some(linger) = topic.linger {
        put(&mut table, "linger", duration(linger));
    }
    table.extend(topic.retention.iter().flat_map(retention));
    table
}

fn retention(retention: &Retention) -> Table {
    let mut table = Table::new();
    put(&mut table, "events", count(retention.events));
    put(&mut table, "bytes", size(retention.bytes));
    put(&mut table, "age", duration(retention.age));
    table
}

fn put(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn duration(duration: Duration) -> String {
    format_duration(duration).to_string()
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;
    use crate::settings::given::Given;
    use crate::settings::keys::{KEYS, TABLES};

    /// What `check` prints of a file, read again.
    fn printed(text: &str) -> Table {
        let settings = Settings::read(Given::of_file("tidings.toml", text));
        let settings = settings.unwrap_or_else(|problems| panic!("{}", problems.0.join("\n")));
        toml(&settings).parse().unwrap()
    }

    /// The keys of a table and of those in it, as they are written in a line.
    fn keys(of: &Table, prefix: &str, all: &mut BTreeSet<String>) {
        for (name, value) in of {
            match value {
                Value::Table(table) => keys(table, &format!("{prefix}{name}."), all),
                Value::Array(tables) if tables.iter().any(Value::is_table) => {
                    let tables = tables.iter().filter_map(Value::as_table);
                    tables.for_each(|table| keys(table, &format!("{prefix}{name}."), all));
                }
                _ => drop(all.insert(format!("{prefix}{name}"))),
            }
        }
    }

    #[test]
    fn check_prints_every_setting_but_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let secret = file("secret", &"s".repeat(32));
        let question = file("question", &format!("whsec_{}", "c2VjcmV0".repeat(6)));
        let hash = "0".repeat(64);
        let files = format!(
            "admin_listen = \"127.0.0.1:1\"\n\
             [tls]\ncertificate = \"c\"\nkey = \"k\"\n\
             [authorizer]\nurl = \"https://app.example/\"\nsecret_file = {question:?}\n\
             [[issuer]]\nissuer = \"a\"\nalgorithm = \"HS256\"\nsecret_file = {secret:?}\nnamespace = \"a\"\n\
             [[issuer]]\nissuer = \"b\"\njwks_url = \"https://b.example/\"\nnamespace_by_token = true\n\
             [[api_key]]\nid = \"k1k1k1k1\"\nhash = {hash:?}\nidentity = \"i\"\nnamespace = \"a\"\n\
             [[topic]]\npattern = \"a\"\nlag = \"skip\"\ndurability = \"disk\"\nlinger = \"1ms\"\nage = \"1h\"\n"
        );
        let acme = "[tls.acme]\ndomains = [\"a.example\"]\ncontact = \"mailto:me@a.example\"\n\
                    agree_to_terms = true\ndirectory_ca_file = \"ca\"\n";
        let mut told = BTreeSet::new();
        for text in [&*files, acme] {
            keys(&printed(text), "", &mut told);
        }

        let tables = TABLES
            .into_iter()
            .flat_map(|(table, names)| names.iter().map(move |name| format!("{table}.{name}")));
        let untold = [
            "auth.jwt_secret",
            "authorizer.secret",
            "issuer.secret",
            // As `secret_file`, by the same line.
            "issuer.public_key_file",
        ];
        let expected: BTreeSet<_> = KEYS
            .into_iter()
            .map(str::to_owned)
            .chain(tables)
            .filter(|key| !untold.contains(&&**key))
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn every_setting_is_in_the_documentation() {
        let pages = [
            include_str!("../../../../docs/configuration.md"),
            include_str!("../../../../docs/access.md"),
        ];
        for key in KEYS {
            let named = format!("`{key}`");
            assert!(pages[0].contains(&named), "{named}");
        }
        for (table, names) in TABLES {
            for name in names {
                let is_told = |page: &&str| {
                    page.contains(&format!("{name} = ")) || page.contains(&format!("`{name}`"))
                };
                assert!(pages.iter().any(is_told), "{name} of {table}");
            }
        }
    }
}
