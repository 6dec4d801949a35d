//! Credentials that are taken back.

use std::fs::{self, File};
use std::io::Write;

use tidings_testkit::{Command, Connection, Hub, Request, Response, eventually};

use super::{SECRET, VARIABLE, admin, bearer, guarded, stream, token};
use crate::mount::Mount;
use crate::{SERVE, TIDINGS, hub_on, stop};

fn revoke(hub: &Hub, what: &str) -> Response {
    let request =
        Request::post("/api/revocations", what).header("Content-Type", "application/json");
    hub.send(&bearer(request, &admin()))
}

#[test]
fn streams_of_revoked_credentials_end_and_they_are_good_no_more() {
    let hub = guarded();
    let of_name = token(&["--subscribe", "**", "--identity", "gone"]);
    let of_jti = token(&["--subscribe", "**", "--identity", "stays", "--jti", "t1"]);
    let other = token(&["--subscribe", "**", "--identity", "stays"]);
    let mut streams = [&of_name, &of_jti, &other].map(|token| hub.open(&stream("topic=t", token)));
    let mut twin = hub.open(&bearer(Request::get("/api/topics/stream"), &of_name));
    let done = revoke(&hub, "{\"identity\":\"gone\"}").json();
    assert_eq!(
        (&done["identity"], &done["streams"]),
        (&"gone".into(), &2.into())
    );
    for stream in [&mut streams[0], &mut twin] {
        let last = stream.rest().pop().expect("a goodbye");
        assert_eq!(last.json()["reason"], "revoked");
    }
    assert_eq!(revoke(&hub, "{\"jti\":\"t1\"}").json()["streams"], 1);
    assert_eq!(
        streams[1].rest().pop().expect("a goodbye").event,
        "tidings.goodbye"
    );
    for token in [&of_name, &of_jti] {
        hub.send(&stream("topic=t", token)).problem(401);
    }
    assert_eq!(
        hub.send(&bearer(Request::get("/api/topics"), &other))
            .status(),
        200
    );
    let listed = hub
        .send(&bearer(Request::get("/api/revocations"), &admin()))
        .json();
    assert_eq!(listed["revocations"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_revoked_stays_so_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let command = Command::new(TIDINGS, &SERVE).directory(folder.path());
        Hub::spawn(command.env(VARIABLE, SECRET))
    };
    let token = token(&["--subscribe", "**", "--identity", "gone"]);
    let hub = start();
    assert_eq!(revoke(&hub, "{\"identity\":\"gone\"}").status(), 200);
    drop(hub);
    start()
        .send(&bearer(Request::get("/api/topics"), &token))
        .problem(401);
}

#[test]
fn more_than_ever_revoked_stays_so_whatever_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let command = Command::new(TIDINGS, &SERVE).directory(folder.path());
        let command = command
            .env("TIDINGS_RETENTION_TOTAL", "64KiB")
            .env("TIDINGS_LIMITS_TOPICS", "5");
        Hub::spawn(command.env(VARIABLE, SECRET))
    };
    let token = token(&["--subscribe", "**", "--jti", "stolen"]);
    let hub = start();
    assert_eq!(revoke(&hub, "{\"jti\":\"stolen\"}").status(), 200);
    let all = admin();
    for index in 0..20 {
        super::publish(&hub, &all, &format!("t/{index}"), &"x".repeat(10_000));
    }
    assert_eq!(revoke(&hub, "{\"jti\":\"another\"}").status(), 200);
    drop(hub);
    start()
        .send(&bearer(Request::get("/api/topics"), &token))
        .problem(401);
}

#[test]
fn what_a_full_disk_does_not_take_holds_and_is_written_down_with_the_next() {
    let Some(mount) = Mount::new("size=24m") else {
        return;
    };
    let folder = mount.path().join("data");
    let start = || hub_on(&folder, &[(VARIABLE, SECRET)]);
    let hub = start();
    let filler = mount.path().join("filler");
    let mut file = File::create(&filler).expect("a file");
    while file.write_all(&[1; 4096]).is_ok() {}

    // What is left of a page of the file is still room.
    let name = |number: usize| format!("{number}-{}", "x".repeat(200));
    let revoked = |number: usize| revoke(&hub, &format!("{{\"identity\":\"{}\"}}", name(number)));
    let refused = (0..100).find(|number| revoked(*number).status() != 200);
    let refused = refused.expect("no room");
    for number in [refused, refused + 1] {
        let problem = revoked(number).problem(503);
        assert_eq!(problem["type"], "urn:tidings:problem:store-failed");
    }
    drop(file);
    fs::remove_file(&filler).expect("a file");
    for number in [refused + 2, refused + 3] {
        assert_eq!(revoked(number).status(), 200);
    }
    stop(hub);

    let hub = start();
    for number in 0..refused + 4 {
        let token = token(&["--subscribe", "**", "--identity", &name(number)]);
        let request = bearer(Request::get("/api/topics"), &token);
        hub.send(&request).problem(401);
    }
    let other = token(&["--subscribe", "**", "--identity", &name(refused + 4)]);
    let request = bearer(Request::get("/api/topics"), &other);
    assert_eq!(hub.send(&request).status(), 200);
}

#[test]
fn what_was_revoked_can_be_allowed_again() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let command = Command::new(TIDINGS, &SERVE).directory(folder.path());
        Hub::spawn(command.env(VARIABLE, SECRET))
    };
    let token = token(&["--subscribe", "**", "--identity", "back"]);
    let hub = start();
    let lift = |query: &str| {
        let request = Request::delete(&format!("/api/revocations{query}"));
        hub.send(&bearer(request, &admin()))
    };
    let done = revoke(&hub, "{\"identity\":\"back\"}").json();
    assert!(done["until"].is_null(), "{done}");
    lift("?identity=other").problem(404);
    lift("").assert_names(400, "jti");
    assert_eq!(lift("?identity=back").status(), 204);
    let get = || bearer(Request::get("/api/topics"), &token);
    assert_eq!(hub.send(&get()).status(), 200);
    drop(hub);
    assert_eq!(start().send(&get()).status(), 200);
}

#[test]
fn who_takes_back_their_own_credentials_is_told_so() {
    let hub = guarded();
    let mine = token(&["--admin", "--identity", "me"]);
    let request = Request::post("/api/revocations", "{\"identity\":\"me\"}");
    let request = bearer(request.header("Content-Type", "application/json"), &mine);
    assert_eq!(hub.send(&request).status(), 200);
    hub.send(&request).problem(401);
}

#[test]
fn one_thing_is_revoked_at_a_time_and_by_its_name() {
    let hub = guarded();
    for (body, field) in [
        ("{}", "jti"),
        ("{\"jti\":\"a\",\"key\":\"b\"}", "key"),
        ("{\"identity\":7}", "identity"),
        ("{\"key\":\"tdk_k3v9x1m7_secret\"}", "key"),
    ] {
        revoke(&hub, body).assert_names(400, field);
    }
}

#[test]
fn as_many_as_may_be_revoked_are_read_at_the_start_and_none_that_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tidings-data/revocations.jsonl");
    fs::create_dir(file.parent().unwrap()).unwrap();
    let mut lines = String::new();
    for index in 0..100_000 {
        lines += &format!("{{\"identity\":\"{index}\"}}\n");
    }
    lines += "{\"jti\":\"over\",\"until\":\"2026-01-01T00:00:00.000Z\"}\n";
    fs::write(&file, lines).unwrap();
    let command = Command::new(TIDINGS, &SERVE).directory(folder.path());
    let hub = Hub::spawn(command.env(VARIABLE, SECRET));
    let last = token(&["--subscribe", "**", "--identity", "99999"]);
    hub.send(&bearer(Request::get("/api/topics"), &last))
        .problem(401);
    drop(hub);
    let kept = fs::read_to_string(&file).unwrap();
    assert_eq!(kept.lines().count(), 100_000);
    assert!(!kept.contains("over"));
}

#[test]
fn a_long_poll_does_not_outlast_what_it_was_just_being_opened_by() {
    let hub = guarded();
    let [gone, stays] =
        ["gone", "stays"].map(|name| token(&["--subscribe", "**", "--identity", name]));
    let poll = |token: &str, wait: u8| {
        let request = Request::get(&format!("/api/events?topic=t&wait={wait}"));
        let mut connection = Connection::open(hub.address());
        connection.begin(&bearer(request, token)).unwrap();
        connection
    };
    let all = admin();
    let waiting = |identity: &str| {
        let request = Request::get(&format!("/api/connections?identity={identity}"));
        hub.send(&bearer(request, &all)).json()["total"].clone()
    };
    let _shorter = poll(&stays, 30);
    eventually("the shorter one waits", || {
        (waiting("stays") == 1).then_some(())
    });
    // More than are looked into history for at a time: when it is taken back, many do not wait yet.
    let polls: Vec<_> = (0..300).map(|_| poll(&gone, 60)).collect();
    assert_eq!(revoke(&hub, "{\"identity\":\"gone\"}").status(), 200);
    for mut poll in polls {
        poll.receive().problem(401);
    }
    assert_eq!(waiting("stays"), 1);
}
