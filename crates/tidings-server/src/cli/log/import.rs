//! `tidings log import`.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::iter::repeat_with;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use clap::Args;
use tempfile::TempDir;
use tidings_log::{Epoch, Import, ImportError, OpenError, StoredLog};

use crate::cli::exit::Exit;
use crate::cli::line_buffer::LineBuffer;
use crate::cli::log::line::Line;
use crate::cli::log::{FolderArgs, listen, name_the_hub, until_signal};
use crate::cli::notice;
use crate::cli::progress::Progress;

/// The largest event there can be, with every character escaped, is shorter.
const LONGEST_LINE: usize = 512 * 1024 * 1024;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings log import history.ndjson                        into ./tidings-data
  tidings log import --data-dir new history.ndjson         into another folder
  zstd -d < history.ndjson.zst | tidings log import        from stdin

Takes lines as `tidings log export` writes them, into a folder that has no log. Ids, times and ended
topics are kept, so readers resume where they were; idempotency keys are not. What is published
afterwards is of a new epoch: a reader that comes with a later id than the last one here is told
that history was lost (epoch-changed). If a line is refused, nothing is left behind.")]
pub(super) struct ImportArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// The file to read; - or none is stdin
    file: Option<PathBuf>,
}

pub(super) async fn import(args: ImportArgs) -> anyhow::Result<Exit> {
    let folder = args.folder.data_dir;
    refuse_a_log(&folder)?;
    let (input, progress) = open(args.file.as_deref().filter(|file| *file != Path::new("-")))?;
    let signals = listen()?;
    let made = MadeFolders::new(&folder);
    let made = made.with_context(|| format!("cannot make the folder '{}'", folder.display()))?;
    let beside = tempfile::Builder::new()
        .prefix(".import-")
        .tempdir_in(&folder)
        .with_context(|| format!("cannot write in '{}'", folder.display()))?;
    let beside = Arc::new(Beside(Mutex::new(Some(beside))));
    let of_reader = beside.clone();
    let imported = match until_signal(signals, move || read(input, &of_reader, &progress)).await? {
        ControlFlow::Continue(imported) => imported,
        ControlFlow::Break(exit) => {
            drop(beside.folder().take());
            return Ok(exit);
        }
    };
    refuse_a_log(&folder)?;
    put_in_place(&imported.file, &folder)
        .with_context(|| format!("cannot write in '{}'", folder.display()))?;
    drop(made);
    let Imported { events, next, .. } = imported;
    notice(format_args!(
        "events imported: {events}; what follows them is of the new epoch {next}",
        next = next.as_str()
    ));
    Ok(Exit::Success)
}

fn refuse_a_log(folder: &Path) -> anyhow::Result<()> {
    match StoredLog::open(folder) {
        Err(OpenError::Missing(_)) => Ok(()),
        Err(error @ (OpenError::InUse(_) | OpenError::Io { .. })) => Err(name_the_hub(error)),
        _ => bail!(
            "there is a log in '{}' already: name another folder with --data-dir, or move its log away",
            folder.display()
        ),
    }
}

fn open(file: Option<&Path>) -> anyhow::Result<(Box<dyn Read + Send>, Progress)> {
    let Some(path) = file else {
        if io::stdin().is_terminal() {
            notice(format_args!("reading from the terminal; end with Ctrl-D"));
        }
        return Ok((Box::new(io::stdin()), Progress::of_stdin("imported")));
    };
    let file = File::open(path).with_context(|| format!("cannot read '{}'", path.display()))?;
    let size = file.metadata().ok().map(|metadata| metadata.len());
    Ok((Box::new(file), Progress::new(size, "imported")))
}

/// The folder in which a log is made, until that is called off: the reader cannot be waited for, since it may be waiting
/// for input, and must not make files in a folder that is being removed.
struct Beside(Mutex<Option<TempDir>>);

impl Beside {
    fn folder(&self) -> MutexGuard<'_, Option<TempDir>> {
        // There is a folder or there is none.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a log, while the folder is there to stay.
    fn begin(&self, epoch: Epoch) -> anyhow::Result<Import> {
        let folder = self.folder();
        let folder = folder.as_ref().context("called off")?;
        Ok(Import::begin(folder.path(), epoch)?)
    }
}

/// What has come of an import.
struct Imported {
    events: u64,
    next: Epoch,
    file: PathBuf,
}

/// Makes a log of the lines in a folder of its own.
fn read(mut input: impl Read, beside: &Beside, progress: &Progress) -> anyhow::Result<Imported> {
    let mut lines = LineBuffer::new(LONGEST_LINE);
    let mut building = Building {
        beside,
        import: None,
        lines: 0,
        events: 0,
    };
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let count = input.read(&mut chunk).context("cannot read the lines")?;
        if count == 0 {
            break;
        }
        progress.advance(count as u64);
        lines.push(&chunk[..count]);
        while let Some(line) = lines.next() {
            building.add(&line.bytes, line.is_cut)?;
        }
        progress.events(building.events);
    }
    if let Some(line) = lines.finish() {
        building.add(&line.bytes, line.is_cut)?;
    }
    progress.finish();
    let import = building.import.filter(|_| building.events > 0);
    let import = import.context("there is no event to import")?;
    let token: String = repeat_with(fastrand::alphanumeric).take(10).collect();
    let next = Epoch::new(token)?;
    let file = import.finish(next.clone())?;
    Ok(Imported {
        events: building.events,
        next,
        file,
    })
}

struct Building<'a> {
    beside: &'a Beside,
    /// Begins with the epoch of the first line.
    import: Option<Import>,
    lines: u64,
    events: u64,
}

impl Building<'_> {
    fn add(&mut self, line: &[u8], is_cut: bool) -> anyhow::Result<()> {
        self.lines += 1;
        let number = self.lines;
        anyhow::ensure!(!is_cut, "line {number} is longer than {LONGEST_LINE} bytes");
        let line = Line::read(line).with_context(|| format!("line {number}"))?;
        let import = match &mut self.import {
            Some(import) => import,
            None => self.import.insert(self.beside.begin(line.epoch().clone())?),
        };
        let added = match line {
            Line::Event(record) => {
                self.events += 1;
                import.add(record)
            }
            Line::Gap(place, topic) => import.gap(&place, topic.as_ref()),
        };
        added.map_err(|error| match &error {
            ImportError::Order(_) | ImportError::TooHigh => {
                anyhow::anyhow!("line {number}: id: {error}")
            }
            ImportError::Ended => anyhow::anyhow!("line {number}: topic: {error}"),
            _ => error.into(),
        })
    }
}

/// Puts the finished file into its folder, where a hub looks for it.
fn put_in_place(file: &Path, folder: &Path) -> io::Result<()> {
    let name = file.file_name().unwrap_or_default();
    fs::rename(file, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// Folders that were made for the log, and go again unless there is something in them.
struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    fn new(folder: &Path) -> io::Result<Self> {
        let missing = folder.ancestors().take_while(|folder| {
            let is_named = !folder.as_os_str().is_empty();
            is_named && !folder.exists()
        });
        let made = Self(missing.map(Path::to_owned).collect());
        fs::create_dir_all(folder)?;
        Ok(made)
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            // It holds the log.
            let _ = fs::remove_dir(folder);
        }
    }
}
