use serde_json::json;
use tidings_testkit::{Request, Signal};

use super::{QUIET, STATUS, STREAM, broadcast, connected};
use crate::hub_with;

#[test]
fn s19_five_hundred_dashboards_are_told_of_the_end_although_ten_do_not_read() {
    let hub = hub_with(&[QUIET, ("TIDINGS_DRAIN", "3s")]);
    let target = format!("{STREAM}?event=small");
    let mut reading: Vec<_> = (0..490)
        .map(|_| connected(hub.open(&Request::get(&target))))
        .collect();
    let stalled: Vec<_> = (0..10).map(|_| hub.open(&Request::get(STREAM))).collect();
    let large = "x".repeat(512 << 10);
    for _ in 0..20 {
        broadcast(&hub, "large", &json!(large));
    }
    broadcast(&hub, "small", &json!(1));

    hub.signal(Signal::SIGTERM);
    for (number, stream) in reading.iter_mut().enumerate() {
        stream.expect("small");
        stream.expect("tidings.goodbye");
        assert_eq!(stream.rest(), []);
        if number == 0 {
            for path in [STREAM, "/dashboard/sse", STATUS] {
                let refused = hub.get(path);
                refused.problem(503);
                assert!(refused.header("retry-after").is_some(), "{refused:?}");
            }
            let browser = Request::get("/dashboard/sse").header("Sec-Fetch-Mode", "cors");
            let sent_away = hub.send(&browser);
            assert_eq!(sent_away.status(), 200);
            assert!(sent_away.text().starts_with("retry: "), "{sent_away:?}");
        }
    }
    let first = reading[0].retry();
    assert!(
        reading.iter().any(|stream| stream.retry() != first),
        "{first:?}"
    );
    let exit = hub.wait();
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(!exit.stderr.contains("panicked"), "{exit:?}");
    drop(stalled);
}
