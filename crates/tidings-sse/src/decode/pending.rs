use std::mem;

use crate::decode::{DecodeError, Limits};
use crate::name::MESSAGE;

/// The fields of the block being read, as far as they are copied out of the chunk.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// The data lines so far, joined by LF.
    data: String,
    /// Whether there was a data line; an empty one leaves `data` empty.
    has_data: bool,
    name: String,
    id: String,
    /// Whether `id` takes effect at the end of the block; an empty one does too.
    has_id: bool,
}

/// The capacity kept for what follows; a larger buffer is given back once its content is read.
pub(super) const KEPT_CAPACITY: usize = 64 * 1024;

impl Pending {
    pub(super) fn has_data(&self) -> bool {
        self.has_data
    }

    pub(super) fn data(&self) -> &str {
        &self.data
    }

    pub(super) fn event(&self) -> &str {
        if self.name.is_empty() {
            MESSAGE
        } else {
            &self.name
        }
    }

    /// Adds a data line that was checked against the limit, when there is no other.
    pub(super) fn set_data(&mut self, line: &str) {
        self.data.push_str(line);
        self.has_data = true;
    }

    pub(super) fn push_data(&mut self, line: &str, limits: &Limits) -> Result<(), DecodeError> {
        let line_end = usize::from(self.has_data);
        if self.data.len() + line_end + line.len() > limits.event {
            return Err(DecodeError::EventTooLong {
                limit: limits.event,
            });
        }
        if self.has_data {
            self.data.push('\n');
        }
        self.set_data(line);
        Ok(())
    }

    pub(super) fn set_name(&mut self, name: &str, limits: &Limits) -> Result<(), DecodeError> {
        if name.len() > limits.name {
            return Err(DecodeError::NameTooLong { limit: limits.name });
        }
        name.clone_into(&mut self.name);
        Ok(())
    }

    /// Stages `id`; one with NUL is ignored.
    pub(super) fn set_id(&mut self, id: &str, limits: &Limits) -> Result<(), DecodeError> {
        if id.as_bytes().contains(&b'\0') {
            return Ok(());
        }
        if id.len() > limits.id {
            return Err(DecodeError::IdTooLong { limit: limits.id });
        }
        id.clone_into(&mut self.id);
        self.has_id = true;
        Ok(())
    }

    /// Moves a staged id into `last`.
    pub(super) fn commit_id(&mut self, last: &mut String) {
        if mem::take(&mut self.has_id) {
            mem::swap(&mut self.id, last);
        }
    }

    /// Forgets the block.
    pub(super) fn clear(&mut self) {
        self.data.clear();
        self.data.shrink_to(KEPT_CAPACITY);
        self.has_data = false;
        self.name.clear();
        self.has_id = false;
    }
}
