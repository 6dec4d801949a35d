use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::unistd::{SysconfVar, sysconf};
use tidings_bench::Usage;

/// What else the machine does while something is measured.
pub(crate) struct OtherLoad {
    began: Instant,
    busy: u64,
    own: Duration,
}

impl OtherLoad {
    pub(crate) fn begin() -> Result<Self> {
        Ok(Self {
            began: Instant::now(),
            busy: busy()?,
            own: Usage::now()?.cpu,
        })
    }

    /// The share of all processors that neither this process nor the contender has used.
    pub(crate) fn end(self, contender: Duration) -> Result<f64> {
        let per_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100) as f64;
        let processors = processors()? as f64;
        let busy = (busy()? - self.busy) as f64 / per_second;
        let ours = (Usage::now()?.cpu - self.own + contender).as_secs_f64();
        let all = self.began.elapsed().as_secs_f64() * processors;
        Ok(((busy - ours) / all).max(0.0))
    }
}

/// How many processors are there, also if this process may use only some of them.
pub(crate) fn processors() -> Result<usize> {
    let count = sysconf(SysconfVar::_NPROCESSORS_ONLN)?.context("how many processors?")?;
    Ok(usize::try_from(count)?)
}

/// Clock ticks in which a processor was not idle.
fn busy() -> Result<u64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let first = stat.lines().next().context("/proc/stat is empty")?;
    let fields: Vec<u64> = first
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let [user, nice, system, _, _, irq, softirq, ..] = fields[..] else {
        anyhow::bail!("/proc/stat has another form");
    };
    Ok(user + nice + system + irq + softirq)
}
