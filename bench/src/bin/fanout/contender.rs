use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Deserialize;
use tidings_bench::load::{Asking, Batch, Manner};

/// Where contenders are described, one folder each.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contenders");

/// One that is measured, as its `contender.toml` says.
///
/// Commands are run by `sh` in its folder, with `PORT`, `PORT2` and `PORT3` free ports, `HOME_DIR` where it is installed,
/// `STATE` an empty folder, `BENCH_BIN` the folder of this program and `TIDINGS` the hub's binary.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contender {
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// What the tables call it.
    pub(crate) name: String,
    /// What it is, for the documentation.
    pub(crate) about: String,
    /// Installs it into `HOME_DIR`.
    pub(crate) install: Option<String>,
    /// Runs it in the foreground.
    pub(crate) start: String,
    /// Prints its version.
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// The names of its processes, if not all that `start` runs.
    #[serde(default)]
    pub(crate) counted: Vec<String>,
    /// How long it takes from when it listens until it serves.
    #[serde(default)]
    pub(crate) settle_seconds: u64,
    /// How fast it can be connected to.
    pub(crate) connects_per_second: Option<u32>,
    publish: Publish,
    subscribe: Subscribe,
    /// A request that is needed before a topic exists.
    pub(crate) create: Option<Create>,
    /// How readers come back; `None` if it cannot replay.
    pub(crate) resume: Option<Resume>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish {
    path: String,
    event: String,
    #[serde(default)]
    content_type: Option<String>,
    batch: Option<BatchText>,
    #[serde(default)]
    spans_topics: bool,
    #[serde(default = "yes")]
    keep_alive: bool,
    /// 2 if publishers have a port of their own.
    #[serde(default)]
    port: u8,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct BatchText {
    begin: String,
    between: String,
    end: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    path: String,
    /// HTTP/2 instead of HTTP/1.1, with so many streams a connection.
    http2_streams: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) content_type: String,
}

/// Where a reader finds its position in the stream, and how it gives it back.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resume {
    /// What is right before the position; the last one counts.
    after: String,
    header: Option<String>,
    path: Option<String>,
}

fn yes() -> bool {
    true
}

impl Contender {
    /// Those with these folder names, in this order.
    pub(crate) fn load(names: &[String]) -> Result<Vec<Self>> {
        let load = |name: &String| Self::load_one(&Path::new(FOLDER).join(name));
        names.iter().map(load).collect()
    }

    fn load_one(folder: &Path) -> Result<Self> {
        let file = folder.join("contender.toml");
        let text =
            fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let contender: Self =
            toml::from_str(&text).with_context(|| format!("in {}", file.display()))?;
        let folder = folder.to_owned();
        Ok(Self {
            folder,
            ..contender
        })
    }

    /// The name of its folder.
    pub(crate) fn key(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// How its publishers speak to it.
    pub(crate) fn manner(&self, ports: [u16; 3]) -> Manner {
        let publish = &self.publish;
        let batch = publish.batch.clone().map(|batch| Batch {
            begin: batch.begin,
            between: batch.between,
            end: batch.end,
        });
        Manner {
            port: if publish.port == 2 {
                ports[1]
            } else {
                ports[0]
            },
            path: publish.path.clone(),
            content_type: publish
                .content_type
                .clone()
                .unwrap_or_else(|| "text/plain".into()),
            event: publish.event.clone(),
            batch,
            spans_topics: publish.spans_topics,
            keep_alive: publish.keep_alive,
        }
    }

    /// Whether publishers have a port of their own.
    pub(crate) fn has_second_port(&self) -> bool {
        self.publish.port == 2
    }

    /// How so many readers ask, who are shared out to these topics.
    pub(crate) fn askings(
        &self,
        readers: usize,
        topics: &[String],
        position: Option<&str>,
    ) -> Vec<Asking> {
        let resume = self.resume.as_ref().zip(position);
        let path = |reader: usize| {
            let path = match &resume {
                Some((
                    Resume {
                        path: Some(path), ..
                    },
                    position,
                )) => path.replace("{position}", position),
                _ => self.subscribe.path.clone(),
            };
            path.replace("{topic}", &topics[reader % topics.len()])
        };
        let header = match &resume {
            Some((
                Resume {
                    header: Some(header),
                    ..
                },
                position,
            )) => format!("{}\r\n", header.replace("{position}", position)),
            _ => String::new(),
        };
        let http1 = |reader| {
            let path = path(reader);
            Asking::Http1(format!(
                "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\nUser-Agent: fanout\r\n{header}\r\n"
            ))
        };
        match self.subscribe.http2_streams {
            None => (0..readers).map(http1).collect(),
            Some(streams) => {
                let all: Vec<usize> = (0..readers).collect();
                let connections = all.chunks(streams.max(1));
                connections
                    .map(|readers| {
                        Asking::Http2(readers.iter().map(|reader| path(*reader)).collect())
                    })
                    .collect()
            }
        }
    }
}

impl Resume {
    /// The last position in what a reader got.
    pub(crate) fn position<'a>(&self, got: &'a str) -> Option<&'a str> {
        let (_, rest) = got.rsplit_once(&self.after)?;
        let end = rest.find(['\n', '\r', '"'])?;
        Some(&rest[..end])
    }
}
