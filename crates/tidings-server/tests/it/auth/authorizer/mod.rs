//! T22: an application that decides who may come.

mod application;
mod failing;
mod staying;

use serde_json::{Value, json};
use tidings_testkit::{Command, Connection, Hub, Request, Response};

use self::application::{Application, Reply, SECRET as SIGNED};
use super::{SECRET, VARIABLE, admin, bearer, guarded_with, publish, stream, token};
use crate::{SERVE, TIDINGS};

const ALLOWS: &str = "{\"allow\":true}";
const REFUSES: &str = "{\"allow\":false}";

/// A hub that asks the application, with these of its settings.
fn hub(application: &Application, more: &str) -> Hub {
    guarded_with(&application.settings(more))
}

fn reader(identity: &str) -> String {
    token(&["--subscribe", "**", "--identity", identity])
}

fn get(hub: &Hub, token: &str, target: &str) -> Response {
    hub.send(&bearer(Request::get(target), token))
}

fn post(hub: &Hub, token: &str, topic: &str) -> Response {
    let request = Request::post(&format!("/api/events?topic={topic}"), "x");
    hub.send(&bearer(request, token))
}

#[test]
fn t22_a_question_is_signed_and_its_answer_holds() {
    let application = Application::says(ALLOWS);
    let hub = hub(&application, "");
    let [one, other] =
        ["t1", "t2"].map(|jti| token(&["--subscribe", "**", "--identity", "7", "--jti", jti]));
    for _ in 0..5 {
        assert_eq!(get(&hub, &one, "/api/topics").status(), 200);
    }
    assert_eq!(get(&hub, &other, "/api/topics").status(), 200);
    let questions = application.questions();
    let asked: Vec<_> = questions.iter().map(|question| &question["data"]).collect();
    let of = |jti: &str| json!({"namespace": null, "identity": "7", "issuer": null, "token": jti, "key": null});
    assert_eq!(asked, [&of("t1"), &of("t2")]);
    for question in &questions {
        assert_eq!(question["type"], "access.check");
        assert!(question["timestamp"].is_string());
    }
}

#[test]
fn a_question_is_signed_with_each_secret_so_that_they_can_be_changed() {
    const OTHER: &str = "whsec_YW5vdGhlciBzZWNyZXQsIHdoaWNoIGlzIG5ldw==";
    let application = Application::says(ALLOWS);
    let status = |hub: &Hub| get(hub, &reader("7"), "/api/topics").status();
    for (secret, expected) in [
        (format!("secret = \"{OTHER}\""), 503),
        (format!("secret = [\"{OTHER}\", \"{SIGNED}\"]"), 200),
        (format!("secret = [\"{SIGNED}\", \"{OTHER}\"]"), 200),
    ] {
        let hub = guarded_with(&application.settings_signed(&secret, ""));
        assert_eq!(status(&hub), expected, "{secret}");
    }
    let settings = application.settings_signed("secret_file = \"secrets\"", "");
    let arguments = [&SERVE[..], &["--memory", "--config", "tidings.toml"]].concat();
    let hub = Command::new(TIDINGS, &arguments)
        .file("tidings.toml", &settings)
        .file("secrets", &format!("{OTHER}\n{SIGNED}\n"))
        .env(VARIABLE, SECRET);
    assert_eq!(status(&Hub::spawn(hub)), 200);
}

#[test]
fn who_has_proved_nothing_is_not_asked_about() {
    let application = Application::says(REFUSES);
    let settings = application.settings("");
    let hub = guarded_with(&format!(
        "[auth]\nanonymous_subscribe = [\"public/**\"]\n{settings}"
    ));
    let anonymous = hub.get("/api/events?topic=public/1");
    assert_eq!(anonymous.status(), 200);
    get(&hub, "nonsense", "/api/topics").problem(401);
    hub.get("/healthz");
    assert_eq!(application.questions(), Vec::<Value>::new());
}

#[test]
fn who_is_refused_is_told_so_and_has_done_nothing() {
    let application = Application::says(REFUSES);
    let hub = hub(&application, "");
    let all = admin();
    for _ in 0..2 {
        let refused = post(&hub, &all, "t").problem(403);
        assert_eq!(refused["type"], "urn:tidings:problem:forbidden");
        let detail = refused["detail"].as_str().expect("a detail");
        assert!(detail.contains("the application refuses"), "{detail}");
    }
    hub.send(&stream("topic=t", &all)).problem(403);
    // What says no holds as long as what says yes.
    assert_eq!(application.questions().len(), 1);
    let noted = hub.process().find_in_stderr(|stderr| {
        let line = stderr
            .lines()
            .find(|line| line.contains("tidings::audit"))?;
        Some(line.to_owned())
    });
    assert!(noted.expect("a line").contains("the application refuses"));
}

#[test]
fn what_is_named_takes_the_place_of_what_the_credentials_give() {
    let says = "{\"allow\":true,\"publish\":[\"users/{identity}\"],\"admin\":false}";
    let application = Application::says(says);
    let hub = hub(&application, "");
    let all = token(&[
        "--admin",
        "--publish",
        "**",
        "--subscribe",
        "a",
        "--identity",
        "7",
    ]);
    assert_eq!(post(&hub, &all, "users/7").status(), 200);
    post(&hub, &all, "users/8").problem(403);
    post(&hub, &all, "a").problem(403);
    assert_eq!(get(&hub, &all, "/api/events?topic=a").status(), 200);
    get(&hub, &all, "/api/events?topic=users/7").problem(403);
    get(&hub, &all, "/api/connections").problem(403);
}

#[test]
fn nobody_is_made_an_administrator() {
    let application = Application::says("{\"allow\":true,\"subscribe\":[\"b\"],\"admin\":true}");
    let hub = hub(&application, "");
    let some = token(&["--subscribe", "a", "--identity", "7"]);
    assert_eq!(get(&hub, &some, "/api/events?topic=b").status(), 200);
    get(&hub, &some, "/api/events?topic=a").problem(403);
    get(&hub, &some, "/api/connections").problem(403);
    assert_eq!(get(&hub, &admin(), "/api/connections").status(), 200);
}

#[test]
fn a_key_is_asked_about_by_its_id() {
    let made = Command::new(TIDINGS, &["keys", "--json", "--subscribe", "**"]);
    let made: Value = serde_json::from_str(&made.run().success()).expect("an object");
    let [key, id, hash] = ["key", "id", "hash"].map(|name| made[name].as_str().expect("a text"));
    let application = Application::says(ALLOWS);
    let table = format!("[[api_key]]\nid = \"{id}\"\nhash = \"{hash}\"\nsubscribe = [\"**\"]\n");
    let hub = guarded_with(&format!("{table}{}", application.settings("")));
    let answer = hub.send(&Request::get("/api/topics").header("X-API-Key", key));
    assert_eq!(answer.status(), 200);
    let asked = &application.questions()[0]["data"];
    assert_eq!(
        asked,
        &json!({"namespace": null, "identity": id, "issuer": null, "token": null, "key": id})
    );
}

#[test]
fn a_ticket_is_good_for_what_the_application_says_when_it_is_shown() {
    let wide = "{\"allow\":true,\"subscribe\":[\"**\"]}";
    let application = Application::says(wide);
    let hub = hub(&application, "ttl = \"1s\"");
    let all = admin();
    let some = token(&["--subscribe", "a", "--jti", "t1", "--identity", "7"]);
    let ticket = || {
        let asked = hub.send(&bearer(Request::post("/api/tickets", ""), &some));
        asked.json()["ticket"]
            .as_str()
            .expect("a ticket")
            .to_owned()
    };
    let open = |ticket: &str| Request::get(&format!("/api/events/stream?topic=**&ticket={ticket}"));
    let mut stream = hub.open(&open(&ticket()));
    publish(&hub, &all, "b", "of all");
    assert_eq!(stream.event().data, "of all");
    let later = ticket();
    application.reply(Reply::Says(ALLOWS));
    assert_eq!(
        stream.expect("tidings.goodbye").json()["reason"],
        "disconnected"
    );
    // It was given out when there was more to see.
    let mut stream = hub.open(&open(&later));
    publish(&hub, &all, "b", "of all");
    publish(&hub, &all, "a", "of some");
    assert_eq!(stream.event().data, "of some");
    for question in application.questions() {
        let token = &question["data"]["token"];
        assert!(
            token == "t1" || question["data"]["identity"] != "7",
            "{question}"
        );
    }
}

#[test]
fn a_crowd_with_one_token_is_one_question() {
    let application = Application::start(Reply::Nothing);
    let hub = hub(&application, "");
    let crowd = reader("crowd");
    let request = stream("topic=t", &crowd);
    let mut readers: Vec<_> = (0..300)
        .map(|_| {
            let mut connection = Connection::open(hub.address());
            connection.begin(&request).expect("an open connection");
            connection
        })
        .collect();
    application.await_questions(1);
    // Whoever was to ask for themselves has done so once somebody else, who came after them, is asked about.
    let mut last = Connection::open(hub.address());
    last.begin(&stream("topic=t", &reader("last")))
        .expect("an open connection");
    application.await_questions(2);
    application.reply(Reply::Says(REFUSES));
    for connection in readers.iter_mut().chain([&mut last]) {
        connection.receive().problem(403);
    }
    let asked = application.questions();
    let identities: Vec<_> = asked
        .iter()
        .map(|question| &question["data"]["identity"])
        .collect();
    assert_eq!(identities, ["crowd", "last"]);
}

#[test]
fn t22_a_namespace_is_named_and_opened_for_nobody_who_is_refused() {
    let application = Application::says(REFUSES);
    let settings = format!(
        "[limits]\nnamespaces = 1\n[[issuer]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\nnamespace_by_token = true\n"
    );
    let arguments = [&SERVE[..], &["--memory", "--config", "tidings.toml"]].concat();
    let settings = format!("{settings}{}", application.settings("ttl = \"1s\""));
    let hub = Hub::spawn(Command::new(TIDINGS, &arguments).file("tidings.toml", &settings));
    let of = |namespace: &str| {
        token(&[
            "--subscribe",
            "**",
            "--identity",
            "7",
            "--namespace",
            namespace,
        ])
    };
    get(&hub, &of("one"), "/api/topics").problem(403);
    assert_eq!(application.questions()[0]["data"]["namespace"], "one");
    application.reply(Reply::Says(ALLOWS));
    let mut stream = hub.open(&stream("topic=t", &of("other")));
    application.reply(Reply::Says(REFUSES));
    assert_eq!(stream.expect("tidings.goodbye").json()["reason"], "revoked");
}
