use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use tidings_testkit::{Command, Position, StreamReader};

use crate::{TIDINGS, data, hub, tidings};

#[test]
fn an_argument_is_published() {
    let hub = hub();
    let mut stream = hub.stream("topic=a/b");
    tidings(
        &hub,
        &["publish", "a/b", "hello world", "--event", "greeting"],
    )
    .run()
    .success();
    assert_eq!(stream.expect("greeting").data, "hello world");
    tidings(&hub, &["publish", "a/b", "plain"]).run().success();
    assert_eq!(stream.expect("message").data, "plain");
}

#[test]
fn stdin_is_published_with_a_dash_and_without_data() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    for arguments in [&["publish", "t", "-"][..], &["publish", "t"]] {
        tidings(&hub, arguments).stdin("two\nlines").run().success();
        assert_eq!(stream.expect("message").data, "two\nlines");
    }
}

#[test]
fn final_ends_the_topic_and_a_refusal_is_a_failure() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    tidings(&hub, &["publish", "t", "bye", "--event", "done", "--final"])
        .run()
        .success();
    assert_eq!(data(&stream.rest()), ["bye"]);
    let refused = tidings(&hub, &["publish", "t", "more"]).run();
    assert!(refused.code.is_some_and(|code| code != 0), "{refused:?}");
    assert!(!refused.stderr.is_empty());
    assert!(!refused.stderr.contains("panicked"), "{refused:?}");
    assert_eq!(refused.stdout, "");
}

#[test]
fn names_that_need_encoding_arrive_as_they_are() {
    let hub = hub();
    let topic = "caf\u{e9} & co/100%/a?b=c#d";
    let arguments = ["publish", topic, "--event", "gr\u{fc}n & neu", "x"];
    tidings(&hub, &arguments).run().success();
    let listed = &hub.history(topic)[0];
    assert_eq!(listed["topic"], topic);
    assert_eq!(listed["event"], "gr\u{fc}n & neu");
}

#[test]
fn without_a_hub_publishing_fails() {
    let finished = Command::new(TIDINGS, &["publish", "t", "x"])
        .env("TIDINGS_URL", "http://127.0.0.1:1")
        .run();
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    assert!(!finished.stderr.is_empty() && !finished.stderr.contains("panicked"));
}

#[test]
fn lines_are_one_event_each() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    tidings(&hub, &["publish", "t", "--lines", "--event", "line"])
        .stdin("one\n  two  \nthree")
        .run()
        .success();
    let events = stream.take(3);
    assert_eq!(data(&events), ["one", "  two  ", "three"]);
    assert!(
        events.iter().all(|event| event.event == "line"),
        "{events:?}"
    );
}

#[test]
fn without_a_line_there_is_none_to_end_the_topic() {
    let hub = hub();
    let finished = tidings(&hub, &["publish", "t", "--lines", "--final"]).run();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("no last line"), "{finished:?}");
    tidings(&hub, &["publish", "t", "x"]).run().success();
}

#[test]
fn an_empty_event_can_end_the_topic() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    tidings(&hub, &["publish", "t", "--final"]).run().success();
    assert_eq!(data(&stream.rest()), [""]);
}

/// A hub that hangs up on the first request, and answers the second, which ends like this.
fn answers_the_second_attempt(
    end: &'static str,
    body: &'static str,
) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let hub = thread::spawn(move || {
        drop(listener.accept().expect("a first attempt"));
        let (mut socket, _) = listener.accept().expect("a second attempt");
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n")
            || !request.ends_with(end.as_bytes())
        {
            let mut byte = [0];
            socket.read_exact(&mut byte).expect("a request");
            request.extend(byte);
        }
        let length = body.len();
        write!(
            socket,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .expect("an answer");
    });
    (address, hub)
}

#[test]
fn lines_count_though_the_answer_to_them_was_lost() {
    let body = r#"{"published":0,"first":"e-1","last":"e-1","durability":"disk"}"#;
    let (address, hub) = answers_the_second_attempt("}\n", body);
    let finished = Command::new(TIDINGS, &["publish", "t", "--lines", "--json"])
        .env("TIDINGS_URL", &format!("http://{address}"))
        .stdin("a\n")
        .run();
    hub.join().expect("two attempts");
    let told = r#"{"published":1,"first":"e-1","last":"e-1"}"#;
    assert_eq!(finished.success().trim_end(), told);
}

#[test]
fn lines_that_fail_are_named_after_others_that_were_there_already() {
    let hub = hub();
    let line = ["publish", "t", "other", "--idempotency-key", "k-2001"];
    tidings(&hub, &line).run().success();
    let arguments = ["publish", "t", "--lines", "--idempotency-key", "k"];
    let lines = |count: usize| "x\n".repeat(count);
    let first = tidings(&hub, &arguments).stdin(lines(2000)).run();
    assert!(first.stderr.contains("events published: 2000"), "{first:?}");
    let again = tidings(&hub, &arguments).stdin(lines(2001)).run();
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains(" to 2001 failed"), "{again:?}");
}

#[test]
fn another_attempt_is_told_with_its_reason() {
    let body = r#"{"id":"e-1","receivers":0,"durability":"memory"}"#;
    let (address, hub) = answers_the_second_attempt("x", body);
    let finished = Command::new(TIDINGS, &["publish", "t", "x"])
        .env("TIDINGS_URL", &format!("http://{address}"))
        .run();
    hub.join().expect("two attempts");
    let said = "tidings: no answer yet, trying again: ";
    assert!(finished.stderr.starts_with(said), "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    assert_eq!(finished.success(), "e-1\n");
}

/// Reads `lines.len()` events and compares them with the lines; ids have to rise.
fn assert_lines(stream: &mut StreamReader, lines: &[String]) {
    let mut before = 0;
    for line in lines {
        let event = stream.expect("line");
        assert_eq!(event.data, *line);
        let sequence = Position::of(event.id()).sequence;
        assert!(sequence > before, "{sequence} after {before}");
        before = sequence;
    }
}

#[test]
fn a_file_of_a_hundred_thousand_lines_arrives_whole_and_in_order() {
    let hub = hub();
    let lines: Vec<_> = (0..100_000)
        .map(|n| format!("{n:06} {}", "\u{2713} line \t ".repeat(n % 7)))
        .collect();
    let mut file = String::new();
    for line in &lines {
        writeln!(file, "{line}").expect("a string takes any text");
    }
    let mut live = hub.stream("topic=t");

    let publish = "exec \"$0\" publish t --lines --event line < lines.txt";
    thread::scope(|scope| {
        scope.spawn(|| assert_lines(&mut live, &lines));
        Command::new("/bin/sh", &["-c", publish, TIDINGS])
            .env("TIDINGS_URL", &hub.url())
            .file("lines.txt", &file)
            .run()
            .success();
    });

    assert_lines(&mut hub.stream("topic=t&from=start"), &lines);
    let topic = hub.get("/api/topics?selector=t").json();
    assert_eq!(topic["topics"][0]["events"], 100_000);
}
