use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process;

use tempfile::TempDir;

use crate::process::Process;

/// A `tidings` command line to be run against a hub or on its own.
///
/// It runs in an empty directory of its own unless told otherwise and sees no `TIDINGS_*`
/// variable that is not set here.
#[derive(Debug)]
pub struct Command {
    command: process::Command,
    directory: TempDir,
    stdin: Vec<u8>,
}

/// What a finished command leaves behind.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

/// A command under way; killed when dropped.
#[derive(Debug)]
pub struct Running {
    process: Process,
    _directory: TempDir,
}

impl Command {
    /// The program at `binary` with these arguments.
    ///
    /// # Panics
    ///
    /// When no temporary directory can be made.
    #[must_use]
    pub fn new(binary: &str, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut command = process::Command::new(binary);
        command.args(arguments).current_dir(directory.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TIDINGS_") {
                command.env_remove(name);
            }
        }
        Self {
            command,
            directory,
            stdin: Vec::new(),
        }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it in `directory`.
    #[must_use]
    pub fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// What it finds on stdin; nothing unless set.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Writes a file into the directory it runs in.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    #[must_use]
    pub fn file(self, name: &str, content: &str) -> Self {
        std::fs::write(self.directory.path().join(name), content).expect("a temporary file");
        self
    }

    /// Starts it. Its stdin is closed once it has taken what was set.
    #[must_use]
    pub fn spawn(mut self) -> Running {
        let mut process = Process::start(&mut self.command);
        process.write_stdin(&self.stdin);
        process.close_stdin();
        Running {
            process,
            _directory: self.directory,
        }
    }

    /// Starts it in a terminal of its own.
    #[must_use]
    pub fn spawn_in_terminal(self) -> Terminal {
        let (process, keyboard) = Process::start_in_terminal(self.command);
        Terminal {
            running: Running {
                process,
                _directory: self.directory,
            },
            keyboard,
        }
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(self) -> Finished {
        self.spawn().finish()
    }
}

/// A command in a terminal of 80 columns and 24 lines; killed when dropped.
#[derive(Debug)]
pub struct Terminal {
    running: Running,
    keyboard: File,
}

impl Terminal {
    /// Waits until these have been written on the screen, one after the other.
    ///
    /// # Panics
    ///
    /// When the command ends without it, and after [`PATIENCE`](crate::PATIENCE).
    #[track_caller]
    pub fn await_texts(&self, texts: &[&str]) {
        let process = self.running.process();
        let shown = process.find_in_stdout(|written| {
            let rest = texts.iter().try_fold(written, |rest, text| {
                rest.split_once(text).map(|(_, rest)| rest)
            });
            rest.map(drop)
        });
        assert!(shown.is_some(), "{texts:?} not in {}", process.stdout());
    }

    /// The process itself.
    #[must_use]
    pub fn process(&self) -> &Process {
        self.running.process()
    }

    /// Types these keys.
    ///
    /// # Panics
    ///
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) {
        let typed = self.keyboard.write_all(keys.as_bytes());
        typed.expect("somebody at the terminal");
    }

    /// Waits for its end.
    #[must_use]
    pub fn finish(self) -> Finished {
        self.running.finish()
    }
}

impl Running {
    /// The process itself.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Waits for its end.
    #[must_use]
    pub fn finish(mut self) -> Finished {
        let status = self.process.wait();
        Finished {
            code: status.code(),
            stdout: self.process.stdout(),
            stderr: self.process.stderr(),
        }
    }
}

impl Finished {
    /// Asserts that it succeeded and returns its stdout.
    ///
    /// # Panics
    ///
    /// When the exit code is not 0.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn input_outputs_and_exit_code_are_passed_through() {
        let script = "cat; echo \"$TIDINGS_URL\" >&2; exit 7";
        let finished = Command::new("/bin/sh", &["-c", script])
            .env("TIDINGS_URL", "there")
            .stdin("given")
            .run();
        assert_eq!(finished.code, Some(7));
        assert_eq!(finished.stdout, "given");
        assert_eq!(finished.stderr, "there\n");
    }

    #[test]
    fn a_command_in_a_terminal_sees_its_size_and_the_keys() {
        let script = "stty size; read line; echo \"got $line\"";
        let mut terminal = Command::new("/bin/sh", &["-c", script]).spawn_in_terminal();
        terminal.await_texts(&["24 80"]);
        terminal.press("this\n");
        terminal.await_texts(&["this", "got this"]);
        assert_eq!(terminal.finish().code, Some(0));
    }

    #[test]
    fn output_is_seen_while_the_command_runs() {
        let running = Command::new("/bin/sh", &["-c", "echo ready; exec cat /dev/zero"]).spawn();
        let seen = running
            .process()
            .find_in_stdout(|text| text.contains("ready\n").then_some(()));
        assert_eq!(seen, Some(()));
    }
}
