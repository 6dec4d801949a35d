use serde_json::Value;
use tidings_testkit::End;

use super::*;

const HERE: &str = "/api/users/me/mcp/client-activity";

fn request(application: &Application, user: &str, team: &str, client: &str) {
    let written = application.satellite.request(user, team, client);
    application.runtime.block_on(written).unwrap();
}

fn clients(body: &Value) -> Vec<&str> {
    let activities = body["activities"].as_array().unwrap();
    activities
        .iter()
        .filter_map(|activity| activity["client_name"].as_str())
        .collect()
}

#[test]
fn s10_twins_agree_whatever_carries_the_token() {
    let application = Application::start();
    for client in ["Zed", "Cursor"] {
        request(&application, "ann", "123", client);
    }
    request(&application, "bob", "123", "Other");
    request(&application, "ann", "7", "Elsewhere");
    let query = "team_id=123&limit=20";
    let carriers = [
        Some(("Authorization", "Bearer ann")),
        Some(("X-API-Key", "ann")),
        Some(("Cookie", "theme=dark; session=ann")),
        None,
    ];
    for carrier in carriers {
        let request = |twin: &str| match carrier {
            Some((name, value)) => {
                Request::get(&format!("{HERE}{twin}?{query}")).header(name, value)
            }
            None => Request::get(&format!("{HERE}{twin}?{query}&access_token=ann")),
        };
        let snapshot = application.send(&request(""));
        assert_eq!(clients(&snapshot.json()), ["Cursor", "Zed"], "{carrier:?}");
        let mut twin = application.open_with(&request("/stream"));
        twin.preamble();
        let first = twin.expect("client_activity");
        assert_eq!(first.data, snapshot.text());
        assert!(!first.id().is_empty());
    }
    let one = application
        .get(&format!("{HERE}?team_id=123&limit=1"))
        .json();
    assert_eq!(clients(&one), ["Cursor"]);
    let activity = &one["activities"][0];
    assert_eq!(activity["satellite"]["name"], "eu-1");
    assert_eq!(activity["total_requests"], 1);
    assert_eq!(activity["user_agent"], Value::Null);
    let time = activity["last_activity_at"].as_str().unwrap();
    assert_eq!((time.len(), &time[19..20], &time[23..]), (24, ".", "Z"));
}

#[test]
fn s10_twins_refuse_alike() {
    let application = Application::start();
    for twin in ["", "/stream"] {
        let get = |query: &str| application.get(&format!("{HERE}{twin}?{query}"));
        get("").assert_names(400, "team_id");
        get("team_id=123&limit=101").assert_names(400, "limit");
        get("team_id=123&limit=0").assert_names(400, "limit");
        get("team_id=123&active_within_minutes=1441").assert_names(400, "active_within_minutes");
        get("team_id=999").problem(403);

        let path = format!("{HERE}{twin}?team_id=123");
        let anonymous = Request::get(&path);
        application.send(&anonymous).problem(401);
        application
            .send(&anonymous.header("X-API-Key", "mallory"))
            .problem(401);
        for (method, status) in [("HEAD", 200), ("OPTIONS", 204), ("POST", 405)] {
            let request = Request::new(method, &path).header("X-API-Key", "ann");
            let answer = application.send(&request);
            assert_eq!((answer.status(), method), (status, method));
            if method != "HEAD" {
                assert_eq!(answer.header("allow"), Some("GET,HEAD"));
            }
        }
    }
}

#[test]
fn s11_fifty_viewers_get_one_block_for_one_change() {
    let application = Application::start();
    let target = format!("{HERE}/stream?team_id=123");
    let mut viewers: Vec<_> = (0..50).map(|_| application.open(&target)).collect();
    for viewer in &mut viewers {
        assert_eq!(
            viewer.expect("client_activity").data,
            r#"{"activities":[]}"#
        );
    }
    assert_eq!(application.satellite.views(), (1, 0));

    request(&application, "ann", "123", "Cursor");
    // It concerns none of them.
    request(&application, "bob", "123", "Zed");
    let blocks: Vec<_> = viewers
        .iter_mut()
        .map(|viewer| viewer.expect("client_activity"))
        .collect();
    for block in &blocks {
        assert_eq!((&block.data, block.id()), (&blocks[0].data, blocks[0].id()));
    }
    assert_eq!(clients(&blocks[0].json()), ["Cursor"]);

    request(&application, "ann", "123", "Cursor");
    for viewer in &mut viewers {
        let next = viewer.expect("client_activity").json();
        assert_eq!(next["activities"][0]["total_requests"], 2);
    }
}

#[test]
fn s13_any_accept_that_covers_a_stream_gets_one() {
    let application = Application::start();
    let request = ann(&format!("{HERE}/stream?team_id=123"));
    application.open_with(&request).expect("client_activity");
    for accept in ["*/*", "text/*"] {
        let request = request.clone().header("Accept", accept);
        application.open_with(&request).expect("client_activity");
    }
    let refused = application.send(&request.header("Accept", "application/json"));
    refused.assert_names(406, "Accept");
}

#[test]
fn who_leaves_the_team_is_sent_away() {
    let application = Application::start();
    let mut viewer = application.open(&format!("{HERE}/stream?team_id=123"));
    viewer.expect("client_activity");
    application
        .runtime
        .block_on(application.satellite.leave("ann", "123"))
        .unwrap();
    let (events, end) = viewer.read_to_end();
    assert_eq!((events.len(), end), (1, End::Clean));
    assert_eq!(events[0].event, "tidings.error");
    assert_eq!(events[0].json()["code"], "forbidden");
}
