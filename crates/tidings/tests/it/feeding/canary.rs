//! Random readers with random rights: each is given exactly what the rules of the language say, and nothing else ever.

use proptest::{prelude::*, sample::Index};
use tidings::{Broker, Event, Fed, Selector, Selectors, StartAt, Subscription, Topic};

use crate::fixture::{Now, selector, to, topic};

use super::engine::{ENOUGH, Engine, Stream};

/// They look alike to whoever joins, escapes or cuts them in the wrong place.
const SEGMENTS: [&str; 7] = ["a", "a_b", "%61", ".", "{}", "é", ""];
const WILD: [&str; 9] = ["a", "a_b", "%61", ".", "{}", "é", "", "*", "**"];

#[derive(Clone, Debug)]
enum Step {
    Publish(String),
    Open(Vec<String>, Option<Vec<String>>, Start),
    Change(Index, Vec<String>, Vec<Index>),
    Take(Index),
    /// Those that can be are fed from now on, by one feed for each group.
    Feed,
    RunFeeds,
    Leave(Index),
}

#[derive(Clone, Copy, Debug)]
enum Start {
    Now,
    Oldest,
    Newest(usize),
    Resume,
}

/// A reader and what it should be given.
struct Reader {
    stream: Stream,
    asked: Vec<String>,
    rights: Option<Vec<String>>,
    expected: Vec<String>,
}

#[derive(Default)]
struct World {
    published: Vec<String>,
    readers: Vec<Reader>,
    engines: Vec<Engine>,
}

/// The rules of the language, one by one.
fn is_match(selector: &str, topic: &str) -> bool {
    let mut segments = topic.split('/');
    for own in selector.split('/') {
        match (own, segments.next()) {
            ("**", _) => return true,
            ("*", Some(_)) => {}
            (own, segment) if segment == Some(own) => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

fn is_any_match(selectors: &[String], topic: &str) -> bool {
    selectors.iter().any(|selector| is_match(selector, topic))
}

/// Whether an event of the topic is for a reader.
fn may_see(asked: &[String], rights: Option<&Vec<String>>, topic: &str) -> bool {
    is_any_match(asked, topic) && rights.is_none_or(|rights| is_any_match(rights, topic))
}

fn subscription(asked: &[String], rights: Option<&Vec<String>>) -> Subscription {
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    match rights {
        None => to(&asked),
        Some(rights) => {
            let rights: Selectors = rights.iter().map(|text| selector(text)).collect();
            to(&asked).within(rights)
        }
    }
}

impl World {
    fn step(&mut self, broker: &Broker, step: Step) -> Result<(), TestCaseError> {
        let readers = self.readers.len();
        match step {
            Step::Publish(name) => {
                let publishing = broker.publish(topic(&name), Event::new(&*name));
                let receivers = publishing.now().unwrap().receivers;
                let mut expected = 0;
                for reader in &mut self.readers {
                    if may_see(&reader.asked, reader.rights.as_ref(), &name) {
                        reader.expected.push(name.clone());
                        expected += 1;
                    }
                }
                prop_assert_eq!(receivers, expected);
                self.published.push(name);
            }
            Step::Open(asked, rights, start) => self.open(broker, asked, rights, start)?,
            _ if readers == 0 => {}
            Step::Change(any, subscribe, unsubscribe) => {
                self.leave(any.index(readers));
                self.change(broker, any.index(readers), subscribe, &unsubscribe);
            }
            Step::Take(any) => {
                self.leave(any.index(readers));
                self.readers[any.index(readers)].stream.go_on();
            }
            Step::Feed => self.feed(),
            Step::RunFeeds => self.run_feeds(),
            Step::Leave(any) => self.leave(any.index(readers)),
        }
        Ok(())
    }

    fn open(
        &mut self,
        broker: &Broker,
        asked: Vec<String>,
        rights: Option<Vec<String>>,
        start: Start,
    ) -> Result<(), TestCaseError> {
        let before = self.published.iter();
        let before = before.filter(|name| may_see(&asked, rights.as_ref(), name));
        let before: Vec<String> = before.cloned().collect();
        let begins_with = |n: usize| before[before.len() - n.min(before.len())..].to_vec();

        let all = subscription(&asked, rights.as_ref());
        let page = broker.history(&all, 3).unwrap();
        let data: Vec<&str> = page.events.iter().map(|event| event.data()).collect();
        prop_assert_eq!(&data, &begins_with(3));

        let (all, expected) = match start {
            Start::Now => (all, Vec::new()),
            Start::Oldest => (all.start_at(StartAt::Start), before),
            Start::Newest(n) => (all.start_at(StartAt::Newest(n)), begins_with(n)),
            Start::Resume => {
                let confirmed = format!("<resumed {}>", before.len());
                let id = broker.position_after(0).to_string();
                (all.resume_after(id), [before, vec![confirmed]].concat())
            }
        };
        self.readers.push(Reader {
            stream: Stream::of(broker, all),
            asked,
            rights,
            expected,
        });
        Ok(())
    }

    fn change(&mut self, broker: &Broker, reader: usize, subscribe: Vec<String>, drop: &[Index]) {
        let reader = &mut self.readers[reader];
        let dropped: Vec<String> = drop
            .iter()
            .map(|any| any.get(&reader.asked).clone())
            .collect();
        let [new, old] = [&subscribe, &dropped].map(|texts| {
            let selectors = texts.iter().map(|text| selector(text));
            selectors.collect::<Vec<Selector>>()
        });
        let changing = broker.change(reader.stream.subscriber.id(), &new, &old);
        // Too many changes may wait for it, or nothing may be left.
        if changing.now().is_ok() {
            reader.asked.retain(|asked| !dropped.contains(asked));
            reader.asked.extend(subscribe);
        }
    }

    fn feed(&mut self) {
        for reader in &mut self.readers {
            if reader.stream.next.is_some() {
                continue;
            }
            reader.stream.go_on();
            let group = reader.stream.member.group();
            let is_for_it = |engine: &Engine| Some(engine.feed.group()) == group;
            if !self.engines.iter().any(is_for_it) {
                self.engines.extend(Engine::open(&reader.stream));
            }
            if let Some(engine) = self.engines.iter_mut().find(|engine| is_for_it(engine)) {
                engine.join(&mut reader.stream);
            }
        }
        self.run_feeds();
    }

    fn run_feeds(&mut self) {
        for engine in &mut self.engines {
            let group = engine.feed.group();
            while matches!(engine.take(ENOUGH), Fed::Events { .. }) {
                for reader in &mut self.readers {
                    let stream = &mut reader.stream;
                    if stream.next.is_some() && stream.member.group() == Some(group) {
                        engine.hand(stream);
                    }
                }
            }
        }
    }

    fn leave(&mut self, reader: usize) {
        let stream = &mut self.readers[reader].stream;
        let group = stream.member.group();
        let mut engines = self.engines.iter_mut();
        if stream.next.is_some()
            && let Some(engine) = engines.find(|engine| Some(engine.feed.group()) == group)
        {
            engine.leave(stream);
        }
    }

    fn check(mut self) -> Result<(), TestCaseError> {
        self.run_feeds();
        for reader in 0..self.readers.len() {
            self.leave(reader);
        }
        for reader in &mut self.readers {
            reader.stream.go_on();
            prop_assert_eq!(&reader.stream.got(), &reader.expected);
        }
        Ok(())
    }
}

fn text(segments: &'static [&'static str]) -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(prop::sample::select(segments), 1..4);
    segments.prop_map(|segments| segments.join("/"))
}

fn topics() -> impl Strategy<Value = String> {
    text(&SEGMENTS).prop_filter("a topic", |text| Topic::new(text).is_ok())
}

fn selectors(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<String>> {
    let selector = text(&WILD).prop_filter("a selector", |text| Selector::new(text).is_ok());
    prop::collection::vec(selector, count)
}

fn step() -> impl Strategy<Value = Step> {
    let reader = any::<Index>;
    let start = prop_oneof![
        Just(Start::Now),
        Just(Start::Oldest),
        (0..4_usize).prop_map(Start::Newest),
        Just(Start::Resume),
    ];
    let rights = prop::option::weighted(0.9, selectors(0..5));
    let open = (selectors(1..4), rights, start)
        .prop_map(|(asked, rights, start)| Step::Open(asked, rights, start));
    let unsubscribe = prop::collection::vec(any::<Index>(), 0..2);
    let change = (reader(), selectors(0..3), unsubscribe)
        .prop_map(|(reader, new, old)| Step::Change(reader, new, old));
    prop_oneof![
        8 => topics().prop_map(Step::Publish),
        4 => open,
        2 => change,
        2 => reader().prop_map(Step::Take),
        1 => Just(Step::Feed),
        2 => Just(Step::RunFeeds),
        1 => reader().prop_map(Step::Leave),
    ]
}

proptest! {
    #[test]
    fn nobody_is_given_what_the_rights_do_not_allow(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let broker = Broker::new();
        let mut world = World::default();
        for step in steps {
            world.step(&broker, step)?;
        }
        world.check()?;
    }
}
