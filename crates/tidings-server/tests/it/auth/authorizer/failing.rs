//! T22: an application that does not answer lets nobody in.

use tidings::Timestamp;
use tidings_auth::{Algorithm, Minter, NewToken};
use tidings_testkit::{Connection, Response};

use super::application::SECRET as APPLICATION_SECRET;
use super::*;

#[track_caller]
fn assert_unavailable(answer: &Response) {
    let problem = answer.problem(503);
    let kind = "urn:tidings:problem:authorizer-unavailable";
    assert_eq!(problem["type"], kind);
    assert!(answer.header("Retry-After").is_some());
}

#[test]
fn t22_anything_but_an_answer_lets_nobody_in() {
    let application = Application::says(ALLOWS);
    let hub = hub(&application, "");
    let whole = |body: &str| {
        let length = body.len();
        Reply::Raw(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    };
    let raw = |text: &str| Reply::Raw(text.to_owned());
    let replies = [
        Reply::Endless,
        raw(""),
        raw("nonsense"),
        raw("HTTP/1.1 500 Oops\r\nContent-Length: 14\r\n\r\n{\"allow\":true}"),
        raw("HTTP/1.1 307 Elsewhere\r\nLocation: /access?app=1\r\nContent-Length: 0\r\n\r\n"),
        raw("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"allow\":true}"),
        whole(&format!("{ALLOWS}{}", " ".repeat(1 << 16))),
        whole("true"),
        whole("{\"allow\":true,\"allow\":true}"),
        whole("{\"allow\":true,\"until\":7}"),
        whole("{\"allow\":true,\"subscribe\":[\"a*\"]}"),
    ];
    let count = replies.len();
    for (number, reply) in replies.into_iter().enumerate() {
        application.reply(reply.clone());
        let token = reader(&number.to_string());
        for _ in 0..2 {
            let answer = get(&hub, &token, "/api/topics");
            assert_eq!(answer.status(), 503, "{reply:?}");
            assert_unavailable(&answer);
        }
    }
    // Each was asked about once, and not at once again.
    assert!(application.questions().len() < 2 * count);
    application.reply(Reply::Says(ALLOWS));
    assert_eq!(get(&hub, &reader("another"), "/api/topics").status(), 200);
}

#[test]
fn t22_silence_is_waited_for_as_long_as_it_may_take() {
    let application = Application::start(Reply::Nothing);
    let hub = hub(&application, "timeout = \"300ms\"");
    assert_unavailable(&get(&hub, &reader("7"), "/api/topics"));
    application.reply(Reply::Says(ALLOWS));
    let token = reader("8");
    assert_eq!(get(&hub, &token, "/api/topics").status(), 200);
}

#[test]
fn t22_an_answer_that_holds_needs_no_application() {
    let application = Application::says(ALLOWS);
    let hub = hub(&application, "");
    let [known, unknown] = ["known", "unknown"].map(reader);
    assert_eq!(get(&hub, &known, "/api/topics").status(), 200);
    drop(application);
    assert_eq!(get(&hub, &known, "/api/topics").status(), 200);
    assert_unavailable(&get(&hub, &unknown, "/api/topics"));
    assert_unavailable(&hub.send(&stream("topic=t", &unknown)));
}

#[test]
fn t22_a_browser_is_told_to_come_back() {
    let application = Application::says("nonsense");
    let hub = hub(&application, "");
    let request = stream("topic=t", &reader("7"));
    let request = request.header("Accept", "text/event-stream");
    let mut stream = hub.open(&request.header("Sec-Fetch-Mode", "cors"));
    assert!(stream.rest().is_empty());
    assert!(stream.retry().is_some());
}

#[test]
fn t22_so_many_questions_are_asked_at_a_time_and_the_rest_is_sent_away() {
    const AT_A_TIME: usize = 64;
    let application = Application::start(Reply::Nothing);
    let hub = hub(&application, "timeout = \"4s\"");
    let minter = Minter::secret(Algorithm::Hs256, SECRET.as_bytes()).expect("a minter");
    let made_at = now();
    let mut crowd: Vec<_> = (0..AT_A_TIME + 20)
        .map(|number| {
            let token = NewToken {
                subscribe: vec!["**".to_owned()],
                identity: Some(number.to_string()),
                ..NewToken::default()
            };
            let token = minter.mint(&token, made_at).expect("a token");
            let mut connection = Connection::open(hub.address());
            connection
                .begin(&stream("topic=t", &token))
                .expect("an open connection");
            connection
        })
        .collect();
    application.await_questions(AT_A_TIME);
    for connection in &mut crowd {
        assert_unavailable(&connection.receive());
    }
    assert_eq!(application.questions().len(), AT_A_TIME);
}

/// The time by the clock on the wall.
fn now() -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = now.expect("a time after 1970").as_millis();
    Timestamp::from_millis(u64::try_from(millis).expect("a time before the year 500 million"))
}

#[test]
fn t22_nothing_that_is_written_has_a_secret() {
    let application = Application::says("nonsense");
    let hub = hub(&application, "");
    let token = reader("7");
    assert_unavailable(&get(&hub, &token, "/api/topics"));
    drop(application);
    assert_unavailable(&get(&hub, &reader("8"), "/api/topics"));
    let told = hub.process().find_in_stderr(|stderr| {
        let told = ["cannot be taken", "has not answered"].map(|text| stderr.contains(text));
        (told == [true; 2]).then(|| stderr.to_owned())
    });
    let told = told.expect("two lines");
    for secret in [
        APPLICATION_SECRET,
        &APPLICATION_SECRET[6..],
        SECRET,
        &token,
        "app=1",
    ] {
        assert!(!told.contains(secret), "{told}");
    }
}
