//! Events: publishing, reading what is retained, and following.

mod batch;
mod history;
mod line;
mod publish;
mod stream;
mod subscription;

pub(super) use self::history::history;
pub(super) use self::publish::publish;
pub(super) use self::stream::{stream, stream_of_form};
