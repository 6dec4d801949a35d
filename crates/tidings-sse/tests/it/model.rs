//! The standard's algorithm, as plain as can be: the whole stream at once, as text, without limits.

use crate::stream::{Outcome, Seen};

/// What a connection with these bytes gives to a reader whose last event id is `id`.
pub(crate) fn read(bytes: &[u8], id: &str) -> Outcome {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let mut frames = Vec::new();
    let mut last_event_id = id.to_owned();
    let mut id_buffer = last_event_id.clone();
    let mut data_buffer = String::new();
    let mut event_buffer = String::new();
    for line in ended_lines(&text) {
        if line.is_empty() {
            last_event_id.clone_from(&id_buffer);
            let event = std::mem::take(&mut event_buffer);
            let data = std::mem::take(&mut data_buffer);
            if let Some(data) = data.strip_suffix('\n') {
                frames.push(Seen::Event {
                    event: if event.is_empty() {
                        "message".to_owned()
                    } else {
                        event
                    },
                    data: data.to_owned(),
                    id: last_event_id.clone(),
                });
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => frames.push(Seen::Comment {
                comment: value.to_owned(),
            }),
            "event" => value.clone_into(&mut event_buffer),
            "data" => {
                data_buffer.push_str(value);
                data_buffer.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut id_buffer),
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                if let Ok(ms) = value.parse::<u64>() {
                    frames.push(Seen::Retry {
                        retry_ms: ms.clamp(100, 300_000),
                    });
                }
            }
            _ => {}
        }
    }
    Outcome {
        frames,
        last_event_id,
        error: None,
    }
}

/// The lines of `text` that have an end: LF, CRLF or CR.
fn ended_lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    lines.pop();
    lines
}
