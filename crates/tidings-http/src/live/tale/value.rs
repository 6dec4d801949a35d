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
    current: Option<Found>,
    /// As it was last told.
    told: Option<Found>,
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
            self.current = Some(found.clone());
            let told = self.told.as_ref();
            if after == After::Success && told.is_some_and(|told| told.is_like(&found)) {
                return Ok(());
            }
            let whole = || event(&desk.names.resource, found.json.clone()).keyed("body");
            desk.publish(whole()).await?;
            let change = || {
                let patch = told.and_then(|told| delta(&told.json, &found.json));
                patch.map(|patch| event(&desk.names.patch, patch.into()))
            };
            desk.publish_patch(|| change().unwrap_or_else(whole))
                .await?;
            self.told = Some(found);
            Ok(())
        })
    }

    fn opening(&self, desk: &Desk, format: Format) -> Option<Opening> {
        let found = match format {
            Format::Whole => self.current.as_ref(),
            // A patch is of what was told before it.
            Format::Patch => self.told.as_ref(),
        };
        let body = Told {
            position: None,
            name: desk.names.resource.clone(),
            data: found?.json.clone(),
        };
        Some(Opening {
            start: None,
            blocks: vec![body],
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
        current.is_some_and(|found| found.essence.is_some())
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
