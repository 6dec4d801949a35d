//! Who may come in, and what they may do.

mod caller;
mod credentials;
mod denials;
mod gate;
mod guard;
mod ledger;
mod rates;

pub(crate) use self::caller::{Admin, Caller, Sight, Watcher};
pub(crate) use self::gate::{Gate, pass};
pub(super) use self::guard::{Access, guard};
pub(crate) use self::ledger::Ledger;
pub(crate) use self::rates::PublishRates;
