//! What is revoked, written down so that it holds after a restart.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tidings::Timestamp;
use tidings_auth::{Revocation, Revoked};
use tokio::task::spawn_blocking;

/// The file in the folder of a hub, or of a namespace: a line of JSON for each revocation, and for each that was taken back.
///
/// It is no topic of the log, of which retention takes the oldest.
const FILE: &str = "revocations.jsonl";

/// Where the revocations of a namespace are written down; nowhere, where nothing is kept.
#[derive(Clone, Debug)]
pub(crate) struct Ledger(Option<Arc<Book>>);

#[derive(Debug)]
struct Book {
    folder: PathBuf,
    /// Lines that are to be written, in the order in which what they say was done.
    changes: Mutex<String>,
    /// What lines are added to, locked to write. `None` once that has failed, perhaps half way: then the next one who
    /// writes makes the whole file anew.
    file: Mutex<Option<File>>,
}

/// The right to change what is revoked. Nobody else has it meanwhile, so what is written has the order of what was done.
pub(super) struct Changes<'a>(Option<MutexGuard<'a, String>>);

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

    /// Opens the ledger in a folder, and gives what holds according to it. What was taken back or is over is not in it any more.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or written, or has something else in it.
    pub(crate) fn open(folder: &Path, now: Timestamp) -> io::Result<(Self, Vec<Revocation>)> {
        let revocations = read(&folder.join(FILE), now)?;
        let file = write_anew(folder, &revocations)?;
        let book = Book {
            folder: folder.to_owned(),
            changes: Mutex::default(),
            file: Mutex::new(Some(file)),
        };
        Ok((Self(Some(Arc::new(book))), revocations))
    }

    /// Waits for the right to change what is revoked, which nobody has for long.
    pub(super) fn changes(&self) -> Changes<'_> {
        Changes(self.0.as_ref().map(|book| lock(&book.changes)))
    }

    /// Writes down what has changed. It is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// The file could not be written. It has what it had before, and `all` that holds as soon as writing succeeds again.
    pub(super) async fn write(
        &self,
        all: impl FnOnce() -> Vec<Revocation> + Send + 'static,
    ) -> io::Result<()> {
        let Some(book) = self.0.clone() else {
            return Ok(());
        };
        // Done whether or not anybody waits for it.
        spawn_blocking(move || book.write(all)).await?
    }
}

impl Changes<'_> {
    pub(super) fn revoked(&mut self, revocation: &Revocation) {
        self.add(&Line::Revoked(revocation.clone()));
    }

    pub(super) fn lifted(&mut self, lifted: Revoked) {
        self.add(&Line::Lifted { lifted });
    }

    fn add(&mut self, line: &Line) {
        if let Some(lines) = &mut self.0 {
            lines.push_str(&text(line));
        }
    }
}

impl Book {
    fn write(&self, all: impl FnOnce() -> Vec<Revocation>) -> io::Result<()> {
        let mut file = lock(&self.file);
        let mut changes = lock(&self.changes);
        let lines = mem::take(&mut *changes);
        if let Some(open) = &mut *file {
            drop(changes);
            let written = open
                .write_all(lines.as_bytes())
                .and_then(|()| open.sync_data());
            return written.inspect_err(|_| *file = None);
        }
        let all = all();
        drop(changes);
        *file = Some(write_anew(&self.folder, &all)?);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What holds.
fn read(path: &Path, now: Timestamp) -> io::Result<Vec<Revocation>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut revocations = HashMap::new();
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
            Line::Lifted { lifted } => drop(revocations.remove(&lifted)),
            Line::Revoked(revocation) => {
                revocations.insert(revocation.what.clone(), revocation);
            }
        }
    }
    let holds = |revocation: &Revocation| revocation.until.is_none_or(|until| now < until);
    Ok(revocations.into_values().filter(holds).collect())
}

/// Replaces the file by one that has these and nothing else, to which more can be added.
fn write_anew(folder: &Path, revocations: &[Revocation]) -> io::Result<File> {
    let mut text_of_all = String::new();
    for revocation in revocations {
        text_of_all.push_str(&text(&Line::Revoked(revocation.clone())));
    }
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text_of_all.as_bytes())?;
    file.as_file().sync_all()?;
    let file = file
        .persist(folder.join(FILE))
        .map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

fn text(line: &Line) -> String {
    let mut text = serde_json::to_string(line).expect("texts and a time always have a JSON form");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn revocation(name: &str) -> Revocation {
        Revocation {
            what: Revoked::Identity(name.to_owned()),
            namespace: None,
            until: None,
        }
    }

    fn open(folder: &Path) -> (Ledger, Vec<Revocation>) {
        Ledger::open(folder, NOW).unwrap()
    }

    async fn revoke(ledger: &Ledger, all: &[&str]) -> io::Result<()> {
        let all: Vec<_> = all.iter().copied().map(revocation).collect();
        ledger.changes().revoked(all.last().unwrap());
        ledger.write(move || all).await
    }

    #[tokio::test]
    async fn what_is_written_down_is_read_again_but_for_what_was_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, known) = open(folder.path());
        assert_eq!(known, []);
        for name in ["a", "b", "a"] {
            revoke(&ledger, &[name]).await.unwrap();
        }
        ledger.changes().lifted(Revoked::Identity("b".to_owned()));
        ledger.write(Vec::new).await.unwrap();
        let (_, known) = open(folder.path());
        assert_eq!(known, [revocation("a")]);
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[tokio::test]
    async fn after_half_a_line_comes_none_but_the_file_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (ledger, _) = open(folder.path());
        revoke(&ledger, &["a"]).await.unwrap();
        // As a disk leaves it that is full.
        fs::write(&path, "{\"identity\":\"a\"}\n{\"ident").unwrap();
        let book = ledger.0.as_ref().unwrap();
        *lock(&book.file) = Some(File::open(&path).unwrap());
        revoke(&ledger, &["a", "b"]).await.unwrap_err();
        let (_, known) = open(folder.path());
        assert_eq!(known, [revocation("a")]);
        revoke(&ledger, &["a", "b", "c"]).await.unwrap();
        revoke(&ledger, &["d"]).await.unwrap();
        let (_, mut known) = open(folder.path());
        known.sort_by_key(|known| format!("{:?}", known.what));
        assert_eq!(known, ["a", "b", "c", "d"].map(revocation));
    }

    #[test]
    fn half_a_line_is_no_line_and_something_else_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, "{\"identity\":\"a\"}\n{\"identity\":").unwrap();
        let (_, known) = open(folder.path());
        assert_eq!(known, [revocation("a")]);
        fs::write(&path, "{\"identity\":\"a\"}\nnonsense\n").unwrap();
        let error = Ledger::open(folder.path(), NOW).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let token = |number: u64| Revocation {
            what: Revoked::Jti(number.to_string()),
            namespace: None,
            until: Some(Timestamp::from_millis(NOW.as_millis() + number)),
        };
        write_anew(folder.path(), &[token(0), token(1)]).unwrap();
        let (_, known) = open(folder.path());
        assert_eq!(known, [token(1)]);
    }
}
