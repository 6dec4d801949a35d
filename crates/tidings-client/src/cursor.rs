//! Positions that outlive the process.

use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task;

/// More than any id, so that a file that is none is not read whole.
const LONGEST: u64 = 64 * 1024;

/// Where the position of a subscription is kept, so that a program goes on where an earlier run
/// of it was.
///
/// [`Subscribe::cursor`](crate::Subscribe::cursor) begins from what [`load`](Self::load) gives,
/// and [`Subscription::ack`](crate::Subscription::ack) saves. What is saved has to survive
/// whatever the program is to survive, and a save that fails midway has to leave the earlier one.
/// [`FileCursor`] keeps it in a file; beside the effects of events it can be kept with them:
///
/// ```
/// use std::sync::Mutex;
/// use tidings_client::{CursorStore, Stored};
///
/// /// Stands for a database, where a transaction has the effects and the position.
/// #[derive(Debug, Default)]
/// struct Table(Mutex<Option<String>>);
///
/// impl CursorStore for Table {
///     fn load(&self) -> Stored<'_, Option<String>> {
///         Box::pin(async { Ok(self.0.lock().unwrap().clone()) })
///     }
///
///     fn save<'a>(&'a self, id: &'a str) -> Stored<'a, ()> {
///         Box::pin(async { Ok(*self.0.lock().unwrap() = Some(id.to_owned())) })
///     }
/// }
/// # let _ = Table::default();
/// ```
pub trait CursorStore: std::fmt::Debug + Send + Sync {
    /// The id that was saved last, if there is one.
    ///
    /// # Errors
    ///
    /// Fails if that cannot be told; the subscription then does not begin.
    fn load(&self) -> Stored<'_, Option<String>>;

    /// Keeps the id of the last event that need not come again.
    ///
    /// # Errors
    ///
    /// Fails if it is not kept; the one before still is.
    fn save<'a>(&'a self, id: &'a str) -> Stored<'a, ()>;
}

/// What a store answers.
pub type Stored<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// A cursor in a file of its own, which holds the id and a line end.
///
/// Each save writes another file beside it (its name with `.new` behind), brings that to the disk
/// and puts it in the place of the first: after a crash, of the machine too, there is the old
/// position or the new one, whole. A symbolic link stays one: it is the file it leads to that is
/// written. A file is for one process at a time: of several, the one that saves last decides.
///
/// A file that holds anything else than an id is an error, an empty one too, and so is a folder
/// that cannot be written to: a subscription then ends before its first event.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use tidings_client::{Client, FileCursor, Item, Start};
///
/// let client = Client::builder("http://127.0.0.1:8434").build()?;
/// let cursor = FileCursor::new("orders.cursor");
/// let mut orders = client.subscribe(["orders/*"]).from(Start::Oldest).cursor(cursor).open();
/// while let Some(item) = orders.next().await {
///     if let Item::Event(event) = item? {
///         println!("{}", event.data); // once this is done, a crash does not bring it back
///         orders.ack(&event.id).await?;
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct FileCursor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    next: AtomicU64,
    /// The number of the newest save that is done. Held while one is written.
    saved: Mutex<u64>,
}

impl FileCursor {
    /// The cursor in the file at `path`. Nothing is read or written yet; the file need not exist,
    /// its folder must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            shared: Arc::new(Shared {
                path: path.into(),
                next: AtomicU64::new(1),
                saved: Mutex::new(0),
            }),
        }
    }
}

impl Shared {
    fn saving(&self) -> MutexGuard<'_, u64> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CursorStore for FileCursor {
    fn load(&self) -> Stored<'_, Option<String>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async {
            let load = move || {
                let _saving = shared.saving();
                target(&shared.path)
                    .and_then(|path| load(&path))
                    .map_err(|error| at(&shared.path, &error))
            };
            task::spawn_blocking(load).await?
        })
    }

    fn save<'a>(&'a self, id: &'a str) -> Stored<'a, ()> {
        let shared = Arc::clone(&self.shared);
        let id = id.to_owned();
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let save = move || {
                let mut saved = shared.saving();
                // Saves that were not waited for can come here in another order.
                if number > *saved {
                    target(&shared.path)
                        .and_then(|path| save(&path, &id))
                        .map_err(|error| at(&shared.path, &error))?;
                    *saved = number;
                }
                Ok(())
            };
            task::spawn_blocking(save).await?
        })
    }
}

/// Where the links of this path lead to, whether there is a file yet or not.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            // A circle of links is another error.
            Ok(link) => target(&path.with_file_name("").join(link)),
            Err(_) => Ok(path.to_owned()),
        },
        target => target,
    }
}

fn load(path: &Path) -> io::Result<Option<String>> {
    // That nothing can be saved here is better known before the first event than after it.
    let new = alone(&beside(path))?;
    fs::remove_file(beside(path))?;
    drop(new);
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut text)?;
    let is_short = text.len() as u64 <= LONGEST;
    let text = String::from_utf8(text).ok().filter(|_| is_short);
    let Some(id) = text.as_deref().and_then(saved) else {
        let reason = "holds no event id; remove it to begin without one";
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    };
    Ok((!id.is_empty()).then(|| id.to_owned()))
}

/// The id in a file with this text. A file that has nothing at all was never saved: an id that is
/// empty has its line end.
fn saved(text: &str) -> Option<&str> {
    let id = text.strip_suffix('\n').unwrap_or(text);
    let is_id = !text.is_empty() && !id.contains(char::is_control);
    is_id.then_some(id)
}

fn save(path: &Path, id: &str) -> io::Result<()> {
    let new = beside(path);
    let mut file = alone(&new)?;
    file.set_len(0)?;
    file.write_all(format!("{id}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The rename is on the disk once its folder is.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

/// Opens a file that is about to be brought into place, and keeps all others from it meanwhile: what
/// two write at the same time would be there in half.
fn alone(new: &Path) -> io::Result<File> {
    loop {
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(false).open(new)?;
        // Where files cannot be locked, there has to be one process at a time, as there should.
        let _ = file.lock();
        if is_at(&file, new)? {
            return Ok(file);
        }
    }
}

/// Whether this is still the file at `path`, and nobody else has brought it into place.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let file = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (file.dev(), file.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Files of other systems do not tell which one they are.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    Ok(path.exists())
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// The error, with the file that it is about.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[tokio::test]
    async fn what_was_saved_last_is_loaded() {
        let folder = folder();
        let path = folder.path().join("cursor");
        let cursor = FileCursor::new(&path);
        assert_eq!(cursor.load().await.unwrap(), None);
        cursor.save("e-1").await.unwrap();
        cursor.save("e-2").await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "e-2\n");
        let again = FileCursor::new(&path);
        assert_eq!(again.load().await.unwrap().as_deref(), Some("e-2"));
        let files = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "nothing is left beside it");
    }

    #[tokio::test]
    async fn a_save_that_is_late_does_not_go_back() {
        let folder = folder();
        let cursor = FileCursor::new(folder.path().join("cursor"));
        let (first, second) = (cursor.save("e-1"), cursor.save("e-2"));
        second.await.unwrap();
        first.await.unwrap();
        assert_eq!(cursor.load().await.unwrap().as_deref(), Some("e-2"));
    }

    #[tokio::test]
    async fn a_save_that_was_cut_short_leaves_the_one_before() {
        let folder = folder();
        let path = folder.path().join("cursor");
        let cursor = FileCursor::new(&path);
        cursor.save("e-1").await.unwrap();
        fs::write(folder.path().join("cursor.new"), "e-").unwrap();
        assert_eq!(cursor.load().await.unwrap().as_deref(), Some("e-1"));
        cursor.save("e-2").await.unwrap();
        assert_eq!(cursor.load().await.unwrap().as_deref(), Some("e-2"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_that_save_at_the_same_time_leave_a_whole_id() {
        let folder = folder();
        let path = folder.path().join("cursor");
        let save_often = |id: &'static str| {
            let cursor = FileCursor::new(&path);
            tokio::spawn(async move {
                for _ in 0..50 {
                    cursor.save(id).await.unwrap();
                    let loaded = cursor.load().await.unwrap();
                    assert!(loaded.is_some_and(|loaded| loaded.starts_with("e-")));
                }
            })
        };
        let (first, second) = (save_often("e-1"), save_often("e-22222"));
        first.await.unwrap();
        second.await.unwrap();
        let files = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "nothing is left beside it");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_leads_to_the_same_file_before_and_after_a_save() {
        let folder = folder();
        let (link, file) = (folder.path().join("link"), folder.path().join("data"));
        fs::create_dir(&file).unwrap();
        let file = file.join("cursor");
        std::os::unix::fs::symlink("data/cursor", &link).unwrap();
        let cursor = FileCursor::new(&link);
        assert_eq!(cursor.load().await.unwrap(), None);
        for id in ["e-1", "e-2"] {
            cursor.save(id).await.unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read_to_string(&file).unwrap(), format!("{id}\n"));
        }
        assert_eq!(cursor.load().await.unwrap().as_deref(), Some("e-2"));
        let round = folder.path().join("round");
        std::os::unix::fs::symlink("round", &round).unwrap();
        assert!(FileCursor::new(&round).load().await.is_err());
    }

    #[tokio::test]
    async fn a_file_that_is_no_cursor_is_an_error() {
        let folder = folder();
        let path = folder.path().join("cursor");
        let long = "1".repeat(100_000);
        for content in [
            &b""[..],
            b"e-1\ne-2\n",
            b"a\0b",
            b"\x7f",
            b"\xff\xfe",
            long.as_bytes(),
        ] {
            fs::write(&path, content).unwrap();
            let error = FileCursor::new(&path).load().await.unwrap_err();
            let told = error.to_string();
            let expected = format!("{}: holds no event id", path.display());
            assert!(told.starts_with(&expected), "{content:?}: {told}");
        }
        let folder = FileCursor::new(folder.path());
        assert!(folder.load().await.is_err());
    }

    #[tokio::test]
    async fn where_nothing_can_be_saved_nothing_begins() {
        let folder = folder();
        let path = folder.path().join("none").join("cursor");
        let nowhere = FileCursor::new(&path);
        for error in [
            nowhere.load().await.unwrap_err(),
            nowhere.save("e-1").await.unwrap_err(),
        ] {
            assert!(
                error.to_string().starts_with(path.to_str().unwrap()),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn an_empty_id_that_was_saved_is_none() {
        let folder = folder();
        let cursor = FileCursor::new(folder.path().join("cursor"));
        cursor.save("").await.unwrap();
        assert_eq!(cursor.load().await.unwrap(), None);
    }
}
