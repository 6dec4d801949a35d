use strsim::damerau_levenshtein;

/// All settings but those of [`TABLES`], by the name they have in the file.
pub(super) const KEYS: [&str; 49] = [
    "listen",
    "admin_listen",
    "data_dir",
    "memory",
    "durability",
    "keep_alive",
    "retry",
    "drain",
    "stream_threads",
    "metrics_interval",
    "insecure_anonymous",
    "allowed_hosts",
    "allowed_origins",
    "trusted_proxies",
    "proxy_protocol",
    "tls.certificate",
    "tls.key",
    "tls.acme.domains",
    "tls.acme.contact",
    "tls.acme.agree_to_terms",
    "tls.acme.directory",
    "tls.acme.directory_ca_file",
    "tls.acme.dir",
    "auth.jwt_secret",
    "auth.max_token_lifetime",
    "auth.query_tokens",
    "auth.anonymous_publish",
    "auth.anonymous_subscribe",
    "authorizer.url",
    "authorizer.secret",
    "authorizer.secret_file",
    "authorizer.allow_http",
    "authorizer.ttl",
    "authorizer.timeout",
    "limits.connections",
    "limits.connections_per_address",
    "limits.connections_per_identity",
    "limits.connections_per_namespace",
    "limits.publish_rate",
    "limits.namespaces",
    "limits.views",
    "limits.topics",
    "limits.selectors",
    "limits.event_size",
    "limits.batch_size",
    "retention.events",
    "retention.bytes",
    "retention.age",
    "retention.total",
];

/// The settings of a table.
pub(super) fn keys_of(table: &str) -> impl Iterator<Item = &'static str> {
    let is_below = move |key: &&str| {
        key.strip_prefix(table)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    KEYS.into_iter().filter(is_below)
}

/// The settings of one `[[topic]]`.
pub(super) const TOPIC_KEYS: [&str; 7] = [
    "pattern",
    "lag",
    "durability",
    "linger",
    "events",
    "bytes",
    "age",
];

/// The settings of one `[[issuer]]`.
pub(super) const ISSUER_KEYS: [&str; 13] = [
    "issuer",
    "audience",
    "algorithm",
    "secret",
    "secret_file",
    "public_key_file",
    "jwks_url",
    "jwks_private_addresses",
    "namespace",
    "namespace_by_token",
    "publish",
    "subscribe",
    "max_token_lifetime",
];

/// The settings of one `[[api_key]]`.
pub(super) const API_KEY_KEYS: [&str; 7] = [
    "id",
    "hash",
    "identity",
    "namespace",
    "publish",
    "subscribe",
    "admin",
];

/// The tables of which there may be several, with their keys.
pub(super) const TABLES: [(&str, &[&str]); 3] = [
    ("topic", &TOPIC_KEYS),
    ("issuer", &ISSUER_KEYS),
    ("api_key", &API_KEY_KEYS),
];

/// The environment variable of a setting.
pub(super) fn variable(key: &str) -> String {
    format!("TIDINGS_{}", key.to_ascii_uppercase().replace('.', "_"))
}

/// The name that is the least away from one that is not among them.
pub(super) fn nearest(name: &str, valid: impl IntoIterator<Item = String>) -> String {
    let nearest = valid
        .into_iter()
        .min_by_key(|valid| damerau_levenshtein(name, valid));
    nearest.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        let nearest = |name| nearest(name, KEYS.map(str::to_owned));
        assert_eq!(nearest("keepalive"), "keep_alive");
        assert_eq!(nearest("limits.event_sise"), "limits.event_size");
        assert_eq!(nearest("retention.event"), "retention.events");
    }

    #[test]
    fn a_variable_is_its_key_in_capitals() {
        assert_eq!(variable("limits.event_size"), "TIDINGS_LIMITS_EVENT_SIZE");
    }
}
