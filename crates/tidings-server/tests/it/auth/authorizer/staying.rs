//! T22: who is here is asked about again.

use tidings_testkit::{StreamReader, eventually};

use super::*;

#[track_caller]
fn goodbye(stream: &mut StreamReader) -> String {
    let last = stream.rest().pop().expect("a goodbye");
    assert_eq!(last.event, "tidings.goodbye");
    last.json()["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn t22_streams_of_who_is_refused_by_now_end() {
    let application = Application::says(ALLOWS);
    let hub = hub(&application, "ttl = \"2s\"");
    let all = reader("7");
    let mut streams = [
        hub.open(&stream("topic=t", &all)),
        hub.open(&stream("topic=t", &all)),
        hub.open(&bearer(Request::get("/api/topics/stream"), &all)),
    ];
    application.reply(Reply::Says(REFUSES));
    for stream in &mut streams {
        assert_eq!(goodbye(stream), "revoked");
    }
    get(&hub, &all, "/api/topics").problem(403);
}

#[test]
fn t22_streams_of_other_rights_end_and_come_back_with_those() {
    let application = Application::says(ALLOWS);
    let hub = hub(&application, "ttl = \"2s\"");
    let some = reader("7");
    let mut open = hub.open(&stream("topic=**", &some));
    application.reply(Reply::Says("{\"allow\":true,\"subscribe\":[\"a\"]}"));
    assert_eq!(goodbye(&mut open), "disconnected");
    let mut open = hub.open(&stream("topic=**", &some));
    let all = token(&["--publish", "**", "--identity", "publisher"]);
    publish(&hub, &all, "b", "hidden");
    publish(&hub, &all, "a", "seen");
    assert_eq!(open.event().data, "seen");
}

#[test]
fn t22_streams_go_on_while_the_answer_is_the_same() {
    let application = Application::says("{\"allow\":true,\"subscribe\":[\"a\",\"b\"]}");
    let hub = hub(&application, "ttl = \"4s\"");
    let some = reader("7");
    let mut open = hub.open(&stream("topic=**", &some));
    application.reply(Reply::Says(
        "{\"subscribe\":[\"b\",\"a\"],\"allow\":true,\"admin\":true}",
    ));
    application.await_questions(4);
    let publisher = token(&["--publish", "**", "--identity", "publisher"]);
    application.reply(Reply::Says(ALLOWS));
    publish(&hub, &publisher, "a", "seen");
    assert_eq!(open.event().data, "seen");
}

#[test]
fn t22_streams_end_when_no_answer_holds_and_come_back_when_there_is_one() {
    let application = Application::says(ALLOWS);
    let hub = hub(&application, "ttl = \"1s\"");
    let some = reader("7");
    let mut open = hub.open(&stream("topic=t", &some));
    application.reply(Reply::Says("nonsense"));
    assert_eq!(goodbye(&mut open), "disconnected");
    // It was tried more than once.
    application.await_questions(3);
    assert_eq!(hub.send(&stream("topic=t", &some)).status(), 503);
    application.reply(Reply::Says(ALLOWS));
    eventually("they are let in again", || {
        (get(&hub, &some, "/api/topics").status() == 200).then_some(())
    });
}

/// Waits until the hub knows that the application refuses whoever has this token.
fn await_refusal(hub: &Hub, token: &str) {
    eventually("the application refuses", || {
        (get(hub, token, "/api/topics").status() == 403).then_some(())
    });
}

#[test]
fn t22_what_is_being_received_is_looked_at_again() {
    let application = Application::says(ALLOWS);
    let hub = hub(&application, "ttl = \"1s\"");
    let all = token(&["--publish", "**", "--subscribe", "**", "--identity", "7"]);
    let begin = |request: Request| {
        let mut connection = Connection::open(hub.address());
        connection
            .begin(&bearer(request, &all))
            .expect("an open connection");
        connection
    };
    let upload = Request::post("/api/events?topic=t", "").header("Content-Length", "1");
    let form = Request::post("/api/events/stream", "")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Content-Length", "7");
    let mut publishing = begin(upload);
    let mut opening = begin(form);
    application.await_questions(1);
    application.reply(Reply::Says(REFUSES));
    await_refusal(&hub, &all);
    publishing.write(b"x").expect("an open connection");
    publishing.receive().problem(403);
    opening.write(b"topic=t").expect("an open connection");
    opening.receive().problem(403);
    application.reply(Reply::Says(ALLOWS));
    let history = get(&hub, &reader("8"), "/api/events?topic=t").json();
    assert_eq!(history["events"], json!([]));
}

#[test]
fn t22_what_was_being_answered_is_looked_at_again() {
    let application = Application::says(ALLOWS);
    let hub = hub(&application, "ttl = \"1s\"");
    let some = reader("7");
    let mut polling = Connection::open(hub.address());
    let poll = Request::get("/api/events?topic=t&wait=60");
    polling
        .begin(&bearer(poll, &some))
        .expect("an open connection");
    application.await_questions(1);
    application.reply(Reply::Says(REFUSES));
    await_refusal(&hub, &some);
    polling.receive().problem(403);
}

#[test]
fn t22_who_has_left_is_not_asked_about_any_more() {
    let application = Application::says(ALLOWS);
    let hub = hub(&application, "ttl = \"1s\"");
    let [leaving, staying] = ["leaving", "staying"].map(reader);
    let stream_of_leaving = hub.open(&stream("topic=t", &leaving));
    let mut stream_of_staying = hub.open(&stream("topic=t", &staying));
    stream_of_leaving.reset();
    let of = |identity: &str| {
        let questions = application.questions();
        let about = |question: &&Value| question["data"]["identity"] == identity;
        questions.iter().filter(about).count()
    };
    eventually("the hub has seen that they left", || {
        let known = get(&hub, &admin(), "/api/connections").json();
        (known["total"] == 1).then_some(())
    });
    let asked = of("leaving");
    // It is asked about once more at most: that may have been under way.
    let before = of("staying");
    eventually("somebody who stays is asked about", || {
        (of("staying") >= before + 3).then_some(())
    });
    assert!(of("leaving") <= asked + 1);
    application.reply(Reply::Says(REFUSES));
    assert_eq!(goodbye(&mut stream_of_staying), "revoked");
}
