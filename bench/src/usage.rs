use std::{fs, io, time::Duration};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

/// What this process has used up since it began, all its threads together.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Time on processors, its own and the system's for it.
    pub cpu: Duration,
    /// Bytes that it made the system write to disks, in whole pages.
    pub written: u64,
}

impl Usage {
    /// What it is now.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn now() -> io::Result<Self> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let micros = (usage.user_time() + usage.system_time()).num_microseconds();
        Ok(Self {
            cpu: Duration::from_micros(micros.unsigned_abs()),
            written: line("/proc/self/io", "write_bytes:")?,
        })
    }
}

/// How much memory this process has now.
///
/// # Errors
/// If the system does not tell.
pub fn resident_bytes() -> io::Result<u64> {
    Ok(line("/proc/self/status", "VmRSS:")? * 1024)
}

/// The number on the line of a file that begins like this.
fn line(file: &str, begin: &str) -> io::Result<u64> {
    let text = fs::read_to_string(file)?;
    let mut words = text.split_whitespace().skip_while(|word| *word != begin);
    let number = words.nth(1).and_then(|word| word.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("there is no {begin} in {file}")))
}
