//! A client that reads answers as text, over TLS or not.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, SanType};
use tidings_testkit::PATIENCE;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A certificate for a name by itself, and its key.
pub(crate) struct Identity {
    name: String,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) pem: String,
    pub(crate) key: String,
}

impl Identity {
    /// For `hub.example` and `localhost`.
    pub(crate) fn new() -> Self {
        let localhost = SanType::DnsName("localhost".try_into().expect("a name"));
        Self::of("hub.example", |params| {
            params.subject_alt_names.push(localhost)
        })
    }

    /// For any name, and otherwise as is said.
    pub(crate) fn of(name: &str, with: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        with(&mut params);
        let key = KeyPair::generate().expect("a key");
        let made = params.self_signed(&key).expect("a certificate");
        Self {
            name: name.to_owned(),
            certificate: made.der().clone(),
            pem: made.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Puts it into a folder as `certificate.pem` and `key.pem`.
    pub(crate) fn write(&self, folder: &Path) {
        fs::write(folder.join("key.pem"), &self.key).expect("a file");
        fs::write(folder.join("certificate.pem"), &self.pem).expect("a file");
    }

    /// Sends a request to who shows this certificate; `None` if somebody else does.
    pub(crate) fn ask(&self, socket: TcpStream, request: &str) -> Option<Answer> {
        ask_verified(&self.certificate, &self.name, socket, request).ok()
    }
}

/// Sends a request to who shows a certificate for `name` that leads to `root`.
pub(crate) fn ask_verified(
    root: &CertificateDer<'static>,
    name: &str,
    socket: TcpStream,
    request: &str,
) -> io::Result<Answer> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a certificate");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = name.to_owned().try_into().expect("a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut stream = StreamOwned::new(session, socket);
    stream.write_all(request.as_bytes())?;
    Ok(Answer(Box::new(stream)))
}

/// A connection to an address.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    connect_from(Ipv4Addr::LOCALHOST, address)
}

/// A connection from one of the many addresses of this machine.
pub(crate) fn connect_from(source: Ipv4Addr, address: SocketAddr) -> TcpStream {
    let runtime = Builder::new_current_thread().enable_io().build();
    let connected = runtime.expect("a runtime").block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((source, 0)))?;
        socket.connect(address).await?.into_std()
    });
    let socket = connected.expect("a connection");
    socket.set_nonblocking(false).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    socket
}

/// Sends a request without TLS.
pub(crate) fn ask(mut socket: TcpStream, request: &str) -> Answer {
    socket
        .write_all(request.as_bytes())
        .expect("an open connection");
    Answer(Box::new(socket))
}

/// What comes of a request.
pub(crate) struct Answer(Box<dyn Read>);

impl Answer {
    /// Reads up to and with `end`.
    #[track_caller]
    pub(crate) fn until(&mut self, end: &str) -> String {
        let mut read = String::new();
        while !read.ends_with(end) {
            let mut byte = [0];
            match self.0.read(&mut byte) {
                Ok(1) => read.push(char::from(byte[0])),
                ended => panic!("{ended:?} before {end:?}, after {read:?}"),
            }
        }
        read
    }
}
