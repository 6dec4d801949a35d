//! The lines of an exported log.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use serde::Serialize;
use serde_json::{Map, Value};
use tidings::{EventName, rfc3339};
use tidings_log::{Epoch, Position, Record, Timestamp, Topic};

/// What is said of an event that has no id: it is not from a log.
const NO_ID: &str = "id: is missing. Only an exported log can be imported; new events are \
                     published, with `tidings publish --lines`";

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// An event.
    Event(Record),
    /// Up to this place events of the topic may be missing; without one, of the topics that have
    /// no event in the file.
    Gap(Position, Option<Topic>),
}

impl Line {
    /// The epoch of its place.
    pub(super) fn epoch(&self) -> &Epoch {
        match self {
            Self::Event(record) => &record.epoch,
            Self::Gap(place, _) => &place.epoch,
        }
    }

    /// Reads a line as [`write`](Self::write) writes it.
    pub(super) fn read(json: &[u8]) -> anyhow::Result<Self> {
        let json = std::str::from_utf8(json).map_err(|error| anyhow!("is not text: {error}"))?;
        let object = serde_json::from_str(json).map_err(|_| anyhow!("is not a JSON object"))?;
        let mut fields = Fields(object);
        let place: Position = fields.text("id")?.context(NO_ID)?.parse().context("id")?;
        let topic = fields.text("topic")?;
        let topic = topic.map(Topic::new).transpose().context("topic")?;
        if fields.flag("gap")? {
            fields.end()?;
            return Ok(Self::Gap(place, topic));
        }
        let topic = topic.context("topic: is missing")?;
        let name = fields.text("event")?.context("event: is missing")?;
        let data = fields.text("data")?.context("data: is missing")?;
        ensure!(
            !data.contains('\r'),
            "data: holds a carriage return, which no stored event does"
        );
        let key = fields.text("key")?;
        ensure!(
            key.as_ref()
                .is_none_or(|key| (1..=1024).contains(&key.len())),
            "key: must have 1 to 1024 bytes"
        );
        let ends_topic = fields.flag("final")?;
        let time = fields.text("time")?.context("time: is missing")?;
        fields.end()?;
        Ok(Self::Event(Record {
            epoch: place.epoch,
            sequence: place.sequence,
            time: moment(&time).context("time")?,
            topic,
            event: type_name(&name).context("event")?,
            data: data.into(),
            key: key.map(Into::into),
            ends_topic,
        }))
    }

    /// Writes the line and its end.
    pub(super) fn write(&self, mut out: impl Write) -> io::Result<()> {
        match self {
            Self::Event(record) => serde_json::to_writer(
                &mut out,
                &EventLine {
                    id: record.position().to_string(),
                    topic: record.topic.as_str(),
                    event: record.event.as_deref().unwrap_or("message"),
                    data: &record.data,
                    key: record.key.as_deref(),
                    is_final: record.ends_topic,
                    time: rfc3339(record.time),
                },
            )?,
            Self::Gap(place, topic) => serde_json::to_writer(
                &mut out,
                &GapLine {
                    id: place.to_string(),
                    topic: topic.as_ref().map(Topic::as_str),
                    gap: true,
                },
            )?,
        }
        out.write_all(b"\n")
    }
}

#[derive(Serialize)]
struct EventLine<'a> {
    id: String,
    topic: &'a str,
    event: &'a str,
    data: &'a str,
    key: Option<&'a str>,
    #[serde(rename = "final")]
    is_final: bool,
    time: String,
}

#[derive(Serialize)]
struct GapLine<'a> {
    id: String,
    topic: Option<&'a str>,
    gap: bool,
}

fn type_name(name: &str) -> anyhow::Result<Option<Arc<str>>> {
    let name = EventName::new(name)?;
    ensure!(
        !name.as_str().starts_with("tidings."),
        "is one of the hub's own names"
    );
    Ok((!name.is_message()).then(|| name.as_str().into()))
}

fn moment(text: &str) -> anyhow::Result<Timestamp> {
    let time: jiff::Timestamp = text.parse().context("is not a time as RFC 3339 has it")?;
    let millis = u64::try_from(time.as_millisecond()).context("is before 1970")?;
    Ok(Timestamp::from_millis(millis))
}

/// The fields that have not been asked for.
struct Fields(Map<String, Value>);

impl Fields {
    fn text(&mut self, name: &str) -> anyhow::Result<Option<String>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => bail!("{name}: must be a string"),
        }
    }

    fn flag(&mut self, name: &str) -> anyhow::Result<bool> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => bail!("{name}: must be true or false"),
        }
    }

    fn end(&self) -> anyhow::Result<()> {
        match self.0.keys().next() {
            Some(name) => bail!("{name:?}: is not a field of an exported line"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 4] = [
        r#"{"id":"k3v9-7","topic":"a/é","event":"note","data":"l1\nl2 \"é\"","key":"k","final":true,"time":"2026-01-31T12:00:00.007Z"}"#,
        r#"{"id":"k3v9-8","topic":"b","event":"message","data":"","key":null,"final":false,"time":"1970-01-01T00:00:00.000Z"}"#,
        r#"{"id":"k3v9-9","topic":"b","gap":true}"#,
        r#"{"id":"k3v9-9","topic":null,"gap":true}"#,
    ];

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        for text in LINES {
            let mut written = Vec::new();
            let line = Line::read(text.as_bytes()).unwrap();
            line.write(&mut written).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), format!("{text}\n"));
        }
    }

    /// Replaces a part of a good line and expects a fault that begins with this.
    #[track_caller]
    fn check(part: &str, replacement: &str, expected: &str) {
        let line = LINES[0].replacen(part, replacement, 1);
        assert_ne!(line, LINES[0]);
        let fault = Line::read(line.as_bytes()).unwrap_err();
        assert!(format!("{fault:#}").starts_with(expected), "{fault:#}");
    }

    #[test]
    fn a_fault_names_its_field() {
        check(r#""id":"k3v9-7","#, "", "id: is missing");
        check("k3v9-7", "7", "id: an event id is");
        check("a/é", "a/*", "topic: ");
        check(r#""topic":"a/é","#, "", "topic: is missing");
        check(r#""note""#, "7", "event: must be a string");
        check("note", "open", "event: ");
        check("note", "tidings.gap", "event: is one of the hub's own");
        check(r#""data":"#, r#""dta":"#, "data: is missing");
        check(r"l1\n", r"l1\r\n", "data: holds a carriage return");
        check(r#""key":"k""#, r#""key":"""#, "key: ");
        check("true", "1", "final: ");
        check("2026-01-31T", "2026-01-32T", "time: ");
        check("2026", "1969", "time: is before 1970");
        check(r#""final""#, r#""fnal""#, r#""fnal": is not a field"#);
        check("{", "[", "is not a JSON object");
    }
}
