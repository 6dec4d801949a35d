//! Any text is read as a token without harm, and whatever a signed token says, the promises hold. The input is a header and
//! claims, which are signed, and a text, which is not.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/tidings-auth/tests/it/promises.rs"]
mod promises;

fuzz_target!(|input: (&str, &str, &str)| {
    let (header, claims, text) = input;
    promises::check(header, claims);
    promises::read(text);
});
