use super::stamp::Stamp;

/// How events are given to a contender. `{topic}` and `{data}` are filled in, and `{escaped}`: the data as it is within a JSON string.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Where it listens for publishers.
    pub port: u16,
    /// The request target.
    pub path: String,
    /// The media type of the body.
    pub content_type: String,
    /// A header field with credentials, as `Name: value`.
    pub credentials: Option<String>,
    /// An event in the body.
    pub event: String,
    /// Around and between the events of a batch; without it each event is a request of its own.
    pub batch: Option<Batch>,
    /// Whether a batch may have events of several topics.
    pub spans_topics: bool,
    /// Whether a connection takes more than one request.
    pub keep_alive: bool,
}

/// What makes a body of many events.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Before the first one.
    pub begin: String,
    /// Between two.
    pub between: String,
    /// After the last one.
    pub end: String,
}

impl Manner {
    /// Appends the request that publishes these events; topics are named by their places among these.
    pub(crate) fn write_request(&self, topics: &[String], stamps: &[Stamp], bytes: &mut Vec<u8>) {
        let batch = self.batch.clone().unwrap_or_default();
        let mut body = batch.begin;
        let mut path = String::new();
        for (place, stamp) in stamps.iter().enumerate() {
            let topic = &topics[stamp.topic as usize];
            let mut data = String::new();
            stamp.write_payload(&mut data);
            if place > 0 {
                body.push_str(&batch.between);
            } else {
                path = self.path.replace("{topic}", topic);
            }
            let text = self.event.replace("{topic}", topic);
            let text = text.replace("{escaped}", &data.replace('"', "\\\""));
            body.push_str(&text.replace("{data}", &data));
        }
        body.push_str(&batch.end);
        let credentials = self.credentials.iter();
        let credentials: String = credentials.map(|field| format!("{field}\r\n")).collect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{credentials}Content-Type: {}\r\nContent-Length: {}\r\n\r\n",
            self.port,
            self.content_type,
            body.len()
        );
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(body.as_bytes());
    }
}
