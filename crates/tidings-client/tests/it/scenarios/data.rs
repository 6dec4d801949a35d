use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    #[serde(rename = "rules")]
    _rules: Vec<u8>,
    #[serde(default)]
    pub(crate) needs: Vec<Need>,
    #[serde(default)]
    pub(crate) options: Options,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) outcome: Outcome,
}

/// What not every client does.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Need {
    /// To replace a stream that something holds back.
    Polling,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) method: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) provider: Option<Vec<Option<String>>>,
    pub(crate) topics: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) events: Vec<String>,
    pub(crate) from: Option<String>,
    pub(crate) last_event_id: Option<String>,
    pub(crate) attempts: Option<u32>,
    #[serde(default)]
    pub(crate) backoff: Bounds,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) random: f64,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bounds {
    pub(crate) base: Option<u64>,
    pub(crate) cap: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) line: Option<usize>,
    pub(crate) event: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    #[serde(default)]
    pub(crate) at: At,
    #[serde(default)]
    pub(crate) expect: Expect,
    pub(crate) answer: Answer,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum At {
    #[default]
    A,
    B,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) method: Option<String>,
    pub(crate) path: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) headers_hex: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    pub(crate) body: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    pub(crate) headers: Option<BTreeMap<String, String>>,
    pub(crate) body: Option<Vec<Part>>,
    #[serde(default)]
    pub(crate) framing: Framing,
    #[serde(default)]
    pub(crate) longer_by: usize,
    pub(crate) head: Option<Head>,
    #[serde(default)]
    pub(crate) end: End,
    pub(crate) hang_after: Option<usize>,
    pub(crate) raw: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Part {
    Text(String),
    Hex { hex: String },
    Repeated { repeat: String, times: usize },
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Framing {
    #[default]
    Chunked,
    Length,
    Close,
}

#[derive(Deserialize)]
pub(crate) enum Head {
    #[serde(rename = "byte by byte")]
    ByteByByte,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum End {
    #[default]
    Clean,
    Cut,
    Reset,
    Hang,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outcome {
    pub(crate) closed: String,
    pub(crate) events: Option<Vec<Value>>,
    pub(crate) items: Option<Vec<Value>>,
    pub(crate) event_count: Option<usize>,
    #[serde(default)]
    pub(crate) errors: Vec<String>,
    #[serde(default)]
    pub(crate) delays: Vec<u64>,
    #[serde(default, rename = "transports")]
    _transports: Vec<String>,
    pub(crate) asked: Option<Vec<Option<String>>>,
}

impl Answer {
    /// Whether nothing is written before the end.
    pub(crate) fn is_empty(&self) -> bool {
        self.status.is_none() && self.headers.is_none() && self.body.is_none() && self.raw.is_none()
    }

    /// Whether it names a time, which is only as exact as a date.
    pub(crate) fn has_date(&self) -> bool {
        let headers = self.headers.iter().flatten();
        headers
            .into_iter()
            .any(|(_, value)| value.contains("{now+"))
    }
}

impl Part {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Repeated { repeat, times } => repeat.repeat(*times).into_bytes(),
            Self::Hex { hex } => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect(),
        }
    }
}
