//! What a proxy says of its client names one client or none, and never one that is trusted while another one is named.

#![no_main]

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the server uses all of it")]
#[path = "../../crates/tidings-http/src/serve/proxies"]
mod serve {
    mod forwarded;

    pub(crate) fn check(headers: &super::HeaderMap) {
        let trusts = |address: super::IpAddr| address.is_loopback();
        let claim = forwarded::claim(headers, trusts);
        assert!(claim.client.is_none() || !claim.is_unclear);
        let nobody = forwarded::claim(headers, |_| false);
        if let (Some(client), Some(last)) = (claim.client, nobody.client) {
            // Who trusts nobody believes the last address.
            assert!(trusts(last.ip()) || client == last);
        }
    }
}

fuzz_target!(|input: (&[u8], &[u8], &[u8])| {
    let (standard, usual, proto) = input;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("forwarded", standard),
        ("x-forwarded-for", usual),
        ("x-forwarded-proto", proto),
    ] {
        for line in value.split(|byte| *byte == b'\n') {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(name, value);
            }
        }
    }
    serve::check(&headers);
});
