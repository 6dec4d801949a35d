use std::io::{self, Write};
use std::path::Path;
use std::{process, thread};

use tempfile::TempDir;

/// A small file system of its own, in memory. It is unmounted when dropped.
pub(crate) struct Mount {
    directory: TempDir,
}

impl Mount {
    /// Mounts one with these options. Where that is not allowed the test has to be skipped, and
    /// the reason is printed.
    pub(crate) fn new(options: &str) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mounted = process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(directory.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { directory }),
            failed => {
                // Past the harness, which shows nothing of a test that passes.
                let mut stderr = io::stderr();
                let _ = writeln!(
                    stderr,
                    "SKIPPED: mounting is not permitted here: {failed:?}"
                );
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = process::Command::new("umount").arg(self.path()).status();
        // A second panic would hide the first.
        if !thread::panicking() {
            let status = unmounted.expect("umount runs");
            assert!(
                status.success(),
                "{} is still mounted",
                self.path().display()
            );
        }
    }
}
