use tidings::{Broker, Fed, Subscription};

use crate::fixture::to;

use super::engine::{Engine, Stream};

/// Two streams that are fed and one that is not.
pub(super) struct Three {
    pub(super) fed: [Stream; 2],
    pub(super) own: Stream,
    pub(super) engine: Engine,
}

impl Three {
    pub(super) fn open(broker: &Broker, selectors: &[&str]) -> Self {
        Self::of(broker, &to(selectors))
    }

    pub(super) fn of(broker: &Broker, subscription: &Subscription) -> Self {
        let open = || {
            let mut stream = Stream::of(broker, subscription.clone());
            stream.go_on();
            stream
        };
        let mut fed = [open(), open()];
        let mut engine = Engine::feeding(&mut fed);
        assert_eq!(engine.run(&mut fed), Fed::Nothing);
        Self {
            engine,
            fed,
            own: open(),
        }
    }

    /// The feed has these, and does not dissolve.
    pub(super) fn check_fed(&mut self, expected: &[&str]) {
        assert_eq!(self.engine.run(&mut self.fed), Fed::Nothing);
        self.own.go_on();
        for stream in self.fed.iter_mut().chain([&mut self.own]) {
            assert_eq!(stream.got(), expected);
        }
    }

    /// The feed dissolves after these, and then comes the rest, for all alike.
    pub(super) fn check(mut self, fed: &[&str], rest: &[&str]) {
        assert_eq!(self.engine.run(&mut self.fed), Fed::Dissolved);
        for stream in &mut self.fed {
            assert_eq!(stream.got(), fed);
        }
        self.engine.dissolve(&mut self.fed);
        for stream in &mut self.fed {
            assert_eq!(stream.got(), rest);
        }
        self.own.go_on();
        assert_eq!(self.own.got(), [fed, rest].concat());
    }
}
