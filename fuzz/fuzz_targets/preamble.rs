//! The preamble of a proxy is read to its end and no further, and a byte more or less behind it changes nothing.

#![no_main]

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/tidings-http/src/serve/proxies"]
mod serve {
    mod preamble;

    use super::FutureExt;

    pub(crate) fn check(input: &[u8]) {
        let mut from = input;
        let Some(Ok(client)) = preamble::read(&mut from).now_or_never() else {
            return;
        };
        let length = input.len() - from.len();
        assert!(length <= 16 + 4096);
        let longer = [&input[..length], b"GET / HTTP/1.1\r\n"].concat();
        let mut from = &*longer;
        let again = preamble::read(&mut from).now_or_never();
        assert_eq!(again.expect("all is there").expect("the same"), client);
        assert_eq!(from, b"GET / HTTP/1.1\r\n");
    }
}

fuzz_target!(|input: &[u8]| serve::check(input));
