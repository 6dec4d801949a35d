//! Credentials that are taken back.

use tidings_testkit::{Command, Hub, Request, Response};

use super::{SECRET, VARIABLE, admin, bearer, guarded, stream, token};
use crate::{SERVE, TIDINGS};

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
fn one_thing_is_revoked_at_a_time_and_by_its_name() {
    let hub = guarded();
    for (body, field) in [
        ("{}", "jti"),
        ("{\"jti\":\"a\",\"key\":\"b\"}", "key"),
        ("{\"identity\":7}", "identity"),
    ] {
        revoke(&hub, body).assert_names(400, field);
    }
}
