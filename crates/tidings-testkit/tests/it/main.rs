//! The judge is judged: histories that hold, and histories that must not.

mod batches;
mod delivery;
mod fixture;
mod gaps;
mod identity;
mod order;
mod restarts;
mod simulation;
mod unknown;
