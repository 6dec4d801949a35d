//! What is measured in a process of its own, so that neither the memory nor the time of one measurement is counted in another.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    broker, plain, report,
    shape::{Contender, Shape},
    stored,
};

/// How long a process publishes before it is killed.
const BEFORE_KILL: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Part {
    /// Publish for some seconds
    #[command(hide = true)]
    Measure {
        contender: Contender,
        shape: Shape,
        seconds: f64,
    },
    /// Publish so many events and keep them
    #[command(hide = true)]
    Fill { events: u64 },
    /// Open what was filled
    #[command(hide = true)]
    Open { events: u64 },
    /// Open what was filled, and read from it
    #[command(hide = true)]
    Resume { events: u64 },
    /// Open what was filled, and publish until killed
    #[command(hide = true)]
    Hold { events: u64 },
}

impl Part {
    /// Does it in this process, and writes what came of it to stdout.
    pub(crate) async fn execute(self, dir: &Path) -> Result<()> {
        match self {
            Self::Measure {
                contender,
                shape,
                seconds,
            } => {
                let span = Duration::from_secs_f64(seconds);
                tell(&match contender {
                    Contender::Tidings => broker::measure(dir, shape, span).await?,
                    Contender::Plain => plain::measure(dir, shape, span).await?,
                })
            }
            Self::Fill { events } => tell(&stored::fill(dir, events).await?),
            Self::Open { events } => tell(&stored::open(dir, events).await?),
            Self::Resume { events } => tell(&stored::resume(dir, events).await?),
            Self::Hold { events } => stored::hold(dir, events).await,
        }
    }

    /// Does it in another process.
    pub(crate) fn run<T: DeserializeOwned>(&self, dir: &Path) -> Result<T> {
        let output = self.command(dir)?.stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "{self:?}: {}", output.status);
        serde_json::from_slice(&output.stdout).with_context(|| format!("{self:?}"))
    }

    /// Does it in another process, and kills that in the middle of it.
    pub(crate) fn kill(&self, dir: &Path) -> Result<()> {
        let mut child = self.command(dir)?.stdout(Stdio::piped()).spawn()?;
        let mut ready = String::new();
        if let Some(stdout) = &mut child.stdout {
            BufReader::new(stdout).read_line(&mut ready)?;
            thread::sleep(BEFORE_KILL);
        }
        child.kill()?;
        child.wait()?;
        ensure!(!ready.is_empty(), "{self:?} ended by itself");
        Ok(())
    }

    fn command(&self, dir: &Path) -> Result<Command> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("--dir").arg(dir).args(self.arguments());
        Ok(command)
    }

    fn arguments(&self) -> Vec<String> {
        let (name, events) = match self {
            Self::Measure {
                contender,
                shape,
                seconds,
            } => {
                let (contender, shape) = (format!("{contender:?}"), format!("{shape:?}"));
                return vec![
                    "measure".into(),
                    contender.to_lowercase(),
                    shape.to_lowercase(),
                    seconds.to_string(),
                ];
            }
            Self::Fill { events } => ("fill", events),
            Self::Open { events } => ("open", events),
            Self::Resume { events } => ("resume", events),
            Self::Hold { events } => ("hold", events),
        };
        vec![name.into(), events.to_string()]
    }
}

fn tell(what: &impl Serialize) -> Result<()> {
    report::say(&serde_json::to_string(what)?)
}
