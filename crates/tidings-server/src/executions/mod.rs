//! Executions: what is known of a run, made of the events that it publishes.
//!
//! The events of an execution are on its topic `executions/ID`, whoever publishes them and by
//! whatever route. The [`Execution`] is what they add up to: a pure state machine. The
//! [`Registry`] has all of them, and a [`Projection`] keeps it up to date by following the broker.
//! What the events alone do not tell, or will not tell for ever, is kept as a [`Checkpoint`] on a
//! topic of the hub's own.

mod checkpoint;
mod end;
mod facts;
mod id;
mod load;
mod moment;
mod projection;
mod registry;
mod saver;
mod state;
mod table;
mod task;
mod unsaved;

pub(crate) use self::checkpoint::SELECTOR as CHECKPOINTS;
pub(crate) use self::end::end;
pub(crate) use self::id::ExecutionId;
pub(crate) use self::moment::Moment;
pub(crate) use self::projection::Projection;
pub(crate) use self::registry::{CreateError, Registry, Unsettled};
pub(crate) use self::state::{Execution, MAX_TASKS, Plan, PlannedTask, Status};
pub(crate) use self::table::{Entry, Question};
pub(crate) use self::task::{MAX_ID_BYTES, MAX_TITLE_CHARS, Task, TaskStatus};
