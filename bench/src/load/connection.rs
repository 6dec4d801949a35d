use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::Result;
use mio::net::TcpStream;
use nix::errno::Errno;
use socket2::{Domain, Socket, Type};

use super::{
    clock,
    http1::Http1,
    http2::{Happening, Http2},
    reader::Reader,
    stamp::Stamp,
};

/// How readers ask for their streams.
#[derive(Clone, Debug)]
pub enum Asking {
    /// HTTP/1.1: the whole head of a request, for one reader.
    Http1(String),
    /// HTTP/2 with prior knowledge.
    Http2 {
        /// One for each of the readers.
        paths: Vec<String>,
        /// Header fields of all of them, beside the usual ones.
        fields: Vec<(String, String)>,
    },
}

/// A connection with one reader, or with many.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: TcpStream,
    wire: Wire,
    unsent: Vec<u8>,
    pub(crate) readers: Vec<Reader>,
    pub(crate) is_over: bool,
}

#[derive(Debug)]
enum Wire {
    Http1(Http1),
    Http2(Http2),
}

impl Asking {
    /// How many readers it is for.
    pub fn readers(&self) -> usize {
        match self {
            Self::Http1(_) => 1,
            Self::Http2 { paths, .. } => paths.len(),
        }
    }
}

impl Connection {
    /// Begins to connect; the request is sent once that is done. Without a size the system decides on the buffer.
    pub(crate) fn begin(
        port: u16,
        asking: &Asking,
        last: u64,
        receive_buffer: Option<usize>,
    ) -> io::Result<Self> {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        match socket.connect(&to.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => {
                return Err(error);
            }
            _ => {}
        }
        let (wire, unsent) = match asking {
            Asking::Http1(head) => (Wire::Http1(Http1::new()), head.clone().into_bytes()),
            Asking::Http2 { paths, fields } => {
                let opening = Http2::opening(paths, fields, &format!("127.0.0.1:{port}"));
                (Wire::Http2(Http2::default()), opening)
            }
        };
        Ok(Self {
            socket: TcpStream::from_std(socket.into()),
            wire,
            unsent,
            readers: (0..asking.readers()).map(|_| Reader::after(last)).collect(),
            is_over: false,
        })
    }

    /// Sends what is left of the request.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads all that is there, and hands over each event with the time when it was read. `true` once nothing more will
    /// come.
    pub(crate) fn receive(
        &mut self,
        buffer: &mut [u8],
        mut arrived: impl FnMut(Stamp, Duration),
        mut seen: impl FnMut(&[u8]),
    ) -> Result<bool> {
        loop {
            let length = match self.socket.read(buffer) {
                Ok(0) => return Ok(true),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let now = clock::now();
            let mut arrived = |stamp| arrived(stamp, now);
            self.take(&buffer[..length], &mut arrived, &mut seen)?;
            self.send()?;
            // The edge that comes with more is not lost: it is after this read.
            if length < buffer.len() {
                return Ok(false);
            }
        }
    }

    fn take(
        &mut self,
        bytes: &[u8],
        arrived: &mut impl FnMut(Stamp),
        seen: &mut impl FnMut(&[u8]),
    ) -> Result<()> {
        let readers = &mut self.readers;
        match &mut self.wire {
            Wire::Http1(http1) => {
                let reader = &mut readers[0];
                http1.take(bytes, |piece| {
                    seen(piece);
                    reader.take(piece, &mut *arrived);
                })?;
                reader.is_open |= http1.is_open();
                reader.has_ended = matches!(http1, Http1::Ended);
            }
            Wire::Http2(http2) => http2.take(bytes, &mut self.unsent, |place, happening| {
                let Some(reader) = readers.get_mut(place) else {
                    return;
                };
                match happening {
                    Happening::Opened => reader.is_open = true,
                    Happening::Ended => reader.has_ended = true,
                    Happening::Body(piece) => {
                        seen(piece);
                        reader.take(piece, &mut *arrived);
                    }
                }
            })?,
        }
        Ok(())
    }
}
