use std::cmp;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;

use tidings::Broker;
use tidings_http::{Page, live_broker, live_list};
use tidings_testkit::eventually;
use tokio::sync::watch;

use super::refreshing::{body, text, until};
use super::*;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct Wanted {
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Clone, Debug, Serialize)]
struct Line {
    id: u64,
    level: &'static str,
    time: u64,
}

/// A log, whose pages are small.
#[derive(Clone)]
struct Log {
    lines: Arc<watch::Sender<Vec<Line>>>,
    snapshots: Arc<AtomicUsize>,
}

const PAGE: usize = 7;

impl Log {
    fn new() -> Self {
        Self {
            lines: Arc::new(watch::Sender::default()),
            snapshots: Arc::default(),
        }
    }

    /// Adds lines, many with the same time.
    fn add(&self, count: usize, level: &'static str) {
        self.lines.send_modify(|lines| {
            for _ in 0..count {
                let id = lines.len() as u64 + 1;
                let time = id / 10;
                lines.push(Line { id, level, time });
            }
        });
    }

    async fn page(self, wanted: Wanted, after: Option<u64>) -> Result<Page<Line, u64>, Problem> {
        let lines = self.lines.borrow().clone();
        let is_wanted = |line: &&Line| {
            wanted
                .level
                .as_deref()
                .is_none_or(|level| line.level == level)
        };
        let item = |line: &Line| (line.id, line.clone());
        let items = match after {
            None => {
                self.snapshots.fetch_add(1, Ordering::SeqCst);
                let newest = lines.iter().rev().filter(is_wanted);
                newest.take(wanted.limit.unwrap_or(50)).map(item).collect()
            }
            Some(after) => {
                let later = lines.iter().filter(|line| line.id > after);
                later.filter(is_wanted).take(PAGE).map(item).collect()
            }
        };
        let cursor = after.unwrap_or(0);
        Ok(Page { items, cursor })
    }

    fn live(&self, broker: &Broker) -> Live<(Query<Wanted>,)> {
        let log = self.clone();
        let provider = async move |Query(wanted): Query<Wanted>, after: Option<u64>| {
            log.clone().page(wanted, after).await
        };
        live_list("/logs", "log", provider)
            .pace(Duration::ZERO)
            .watching(self.lines.subscribe())
            .broker(broker)
    }

    fn site(&self) -> (Site, Handle<(Query<Wanted>,)>) {
        let live = self.live(&live_broker().build());
        let handle = live.handle();
        (Site::start(live.router()), handle)
    }
}

fn ids(snapshot: &Value) -> Vec<u64> {
    let logs = snapshot["logs"].as_array().unwrap();
    logs.iter().filter_map(|line| line["id"].as_u64()).collect()
}

fn next(viewer: &mut StreamReader, count: usize) -> Vec<u64> {
    let events = viewer.take(count);
    let id = |event: &tidings_testkit::Event| {
        assert_eq!(event.event, "log", "{event:?}");
        assert!(event.id.is_some());
        event.json()["id"].as_u64().unwrap()
    };
    events.iter().map(id).collect()
}

#[test]
fn s12_a_snapshot_and_then_each_item_once_and_in_order() {
    let log = Log::new();
    log.add(60, "error");
    log.add(5, "info");
    let (site, _) = log.site();
    let snapshot = site.get("/logs?level=error&limit=50").json();
    let mut viewer = site.open("/logs/stream?level=error&limit=50");
    let first = viewer.expect("snapshot");
    assert_eq!(first.json(), snapshot);
    assert_eq!(ids(&snapshot), (11..=60).rev().collect::<Vec<_>>());
    assert!(first.id.is_some());

    log.add(3, "info");
    log.add(250, "error");
    log.add(3, "info");
    log.add(1, "error");
    let got = next(&mut viewer, 251);
    let expected: Vec<_> = (69..=318).chain([322]).collect();
    assert_eq!(got, expected);
}

#[test]
fn s12_an_empty_list_that_fills_in_one_burst_loses_nothing() {
    let log = Log::new();
    let (site, _) = log.site();
    let mut viewer = site.open("/logs/stream?limit=5");
    assert_eq!(viewer.expect("snapshot").data, r#"{"logs":[]}"#);
    for range in [1..=1_000, 1_001..=12_000] {
        log.add(range.clone().count(), "info");
        let expected: Vec<_> = range.collect();
        assert_eq!(next(&mut viewer, expected.len()), expected);
    }
}

#[test]
fn s12_who_returns_goes_on_without_a_second_snapshot() {
    let log = Log::new();
    log.add(5, "info");
    let (site, _) = log.site();
    let mut stays = site.open("/logs/stream");
    stays.expect("snapshot");
    let mut leaves = site.open("/logs/stream");
    let snapshot = leaves.expect("snapshot").id.unwrap();
    log.add(2, "info");
    assert_eq!(next(&mut leaves, 2), [6, 7]);
    let last = leaves.last_event_id();
    leaves.reset();
    log.add(20, "info");
    assert_eq!(next(&mut stays, 22), (6..=27).collect::<Vec<_>>());

    for (id, missed) in [(snapshot, 6..=27), (last, 8..=27)] {
        let request = Request::get("/logs/stream").header("Last-Event-ID", &id);
        let mut returns = site.open_with(&request);
        let missed: Vec<_> = missed.collect();
        assert_eq!(next(&mut returns, missed.len()), missed);
        let resumed = returns.expect("tidings.resumed").json();
        assert_eq!(resumed["count"], missed.len(), "{resumed}");
    }
    log.add(1, "info");
    assert_eq!(next(&mut stays, 1), [28]);
}

#[test]
fn s12_an_id_that_cannot_be_resumed_is_a_gap_before_the_snapshot() {
    let log = Log::new();
    log.add(5, "info");
    let (site, _) = log.site();
    let mut viewer = site.open("/logs/stream");
    let preamble = viewer.preamble().id.unwrap();
    viewer.expect("snapshot");
    let returns = |id: &str, reason: &str| {
        let request = Request::get("/logs/stream").header("Last-Event-ID", id);
        let mut viewer = site.open_with(&request);
        let gap = viewer.expect("tidings.gap").json();
        assert_eq!(
            (&gap["reason"], &gap["requested"]),
            (&reason.into(), &id.into())
        );
        let snapshot = viewer.expect("snapshot");
        log.add(1, "info");
        let last = log.lines.borrow().len() as u64;
        assert_eq!(ids(&snapshot.json())[0], last - 1);
        assert_eq!(next(&mut viewer, 1), [last]);
    };
    // Who was cut before the snapshot has not had one.
    returns(&preamble, "evicted");
    returns("nonsense", "unknown-id");
    returns("elsewhere-7", "epoch-changed");
}

#[test]
fn s12_the_only_viewer_returns_and_goes_on() {
    let log = Log::new();
    log.add(5, "info");
    let (site, handle) = log.site();
    let mut viewer = site.open("/logs/stream");
    let mut id = viewer.expect("snapshot").id.unwrap();
    let mut last = 5;
    for missed in [0, 1, 100] {
        viewer.reset();
        eventually("nobody looks", || (handle.views() == 0).then_some(()));
        log.add(missed, "info");
        viewer = site.open_with(&Request::get("/logs/stream").header("Last-Event-ID", &id));
        viewer.expect("tidings.resumed");
        log.add(1, "info");
        let missed = missed as u64 + 1;
        let expected: Vec<_> = (last + 1..=last + missed).collect();
        assert_eq!(next(&mut viewer, expected.len()), expected);
        last += missed;
        id = viewer.last_event_id();
    }
    assert_eq!(log.snapshots.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_nobody_returns_to_forgets_what_it_has_told() {
    let log = Log::new();
    log.add(5, "info");
    let broker = live_broker().build();
    let live = log.live(&broker);
    let router: Router = live.router();
    let mut stream = body(&router, "/logs/stream").await;
    until(&mut stream, "event: snapshot\n").await;
    drop(stream);
    assert_eq!(broker.stats().topics, 1);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(broker.stats().topics, 0);
}

#[test]
fn views_that_rest_make_room() {
    let log = Log::new();
    let live = log.live(&live_broker().build()).max_views(1);
    let handle = live.handle();
    let site = Site::start(live.router());
    for level in ["info", "warn", "error"] {
        site.open(&format!("/logs/stream?level={level}"))
            .expect("snapshot");
        eventually("nobody looks", || (handle.views() == 0).then_some(()));
    }
}

#[test]
fn viewers_of_a_quiet_list_share_the_snapshot() {
    let log = Log::new();
    log.add(5, "info");
    let (site, _) = log.site();
    let mut viewers: Vec<_> = (0..10).map(|_| site.open("/logs/stream")).collect();
    for viewer in &mut viewers {
        assert_eq!(ids(&viewer.expect("snapshot").json()), [5, 4, 3, 2, 1]);
    }
    assert_eq!(log.snapshots.load(Ordering::SeqCst), 1);
    log.add(1, "info");
    for viewer in &mut viewers {
        assert_eq!(next(viewer, 1), [6]);
    }
    assert_eq!(
        ids(&site.open("/logs/stream").expect("snapshot").json())[0],
        6
    );
    assert_eq!(log.snapshots.load(Ordering::SeqCst), 2);
}

#[test]
fn whoever_comes_while_items_come_sees_each_once() {
    let log = Log::new();
    log.add(3, "info");
    let (site, _) = log.site();
    const LAST: u64 = 3_000;
    thread::scope(|scope| {
        scope.spawn(|| {
            while (log.lines.borrow().len() as u64) < LAST {
                log.add(fastrand::usize(1..4), "info");
                thread::yield_now();
            }
        });
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..15 {
                    let mut viewer = site.open("/logs/stream?limit=10000");
                    let snapshot = ids(&viewer.expect("snapshot").json());
                    let mut last = snapshot.len() as u64;
                    assert!(snapshot.into_iter().eq((1..=last).rev()));
                    for _ in 0..50 {
                        if last >= LAST {
                            return;
                        }
                        last += 1;
                        assert_eq!(next(&mut viewer, 1), [last]);
                    }
                }
            });
        }
    });
}

#[tokio::test(start_paused = true)]
async fn whoever_was_let_in_without_a_snapshot_is_given_one() {
    let log = Log::new();
    log.add(1, "info");
    let gate = Arc::new(Semaphore::new(1));
    let (calls, wanted) = (gate.clone(), log.clone());
    let provider = async move |Query(asked): Query<Wanted>, after: Option<u64>| {
        calls.acquire().await.unwrap().forget();
        wanted.clone().page(asked, after).await
    };
    let live = live_list("/logs", "log", provider).timeout(Duration::from_secs(60));
    let handle = live.handle();
    let router: Router = live.router();
    let mut first = body(&router, "/logs/stream").await;
    until(&mut first, "event: snapshot\n").await;

    log.add(1, "info");
    gate.add_permits(2);
    handle.invalidate();
    until(&mut first, "event: log\n").await;
    let mut second = body(&router, "/logs/stream").await;
    assert!(!text(&mut second).await.contains("event:"));

    log.add(1, "info");
    gate.add_permits(10);
    let got = until(&mut second, "event: snapshot\n").await;
    assert!(got.contains(r#"{"logs":[{"id":3,"#), "{got}");
}

#[test]
fn a_cursor_that_does_not_advance_is_a_failure_and_no_endless_loop() {
    let provider = async |after: Option<u64>| {
        let items = if after.is_some() {
            vec![(1, "again")]
        } else {
            Vec::new()
        };
        Ok::<_, Problem>(Page { items, cursor: 1 })
    };
    let live = live_list("/logs", "log", provider).pace(Duration::ZERO);
    let handle = live.handle();
    let site = Site::start(live.router());
    let mut viewer = site.open("/logs/stream");
    viewer.expect("snapshot");
    handle.invalidate();
    assert_eq!(viewer.expect("tidings.error").json()["code"], "internal");
}

/// A cursor that cannot be compared while its switch is off.
#[derive(Clone)]
struct Fragile(u64, Arc<AtomicBool>);

impl Ord for Fragile {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        assert!(self.1.load(Ordering::SeqCst), "expected by the test");
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Fragile {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Fragile {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Fragile {}

#[test]
fn a_cursor_that_panics_is_told_and_nothing_is_lost_over_it() {
    let works = Arc::new(AtomicBool::new(true));
    let last = Arc::new(AtomicU64::new(1));
    let (switch, newest) = (works.clone(), last.clone());
    let provider = async move |after: Option<Fragile>| {
        let after = after.map_or(0, |after| after.0);
        let cursor = |at| Fragile(at, switch.clone());
        let items = (after + 1..=newest.load(Ordering::SeqCst)).map(|at| (cursor(at), at));
        let items = items.collect();
        let cursor = cursor(after);
        Ok::<_, Problem>(Page { items, cursor })
    };
    let live = live_list("/logs", "log", provider).pace(Duration::from_millis(1));
    let handle = live.handle();
    let site = Site::start(live.router());
    let mut viewer = site.open("/logs/stream");
    viewer.expect("snapshot");

    works.store(false, Ordering::SeqCst);
    last.store(3, Ordering::SeqCst);
    handle.invalidate();
    let error = viewer.expect("tidings.error").json();
    assert_eq!(
        (&error["code"], &error["retryable"]),
        (&"internal".into(), &true.into())
    );
    site.get("/logs").problem(500);

    works.store(true, Ordering::SeqCst);
    let items: Vec<_> = viewer.take(2).into_iter().map(|item| item.data).collect();
    assert_eq!(items, ["2", "3"]);
}
