//! `tidings log info`.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, Write};

use bytesize::ByteSize;
use clap::Args;
use serde::Serialize;
use tidings::rfc3339;
use tidings_log::{Record, StoredLog, StoredRecord, Timestamp, Topic};

use crate::cli::exit::Exit;
use crate::cli::log::FolderArgs;
use crate::cli::progress::Progress;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings log info                                   what is stored in ./tidings-data
  tidings log info --data-dir /var/lib/tidings       in another folder
  tidings log info --topics 100                      with the 100 largest topics
  tidings log info --json | jq .events               for a program

Bytes of events are counted as retention counts them.")]
pub(super) struct InfoArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// How many topics to show, the largest first
    #[arg(long, value_name = "N", default_value_t = 10)]
    topics: usize,

    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn info(args: &InfoArgs) -> anyhow::Result<Exit> {
    let log = args.folder.open()?;
    let progress = Progress::new(Some(log.records()), "read");
    let summary = Summary::read(&log, args.topics, &progress)?;
    progress.finish();
    let mut stdout = io::stdout().lock();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string(&summary)?)?;
    } else {
        summary.print(&mut stdout)?;
    }
    Ok(Exit::Success)
}

#[derive(Serialize)]
struct Summary {
    file: String,
    file_bytes: u64,
    format_version: u64,
    closed_cleanly: bool,
    epochs: Vec<EpochSummary>,
    events: u64,
    bytes: u64,
    damaged: u64,
    first_id: Option<String>,
    last_id: Option<String>,
    oldest: Option<String>,
    newest: Option<String>,
    idempotency_keys: usize,
    topic_count: usize,
    topics: Vec<TopicSummary>,
}

#[derive(Serialize)]
struct EpochSummary {
    epoch: String,
    first: u64,
}

#[derive(Serialize)]
struct TopicSummary {
    topic: String,
    events: u64,
    bytes: u64,
    first_id: String,
    last_id: String,
    ended: bool,
}

/// What is counted, of a topic or of all of them.
#[derive(Clone, Copy, Default)]
struct Count {
    events: u64,
    bytes: u64,
    first: u64,
    last: u64,
    ended: bool,
}

impl Count {
    fn add(&mut self, record: &Record) {
        if self.events == 0 {
            self.first = record.sequence;
        }
        self.events += 1;
        self.bytes += record.size();
        self.last = record.sequence;
        self.ended = record.ends_topic;
    }
}

impl Summary {
    /// Counts everything, and lists so many topics.
    fn read(log: &StoredLog, listed: usize, progress: &Progress) -> anyhow::Result<Self> {
        let mut all = Count::default();
        let mut topics: HashMap<Topic, Count> = HashMap::new();
        let mut times: Option<(Timestamp, Timestamp)> = None;
        let (mut damaged, mut after) = (0, 0);
        loop {
            let page = log.page(after)?;
            let Some(last) = page.last() else { break };
            after = last.sequence();
            progress.advance(page.len() as u64);
            for record in page {
                match record {
                    StoredRecord::Sound(record) => {
                        all.add(&record);
                        topics.entry(record.topic.clone()).or_default().add(&record);
                        let (oldest, newest) = times.unwrap_or((record.time, record.time));
                        times = Some((oldest.min(record.time), newest.max(record.time)));
                    }
                    StoredRecord::Leftover(_) => {}
                    StoredRecord::Damaged(_) => damaged += 1,
                }
            }
            progress.events(all.events);
        }
        let found = log.found();
        let id = |sequence| found.epochs.position(sequence).to_string();
        let mut largest: Vec<(Topic, Count)> = topics.into_iter().collect();
        largest.sort_unstable_by(|(a, of_a), (b, of_b)| {
            (Reverse(of_a.bytes), a).cmp(&(Reverse(of_b.bytes), b))
        });
        largest.truncate(listed);
        let topics = largest.into_iter().map(|(topic, count)| TopicSummary {
            topic: topic.to_string(),
            events: count.events,
            bytes: count.bytes,
            first_id: id(count.first),
            last_id: id(count.last),
            ended: count.ended,
        });
        let epochs = found.epochs.iter().map(|(first, epoch)| EpochSummary {
            epoch: epoch.as_str().to_owned(),
            first,
        });
        let of_any = |text: String| (all.events > 0).then_some(text);
        Ok(Self {
            file: log.path().display().to_string(),
            file_bytes: log.file_bytes(),
            format_version: log.format_version(),
            closed_cleanly: log.was_closed(),
            epochs: epochs.collect(),
            events: all.events,
            bytes: all.bytes,
            damaged,
            first_id: of_any(id(all.first)),
            last_id: of_any(id(all.last)),
            oldest: times.map(|(oldest, _)| rfc3339(oldest)),
            newest: times.map(|(_, newest)| rfc3339(newest)),
            idempotency_keys: found.keys.len(),
            topic_count: found.topics.len(),
            topics: topics.collect(),
        })
    }

    fn print(&self, mut out: impl Write) -> io::Result<()> {
        let clean = match self.closed_cleanly {
            true => "yes",
            false => "no, it ended by a crash",
        };
        let epochs = self.epochs.iter();
        let epochs = epochs.map(|own| format!("{} (from {})", own.epoch, own.first));
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        for (name, value) in [
            ("file", self.file.clone()),
            ("file size", size(self.file_bytes)),
            ("format version", self.format_version.to_string()),
            ("closed cleanly", clean.to_owned()),
            ("epochs", epochs.collect::<Vec<_>>().join(", ")),
            ("events", self.events.to_string()),
            ("bytes of events", size(self.bytes)),
            ("damaged events", self.damaged.to_string()),
            ("first id", or_none(&self.first_id)),
            ("last id", or_none(&self.last_id)),
            ("oldest", or_none(&self.oldest)),
            ("newest", or_none(&self.newest)),
            ("idempotency keys", self.idempotency_keys.to_string()),
            ("topics", self.topic_count.to_string()),
        ] {
            writeln!(out, "{name:<18}{value}")?;
        }
        if self.topics.is_empty() {
            return Ok(());
        }
        let header =
            ["EVENTS", "BYTES", "FIRST ID", "LAST ID", "ENDED", "TOPIC"].map(str::to_owned);
        let rows = self.topics.iter().map(TopicSummary::row);
        let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
        let widths = [0, 1, 2, 3, 4].map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        });
        writeln!(out)?;
        for row in &rows {
            let [events, bytes, first, last, ended, topic] = row;
            let [a, b, c, d, e] = widths;
            writeln!(
                out,
                "{events:>a$}  {bytes:>b$}  {first:<c$}  {last:<d$}  {ended:<e$}  {topic}"
            )?;
        }
        Ok(())
    }
}

impl TopicSummary {
    fn row(&self) -> [String; 6] {
        let ended = if self.ended { "yes" } else { "no" };
        [
            self.events.to_string(),
            size(self.bytes),
            self.first_id.clone(),
            self.last_id.clone(),
            ended.to_owned(),
            self.topic.clone(),
        ]
    }
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}
