use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::process::{self, Command as System};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use tidings_testkit::{Command, Connection, Event, Request, StreamReader, eventually};

use crate::TIDINGS;

/// A network of its own, for as long as it or somebody in it is there.
struct Network(File);

impl Network {
    fn new() -> nix::Result<Self> {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            Ok(Self(
                File::open("/proc/thread-self/ns/net").expect("it is there"),
            ))
        });
        made.join().expect("no panic")
    }

    /// Does something in it. What is opened and started there stays there.
    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let work = scope.spawn(|| {
                setns(&self.0, CloneFlags::CLONE_NEWNET).expect("a network");
                work()
            });
            work.join().expect("no panic")
        })
    }

    fn ip(&self, arguments: &str) {
        let done = self.inside(|| System::new("ip").args(arguments.split(' ')).status());
        let done = done.expect("ip, which is part of iproute2");
        assert!(done.success(), "ip {arguments}");
    }

    /// Its name for programs.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.0.as_raw_fd())
    }
}

const HUB: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);

#[test]
fn t13_a_reader_that_vanished_without_a_word_is_gone_after_a_while() {
    let (ours, theirs) = match (Network::new(), Network::new()) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(error), _) | (_, Err(error)) => {
            // Past the harness, which shows nothing of a test that passes.
            let _ = writeln!(io::stderr(), "skipped: no network of its own here: {error}");
            return;
        }
    };
    ours.ip("link set lo up");
    ours.ip(&format!(
        "link add near type veth peer name far netns {}",
        theirs.path()
    ));
    ours.ip(&format!("address add {HUB}/24 dev near"));
    ours.ip("link set near up");
    theirs.ip("address add 10.99.0.2/24 dev far");
    theirs.ip("link set far up");

    let serve = [
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--memory",
        "--insecure-anonymous",
    ];
    let command = Command::new(TIDINGS, &serve).env("TIDINGS_KEEP_ALIVE", "100ms");
    let hub = ours.inside(|| command.spawn());
    let port = hub.process().find_in_stderr(|stderr| {
        let (_, after) = stderr.split_once("http://0.0.0.0:")?;
        after.split_once('\n')?.0.parse::<u16>().ok()
    });
    let port = port.expect("a port");
    // Once it answers it has opened what it needs for itself.
    ours.inside(|| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let answer = Connection::open(address).send(&Request::get("/readyz"));
        assert_eq!(answer.status(), 200, "{answer:?}");
    });
    let files = hub.process().open_files();
    let mut readers = theirs.inside(|| {
        let address = SocketAddr::from((HUB, port));
        let request = Request::get("/api/events/stream?topic=t");
        [(); 3].map(|()| StreamReader::open(address, &request))
    });
    for reader in &mut readers {
        reader.preamble();
    }
    let mut watch = ours.inside(|| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let request = Request::get("/api/connections/stream?topic=t");
        StreamReader::open(address, &request)
    });
    let told = |event: &Event| event.json()["total"].as_u64();
    watch.until(|event| told(event) == Some(3));

    theirs.ip("link set far down");

    watch.until(|event| told(event) == Some(0));
    drop(watch);
    eventually("their files are closed", || {
        (hub.process().open_files() <= files).then_some(())
    });
}
