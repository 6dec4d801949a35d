//! What is written down of a crate.

use std::collections::HashSet;
use std::path::Path;
use std::{fs, io};

use anyhow::Context;

/// The items of a crate, a line each, in an order that is good to read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    lines: Vec<String>,
}

impl FromIterator<String> for Snapshot {
    fn from_iter<I: IntoIterator<Item = String>>(lines: I) -> Self {
        Self {
            lines: lines.into_iter().collect(),
        }
    }
}

impl Snapshot {
    /// Reads a file; one that is not there has nothing.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        Ok(text.lines().map(str::to_owned).collect())
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = self.lines.join("\n") + "\n";
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// What has gone (`-`), then what is new (`+`). The order of the items says nothing.
    pub(crate) fn changes(&self, now: &Self) -> Vec<String> {
        let gone = self.without(now).map(|line| format!("- {line}"));
        let new = now.without(self).map(|line| format!("+ {line}"));
        gone.chain(new).collect()
    }

    /// The lines that another one has not.
    fn without<'a>(&'a self, other: &Self) -> impl Iterator<Item = &'a str> {
        let there: HashSet<_> = other.lines.iter().cloned().collect();
        let lines = self.lines.iter().filter(move |line| !there.contains(*line));
        lines.map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(lines: &[&str]) -> Snapshot {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn what_has_gone_and_what_is_new_is_told() {
        let before = snapshot(&["pub fn a::one()", "pub fn a::two()", "pub fn a::three()"]);
        let now = snapshot(&["pub fn a::three()", "pub fn a::two(u8)", "pub fn a::one()"]);
        assert_eq!(
            before.changes(&now),
            ["- pub fn a::two()", "+ pub fn a::two(u8)"]
        );
        assert!(now.changes(&now).is_empty());
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("public-api.txt");
        let written = snapshot(&["pub mod a", "pub fn a::one()"]);
        assert_eq!(Snapshot::read(&path).unwrap(), Snapshot::default());
        written.write(&path).unwrap();
        assert_eq!(Snapshot::read(&path).unwrap(), written);
    }
}
