//! The Rust client over crashes of the hub and failures of the network: every event once.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::StreamExt;
use tidings_client::{Client, Connection, FileCursor, Item, Loss, Start, Subscription};
use tidings_testkit::{
    Durability, Follower, Habit, History, Home, Hub, Load, Mix, PATIENCE, Publication, Reader,
    Relay, Seed, Start as From,
};
use tokio::runtime;

use crate::{TIDINGS, hub_with, numbers};

const LAST: &str = "the end";

/// How often the hub is killed.
const CRASHES: usize = 8;

/// A reader in a thread of its own.
struct Following {
    thread: JoinHandle<Vec<(String, String)>>,
    states: Receiver<Connection>,
}

impl Following {
    fn start(
        read: impl AsyncFnOnce(Sender<Connection>) -> Vec<(String, String)> + Send + 'static,
    ) -> Self {
        let (told, states) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut runtime = runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().expect("a runtime");
            runtime.block_on(read(told))
        });
        Self { thread, states }
    }

    /// Waits for a state of its connection.
    fn await_state(&self, is_so: impl Fn(&Connection) -> bool) {
        while !is_so(&self.states.recv_timeout(PATIENCE).expect("another state")) {}
    }

    /// The ids and data of everything it was given, once it has come to the last event.
    fn finish(self) -> Vec<(String, String)> {
        self.thread.join().expect("a reader")
    }
}

fn client(url: &str) -> Client {
    let builder = Client::builder(url)
        .base_delay(Duration::from_millis(20))
        .max_delay(Duration::from_millis(200))
        .idle_timeout(Duration::from_secs(2));
    builder.build().expect("a client")
}

/// Reads up to the last event, or up to so many. Whether it was the last one comes with them.
async fn read(
    subscription: &mut Subscription,
    most: usize,
    told: &Sender<Connection>,
) -> (Vec<(String, String)>, bool) {
    let mut connection = subscription.connection();
    let mut given = Vec::new();
    while given.len() < most {
        tokio::select! {
            biased;
            Ok(()) = connection.changed() => {
                // Nobody may be waiting for it.
                let _ = told.send(connection.borrow_and_update().clone());
            }
            item = subscription.next() => match item.expect("no end").expect("no error") {
                Item::Event(event) => {
                    let is_last = event.data == LAST;
                    given.push((event.id, event.data));
                    if is_last {
                        return (given, true);
                    }
                }
                Item::Gap(gap) => panic!("{gap:?}"),
                _ => {}
            },
        }
    }
    (given, false)
}

#[test]
fn every_event_comes_once_however_often_the_hub_is_killed() {
    let seed = Seed::new();
    let mut random = seed.random();
    let mut home = Home::new(TIDINGS);
    let url = home.hub().url();
    let cursor = tempfile::tempdir().expect("a folder");
    let path = cursor.path().join("cursor");

    let one_subscription = Following::start({
        let client = client(&url);
        async move |told| {
            let mut subscription = client.subscribe(["load/*"]).from(Start::Oldest).open();
            read(&mut subscription, usize::MAX, &told).await.0
        }
    });
    // Each time with the cursor that the one before has left.
    let many_runs = Following::start(async move |told| {
        let mut given = Vec::new();
        loop {
            let subscribe = client(&url).subscribe(["load/*"]).from(Start::Oldest);
            let mut subscription = subscribe.cursor(FileCursor::new(&path)).open();
            let (read, is_over) = read(&mut subscription, 97, &told).await;
            let (id, _) = read.last().expect("an event");
            subscription.ack(id).await.expect("a saved cursor");
            given.extend(read);
            if is_over {
                return given;
            }
        }
    });

    let mix = Mix {
        publishers: 3,
        topics: ["load/0", "load/1", "load/2"].map(str::to_owned).into(),
        durabilities: vec![Durability::Disk],
        seed: random.u64(..),
    };
    let load = Load::start(home.whereabouts(), &mix);
    for _ in 0..CRASHES {
        load.await_acknowledgement(home.run());
        // The moment of the fault; nothing is waited for.
        thread::sleep(Duration::from_millis(random.u64(50..=400)));
        home.kill();
        home.start();
    }
    load.await_acknowledgement(home.run());
    let mut history = History::default();
    for publications in load.finish() {
        history.publisher(publications);
    }
    let id = home.hub().publish("load/end", "message", LAST);
    let mut last = Publication::acknowledged("load/end", LAST, &id, Durability::Disk);
    last.attempts[0].run = home.run();
    history.publisher(vec![last]);
    let afresh = Reader::new("afresh", &["load/*"]);
    let afresh = Follower::start(
        home.whereabouts(),
        afresh,
        From::Oldest,
        Habit::Prompt,
        LAST,
    );
    let afresh = afresh.finish();
    for reader in afresh.clone() {
        history.reader(reader);
    }
    for ending in home.endings() {
        history.run_ended(*ending);
    }
    history.assert_holds();

    let visits = afresh.iter().flat_map(|reader| &reader.visits);
    let events = visits.flat_map(|visit| &visit.events);
    let there: Vec<_> = events
        .filter(|event| !event.event.starts_with("tidings."))
        .map(|event| (event.id.clone().expect("an id"), event.data.clone()))
        .collect();
    assert_same(&one_subscription.finish(), &there);
    assert_same(&many_runs.finish(), &there);
}

fn assert_same(given: &[(String, String)], there: &[(String, String)]) {
    let first = given
        .iter()
        .zip(there)
        .find(|(given, there)| given != there);
    assert_eq!(first, None, "the first that is not what it should be");
    assert_eq!(given.len(), there.len());
}

/// It speaks far more often than the client gives up on a silent stream.
fn talkative_hub() -> Hub {
    hub_with(&[("TIDINGS_KEEP_ALIVE", "500ms")])
}

#[test]
fn every_event_comes_once_through_a_network_that_fails() {
    let hub = talkative_hub();
    let relay = Relay::to(hub.address());
    let url = format!("http://{}", relay.address());
    let following = Following::start(async move |told| {
        let mut subscription = client(&url).subscribe(["t"]).open();
        read(&mut subscription, usize::MAX, &told).await.0
    });
    let is_open = |state: &Connection| matches!(state, Connection::Open);
    let is_waiting = |state: &Connection| matches!(state, Connection::Waiting { .. });
    let is_idle = |state: &Connection| matches!(state, Connection::Waiting { reason, .. } if matches!(reason, Loss::Idle));
    following.await_state(is_open);
    let mut published = 0;
    let mut publish = |count: usize| {
        crate::publish_numbers(&hub, "t", published..published + count);
        published += count;
    };
    for _ in 0..2 {
        publish(50);
        relay.silence();
        publish(50);
        following.await_state(is_idle);
        relay.heal();
        following.await_state(is_open);
        for _ in 0..5 {
            publish(10);
            relay.cut();
            following.await_state(is_waiting);
            following.await_state(is_open);
        }
    }
    hub.publish("t", "n", LAST);
    let given = following.finish();
    let mut expected = numbers(0..published);
    expected.push(LAST.to_owned());
    let data: Vec<_> = given.into_iter().map(|(_, data)| data).collect();
    assert_eq!(data, expected);
}
