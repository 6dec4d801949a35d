use tidings_testkit::Request;

use crate::hub;

/// The head of a gzip stream, and what in it stands for a great many equal bytes.
fn bomb(length: usize) -> Vec<u8> {
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xec, 0xc1, 0x01];
    bomb.resize(length, 0);
    bomb
}

#[test]
fn t19_a_body_that_would_have_to_be_inflated_is_refused_and_not_looked_at() {
    let hub = hub();
    hub.publish("t", "n", "1");
    let before = hub.process().resident_memory();
    let nested = ["gzip"; 10].join(", ");
    for target in [
        "/api/events?topic=t",
        "/api/events",
        "/api/executions",
        "/api/dashboard/events",
    ] {
        for coding in [
            "gzip",
            "deflate",
            "br",
            "zstd",
            "x-gzip",
            "GZIP",
            &nested,
            "identity, gzip",
        ] {
            for length in [1 << 10, 7 << 20] {
                let request = Request::post(target, bomb(length));
                let request = request.header("Content-Type", "application/x-ndjson");
                let refused = hub.send(&request.header("Content-Encoding", coding));
                refused.assert_names(415, "Content-Encoding");
                assert_eq!(refused.header("accept-encoding"), Some("identity"));
            }
        }
    }
    let grown = hub.process().resident_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
    assert_eq!(hub.history("t").len(), 1);
}
