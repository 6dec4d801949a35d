use serde::Deserialize;
use tidings_bench::load::Asking;

use super::Contender;

/// How a contender is asked for a stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscribe {
    path: String,
    /// What is between topics if a stream can be of several.
    pub(super) between: Option<String>,
    /// Whether `a/*` stands for all topics directly below `a`.
    #[serde(default)]
    pub(super) patterns: bool,
    /// HTTP/2 instead of HTTP/1.1, with so many streams a connection.
    http2_streams: Option<usize>,
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

impl Contender {
    /// How readers ask who follow these topics or patterns, each of them from this position or from now on.
    pub(crate) fn askings(
        &self,
        selections: &[Vec<String>],
        position: Option<&str>,
    ) -> Vec<Asking> {
        let resume = self.resume.as_ref().zip(position);
        let mut fields: Vec<String> = self.credentials.iter().cloned().collect();
        let path = match resume {
            None => self.subscribe.path.clone(),
            Some((resume, position)) => {
                let field = resume.header.as_ref();
                fields.extend(field.map(|field| field.replace("{position}", position)));
                let path = resume.path.as_ref().unwrap_or(&self.subscribe.path);
                path.replace("{position}", position)
            }
        };
        let between = self.subscribe.between.as_deref().unwrap_or_default();
        let target = |selection: &Vec<String>| path.replace("{topic}", &selection.join(between));
        match self.subscribe.http2_streams {
            None => {
                let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
                let head = |selection| {
                    let target = target(selection);
                    format!(
                        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\nUser-Agent: fanout\r\n{fields}\r\n"
                    )
                };
                selections.iter().map(head).map(Asking::Http1).collect()
            }
            Some(streams) => {
                let fields = fields.iter().filter_map(|field| field.split_once(": "));
                let fields: Vec<_> = fields
                    .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                    .collect();
                let connections = selections.chunks(streams.max(1));
                connections
                    .map(|selections| Asking::Http2 {
                        paths: selections.iter().map(target).collect(),
                        fields: fields.clone(),
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
