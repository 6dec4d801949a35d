//! What a crate offers, by the JSON that rustdoc makes of it.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use rustdoc_types::FORMAT_VERSION;
use serde::Deserialize;

use crate::snapshot::Snapshot;

/// Traits that nobody outside of the standard library can ask for, or that change with what a
/// dependency has inside.
const INCIDENTAL: [&str; 5] = [
    "core::marker::Freeze for ",
    "core::marker::StructuralPartialEq for ",
    "core::marker::UnsafeUnpin for ",
    "core::panic::unwind_safe::RefUnwindSafe for ",
    "core::panic::unwind_safe::UnwindSafe for ",
];

#[derive(Deserialize)]
struct Head {
    format_version: u32,
}

/// Reads it.
pub(crate) fn read(json: &Path) -> anyhow::Result<Snapshot> {
    let text = fs::read_to_string(json);
    let text = text.with_context(|| format!("cannot read {}", json.display()))?;
    let head: Head = serde_json::from_str(&text)
        .with_context(|| format!("{} is not rustdoc's", json.display()))?;
    ensure!(
        head.format_version == FORMAT_VERSION,
        "this rustdoc writes its JSON in version {} and `public-api` reads version {FORMAT_VERSION}: \
         another release of one of them is needed",
        head.format_version,
    );
    let offered = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .build()?;
    let lines = offered.items().map(ToString::to_string);
    Ok(lines.filter(|line| !is_incidental(line)).collect())
}

fn is_incidental(line: &str) -> bool {
    line.starts_with("impl") && INCIDENTAL.iter().any(|name| line.contains(name))
}
