use tidings_testkit::{Hub, Request, Response};

use crate::{hub, hubs};

fn publish(hub: &Hub, query: &str, data: &str, key: &str) -> Response {
    let request = Request::post(&format!("/api/events?{query}"), data);
    hub.send(&request.header("Idempotency-Key", key))
}

#[test]
fn the_same_key_gives_the_same_id_and_no_second_event() {
    for hub in hubs() {
        let mut stream = hub.stream("topic=t");
        let first = publish(&hub, "topic=t&event=e", "x", "k").json();
        let again = publish(&hub, "topic=t&event=e", "x", "k").json();
        assert_eq!(first["id"], again["id"]);
        hub.publish("t", "marker", "");
        stream.expect("e");
        stream.expect("marker");
    }
}

#[test]
fn the_same_key_with_another_event_is_a_conflict() {
    let hub = hub();
    assert_eq!(publish(&hub, "topic=t&event=e", "x", "k").status(), 200);
    let others = [
        ("topic=t&event=e", "y"),
        ("topic=t&event=f", "x"),
        ("topic=u&event=e", "x"),
        ("topic=t&event=e&final=1", "x"),
    ];
    for (query, data) in others {
        publish(&hub, query, data, "k").problem(409);
    }
    assert_eq!(hub.history("t").len(), 1);
    assert_eq!(hub.history("u").len(), 0);
}

#[test]
fn another_key_is_another_event() {
    let hub = hub();
    let first = publish(&hub, "topic=t", "x", "k1").json();
    let second = publish(&hub, "topic=t", "x", "k2").json();
    assert_ne!(first["id"], second["id"]);
    assert_eq!(hub.history("t").len(), 2);
}

#[test]
fn a_repeated_final_event_is_answered_before_the_topic_is_looked_at() {
    for hub in hubs() {
        let first = publish(&hub, "topic=t&event=done&final=1", "x", "k").json();
        let again = publish(&hub, "topic=t&event=done&final=1", "x", "k").json();
        assert_eq!(first["id"], again["id"]);
        publish(&hub, "topic=t&event=done&final=1", "x", "other").problem(409);
    }
}

#[test]
fn a_refused_event_does_not_use_up_its_key() {
    let hub = hub();
    publish(&hub, "topic=t&event=error", "x", "k").assert_names(400, "event");
    assert_eq!(publish(&hub, "topic=t&event=fine", "x", "k").status(), 200);
}

#[test]
fn the_same_key_sent_by_many_at_once_makes_one_event() {
    for hub in hubs() {
        let ids: Vec<_> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| publish(&hub, "topic=t", "x", "k").json()["id"].clone()))
                .collect();
            let ids = tries.into_iter().map(|id| id.join().expect("an answer"));
            ids.collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(hub.history("t").len(), 1);
    }
}
