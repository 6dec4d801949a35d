use std::{
    env, fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tidings_bench::Family;

use crate::{contender::Contender, measure::Conditions, netns};

/// How long a contender may take to start.
const START: Duration = Duration::from_secs(20);
/// How long it is given to end by itself.
const END: Duration = Duration::from_secs(3);

/// A contender that runs. It is stopped, with all of its processes, when this is dropped.
pub(crate) struct Server {
    pub(crate) ports: [u16; 3],
    pub(crate) processes: Family,
    child: Child,
    state: PathBuf,
}

impl Server {
    /// Starts it on free ports and waits until it can be connected to.
    pub(crate) fn start(
        contender: &Contender,
        home: &Path,
        conditions: Conditions,
    ) -> Result<Self> {
        let ports = free_ports()?;
        let state = env::temp_dir().join(format!("fanout-{}-{}", contender.key(), ports[0]));
        fs::create_dir_all(&state)?;
        let log = fs::File::create(state.join("output"))?;
        let start = match conditions.is_steered {
            true => netns::on_own_processor(&contender.start),
            false => contender.start.clone(),
        };
        let mut command = shell(contender, home, &start)?;
        for (name, port) in ["PORT", "PORT2", "PORT3"].into_iter().zip(ports) {
            command.env(name, port.to_string());
        }
        let child = command
            .env("STATE", &state)
            .env("KEEP_ALIVE", conditions.keep_alive.as_secs().to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", contender.name))?;
        let mut processes = Family::new(child.id(), contender.counted.clone());
        if conditions.is_steered {
            processes = processes.with_softirq_of(&netns::own_softirq());
        }
        let mut server = Self {
            ports,
            processes,
            child,
            state,
        };
        let last = if contender.has_second_port() { 2 } else { 1 };
        for port in &ports[..last] {
            server.wait_for(*port)?;
        }
        thread::sleep(Duration::from_secs(contender.settle_seconds));
        Ok(server)
    }

    fn wait_for(&mut self, port: u16) -> Result<()> {
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let has_ended = self.child.try_wait()?.is_some();
            if has_ended || began.elapsed() > START {
                let output = fs::read_to_string(self.state.join("output"))?;
                bail!("it does not listen: {output}");
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Makes the topics, for a contender that needs it.
    pub(crate) fn create(&self, contender: &Contender, topics: &[String]) -> Result<()> {
        let Some(create) = &contender.create else {
            return Ok(());
        };
        let [port, ..] = self.ports;
        for topic in topics {
            let (method, path) = (&create.method, create.path.replace("{topic}", topic));
            let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            let content_type = &create.content_type;
            write!(
                socket,
                "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )?;
            let mut answer = [0; 12];
            socket.read_exact(&mut answer)?;
            ensure!(answer.starts_with(b"HTTP/1.1 2"), "the topic was not made");
        }
        Ok(())
    }

    /// Whether all of these have ended, or do so in time.
    fn have_ended(&mut self, members: &[u32]) -> bool {
        let began = Instant::now();
        while began.elapsed() < END {
            // Reaps it, too.
            let has_ended = matches!(self.child.try_wait(), Ok(Some(_)));
            let is_left = |pid: &u32| {
                !Family::new(*pid, Vec::new())
                    .members()
                    .unwrap_or_default()
                    .is_empty()
            };
            if has_ended && !members.iter().any(is_left) {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let members = self.processes.members().unwrap_or_default();
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            for pid in members.iter().filter_map(|pid| i32::try_from(*pid).ok()) {
                // It may be gone already.
                let _ = kill(Pid::from_raw(pid), signal);
            }
            if self.have_ended(&members) {
                break;
            }
        }
        // What is left in the folder for temporary files is the system's to remove.
        let _ = fs::remove_dir_all(&self.state);
    }
}

/// Runs a command of a contender to its end and returns what it prints.
pub(crate) fn run(contender: &Contender, home: &Path, command: &str) -> Result<String> {
    let output = shell(contender, home, command)?
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(
        output.status.success(),
        "`{command}` failed for {}",
        contender.name
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn shell(contender: &Contender, home: &Path, command: &str) -> Result<Command> {
    let program = env::current_exe()?;
    let programs = program.parent().context("this program is in no folder")?;
    let home = home.join(contender.key());
    fs::create_dir_all(&home)?;
    let tidings = env::var_os("TIDINGS").unwrap_or_else(|| programs.join("tidings").into());
    // It ends when this process does, and does not run as a batch process although this one may.
    let mut shell = Command::new("setpriv");
    shell
        .args(["--pdeathsig", "TERM", "chrt", "--other", "0"])
        .args(["sh", "-ec", command])
        .current_dir(&contender.folder)
        .envs(&contender.environment)
        .env("TIDINGS", tidings)
        .env("BENCH_BIN", programs)
        .env("HOME_DIR", home.canonicalize()?);
    Ok(shell)
}

fn free_ports() -> Result<[u16; 3]> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners = [listen()?, listen()?, listen()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
