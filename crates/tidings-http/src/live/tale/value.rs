use futures_util::future::BoxFuture;
use tidings::PublishError;

use super::{After, Format, Opening, Resuming, Tale, Told, event};
use crate::live::{
    delta::delta,
    desk::Desk,
    evaluator::{Findings, Found, Want},
};

/// The tale of a value: each event is all of it.
#[derive(Debug, Default)]
pub(in crate::live) struct ValueTale {
    /// As it was last found.
    current: Option<Known>,
    /// As it was last told.
    told: Option<Known>,
}

/// A body, and the event that viewers are given for it.
#[derive(Clone, Debug)]
struct Known {
    found: Found,
    event: Told,
}

impl Tale for ValueTale {
    fn tell<'a>(
        &'a mut self,
        desk: &'a Desk,
        findings: Findings,
        after: After,
    ) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let Some(found) = findings.body else {
                return Ok(());
            };
            let resource = &desk.names.resource;
            let told = self.told.as_ref();
            if after == After::Success
                && let Some(told) = told.filter(|told| told.found.is_like(&found))
            {
                let event = if told.found.json == found.json {
                    told.event.clone()
                } else {
                    Told::new(told.event.id.clone(), resource, found.json.clone())
                };
                self.current = Some(Known { found, event });
                return Ok(());
            }
            let whole = || event(resource, found.json.clone()).keyed("body");
            let receipt = desk.publish(whole()).await?;
            let change = || {
                let patch = told.and_then(|told| delta(&told.found.json, &found.json));
                patch.map(|patch| event(&desk.names.patch, patch.into()))
            };
            desk.publish_patch(|| change().unwrap_or_else(whole))
                .await?;
            let event = Told::new(receipt.id, resource, found.json.clone());
            let known = Known { found, event };
            self.current = Some(known.clone());
            self.told = Some(known);
            Ok(())
        })
    }

    fn opening(&self, format: Format) -> Option<Opening> {
        let known = match format {
            Format::Whole => self.current.as_ref(),
            // A patch is of what was told before it.
            Format::Patch => self.told.as_ref(),
        };
        let event = known?.event.clone();
        Some(Opening {
            start: Some(event.start()),
            blocks: vec![event],
        })
    }

    fn want(&self) -> Want {
        Want::Snapshot
    }

    fn resuming(&self) -> Resuming<'_> {
        Resuming::Needless
    }

    // Whatever is found first is told to everybody.
    fn owe_snapshot(&mut self) {}

    fn owes(&self) -> bool {
        false
    }

    fn drifts(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|known| known.found.essence.is_some())
    }
}

impl Found {
    /// Whether viewers who know this need not be told of that.
    fn is_like(&self, other: &Self) -> bool {
        match (self.essence, other.essence) {
            (Some(own), Some(other)) => own == other,
            _ => self.json == other.json,
        }
    }
}
