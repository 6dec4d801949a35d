//! The command that is run.

use std::ffi::OsString;
use std::future::pending;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::BytesMut;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::{self, Instant};

use crate::cli::line_buffer::LineBuffer;
use crate::cli::run::message::Source;
use crate::cli::run::signals::Signals;
use crate::cli::run::story::Story;

/// A longer line is published in pieces.
const LONGEST_LINE: usize = 256 * 1024;

/// How long output is awaited after the command has ended. What it left running in the background
/// may hold its output open for ever.
const LINGER: Duration = Duration::from_secs(2);

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
    let relaying = async {
        tokio::join!(
            relay(stdout, tokio::io::stdout(), Source::Stdout, story),
            relay(stderr, tokio::io::stderr(), Source::Stderr, story),
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
    if !relayed {
        // Whether it ended or not, what was read of it is in the outbox.
        let _ = time::timeout(LINGER, relaying).await;
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

async fn relay(
    from: Option<impl AsyncRead + Unpin>,
    to: impl AsyncWrite + Unpin,
    source: Source,
    story: &Story<'_>,
) {
    let Some(mut from) = from else {
        return;
    };
    let mut to = Some(to);
    let mut read = BytesMut::with_capacity(64 * 1024);
    let mut lines = LineBuffer::new(LONGEST_LINE);
    // A pipe that cannot be read has ended.
    while let Ok(1..) = from.read_buf(&mut read).await {
        if let Some(open) = &mut to
            && (open.write_all(&read).await.is_err() || open.flush().await.is_err())
        {
            // Nobody reads it here, but the command's run is still worth publishing.
            to = None;
        }
        lines.push(&read);
        read.clear();
        while let Some(line) = lines.next() {
            story
                .line(source, &String::from_utf8_lossy(&line.bytes))
                .await;
        }
    }
    if let Some(line) = lines.finish() {
        story
            .line(source, &String::from_utf8_lossy(&line.bytes))
            .await;
    }
}
