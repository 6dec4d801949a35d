//! How whoever has credentials can be called, in settings and on the command line.

use tidings_auth::Namespace;

/// The longest name that a token can have, and that can be revoked, in bytes.
const LENGTH: usize = 256;

/// The name of somebody, or of what they show.
pub(crate) fn name(text: &str) -> Result<String, String> {
    (1..=LENGTH)
        .contains(&text.len())
        .then(|| text.to_owned())
        .ok_or_else(|| format!("must have 1 to {LENGTH} bytes"))
}

/// The name of a namespace.
pub(crate) fn namespace(text: &str) -> Result<String, String> {
    Namespace::is_name(text)
        .then(|| text.to_owned())
        .ok_or_else(|| format!("must be 1 to 64 of a-z, 0-9 and -, not {text:?}"))
}
