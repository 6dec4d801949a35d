//! Events: publishing, reading what is retained, and following.

mod batch;
mod history;
mod line;
mod publish;
mod stream;
mod subscription;

pub(super) use self::history::{entries, history};
pub(super) use self::line::{data_text, text};
pub(super) use self::publish::{
    Receipt, conflation_key, idempotency_key, publish, publish_on, scoped,
};
pub(super) use self::stream::{answer_stream, ids, stream, stream_of_form};
pub(super) use self::subscription::subscribe;
