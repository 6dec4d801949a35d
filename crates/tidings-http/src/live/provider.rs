//! Functions that give what a live resource is.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use crate::Problem;

/// What viewers share: the arguments of a provider.
pub trait Key: Clone + Eq + Hash + Send + Sync + 'static {}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> Key for K {}

/// An async function of up to four extractors that gives a body or a problem.
///
/// Implemented for functions and closures; `K` is the tuple of their arguments.
pub trait Provider<K>: Clone + Send + Sync + 'static {
    /// What it gives.
    type Body: Body;

    /// Calls it.
    fn call(&self, key: K) -> impl Future<Output = Result<Self::Body, Problem>> + Send + 'static;
}

/// The same of a list: the last argument is the cursor after which items are wanted, or `None` for the newest ones.
pub trait ListProvider<K, C>: Clone + Send + Sync + 'static {
    /// What the list is of.
    type Item: Serialize + Send + 'static;

    /// Calls it.
    fn call(
        &self,
        key: K,
        after: Option<C>,
    ) -> impl Future<Output = Result<Page<Self::Item, C>, Problem>> + Send + 'static;
}

/// What a provider may give as a body: anything that has a JSON form, and [`ByHash`].
pub trait Body: Send + 'static {
    /// Its JSON.
    ///
    /// # Errors
    /// If it has none.
    fn json(&self) -> serde_json::Result<String>;

    /// What changes when the resource does; by default all of its JSON.
    fn essence(&self) -> Option<u64>;
}

impl<T: Serialize + Send + 'static> Body for T {
    fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    fn essence(&self) -> Option<u64> {
        None
    }
}

/// A body that counts as changed when its hash has changed, whatever else of it moves: counters that its `Hash` leaves
/// out are sent with the next change.
#[derive(Clone, Copy, Debug)]
pub struct ByHash<T>(pub T);

impl<T: Serialize + Hash + Send + 'static> Body for ByHash<T> {
    fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.0)
    }

    fn essence(&self) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        Some(hasher.finish())
    }
}

/// Some items of a list, each with its cursor.
///
/// A cursor is whatever puts the items in the order in which they appeared, such as the number of a row: one that
/// becomes visible later has a higher one, and no two have the same. Times are no cursors.
#[derive(Clone, Debug)]
pub struct Page<T, C> {
    /// Asked for the newest: these, in the order that the snapshot is to have. Asked for those after a cursor: the next
    /// ones, oldest first, as many as are convenient; none if there are no more.
    pub items: Vec<(C, T)>,
    /// The cursor to go on after if there are no items.
    pub cursor: C,
}

impl<T, C: Ord + Clone> Page<T, C> {
    /// The cursor after all of it.
    pub(super) fn end(&self) -> C {
        let cursors = self.items.iter().map(|(cursor, _)| cursor);
        cursors.fold(&self.cursor, Ord::max).clone()
    }
}

macro_rules! providers {
    ($($argument:ident)*) => {
        impl<F, R, B, $($argument),*> Provider<($($argument,)*)> for F
        where
            F: FnOnce($($argument),*) -> R + Clone + Send + Sync + 'static,
            R: Future<Output = Result<B, Problem>> + Send + 'static,
            B: Body,
            $($argument: Send + 'static),*
        {
            type Body = B;

            #[allow(non_snake_case, reason = "arguments are named as their types")]
            fn call(
                &self,
                ($($argument,)*): ($($argument,)*),
            ) -> impl Future<Output = Result<B, Problem>> + Send + 'static {
                self.clone()($($argument),*)
            }
        }

        impl<F, R, T, C, $($argument),*> ListProvider<($($argument,)*), C> for F
        where
            F: FnOnce($($argument,)* Option<C>) -> R + Clone + Send + Sync + 'static,
            R: Future<Output = Result<Page<T, C>, Problem>> + Send + 'static,
            T: Serialize + Send + 'static,
            C: Send + 'static,
            $($argument: Send + 'static),*
        {
            type Item = T;

            #[allow(non_snake_case, reason = "arguments are named as their types")]
            fn call(
                &self,
                ($($argument,)*): ($($argument,)*),
                after: Option<C>,
            ) -> impl Future<Output = Result<Page<T, C>, Problem>> + Send + 'static {
                self.clone()($($argument,)* after)
            }
        }
    };
}

providers!();
providers!(A1);
providers!(A2 B2);
providers!(A3 B3 C3);
providers!(A4 B4 C4 D4);
