use std::sync::Arc;

use futures_util::future::BoxFuture;
use tidings::{EventName, Position, PublishError};

use super::{After, Format, Opening, Resuming, Tale, Told, event};
use crate::live::{
    desk::Desk,
    evaluator::{Findings, Item, Want},
};

/// The tale of a list: a snapshot, and then each item.
#[derive(Debug)]
pub(in crate::live) struct ListTale {
    item: EventName,
    snapshot: EventName,
    /// The id of the first snapshot. It was published, so no earlier id is as high.
    first: Option<Position>,
    /// What a new viewer begins with, while nothing else has been told since.
    base: Vec<Told>,
    /// Somebody was let in without a snapshot.
    owes: bool,
}

/// The most items that are published at a time.
const BATCH_ITEMS: usize = 500;

impl ListTale {
    pub(in crate::live) fn of(item: EventName) -> Self {
        Self {
            item,
            snapshot: EventName::new("snapshot").expect("it is an event name"),
            first: None,
            base: Vec::new(),
            owes: false,
        }
    }

    /// Publishes items, and gives each with its id.
    async fn publish(
        &self,
        desk: &Desk,
        items: Vec<Item>,
    ) -> Result<Vec<(Position, Arc<str>)>, PublishError> {
        let items: Vec<Arc<str>> = items.into_iter().map(|item| item.json.into()).collect();
        let mut ids = Vec::with_capacity(items.len());
        for items in items.chunks(BATCH_ITEMS) {
            let events = items.iter().map(|json| event(&self.item, json.clone()));
            let receipts = desk.publish_all(events).await?;
            ids.extend(receipts.into_iter().map(|receipt| receipt.id));
        }
        Ok(ids.into_iter().zip(items).collect())
    }
}

impl Tale for ListTale {
    fn tell<'a>(
        &'a mut self,
        desk: &'a Desk,
        findings: Findings,
        _: After,
    ) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let Findings { body, items, .. } = findings;
            if !items.is_empty() {
                self.base.clear();
            }
            let mut covered = desk.broker.position();
            let (earlier, later) = items
                .into_iter()
                .partition::<Vec<_>, _>(|item| item.is_covered);
            if let Some(last) = self.publish(desk, earlier).await?.pop() {
                covered = last.0;
            }
            if let Some(body) = &body
                && (self.first.is_none() || self.owes)
            {
                let snapshot = event(&self.snapshot, body.json.clone());
                covered = desk.publish(snapshot).await?.id;
                self.first.get_or_insert_with(|| covered.clone());
                self.owes = false;
            }
            let later = self.publish(desk, later).await?;
            let Some(body) = body else {
                return Ok(());
            };
            let later = later.into_iter();
            let later = later.map(|(id, json)| Told::new(id, &self.item, json));
            let snapshot = Told::new(covered, &self.snapshot, body.json);
            self.base = std::iter::once(snapshot).chain(later).collect();
            Ok(())
        })
    }

    fn opening(&self, _: Format) -> Option<Opening> {
        let first = self.first.as_ref()?;
        // Who is cut before the snapshot has to have one when it returns.
        let start = Position {
            epoch: first.epoch.clone(),
            sequence: first.sequence - 1,
        };
        (!self.base.is_empty()).then(|| Opening {
            start: Some(start),
            blocks: self.base.clone(),
        })
    }

    fn want(&self) -> Want {
        if self.base.is_empty() || self.owes {
            Want::Snapshot
        } else {
            Want::News
        }
    }

    fn resuming(&self) -> Resuming<'_> {
        Resuming::After(self.first.as_ref())
    }

    fn owe_snapshot(&mut self) {
        self.owes = true;
    }

    fn owes(&self) -> bool {
        self.owes
    }

    fn drifts(&self) -> bool {
        false
    }
}
