//! What peers of ill will, and peers in great number, may do to a hub. SECURITY.md lists the threats by number.

mod codings;
mod crowd;
mod drain;
mod floods;
mod half_open;
mod headers;
mod http2;
mod ids;
mod rebinding;
mod returning;
mod stalled;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tidings_testkit::{Hub, Publisher, StreamReader};

/// Lets this process, and hubs that it starts from now on, have so many files open.
fn room_for(files: u64) {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    assert!(
        hard >= files,
        "{files} files are needed, {hard} are allowed"
    );
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(files), hard).expect("a limit within the hard one");
}

/// A good client, which goes on publishing and receiving whatever others do.
struct Witness {
    publisher: Publisher,
    stream: StreamReader,
    said: usize,
}

impl Witness {
    fn of(hub: &Hub) -> Self {
        Self {
            publisher: hub.publisher(),
            stream: hub.stream("topic=witness"),
            said: 0,
        }
    }

    /// Publishes, and gets what it has published and nothing else.
    fn speak(&mut self) {
        self.said += 1;
        let id = self
            .publisher
            .publish("witness", "n", &self.said.to_string());
        assert_eq!(self.stream.event().id(), id);
    }
}
