//! Who may come in, and what they may do.

mod admission;
mod caller;
mod consents;
mod credentials;
mod denials;
mod gate;
mod guard;
mod judge;
mod ledger;
mod rates;
mod refusal;
mod revoking;
mod roles;
mod shown;
mod sight;
mod upkeep;

pub(crate) use self::caller::Caller;
pub(crate) use self::gate::{Gate, pass};
pub(super) use self::guard::{Access, guard};
pub(crate) use self::ledger::Ledger;
pub(crate) use self::rates::PublishRates;
pub(crate) use self::roles::{Admin, Watcher};
pub(crate) use self::sight::Sight;
