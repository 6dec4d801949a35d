use std::fs;
use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};

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
        let mut child =
            spawned.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        Self {
            child,
            stdout: Output::collect(stdout),
            stderr: Output::collect(stderr),
        }
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

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended on its own.
        let _ = self.child.wait(); // Nothing is left to do with its status.
    }
}
