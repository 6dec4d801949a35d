//! The sender's share of the work: a run in a network namespace of its own, where receiving is steered to another processor.
//!
//! The namespace has no name: it is gone with the last process in it, however that ends.

use std::{
    env, fs,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{backlog::Backlog, processors};

/// Tells the program that it is in such a namespace.
pub(crate) const INSIDE: &str = "--steered";
/// The processor of a contender.
const SENDER: usize = 0;
/// That of readers and publishers, and of the system's receiving half for whatever is sent.
const RECEIVER: usize = 1;
/// Where the system is told which processors receive, as a mask.
const STEERING: &str = "/sys/class/net/lo/queues/rx-0/rps_cpus";

/// Runs the same command in a namespace of its own, which ends with this process.
pub(crate) fn enter() -> Result<()> {
    ensure!(processors()? > RECEIVER, "it takes two processors");
    let probe = Command::new("unshare")
        .args(["--net", "--mount", "true"])
        .stdin(Stdio::null())
        .output()
        .context("starting unshare, which is part of util-linux")?;
    if !probe.status.success() {
        let why = String::from_utf8_lossy(&probe.stderr);
        bail!("no network namespace of its own: {}", why.trim());
    }
    // What /sys shows of the network is that of the namespace in which it was mounted.
    let steps = format!(
        "mount -t sysfs sysfs /sys\nip link set lo up\necho {:x} > {STEERING}\n\
         exec taskset --cpu-list {RECEIVER} \"$0\" \"$@\"",
        1 << RECEIVER
    );
    let _backlog = Backlog::raise()?;
    let status = Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "unshare", "--net", "--mount"])
        .args(["sh", "-ec", &steps])
        .arg(env::current_exe()?)
        .args(env::args_os().skip(1))
        .arg(INSIDE)
        .status()?;
    ensure!(status.success(), "the run in the namespace failed");
    Ok(())
}

/// Makes sure that receiving is steered away from contenders.
pub(crate) fn check() -> Result<()> {
    // Many processors make a mask of several numbers.
    let mask = fs::read_to_string(STEERING)?.trim().replace(',', "");
    let is_steered = u128::from_str_radix(&mask, 16).is_ok_and(|mask| mask == 1 << RECEIVER);
    ensure!(is_steered, "receiving is not steered: {mask}");
    Ok(())
}

/// How many packets the system has not let wait so far, on all processors.
pub(crate) fn dropped_packets() -> Result<u64> {
    let statistics = fs::read_to_string("/proc/net/softnet_stat")?;
    let dropped = |line: &str| u64::from_str_radix(line.split(' ').nth(1)?, 16).ok();
    Ok(statistics.lines().filter_map(dropped).sum())
}

/// A command of `sh` that is run on the processor of contenders.
pub(crate) fn on_own_processor(command: &str) -> String {
    format!("taskset --cpu-list --pid {SENDER} $$ > /dev/null\n{command}")
}

/// The system's thread that handles what the contender's processor could not handle at once.
pub(crate) fn own_softirq() -> String {
    format!("ksoftirqd/{SENDER}")
}
