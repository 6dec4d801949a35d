mod subscribe;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Deserialize;
use tidings_bench::load::{Batch, Manner};

use self::subscribe::Subscribe;
use crate::{
    plan::Shape,
    workload::{Size, Workload},
};

pub(crate) use self::subscribe::Resume;

/// Where contenders are described, one folder each.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contenders");

/// One that is measured, as its `contender.toml` says.
///
/// Commands are run by `sh` in its folder, with `PORT`, `PORT2` and `PORT3` free ports, `HOME_DIR` where it is installed,
/// `STATE` an empty folder, `KEEP_ALIVE` the seconds of silence after which readers are to get a sign of life, `BENCH_BIN` the folder of this
/// program and `TIDINGS` the hub's binary.
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
    /// Whether it goes by `KEEP_ALIVE`.
    #[serde(default)]
    pub(crate) takes_keep_alive: bool,
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
    /// A header field with credentials, as `Name: value`, of whoever publishes and whoever reads.
    credentials: Option<String>,
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
pub(crate) struct Create {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) content_type: String,
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

    /// What it would need for a workload, if that is not there.
    pub(crate) fn lacks(&self, workload: Workload) -> Option<&'static str> {
        let has_it = match (workload, workload.plan(Size::Full).shape) {
            (Workload::Resume, _) => self.resume.is_some(),
            (_, Shape::One) => true,
            (_, Shape::Several(_)) => self.subscribe.between.is_some(),
            (_, Shape::Pattern(_)) => self.subscribe.patterns,
        };
        match workload {
            _ if has_it => None,
            Workload::Resume => Some("it has no replay"),
            Workload::TopicsEach => Some("it has no stream of several topics"),
            _ => Some("it has no patterns"),
        }
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
            credentials: self.credentials.clone(),
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
}
