use std::{
    env,
    panic::catch_unwind,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

/// Runs a test with every seed below a number, which the environment may set to another one, or to one seed alone.
pub(super) fn each(test: &str, seeds: u64, run: fn(u64)) {
    let number = |name: &str| {
        env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().expect(name))
    };
    if let Some(seed) = number("TIDINGS_SEED") {
        return run(seed);
    }
    let seeds = number("TIDINGS_SEEDS").unwrap_or(seeds);
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            if catch_unwind(|| run(seed)).is_err() {
                panic!(
                    "seed {seed} fails; again with: TIDINGS_SEED={seed} cargo test -p tidings-log {test}"
                );
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let failed = workers
            .into_iter()
            .filter_map(|worker| worker.join().err())
            .next();
        if let Some(payload) = failed {
            std::panic::resume_unwind(payload);
        }
    });
}
