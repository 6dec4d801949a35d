//! What a thread does with its fan-outs: connections join and leave them, and are written to.

use crate::serve::engine::connection::Moment;
use crate::serve::engine::fanout::{Begun, Fanouts};
use crate::serve::engine::inbox::Target;
use crate::serve::engine::slot::Slot;

use super::{Engine, Next, PIECE};

impl Engine {
    /// Has a connection fed from now on, if that can be.
    pub(super) fn feed(&mut self, token: usize) {
        let connection = self.connections.get_mut(token);
        let (Some(connection), Some(fanouts)) = (connection, &mut self.fanouts) else {
            return;
        };
        if connection.seat().is_some() {
            return;
        }
        let joined = fanouts.join(token, connection.member(), connection.waker());
        if let Some((seat, opened)) = joined {
            connection.seat_at(seat);
            let opened = opened.map(|index| Target::Fanout(Slot::new(index)));
            self.ready.extend(opened);
        }
    }

    /// Has a connection go on by itself, when it is its turn.
    pub(super) fn unfeed(&mut self, token: usize) {
        self.unseat(token);
        self.with(token, |_, _| Ok(Next::Again));
    }

    /// Takes a connection out of its fan-out.
    pub(super) fn unseat(&mut self, token: usize) {
        let connection = self.connections.get_mut(token);
        if let (Some(connection), Some(fanouts)) = (connection, &mut self.fanouts)
            && let Some(seat) = connection.unseat()
        {
            fanouts.leave(seat, connection.member());
        }
    }

    /// Writes a piece of what a fan-out has to its connections. Gives the number of connections written to.
    pub(super) fn fan_out(&mut self, index: usize, now: Moment) -> usize {
        let fanouts = self.fanouts.as_mut();
        let Some(fanout) = fanouts.and_then(|fanouts| fanouts.get_mut(index)) else {
            return 0;
        };
        match fanout.begin(&mut self.blocks) {
            Begun::Pass => {}
            Begun::Dissolved => {
                let tokens = fanout.tokens();
                tokens.into_iter().for_each(|token| self.unfeed(token));
                return 0;
            }
            Begun::Nothing => return 0,
        }
        let (mut written, mut over) = (0, Vec::new());
        while written < PIECE
            && let Some(token) = fanout.next()
        {
            written += 1;
            let Some(connection) = self.connections.get_mut(token) else {
                continue;
            };
            match connection.write_events(index, fanout.window(), now) {
                Ok(true) => {
                    if let Some(seat) = connection.seat() {
                        fanout.came_to(seat.next);
                    }
                }
                Ok(false) => over.push((token, None)),
                Err(reason) => over.push((token, Some(reason))),
            }
        }
        for (token, reason) in over {
            match reason {
                None => self.unfeed(token),
                Some(reason) => self.close(token, &reason),
            }
        }
        // Once who leaves has left: what it has not had is known until then. It may have been the last.
        let fanouts = self.fanouts.as_mut();
        if let Some(fanout) = fanouts.and_then(|fanouts| fanouts.get_mut(index)) {
            fanout.end_if_around(now);
            if fanout.raise() {
                self.ready.push_back(Target::Fanout(Slot::new(index)));
            }
        }
        written
    }

    /// Gives a connection that has room again what it has missed of its fan-out.
    pub(super) fn refill(&mut self, token: usize) {
        let now = self.now();
        let connection = self.connections.get_mut(token);
        let (Some(connection), Some(fanouts)) = (connection, &mut self.fanouts) else {
            return;
        };
        let Some(seat) = connection.seat() else {
            return;
        };
        let index = seat.fanout();
        let Some(fanout) = fanouts.get_mut(index) else {
            return;
        };
        match connection.write_events(index, fanout.window(), now) {
            Ok(true) => {
                let next = connection.seat().map_or(seat.next, |seat| seat.next);
                if fanout.refilled(seat, next) && fanout.raise() {
                    self.ready.push_back(Target::Fanout(Slot::new(index)));
                }
            }
            Ok(false) => self.unfeed(token),
            Err(reason) => self.close(token, &reason),
        }
    }

    /// Looks where the connections of those fan-outs are that keep something for some.
    pub(super) fn survey(&mut self, now: Moment) {
        let fanouts = self.fanouts.iter_mut().flat_map(Fanouts::iter_mut);
        for (index, fanout) in fanouts.filter(|(_, fanout)| fanout.is_waiting()) {
            let connections = fanout
                .tokens()
                .into_iter()
                .map(|token| self.connections.get(token));
            if fanout.survey(connections.filter_map(|connection| connection?.seat()), now)
                && fanout.raise()
            {
                self.ready.push_back(Target::Fanout(Slot::new(index)));
            }
        }
    }
}
