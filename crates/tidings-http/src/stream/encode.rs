//! The bytes of what a subscription gives.

use bytes::Bytes;
use tidings::{Control, Delivery, Wire};
use tidings_sse::{Block, EventId, EventName, encode_retry};

/// The block of a control event. A goodbye begins with the `retry:` that it announces.
pub fn encode_control(control: &Control, out: &mut Vec<u8>) {
    encode_control_at(control, None, out);
}

fn encode_control_at(control: &Control, id: Option<&EventId>, out: &mut Vec<u8>) {
    if let Control::Goodbye { retry_after, .. } = control {
        encode_retry(*retry_after, out);
    }
    let event = EventName::new(control.name()).expect("names of control events are event names");
    let data = control.json().to_string();
    Block {
        id,
        event: Some(&event),
        data: &data,
    }
    .encode(out);
}

/// The encoding of a stream with or without ids, as published.
pub(crate) fn raw(ids: bool) -> Wire {
    Wire {
        ids,
        ..Wire::default()
    }
}

/// A batch in one piece, and the id with the first gap in it.
pub(super) fn encode(mut batch: Vec<Delivery>, mut id_of_gap: Option<EventId>) -> Bytes {
    if let [Delivery::Event { block, .. }] = &mut *batch {
        return std::mem::take(block);
    }
    let mut out = Vec::with_capacity(batch.iter().map(size).sum());
    for delivery in &batch {
        match delivery {
            Delivery::Event { block, .. } => out.extend_from_slice(block),
            Delivery::Control(control @ Control::Gap(_)) => {
                encode_control_at(control, id_of_gap.take().as_ref(), &mut out);
            }
            Delivery::Control(control) => encode_control(control, &mut out),
        }
    }
    out.into()
}

fn size(delivery: &Delivery) -> usize {
    match delivery {
        Delivery::Event { block, .. } => block.len(),
        // Enough for all but a goodbye to many topics; the buffer grows if not.
        Delivery::Control(_) => 256,
    }
}
