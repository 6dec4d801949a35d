use serde_json::Value;

/// One event as a reader received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `id` field of this very block, if it had one.
    pub id: Option<String>,
    /// The event type, `message` when the block named none.
    pub event: String,
    /// The data lines, joined by LF.
    pub data: String,
}

impl Event {
    /// The id of this block.
    ///
    /// # Panics
    ///
    /// When the block carried none.
    #[must_use]
    pub fn id(&self) -> &str {
        match &self.id {
            Some(id) => id,
            None => panic!("an event without id: {self:?}"),
        }
    }

    /// The data as JSON.
    ///
    /// # Panics
    ///
    /// When the data is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data)
            .unwrap_or_else(|error| panic!("{error} in the data of {self:?}"))
    }

    /// Whether the hub itself speaks: a name that starts with `tidings.`.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.event.starts_with("tidings.")
    }
}

/// A plain event-stream parser, the second opinion on the product's own decoder.
///
/// It takes any cut of the bytes and is as literal as the specification's text: collect a line,
/// then act on it. It knows no byte order mark and no limits.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_carriage_return: bool,
    id: Option<String>,
    event: String,
    data: Option<String>,
    comments: Vec<String>,
    last_event_id: Option<String>,
    retry: Option<u64>,
}

impl Parser {
    /// Takes the next bytes and appends the events they complete to `events`.
    pub fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        for &byte in bytes {
            let line_feed_of_pair = self.after_carriage_return && byte == b'\n';
            self.after_carriage_return = byte == b'\r';
            match byte {
                b'\n' if line_feed_of_pair => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.line(&String::from_utf8_lossy(&line)));
                }
                _ => self.line.push(byte),
            }
        }
    }

    /// The comments so far, without their colon.
    #[must_use]
    pub fn comments(&self) -> &[String] {
        &self.comments
    }

    /// What a browser would send as `Last-Event-ID` now.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// The reconnection time last asked for, in milliseconds.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => self.comments.push(value.to_owned()),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().or(self.retry);
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let id = self.id.take();
        if id.is_some() {
            self.last_event_id.clone_from(&id);
        }
        let mut event = std::mem::take(&mut self.event);
        if event.is_empty() {
            "message".clone_into(&mut event);
        }
        let data = self.data.take()?;
        Some(Event { id, event, data })
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Parser};

    fn event(id: Option<&str>, event: &str, data: &str) -> Event {
        Event {
            id: id.map(str::to_owned),
            event: event.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn every_cut_gives_the_same_events() {
        let body = "retry: 3000\nid: e-1\n\n: hello\r\nid: e-2\r\nevent: note\rdata: a\ndata:  b\n\n\
                    : keepalive\ndata\n\nevent: lost\n\ndata: last\n\ndata: unfinished\n";
        for cut in 0..=body.len() {
            let (first, second) = body.as_bytes().split_at(cut);
            let mut parser = Parser::default();
            let mut events = Vec::new();
            parser.feed(first, &mut events);
            parser.feed(second, &mut events);
            assert_eq!(
                events,
                [
                    event(Some("e-2"), "note", "a\n b"),
                    event(None, "message", ""),
                    event(None, "message", "last"),
                ],
                "cut at {cut}"
            );
            assert_eq!(parser.comments(), ["hello", "keepalive"]);
            assert_eq!(parser.last_event_id(), Some("e-2"));
            assert_eq!(parser.retry(), Some(3000));
        }
    }
}
