//! The values of the stored log; `docs/log-format.md` specifies them.

use std::sync::Arc;

use crate::{Epochs, KeyRow, Record, Timestamp, Topic, TopicRow};

const EVENT_KIND: u8 = 1;
const FINAL: u8 = 1;
const HAS_NAME: u8 = 1 << 1;
const HAS_KEY: u8 = 1 << 2;
const ENDED: u8 = 1;

/// Bytes that cannot be what this hub wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

/// An event as it lies in the file, its checksum verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventBody<'a> {
    pub(super) topic: u64,
    pub(super) time: Timestamp,
    pub(super) event: Option<&'a str>,
    pub(super) key: Option<&'a str>,
    pub(super) data: &'a str,
    pub(super) ends_topic: bool,
}

impl EventBody<'_> {
    /// The event, on the topic that its id stands for.
    pub(super) fn record(&self, sequence: u64, epochs: &Epochs, topic: Topic) -> Record {
        Record {
            epoch: epochs.position(sequence).epoch,
            sequence,
            time: self.time,
            topic,
            event: self.event.map(Arc::from),
            data: Arc::from(self.data),
            key: self.key.map(Arc::from),
            ends_topic: self.ends_topic,
        }
    }
}

/// Encodes the record of an event of the topic with this id.
pub(super) fn encode_event(topic: u64, record: &Record) -> Vec<u8> {
    let mut flags = 0;
    flags |= if record.ends_topic { FINAL } else { 0 };
    flags |= if record.event.is_some() { HAS_NAME } else { 0 };
    flags |= if record.key.is_some() { HAS_KEY } else { 0 };
    let texts = [&record.event, &record.key];
    let texts_len: usize = texts
        .iter()
        .flat_map(|text| text.as_ref())
        .map(|text| 4 + text.len())
        .sum();
    let mut out = Vec::with_capacity(1 + 8 + 8 + 1 + texts_len + record.data.len() + 4);
    out.push(EVENT_KIND);
    out.extend(topic.to_le_bytes());
    out.extend(record.time.as_millis().to_le_bytes());
    out.push(flags);
    for text in texts.into_iter().flatten() {
        let length =
            u32::try_from(text.len()).expect("the limits of names and keys are far below 4 GiB");
        out.extend(length.to_le_bytes());
        out.extend(text.as_bytes());
    }
    out.extend(record.data.as_bytes());
    let checksum = checksum(record.sequence, &out);
    out.extend(checksum.to_le_bytes());
    out
}

/// Reads the record stored under this sequence.
pub(super) fn decode_event(sequence: u64, bytes: &[u8]) -> Result<EventBody<'_>, Damaged> {
    let (body, stored) = bytes.split_last_chunk().ok_or(Damaged)?;
    if u32::from_le_bytes(*stored) != checksum(sequence, body) {
        return Err(Damaged);
    }
    let mut input = Input(body);
    if input.u8()? != EVENT_KIND {
        return Err(Damaged);
    }
    let topic = input.u64()?;
    let time = Timestamp::from_millis(input.u64()?);
    let flags = input.u8()?;
    if flags & !(FINAL | HAS_NAME | HAS_KEY) != 0 {
        return Err(Damaged);
    }
    let event = (flags & HAS_NAME != 0)
        .then(|| input.long_text())
        .transpose()?;
    let key = (flags & HAS_KEY != 0)
        .then(|| input.long_text())
        .transpose()?;
    let data = std::str::from_utf8(input.0).map_err(|_| Damaged)?;
    Ok(EventBody {
        topic,
        time,
        event,
        key,
        data,
        ends_topic: flags & FINAL != 0,
    })
}

/// Encodes what is stored of a topic, but for its id, which is the key.
pub(super) fn encode_topic(row: &TopicRow) -> Vec<u8> {
    let name = row.name.as_str();
    let mut out = Vec::with_capacity(2 + name.len() + 4 * 8 + 1);
    let length = u16::try_from(name.len()).expect("a topic has at most 512 bytes");
    out.extend(length.to_le_bytes());
    out.extend(name.as_bytes());
    for sequence in [row.last, row.evicted, row.lost, row.volatile] {
        out.extend(sequence.to_le_bytes());
    }
    out.push(if row.ended { ENDED } else { 0 });
    out
}

/// Reads what is stored of the topic with this id.
pub(super) fn decode_topic(id: u64, bytes: &[u8]) -> Result<TopicRow, Damaged> {
    let mut input = Input(bytes);
    let name = Topic::new(input.short_text()?).map_err(|_| Damaged)?;
    let [last, evicted, lost, volatile] = [input.u64()?, input.u64()?, input.u64()?, input.u64()?];
    let flags = input.u8()?;
    if flags & !ENDED != 0 {
        return Err(Damaged);
    }
    input.end()?;
    Ok(TopicRow {
        id,
        name,
        last,
        evicted,
        lost,
        volatile,
        ended: flags & ENDED != 0,
    })
}

/// Encodes what is stored of an idempotency key, but for the key itself.
pub(super) fn encode_key(row: &KeyRow) -> Vec<u8> {
    let mut out = Vec::with_capacity(3 * 8 + 16);
    out.extend(row.time.as_millis().to_le_bytes());
    out.extend(row.fingerprint);
    out.extend(row.sequence.to_le_bytes());
    out.extend(row.receivers.to_le_bytes());
    out
}

/// Reads what is stored of this idempotency key.
pub(super) fn decode_key(key: &str, bytes: &[u8]) -> Result<KeyRow, Damaged> {
    let mut input = Input(bytes);
    let time = Timestamp::from_millis(input.u64()?);
    let fingerprint = input.take()?;
    let [sequence, receivers] = [input.u64()?, input.u64()?];
    input.end()?;
    Ok(KeyRow {
        key: Arc::from(key),
        time,
        fingerprint,
        sequence,
        receivers,
    })
}

fn checksum(sequence: u64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sequence.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// What is left to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, Damaged> {
        self.take().map(u8::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Damaged> {
        self.take().map(u64::from_le_bytes)
    }

    fn short_text(&mut self) -> Result<&'a str, Damaged> {
        let length = u16::from_le_bytes(self.take()?);
        self.text(usize::from(length))
    }

    fn long_text(&mut self) -> Result<&'a str, Damaged> {
        let length = u32::from_le_bytes(self.take()?);
        self.text(usize::try_from(length).map_err(|_| Damaged)?)
    }

    fn text(&mut self, length: usize) -> Result<&'a str, Damaged> {
        let (text, rest) = self.0.split_at_checked(length).ok_or(Damaged)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Damaged)
    }

    fn end(&self) -> Result<(), Damaged> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Damaged)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Epoch;

    fn record() -> Record {
        Record {
            epoch: Epoch::new("e1").unwrap(),
            sequence: 7,
            time: Timestamp::from_millis(1_700_000_000_123),
            topic: Topic::new("a/é").unwrap(),
            event: Some("note".into()),
            data: "l1\nl2 é".into(),
            key: Some("".into()),
            ends_topic: true,
        }
    }

    fn every_cut(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        (0..bytes.len()).map(|end| &bytes[..end])
    }

    #[test]
    fn an_event_reads_back_as_it_was_written() {
        let plain = Record {
            event: None,
            key: None,
            ends_topic: false,
            data: "".into(),
            ..record()
        };
        for record in [record(), plain] {
            let body = EventBody {
                topic: 3,
                time: record.time,
                event: record.event.as_deref(),
                key: record.key.as_deref(),
                data: &record.data,
                ends_topic: record.ends_topic,
            };
            assert_eq!(decode_event(7, &encode_event(3, &record)), Ok(body));
        }
    }

    #[test]
    fn an_event_with_any_bit_flipped_is_damaged() {
        let bytes = encode_event(3, &record());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_event(7, &flipped), Err(Damaged), "bit {bit}");
        }
    }

    #[test]
    fn an_event_of_any_other_length_is_damaged() {
        let bytes = encode_event(3, &record());
        for cut in every_cut(&bytes) {
            assert_eq!(decode_event(7, cut), Err(Damaged), "{} bytes", cut.len());
        }
        assert_eq!(decode_event(7, &[&bytes[..], &[0]].concat()), Err(Damaged));
    }

    #[test]
    fn an_event_under_another_sequence_is_damaged() {
        let bytes = encode_event(3, &record());
        for sequence in [0, 6, 8, u64::MAX] {
            assert_eq!(decode_event(sequence, &bytes), Err(Damaged));
        }
    }

    #[test]
    fn a_topic_reads_back_as_it_was_written() {
        let name = Topic::new("x".repeat(512)).unwrap();
        for ended in [false, true] {
            let row = TopicRow {
                id: 5,
                name: name.clone(),
                last: 9,
                evicted: 4,
                lost: 3,
                volatile: 8,
                ended,
            };
            let bytes = encode_topic(&row);
            assert_eq!(decode_topic(5, &bytes), Ok(row));
            assert!(every_cut(&bytes).all(|cut| decode_topic(5, cut).is_err()));
            assert_eq!(decode_topic(5, &[&bytes[..], &[0]].concat()), Err(Damaged));
        }
    }

    #[test]
    fn an_idempotency_key_reads_back_as_it_was_written() {
        let time = Timestamp::from_millis(11);
        let row = KeyRow {
            key: "order-1".into(),
            time,
            fingerprint: [7; 16],
            sequence: 12,
            receivers: 13,
        };
        let bytes = encode_key(&row);
        assert_eq!(decode_key("order-1", &bytes), Ok(row));
        assert!(every_cut(&bytes).all(|cut| decode_key("order-1", cut).is_err()));
        assert_eq!(
            decode_key("order-1", &[&bytes[..], &[0]].concat()),
            Err(Damaged)
        );
    }
}
