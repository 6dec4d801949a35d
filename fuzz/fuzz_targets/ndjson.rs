//! A line of a batch that is taken is JSON to another reader too, with the same fields, and its data means the same.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the hub uses all of it")]
#[path = "../../crates/tidings-server/src/api"]
mod api {
    pub(crate) mod kind;
    pub(crate) mod object;
    pub(crate) mod parameters;

    use self::kind::Kind;

    pub(crate) mod events {
        pub(crate) mod line;

        /// Which keys are good is decided elsewhere in the hub.
        pub(crate) mod publish {
            pub(crate) fn check_idempotency_key(key: &str) -> Result<&str, &'static str> {
                Ok(key)
            }

            pub(crate) fn conflation_key(key: &str) -> Result<String, &'static str> {
                Ok(key.to_owned())
            }
        }

        use std::collections::HashMap;

        use serde_json::value::RawValue;

        pub(crate) fn check(input: &[u8]) {
            for line in input.split(|byte| *byte == b'\n') {
                let Ok(read) = line::Line::read(line) else {
                    continue;
                };
                let object: HashMap<String, &RawValue> =
                    serde_json::from_slice(line).expect("an object to another reader");
                let _ = (read.topic(), read.idempotency_key());
                let Ok(event) = read.event() else {
                    continue;
                };
                let meant = object["data"].get();
                if let Ok(text) = serde_json::from_str::<String>(meant) {
                    // Every kind of line end is one in an event stream.
                    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
                    assert_eq!(event.data(), lines);
                    continue;
                }
                serde_json::from_str::<&RawValue>(event.data()).expect("JSON");
                // JSON can say what this reader cannot hold: a number beyond a double, half a character, deep nesting.
                let [said, meant] = [event.data(), meant]
                    .map(|json| serde_json::from_str::<serde_json::Value>(json).ok());
                assert_eq!(said, meant);
            }
        }
    }
}

fuzz_target!(|input: &[u8]| api::events::check(input));
