use tidings_sse::{DecodeError, Decoder, Event, Frame, Limits};

use crate::stream::{Seen, read};

fn lies_in(text: &str, chunk: &[u8]) -> bool {
    chunk.as_ptr_range().contains(&text.as_ptr())
}

fn short_events() -> Decoder {
    Decoder::with_limits(Limits {
        event: 4,
        ..Limits::default()
    })
}

#[test]
fn data_and_comments_that_lie_in_a_chunk_are_borrowed_from_it() {
    let chunk = b"data: first\n\n: aside\nid: 1\ndata: second\n\n";
    let mut decoder = Decoder::new();
    let mut frames = decoder.decode(chunk);

    let mut borrowed = 0;
    while let Some(frame) = frames.next() {
        let (Frame::Event(Event { data: text, .. }) | Frame::Comment(text)) = frame.unwrap() else {
            panic!("no retry here");
        };
        assert!(lies_in(text, chunk), "{text}");
        borrowed += 1;
    }
    assert_eq!(borrowed, 3);
}

#[test]
fn an_event_can_be_kept() {
    let mut decoder = Decoder::new();
    let mut frames = decoder.decode(b"id: 1\nevent: note\ndata: a\ndata: b\n\n");
    let Some(Ok(Frame::Event(event))) = frames.next() else {
        panic!("an event");
    };
    let kept = event.to_owned();
    drop(frames);
    decoder.restart();

    assert_eq!(
        (&*kept.event, &*kept.data, &*kept.id),
        ("note", "a\nb", "1")
    );
}

#[test]
fn the_last_event_id_follows_the_frames_as_they_are_read() {
    let mut decoder = Decoder::new();
    let mut frames = decoder.decode(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n");

    assert_eq!(frames.last_event_id(), "");
    assert!(frames.next().is_some());
    assert_eq!(frames.last_event_id(), "1");
    assert!(frames.next().is_some());
    assert_eq!(frames.last_event_id(), "2");
}

#[test]
fn after_an_error_every_chunk_gives_it_once_until_the_next_connection() {
    let error = DecodeError::EventTooLong { limit: 4 };
    let mut decoder = short_events();

    for chunk in [
        b"data: a\n\ndata: abcde\n\ndata: b\n\n".as_slice(),
        b"data: c\n\n",
        b"",
    ] {
        let mut frames = decoder.decode(chunk);
        let mut errors = 0;
        while let Some(frame) = frames.next() {
            errors += usize::from(frame == Err(error));
        }
        assert_eq!(errors, 1, "{chunk:?}");
    }

    decoder.restart();
    assert_eq!(read(&mut decoder, [b"data: d\n\n".as_slice()]).error, None);
}

#[test]
fn stopping_before_the_end_of_a_chunk_is_noticed_at_the_next() {
    let mut decoder = Decoder::new();
    assert!(
        decoder
            .decode(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n")
            .next()
            .is_some()
    );

    assert_eq!(
        decoder.decode(b"data: c\n\n").next(),
        Some(Err(DecodeError::Unread))
    );
    assert_eq!(decoder.last_event_id(), "1");

    decoder.restart();
    assert!(matches!(decoder.decode(b"data: d\n\n").next(), Some(Ok(_))));
}

#[test]
fn stopping_before_the_end_of_a_chunk_is_fine_when_the_connection_is_given_up() {
    let mut decoder = Decoder::new();
    assert!(decoder.decode(b"data: a\n\ndata: b\n\n").next().is_some());
    decoder.restart();

    let outcome = read(&mut decoder, [b"data: c\n\n".as_slice()]);
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.frames.len(), 1);
}

#[test]
fn stopping_at_the_last_frame_of_a_chunk_loses_nothing() {
    let mut decoder = Decoder::new();
    for chunk in [b"data: a\n: aside\r".as_slice(), b"\n", b"data: b\r\n\r\n"] {
        _ = decoder.decode(chunk).next();
    }

    let outcome = read(&mut decoder, [b"data: c\n\n".as_slice()]);
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.frames.len(), 1);
}

#[test]
fn a_megabyte_line_is_read_byte_by_byte() {
    let text = "x".repeat(1 << 20);
    let bytes = format!("data: {text}\n\n").into_bytes();

    let outcome = read(&mut Decoder::new(), bytes.chunks(1));

    let [Seen::Event { data, .. }] = outcome.frames.as_slice() else {
        panic!("one event");
    };
    assert!(*data == text);
}
