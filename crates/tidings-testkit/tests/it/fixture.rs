use serde_json::json;
use tidings_testkit::{
    Attempt, Durability, Event, History, Outcome, Publication, Reader, Receipt, Sent, Start,
    Violation, Visit,
};

pub(crate) use tidings_testkit::Durability::{Disk, Memory};

/// What a history is made of in short: publications and readers' connections.
#[derive(Default)]
pub(crate) struct Given(pub(crate) History);

pub(crate) fn event(id: &str, data: &str) -> Event {
    Event {
        id: Some(id.to_owned()),
        event: "note".to_owned(),
        data: data.to_owned(),
    }
}

pub(crate) fn gap(reason: &str, requested: &str, oldest: &str) -> Event {
    Event {
        id: None,
        event: "tidings.gap".to_owned(),
        data: json!({"reason": reason, "requested": requested, "oldest": oldest}).to_string(),
    }
}

pub(crate) fn resumed(from: &str) -> Event {
    Event {
        id: None,
        event: "tidings.resumed".to_owned(),
        data: json!({"from": from, "count": 0}).to_string(),
    }
}

/// The events `e-N` with data `dN` for these numbers.
pub(crate) fn numbered(numbers: impl IntoIterator<Item = u64>) -> Vec<Event> {
    let numbers = numbers.into_iter();
    numbers
        .map(|n| event(&format!("e-{n}"), &format!("d{n}")))
        .collect()
}

pub(crate) fn visit(run: usize, start: Start, events: Vec<Event>) -> Visit {
    let position = match &start {
        Start::After(id) => Some(id.clone()),
        Start::Now | Start::Oldest => None,
    };
    Visit {
        run,
        start,
        position,
        events,
    }
}

pub(crate) fn after(run: usize, id: &str, events: Vec<Event>) -> Visit {
    visit(run, Start::After(id.to_owned()), events)
}

/// One publication of these events to the topic `t`, attempted in these runs.
pub(crate) fn publication(
    data: &[&str],
    durability: Durability,
    attempts: Vec<Attempt>,
) -> Publication {
    let events = data.iter().map(|&data| Sent {
        topic: "t".to_owned(),
        data: data.to_owned(),
    });
    Publication {
        events: events.collect(),
        durability,
        attempts,
    }
}

pub(crate) fn acknowledged(run: usize, first: &str, last: &str, durability: Durability) -> Attempt {
    Attempt {
        run,
        outcome: Outcome::Acknowledged(Receipt {
            first: first.to_owned(),
            last: last.to_owned(),
            durability,
        }),
    }
}

pub(crate) fn unknown(run: usize) -> Attempt {
    Attempt {
        run,
        outcome: Outcome::Unknown,
    }
}

impl Given {
    /// Publishers that had `dN` acknowledged as `e-N` in `run` for these numbers, each by one of
    /// its own.
    pub(crate) fn published(
        mut self,
        run: usize,
        durability: Durability,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Self {
        for n in numbers {
            let id = format!("e-{n}");
            let attempt = acknowledged(run, &id, &id, durability);
            let sent = publication(&[&format!("d{n}")], durability, vec![attempt]);
            self.0.publisher(vec![sent]);
        }
        self
    }

    pub(crate) fn sent(mut self, publication: Publication) -> Self {
        self.0.publisher(vec![publication]);
        self
    }

    /// A reader of `t`.
    pub(crate) fn reader(self, name: &str, visits: Vec<Visit>) -> Self {
        self.follower(name, "t", visits)
    }

    pub(crate) fn follower(mut self, name: &str, selector: &str, visits: Vec<Visit>) -> Self {
        self.0.reader(Reader {
            visits,
            ..Reader::new(name, &[selector])
        });
        self
    }

    pub(crate) fn ended(mut self, ending: tidings_testkit::Ending) -> Self {
        self.0.run_ended(ending);
        self
    }

    #[track_caller]
    pub(crate) fn holds(&self) {
        self.0.assert_holds();
    }

    #[track_caller]
    pub(crate) fn violation(&self) -> Violation {
        match self.0.check() {
            Ok(()) => panic!("nothing was found in {:#?}", self.0),
            Err(violation) => violation,
        }
    }
}
