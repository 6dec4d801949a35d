use std::fs::{self, File};
use std::io::{self, Write};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::output::Output;

/// A child process whose outputs are collected; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    /// Starts `command` with piped input and outputs.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = started(spawned, command);
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        Self {
            child,
            stdout: Output::collect(stdout),
            stderr: Output::collect(stderr),
        }
    }

    /// Starts `command` in a terminal of 80 columns and 24 lines, and gives the keyboard too. What
    /// it writes on the terminal counts as its stdout.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub(crate) fn start_in_terminal(mut command: Command) -> (Self, File) {
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let OpenptyResult { master, slave } = openpty(&size, None).expect("a terminal");
        let end = || Stdio::from(slave.try_clone().expect("an end of the terminal"));
        command.stdin(end()).stdout(end()).stderr(end());
        let child = started(command.spawn(), &command);
        let screen = File::from(master);
        let keyboard = screen.try_clone().expect("the other end of the terminal");
        let process = Self {
            child,
            stdout: Output::collect(screen),
            stderr: Output::collect(io::empty()),
        };
        (process, keyboard)
    }

    /// What it has written to stdout so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has written to stderr so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until `found` finds what it looks for in stdout; `None` if stdout ends without it.
    ///
    /// # Panics
    ///
    /// After [`PATIENCE`](crate::PATIENCE).
    pub fn find_in_stdout<T>(&self, found: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.stdout.find(found)
    }

    /// Waits until `found` finds what it looks for in stderr; `None` if stderr ends without it.
    ///
    /// # Panics
    ///
    /// After [`PATIENCE`](crate::PATIENCE).
    pub fn find_in_stderr<T>(&self, found: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.stderr.find(found)
    }

    /// Writes to its stdin. A process that does not read any more is not an error.
    pub fn write_stdin(&mut self, bytes: &[u8]) {
        if let Some(stdin) = &mut self.child.stdin {
            let _ = stdin.write_all(bytes); // The process may have exited without reading it.
        }
    }

    /// Closes its stdin.
    pub fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Sends a signal to this process alone.
    ///
    /// # Panics
    ///
    /// When the process has been waited for.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a signal to a child not yet waited for");
    }

    /// Waits for its end, which closes its outputs.
    ///
    /// # Panics
    ///
    /// After [`PATIENCE`](crate::PATIENCE).
    pub fn wait(&mut self) -> ExitStatus {
        self.close_stdin();
        self.stdout.await_end();
        self.stderr.await_end();
        self.child.wait().expect("a child can be waited for")
    }

    /// Its resident memory in bytes.
    ///
    /// # Panics
    ///
    /// When the process has ended.
    #[must_use]
    pub fn resident_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).expect("the status of a running process");
        let kibibytes = status.lines().find_map(|line| {
            let value = line.strip_prefix("VmRSS:")?.strip_suffix("kB")?;
            value.trim().parse::<u64>().ok()
        });
        kibibytes.expect("VmRSS of a running process") * 1024
    }

    /// The number of its open files, sockets included.
    ///
    /// # Panics
    ///
    /// When the process has ended.
    #[must_use]
    pub fn open_files(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        fs::read_dir(path)
            .expect("the files of a running process")
            .count()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

#[track_caller]
fn started(spawned: io::Result<Child>, command: &Command) -> Child {
    spawned.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"))
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended on its own.
        let _ = self.child.wait(); // Nothing is left to do with its status.
    }
}
