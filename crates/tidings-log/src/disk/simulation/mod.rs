//! The store on a disk that loses power and fails, and on one whose bytes change.
//!
//! Each seed is one history. `TIDINGS_SEEDS` sets how many are run, `TIDINGS_SEED` runs one again.

mod damage;
mod disk;
mod model;
mod power_cut;
mod promises;
mod seeds;
mod write_errors;
