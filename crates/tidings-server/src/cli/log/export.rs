//! `tidings log export`.

use std::fmt;
use std::fs::Permissions;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use tempfile::{NamedTempFile, TempPath};
use tidings::Selector;
use tidings_log::{Position, StoredLog, StoredRecord, Topic};

use crate::cli::exit::Exit;
use crate::cli::log::gaps::Gaps;
use crate::cli::log::line::Line;
use crate::cli::log::{FolderArgs, listen, until_signal};
use crate::cli::notice;
use crate::cli::progress::Progress;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings log export history.ndjson                  everything, into a new file
  tidings log export | zstd > history.ndjson.zst     or to stdout
  tidings log export --topic 'orders/*' --topic news some topics only
  tidings log export --skip-damaged saved.ndjson     what can be saved of a damaged log

A line is {\"id\",\"topic\",\"event\",\"data\",\"key\",\"final\",\"time\"}; ids rise. Behind the events
there may be lines {\"id\",\"topic\",\"gap\":true}: up to that id events of the topic may be missing,
or, if that is null, of topics that have no event here. `tidings log import` tells readers by them.
A file is there as a whole or not at all.")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// The file to write; - or none is stdout
    file: Option<PathBuf>,

    /// Export these topics only; can be given several times
    #[arg(long = "topic", value_name = "SELECTOR")]
    topics: Vec<Selector>,

    /// Leave damaged events out
    #[arg(long)]
    skip_damaged: bool,

    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
}

pub(super) async fn export(args: ExportArgs) -> anyhow::Result<Exit> {
    let log = args.folder.open()?;
    let file = args.file.filter(|file| file != Path::new("-"));
    let signals = listen()?;
    let target = file.map(|file| Target::new(file, args.force)).transpose()?;
    let (out, is_seen): (Box<dyn Write + Send>, bool) = match &target {
        Some(target) => (Box::new(target.temporary.reopen()?), false),
        None => (Box::new(io::stdout()), io::stdout().is_terminal()),
    };
    let progress = match is_seen {
        true => Progress::none(),
        false => Progress::new(Some(log.records()), "exported"),
    };
    let export = Export {
        log,
        topics: args.topics,
        skip_damaged: args.skip_damaged,
        progress,
    };
    let summary = match until_signal(signals, move || export.write_to(BufWriter::new(out))).await? {
        ControlFlow::Continue(summary) => summary,
        ControlFlow::Break(exit) => return Ok(exit),
    };
    if let Some(target) = target {
        target.keep()?;
    }
    notice(format_args!("{summary}"));
    Ok(Exit::Success)
}

/// A file that is written beside its place.
struct Target {
    path: PathBuf,
    temporary: NamedTempFile,
    force: bool,
}

impl Target {
    fn new(path: PathBuf, force: bool) -> anyhow::Result<Self> {
        let name = path.display();
        ensure!(!path.is_dir(), "'{name}' is a folder");
        ensure!(
            force || !path.exists(),
            "'{name}' is there already: --force overwrites it"
        );
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let temporary = tempfile::Builder::new()
            .prefix(".export-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder);
        let temporary = temporary.with_context(|| format!("cannot write '{}'", path.display()))?;
        Ok(Self {
            path,
            temporary,
            force,
        })
    }

    /// Puts the file in its place.
    fn keep(self) -> anyhow::Result<()> {
        let written = self.temporary.as_file().sync_all();
        written.with_context(|| format!("cannot write '{}'", self.path.display()))?;
        let temporary: TempPath = self.temporary.into_temp_path();
        let kept = match self.force {
            true => temporary.persist(&self.path),
            false => temporary.persist_noclobber(&self.path),
        };
        kept.with_context(|| format!("cannot write '{}'", self.path.display()))
    }
}

struct Export {
    log: StoredLog,
    topics: Vec<Selector>,
    skip_damaged: bool,
    progress: Progress,
}

impl Export {
    fn write_to(self, mut out: impl Write) -> anyhow::Result<Summary> {
        let mut summary = Summary::default();
        let mut gaps = Gaps::default();
        let mut after = 0;
        loop {
            let page = self.log.page(after)?;
            let Some(last) = page.last() else { break };
            after = last.sequence();
            self.progress.advance(page.len() as u64);
            for record in page {
                match record {
                    StoredRecord::Sound(record) if self.wants(&record.topic) => {
                        gaps.exported(&record);
                        summary.add(record.position());
                        Line::Event(record).write(&mut out)?;
                    }
                    StoredRecord::Sound(_) | StoredRecord::Leftover(_) => {}
                    StoredRecord::Damaged(sequence) => {
                        let id = self.log.found().epochs.position(sequence);
                        if !self.skip_damaged {
                            bail!("event {id} is damaged: --skip-damaged exports the others");
                        }
                        gaps.damaged(sequence);
                        summary.damaged += 1;
                    }
                }
            }
            self.progress.events(summary.events);
        }
        for line in gaps.lines(&self.log) {
            line.write(&mut out)?;
        }
        out.flush()?;
        // The names of topics are not under the checksums of events.
        match summary.damaged {
            0 => self.log.check()?,
            _ => self.log.check_all_but_events()?,
        }
        self.progress.finish();
        Ok(summary)
    }

    fn wants(&self, topic: &Topic) -> bool {
        let mut selectors = self.topics.iter();
        self.topics.is_empty() || selectors.any(|selector| selector.matches(topic))
    }
}

#[derive(Default)]
struct Summary {
    events: u64,
    damaged: u64,
    ends: Option<(Position, Position)>,
}

impl Summary {
    fn add(&mut self, id: Position) {
        self.events += 1;
        match &mut self.ends {
            Some((_, last)) => *last = id,
            None => self.ends = Some((id.clone(), id)),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "events exported: {}", self.events)?;
        if let Some((first, last)) = &self.ends {
            write!(f, " ({first} to {last})")?;
        }
        match self.damaged {
            0 => Ok(()),
            damaged => write!(f, "; damaged and left out: {damaged}"),
        }
    }
}
