//! Credentials as their owners and their forgers present them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asked;
mod fixture;
mod issuers;
mod manipulated;
mod minting;
mod promises;
mod properties;
mod published;
mod rights;
mod script;
