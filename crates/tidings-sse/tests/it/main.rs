//! The public interface of `tidings-sse`, against the vectors in `conformance/` and against a plain model.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod decode_vectors;
mod encode_vectors;
mod lending;
mod model;
mod properties;
mod stream;
