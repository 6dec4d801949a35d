use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// How many packets may wait for a processor that receives, by default 1,000: fewer than readers of one event. What is beyond that is dropped
/// and has to be sent again, which would be counted as the sender's work.
///
/// It is said first that it is done, then waited for the end of the input, which comes however the process ends that holds the other end.
const KEEPER: &str = r#"
trap "" INT TERM HUP
setting=/proc/sys/net/core/netdev_max_backlog
before=$(cat $setting)
[ "$before" -ge 100000 ] || echo 100000 > $setting
echo raised
cat > /dev/null
[ "$before" -ge 100000 ] || echo "$before" > $setting
"#;

/// As long as this is there more packets may wait, on the whole machine. A process of its own sets that right again when this is dropped, or when
/// this process ends without that.
pub(crate) struct Backlog(Child);

impl Backlog {
    pub(crate) fn raise() -> Result<Self> {
        let mut keeper = Command::new("sh")
            .args(["-ec", KEEPER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let output = keeper.stdout.take().context("there is no output")?;
        let mut raised = String::new();
        BufReader::new(output).read_line(&mut raised)?;
        let keeper = Self(keeper);
        ensure!(!raised.is_empty(), "more packets cannot be let wait");
        Ok(keeper)
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It cannot fail to end, and there is nobody to tell.
        let _ = self.0.wait();
    }
}
