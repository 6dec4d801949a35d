use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// A network between clients and a server, which can be cut and can fall silent.
///
/// Dropping it cuts everything.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    link: Arc<Link>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Link {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_silent: bool,
    is_over: bool,
    /// Both ends of every connection that was not cut.
    sockets: Vec<TcpStream>,
}

impl Relay {
    /// A network that leads to the server at `server`.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the address of a listener");
        let link = Arc::<Link>::default();
        let listening = thread::spawn({
            let link = link.clone();
            move || {
                while let Ok((client, _)) = listener.accept()
                    && !link.state().is_over
                {
                    // A connection that cannot be made is one that its client sees closed.
                    let _ = link.join(client, server);
                }
            }
        });
        Self {
            address,
            link,
            listening: Some(listening),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Falls silent: connections stay open and can be made, and nothing comes through.
    pub fn silence(&self) {
        self.link.state().is_silent = true;
    }

    /// Lets everything through again, what was held back first.
    pub fn heal(&self) {
        self.link.state().is_silent = false;
        self.link.changed.notify_all();
    }

    /// Cuts all connections; new ones can be made.
    pub fn cut(&self) {
        self.link.cut();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.link.state().is_over = true;
        self.heal();
        self.cut();
        // It waits for another connection.
        let _ = TcpStream::connect(self.address);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

impl Link {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(self: &Arc<Self>, client: TcpStream, server: SocketAddr) -> io::Result<()> {
        // Held all the time, so that a cut finds every connection that anybody knows of.
        let mut state = self.state();
        let server = TcpStream::connect(server)?;
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (from, to) = (from.try_clone()?, to.try_clone()?);
            from.set_nodelay(true)?;
            let link = self.clone();
            thread::spawn(move || link.carry(from, to));
        }
        state.sockets.extend([client, server]);
        Ok(())
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            let state = self.state();
            let passed = self.changed.wait_while(state, |state| state.is_silent);
            drop(passed);
            if to.write_all(&piece[..length]).is_err() {
                break;
            }
        }
        // What is closed already need not be.
        let _ = to.shutdown(Shutdown::Write);
    }

    fn cut(&self) {
        for socket in self.state().sockets.drain(..) {
            // What is closed already need not be.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::Relay;

    fn connected() -> (Relay, TcpStream, TcpStream) {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::to(server.local_addr().unwrap());
        let client = TcpStream::connect(relay.address()).unwrap();
        let (accepted, _) = server.accept().unwrap();
        (relay, client, accepted)
    }

    #[test]
    fn what_is_sent_in_silence_comes_once_it_is_over() {
        let (relay, mut client, mut server) = connected();
        relay.silence();
        client.write_all(b"hello").unwrap();
        server.set_nonblocking(true).unwrap();
        assert!(server.read(&mut [0]).is_err());
        server.set_nonblocking(false).unwrap();
        relay.heal();
        let mut heard = [0; 5];
        server.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
    }

    #[test]
    fn what_is_cut_is_closed_at_both_ends() {
        let (relay, mut client, mut server) = connected();
        relay.cut();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        TcpStream::connect(relay.address()).unwrap();
    }
}
