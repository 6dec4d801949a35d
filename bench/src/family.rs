use std::{collections::BTreeMap, fs, io, iter::successors, time::Duration};

use nix::unistd::{SysconfVar, sysconf};

/// How far processes may descend from the eldest.
const GENERATIONS: usize = 16;

/// A process with all that it has started, and those of them that are to be counted.
#[derive(Clone, Debug)]
pub struct Family {
    eldest: u32,
    counted: Vec<String>,
    /// What the system's threads for network traffic begin with that count.
    softirq: String,
}

/// What processes have used up since they began.
#[derive(Clone, Debug, Default)]
pub struct FamilyUsage {
    /// Nanoseconds on a processor, of each thread.
    threads: BTreeMap<u32, u64>,
    /// Clock ticks of the processes in user and in system mode.
    user: u64,
    system: u64,
    /// Of the system's own threads that handle network traffic it could not handle at once.
    softirq: u64,
}

/// What processes used between two moments.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// On processors, in all.
    pub cpu: Duration,
    /// The share of it in user mode, as sampled by the system's clock.
    pub user_share: f64,
    /// What the system's threads for network traffic took, whoever caused it.
    pub softirq: Duration,
}

impl Family {
    /// The family of this process; only processes with these names are counted, or all if there are none.
    pub fn new(eldest: u32, counted: Vec<String>) -> Self {
        Self {
            eldest,
            counted,
            softirq: "ksoftirqd/".into(),
        }
    }

    /// Of the system's threads for network traffic only this one counts.
    #[must_use]
    pub fn with_softirq_of(self, thread: &str) -> Self {
        Self {
            softirq: thread.to_owned(),
            ..self
        }
    }

    /// All processes of it, the counted ones and the others, as long as none between them and the eldest has ended.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn members(&self) -> io::Result<Vec<u32>> {
        let all = processes()?;
        Ok(self.stats(&all).into_keys().collect())
    }

    /// What its processes have used so far.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn usage(&self) -> io::Result<FamilyUsage> {
        let mut usage = FamilyUsage::default();
        let all = processes()?;
        for (pid, _) in all
            .iter()
            .filter(|(_, stat)| stat.name.starts_with(&self.softirq))
        {
            usage.softirq += run_time(&format!("/proc/{pid}/schedstat")).unwrap_or(0);
        }
        for (pid, stat) in self.stats(&all) {
            if !self.counts(stat) {
                continue;
            }
            usage.user += stat.user;
            usage.system += stat.system;
            // A process or thread may end while it is looked at: it is left out then.
            let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
                continue;
            };
            for thread in threads.flatten() {
                let name = thread.file_name();
                let number = name.to_str().and_then(|name| name.parse().ok());
                let time = run_time(&format!("{}/schedstat", thread.path().display()));
                if let (Some(number), Some(time)) = (number, time) {
                    usage.threads.insert(number, time);
                }
            }
        }
        Ok(usage)
    }

    /// Its proportional set size: shared memory is counted once. In bytes.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn memory(&self) -> io::Result<u64> {
        let mut sum = 0;
        let all = processes()?;
        for (pid, stat) in self.stats(&all) {
            if self.counts(stat) {
                let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
                let pss = text.lines().find_map(|line| line.strip_prefix("Pss:"));
                let kib =
                    pss.and_then(|value| value.trim().trim_end_matches(" kB").parse::<u64>().ok());
                sum += kib.unwrap_or(0) * 1024;
            }
        }
        Ok(sum)
    }

    fn counts(&self, stat: &Stat) -> bool {
        let mut names = self.counted.iter();
        self.counted.is_empty() || names.any(|name| stat.name.starts_with(name.as_str()))
    }

    fn stats<'a>(&self, all: &'a BTreeMap<u32, Stat>) -> BTreeMap<u32, &'a Stat> {
        let descends = |pid: u32| {
            let line = successors(Some(pid), |pid| all.get(pid).map(|stat| stat.parent));
            line.take(GENERATIONS).any(|pid| pid == self.eldest)
        };
        all.iter()
            .filter(|(pid, _)| descends(**pid))
            .map(|(pid, stat)| (*pid, stat))
            .collect()
    }
}

impl FamilyUsage {
    /// What was used since then.
    pub fn since(&self, before: &Self) -> Used {
        let user = self.user.saturating_sub(before.user);
        let system = self.system.saturating_sub(before.system);
        let ticks = user + system;
        let has_lost_one = before
            .threads
            .keys()
            .any(|thread| !self.threads.contains_key(thread));
        let precise = Duration::from_nanos(self.run_time().saturating_sub(before.run_time()));
        let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
        // What an ended thread used is in the ticks of its process alone.
        let cpu = if has_lost_one {
            Duration::from_secs_f64(ticks as f64 / per_second)
        } else {
            precise
        };
        Used {
            cpu,
            user_share: user as f64 / ticks.max(1) as f64,
            softirq: Duration::from_nanos(self.softirq.saturating_sub(before.softirq)),
        }
    }

    fn run_time(&self) -> u64 {
        self.threads.values().sum()
    }
}

struct Stat {
    name: String,
    parent: u32,
    user: u64,
    system: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may contain anything, so it is what is between the first and the last parenthesis.
        let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let is_over = fields.first()? == &"Z";
        let stat = Self {
            name: name.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            user: fields.get(11)?.parse().ok()?,
            system: fields.get(12)?.parse().ok()?,
        };
        Some(stat).filter(|_| !is_over)
    }
}

/// All processes that have not ended.
fn processes() -> io::Result<BTreeMap<u32, Stat>> {
    let entries = fs::read_dir("/proc")?.flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers
        .filter_map(|pid| Some((pid, Stat::of(pid)?)))
        .collect())
}

/// Nanoseconds on a processor.
fn run_time(schedstat: &str) -> Option<u64> {
    let text = fs::read_to_string(schedstat).ok()?;
    text.split_whitespace().next()?.parse().ok()
}
