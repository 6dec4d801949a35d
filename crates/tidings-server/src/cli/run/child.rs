//! The command that is run.

use std::ffi::OsString;
use std::future::pending;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
use tokio::time::{self, Instant};

use crate::cli::run::message::Source;
use crate::cli::run::relay::relay;
use crate::cli::run::signals::{Signals, told_to_stop};
use crate::cli::run::story::Story;

/// Longer than anybody waits for a command.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Starts the command; what it prints can be read, what it reads it reads itself.
pub(crate) fn spawn(command: &[OsString]) -> io::Result<Child> {
    let (program, args) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(program)
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// How a command is ended from elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cancellation<'a> {
    /// Tells that it is to end.
    pub(crate) told: &'a Notify,
    /// How long it has from SIGTERM to SIGKILL.
    pub(crate) grace: Duration,
}

/// Follows the command to its end, passing its output on and into the story, and signals to it.
pub(crate) async fn follow(
    mut child: Child,
    story: &Story<'_>,
    signals: &mut Signals,
    cancellation: Cancellation<'_>,
) -> io::Result<ExitStatus> {
    let pid = child.id();
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let (ended, is_over) = watch::channel(false);
    let relaying = async {
        let (stdout_over, stderr_over) = (is_over.clone(), is_over);
        tokio::join!(
            relay(
                stdout,
                tokio::io::stdout(),
                Source::Stdout,
                story,
                stdout_over
            ),
            relay(
                stderr,
                tokio::io::stderr(),
                Source::Stderr,
                story,
                stderr_over
            ),
        )
    };
    tokio::pin!(relaying);
    let mut relayed = false;
    let mut kill_at = None;
    let status = loop {
        tokio::select! {
            // What was sent to the command as well must not be taken for impatience after its end.
            biased;
            signal = signals.next() => forward(signal, pid),
            status = child.wait() => break status?,
            _ = &mut relaying, if !relayed => relayed = true,
            () = cancellation.told.notified(), if kill_at.is_none() => {
                send(Signal::SIGTERM, pid);
                kill_at = Some(Instant::now() + cancellation.grace.min(FOR_EVER));
            }
            () = until(kill_at) => {
                send(Signal::SIGKILL, pid);
                // No signal says more.
                kill_at = Some(Instant::now() + FOR_EVER);
            }
        }
    };
    ended.send_replace(true);
    if !relayed {
        // Whoever reads the output here may take any time for it.
        tokio::select! {
            _ = relaying => {}
            () = told_to_stop(signals) => {}
        }
    }
    Ok(status)
}

/// The exit code a shell would give.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 1,
    };
    u8::try_from(code).unwrap_or(1)
}

/// The exit code a shell would give for a command that cannot be started.
pub(crate) fn exit_code_of(error: &io::Error) -> u8 {
    match error.kind() {
        io::ErrorKind::NotFound => 127,
        _ => 126,
    }
}

fn forward(signal: Signal, pid: Option<u32>) {
    // At a terminal, Ctrl-C goes to the command as well, and a second one may mean more to it.
    if signal == Signal::SIGINT && io::stdin().is_terminal() {
        return;
    }
    send(signal, pid);
}

fn send(signal: Signal, pid: Option<u32>) {
    if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
        // A command that has just ended takes no signal.
        let _ = signal::kill(Pid::from_raw(pid), signal);
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => time::sleep_until(time).await,
        None => pending().await,
    }
}
