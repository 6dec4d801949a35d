use std::thread;

use tidings_testkit::{
    Durability, Event, History, Hub, Publication, Reader, Start, StreamReader, Visit, eventually,
};

use crate::hub;

fn publish(hub: &Hub, name: &str, count: usize) -> Vec<Publication> {
    let mut publisher = hub.publisher();
    let published = (0..count).map(|n| {
        let data = format!("{name}/{n}");
        let id = publisher.publish("t", "n", &data);
        Publication::acknowledged("t", &data, &id, Durability::Memory)
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
            .map(|mut stream| {
                scope.spawn(move || {
                    Visit::first(Start::Now, Some(stream.start()), stream.take(8000))
                })
            })
            .collect();
        let publishers: Vec<_> = (0..8)
            .map(|n| scope.spawn(move || publish(hub, &format!("publisher {n}"), 1000)))
            .collect();
        for publisher in publishers {
            history.publisher(publisher.join().expect("a publisher"));
        }
        for (n, reader) in readers.into_iter().enumerate() {
            let visit = reader.join().expect("a reader");
            history.reader(Reader::new(&format!("subscriber {n}"), &["t"]).visit(visit));
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
        let last = hub.finish("t", "tidy", "the end");
        let last = Publication::acknowledged("t", "the end", &last, Durability::Memory);
        history.publisher(vec![last]);
        for (n, reader) in readers.into_iter().enumerate() {
            let visits = reader.join().expect("a reader").into_iter();
            let reader = Reader::new(&format!("reader {n}"), &["t"]);
            history.reader(visits.fold(reader, Reader::visit));
        }
    });
    history.assert_holds();
}

/// Reads to the end of the topic, breaking and resuming the connection after every `piece` events.
fn read_in_pieces(hub: &Hub, mut stream: StreamReader, piece: usize) -> Vec<Visit> {
    let mut visits = Vec::new();
    let mut start = Start::Now;
    loop {
        let mut events = Vec::new();
        while events.len() < piece && !events.last().is_some_and(is_last) {
            events.push(stream.event());
        }
        let last = events.last().is_some_and(is_last);
        visits.push(Visit::first(start, Some(stream.start()), events));
        if last {
            return visits;
        }
        let id = stream.last_event_id();
        stream.reset();
        stream = hub.resume("topic=t", &id);
        start = Start::After(id);
    }
}

fn is_last(event: &Event) -> bool {
    event.event == "tidy"
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
