//! What is revoked, written down so that it holds after a restart.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tidings_auth::{Revocation, Revoked};
use tokio::task::spawn_blocking;

/// The file in the folder of a hub, or of a namespace: a line of JSON for each revocation, and for each that was taken back.
///
/// It is no topic of the log, of which retention takes the oldest.
const FILE: &str = "revocations.jsonl";

/// Where the revocations of a namespace are written down; nowhere, where nothing is kept.
#[derive(Clone, Debug)]
pub(crate) struct Ledger(Option<Arc<Mutex<File>>>);

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Line {
    Lifted { lifted: Revoked },
    Revoked(Revocation),
}

impl Ledger {
    /// The ledger of a hub that keeps nothing.
    pub(crate) fn nowhere() -> Self {
        Self(None)
    }

    /// Opens the ledger in a folder, and gives what holds according to it. What was taken back is not in it any more.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or written, or has something else in it.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, Vec<Revocation>)> {
        let path = folder.join(FILE);
        let revocations = read(&path)?;
        write_anew(folder, &path, &revocations)?;
        let file = OpenOptions::new().append(true).open(&path)?;
        Ok((Self(Some(Arc::new(Mutex::new(file)))), revocations))
    }

    /// Writes down a revocation. It is on the disk when this returns.
    pub(crate) async fn revoked(&self, revocation: Revocation) -> io::Result<()> {
        self.add(Line::Revoked(revocation)).await
    }

    /// Writes down that one was taken back.
    pub(crate) async fn lifted(&self, lifted: Revoked) -> io::Result<()> {
        self.add(Line::Lifted { lifted }).await
    }

    async fn add(&self, line: Line) -> io::Result<()> {
        let Some(file) = self.0.clone() else {
            return Ok(());
        };
        let line = text(&line);
        // Done whether or not anybody waits for it.
        let written = spawn_blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(line.as_bytes())?;
            file.sync_data()
        });
        written.await?
    }
}

/// What holds, in the order in which it was revoked.
fn read(path: &Path) -> io::Result<Vec<Revocation>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut revocations: Vec<Revocation> = Vec::new();
    // A line without an end is what a crash has left of one that nobody was told of.
    let lines = text
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    for (number, line) in (1..).zip(lines) {
        let line = serde_json::from_str(line).map_err(|error| {
            let place = format!("{}: line {number}: {error}", path.display());
            io::Error::new(ErrorKind::InvalidData, place)
        })?;
        match line {
            Line::Lifted { lifted } => revocations.retain(|known| known.what != lifted),
            Line::Revoked(revocation) => {
                revocations.retain(|known| known.what != revocation.what);
                revocations.push(revocation);
            }
        }
    }
    Ok(revocations)
}

/// Replaces the file by one that has these and nothing else.
fn write_anew(folder: &Path, path: &PathBuf, revocations: &[Revocation]) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(folder)?;
    for revocation in revocations {
        file.write_all(text(&Line::Revoked(revocation.clone())).as_bytes())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn text(line: &Line) -> String {
    let mut text = serde_json::to_string(line).expect("texts and a time always have a JSON form");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revocation(name: &str) -> Revocation {
        Revocation {
            what: Revoked::Identity(name.to_owned()),
            namespace: None,
            until: None,
        }
    }

    #[tokio::test]
    async fn what_is_written_down_is_read_again_but_for_what_was_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, known) = Ledger::open(folder.path()).unwrap();
        assert_eq!(known, []);
        for name in ["a", "b", "a"] {
            ledger.revoked(revocation(name)).await.unwrap();
        }
        ledger
            .lifted(Revoked::Identity("b".to_owned()))
            .await
            .unwrap();
        let (_, known) = Ledger::open(folder.path()).unwrap();
        assert_eq!(known, [revocation("a")]);
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn half_a_line_is_no_line_and_something_else_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, "{\"identity\":\"a\"}\n{\"identity\":").unwrap();
        let (_, known) = Ledger::open(folder.path()).unwrap();
        assert_eq!(known, [revocation("a")]);
        fs::write(&path, "{\"identity\":\"a\"}\nnonsense\n").unwrap();
        let error = Ledger::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
