//! What durabilities are called, in settings, requests and answers.

use tidings::Durability;

/// The durability of this name.
pub(crate) fn parse(name: &str) -> Option<Durability> {
    match name {
        "memory" => Some(Durability::Memory),
        "disk" => Some(Durability::Disk),
        _ => None,
    }
}

/// The name of this durability.
pub(crate) fn name(durability: Durability) -> &'static str {
    match durability {
        Durability::Memory => "memory",
        Durability::Disk => "disk",
    }
}
