use std::thread;

use tidings_testkit::{Event, History, Hub, Published, StreamReader, eventually};

use crate::hub;

fn publish(hub: &Hub, name: &str, count: usize) -> Vec<Published> {
    let mut publisher = hub.publisher();
    let published = (0..count).map(|n| {
        let data = format!("{name}/{n}");
        let id = publisher.publish("t", "n", &data);
        Published { id, data }
    });
    published.collect()
}

#[test]
fn s18_eight_publishers_are_seen_in_one_order_by_twenty_subscribers() {
    let hub = hub();
    let streams: Vec<_> = (0..20).map(|_| hub.stream("topic=t")).collect();
    let mut history = History::default();
    thread::scope(|scope| {
        let hub = &hub;
        let readers: Vec<_> = streams
            .into_iter()
            .map(|mut stream| scope.spawn(move || stream.take(8000)))
            .collect();
        let publishers: Vec<_> = (0..8)
            .map(|n| scope.spawn(move || publish(hub, &format!("publisher {n}"), 1000)))
            .collect();
        for publisher in publishers {
            history.publisher(publisher.join().expect("a publisher"));
        }
        for (n, reader) in readers.into_iter().enumerate() {
            let events = reader.join().expect("a reader");
            history.reader(&format!("subscriber {n}"), vec![events]);
        }
    });
    history.assert_holds();
}

#[test]
fn readers_that_come_and_go_under_load_have_every_event_once() {
    let hub = hub();
    let mut streams: Vec<_> = (0..6).map(|_| hub.stream("topic=t")).collect();
    let mut history = History::default();
    thread::scope(|scope| {
        let hub = &hub;
        let readers: Vec<_> = streams
            .drain(..)
            .enumerate()
            .map(|(n, stream)| scope.spawn(move || read_in_pieces(hub, stream, 37 + 61 * n)))
            .collect();
        let publishers: Vec<_> = (0..4)
            .map(|n| scope.spawn(move || publish(hub, &format!("publisher {n}"), 500)))
            .collect();
        for publisher in publishers {
            history.publisher(publisher.join().expect("a publisher"));
        }
        hub.finish("t", "tidy", "the end");
        for (n, reader) in readers.into_iter().enumerate() {
            let connections = reader.join().expect("a reader");
            history.reader(&format!("reader {n}"), connections);
        }
    });
    history.assert_holds();
}

/// Reads to the end of the topic, breaking and resuming the connection after every `piece` events.
fn read_in_pieces(hub: &Hub, mut stream: StreamReader, piece: usize) -> Vec<Vec<Event>> {
    let mut connections = Vec::new();
    loop {
        let mut events = Vec::new();
        while events.len() < piece {
            match stream.next_event() {
                Some(event) if event.event == "tidy" => {
                    connections.push(events);
                    return connections;
                }
                Some(event) => events.push(event),
                None => panic!("the stream ended before the topic"),
            }
        }
        let id = stream.last_event_id();
        stream.reset();
        connections.push(events);
        stream = hub.resume("topic=t", &id);
    }
}

#[test]
fn s3_a_thousand_topics_that_end_lose_nothing() {
    let hub = hub();
    thread::scope(|scope| {
        for lane in 0..4 {
            let hub = &hub;
            scope.spawn(move || {
                let mut publisher = hub.publisher();
                for round in 0..250 {
                    let topic = format!("lane-{lane}/round-{round}");
                    let query = format!("topic={topic}");
                    let mut followers = [hub.stream(&query), hub.stream(&query)];
                    let first = publisher.publish(&topic, "task-complete", "{}");
                    let last = publisher.finish(&topic, "execution-complete", "{}");
                    for follower in &mut followers {
                        let events = follower.rest();
                        let ids: Vec<_> = events.iter().map(Event::id).collect();
                        assert_eq!(ids, [&first, &last], "{topic}");
                    }
                }
            });
        }
    });
    eventually("no stream is left", || {
        let connections = hub.get("/api/connections").json();
        (connections["total"] == 0).then_some(())
    });
}
