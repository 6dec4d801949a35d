//! Positions of a hub.

use std::io;
use std::path::Path;

use tidings_client::{CursorStore, FileCursor, ParseStartError, Start, Stored};

/// A cursor in a file, for ids of hubs. After any other id a hub could only give what comes from
/// now on, and nothing of what has been missed.
#[derive(Debug)]
pub(super) struct HubCursor {
    file: FileCursor,
    path: String,
}

impl HubCursor {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            file: FileCursor::new(path),
            path: path.display().to_string(),
        }
    }
}

impl CursorStore for HubCursor {
    fn load(&self) -> Stored<'_, Option<String>> {
        Box::pin(async {
            match self.file.load().await? {
                Some(id) if !is_event_id(&id) => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!(
                        "{}: {id:?} is no event id; remove the file to begin without one",
                        self.path
                    ),
                )),
                loaded => Ok(loaded),
            }
        })
    }

    fn save<'a>(&'a self, id: &'a str) -> Stored<'a, ()> {
        self.file.save(id)
    }
}

/// Reads where to start; refuses an id that is none of a hub's.
pub(super) fn start(text: &str) -> Result<Start, ParseStartError> {
    match text.parse()? {
        Start::After(id) if !is_event_id(&id) => Err(ParseStartError),
        start => Ok(start),
    }
}

fn is_event_id(id: &str) -> bool {
    let Some((epoch, sequence)) = id.split_once('-') else {
        return false;
    };
    let is_epoch = epoch.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_sequence = sequence.bytes().all(|byte| byte.is_ascii_digit());
    !epoch.is_empty() && !sequence.is_empty() && is_epoch && is_sequence
}
