//! An application whose REST resources are live: see its README.

mod activity;
mod bounded;
mod logs;
mod pages;
mod satellite;
mod site;
mod store;
mod user;

pub use bounded::Bounded;
pub use logs::Level;
pub use satellite::Satellite;
pub use site::Site;
pub use store::Store;
pub use user::User;
