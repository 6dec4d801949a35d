//! What the views of a resource ask its provider.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    evaluate::{attempt, guarded, internal, written},
    provider::{Body, Key, ListProvider, Page, Provider},
};
use crate::Problem;

/// What one evaluation has found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The snapshot.
    pub(super) body: Option<Found>,
    /// Items that were not there before, oldest first.
    pub(super) items: Vec<Item>,
    /// There is more to be found.
    pub(super) more: bool,
}

/// A body.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) json: Arc<str>,
    /// What changes when it does, if that is not all of it.
    pub(super) essence: Option<u64>,
}

/// An item of a list.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) json: String,
    /// Whether the snapshot that was found together with it is later than the item.
    pub(super) is_covered: bool,
}

/// What an evaluation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// What has changed.
    News,
    /// That, and a snapshot.
    Snapshot,
}

/// Evaluates for one view, one evaluation at a time.
pub(super) trait Evaluator: Send {
    /// Evaluates. What is dropped before it is done has not happened.
    fn evaluate(self: Box<Self>, want: Want) -> BoxFuture<'static, Evaluated>;
}

/// An evaluator that is done, and how it went.
pub(super) type Evaluated = (Box<dyn Evaluator>, Result<Findings, Problem>);

/// Evaluates a value: what it is now.
pub(super) struct Whole<K, P> {
    pub(super) provider: P,
    pub(super) key: K,
    pub(super) within: Duration,
}

impl<K: Key, P: Provider<K>> Whole<K, P> {
    pub(super) async fn find(&self) -> Result<Found, Problem> {
        // What a call that takes too long was at is dropped outside of the attempt.
        guarded(attempt(self.within, async {
            let body = self.provider.call(self.key.clone()).await?;
            let json = written(body.json())?.into();
            let essence = body.essence();
            Ok(Found { json, essence })
        }))
        .await
    }
}

impl<K: Key, P: Provider<K>> Evaluator for Whole<K, P> {
    fn evaluate(self: Box<Self>, _: Want) -> BoxFuture<'static, Evaluated> {
        Box::pin(async move {
            let found = self.find().await;
            let findings = found.map(|found| Findings {
                body: Some(found),
                ..Findings::default()
            });
            (self as Box<dyn Evaluator>, findings)
        })
    }
}

/// Evaluates a list: what has been added to it.
pub(super) struct Items<K, P, C> {
    pub(super) provider: P,
    pub(super) key: K,
    pub(super) within: Duration,
    /// What the list is called in its snapshot.
    pub(super) name: Arc<str>,
    /// All items up to here have been found, once there was a snapshot.
    pub(super) cursor: Option<C>,
}

/// How many items one evaluation finds before it lets the viewers have them: half of what is kept for those who are
/// a little behind.
const MOST_ITEMS: usize = 5_000;

impl<K, P, C> Items<K, P, C>
where
    K: Key,
    C: Ord + Clone + Send + Sync + 'static,
    P: ListProvider<K, C>,
{
    /// The snapshot, and the cursor after it. Comparing cursors runs code of the application, here and in `look`.
    pub(super) async fn find(&self) -> Result<(Found, C), Problem> {
        let page = self.page(None).await?;
        let end = page.end();
        let items: Vec<String> = page.items.into_iter().map(|(_, json)| json).collect();
        let name = written(serde_json::to_string(&*self.name))?;
        let json = format!("{{{name}:[{}]}}", items.join(",")).into();
        let essence = None;
        Ok((Found { json, essence }, end))
    }

    /// The JSON of some items.
    async fn page(&self, after: Option<C>) -> Result<Page<String, C>, Problem> {
        attempt(self.within, async {
            let page = self.provider.call(self.key.clone(), after).await?;
            let mut items = Vec::with_capacity(page.items.len());
            for (cursor, item) in page.items {
                items.push((cursor, written(serde_json::to_string(&item))?));
            }
            let cursor = page.cursor;
            Ok(Page { items, cursor })
        })
        .await
    }

    async fn look(&mut self, want: Want) -> Result<Findings, Problem> {
        let mut findings = Findings::default();
        let mut covered = None;
        if want == Want::Snapshot || self.cursor.is_none() {
            let (found, end) = self.find().await?;
            findings.body = Some(found);
            covered = Some(end);
        }
        let Some(mut cursor) = self.cursor.clone() else {
            self.cursor = covered;
            return Ok(findings);
        };
        loop {
            let page = match self.page(Some(cursor.clone())).await {
                Ok(page) => page,
                Err(problem) if findings.items.is_empty() => return Err(problem),
                // What was found before is not lost over it; the next evaluation meets the problem first.
                Err(_) => {
                    findings.more = true;
                    break;
                }
            };
            let end = page.end();
            let has_more = !page.items.is_empty();
            if has_more && end <= cursor {
                return Err(internal("the cursor of the list does not advance"));
            }
            for (at, json) in page.items {
                if at > cursor {
                    let is_covered = covered.as_ref().is_some_and(|covered| at <= *covered);
                    findings.items.push(Item { json, is_covered });
                }
            }
            cursor = end.max(cursor);
            if !has_more {
                break;
            }
            findings.more = findings.items.len() >= MOST_ITEMS;
            if findings.more {
                break;
            }
        }
        if findings.more {
            // Not all that it covers has been found.
            findings.body = None;
        }
        self.cursor = Some(cursor);
        Ok(findings)
    }
}

impl<K, P, C> Evaluator for Items<K, P, C>
where
    K: Key,
    C: Ord + Clone + Send + Sync + 'static,
    P: ListProvider<K, C>,
{
    fn evaluate(mut self: Box<Self>, want: Want) -> BoxFuture<'static, Evaluated> {
        Box::pin(async move {
            let findings = guarded(self.look(want)).await;
            (self as Box<dyn Evaluator>, findings)
        })
    }
}
