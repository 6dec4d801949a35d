//! What the system says of this process.

/// What the process has used, as far as the system tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Seconds of processor time since its start.
    pub(super) cpu_seconds: Option<f64>,
    /// Resident bytes now.
    pub(super) memory_bytes: Option<u64>,
}

impl Usage {
    /// Asks the system, which keeps it in `/proc`.
    #[cfg(target_os = "linux")]
    pub(crate) fn now() -> Self {
        let stat = procfs::process::Process::myself().and_then(|own| own.stat());
        let Ok(stat) = stat else {
            return Self::default();
        };
        let ticks = stat.utime + stat.stime;
        Self {
            cpu_seconds: Some(ticks as f64 / procfs::ticks_per_second() as f64),
            memory_bytes: Some(stat.rss * procfs::page_size()),
        }
    }

    /// Other systems are not asked.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn now() -> Self {
        Self::default()
    }

    /// What those are told who share the process with others, and are not to learn of them.
    pub(crate) fn untold() -> Self {
        Self::default()
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_uses_memory_and_time() {
        let usage = Usage::now();
        assert!(usage.memory_bytes.unwrap() > 100_000);
        assert!(usage.cpu_seconds.is_some());
    }
}
