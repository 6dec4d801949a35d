//! A real ACME server: pebble, which validates names by asking a resolver that knows all of them as this machine.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::{TempDir, tempdir};
use tidings_testkit::{Process, eventually};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::proxies::program;
use crate::secured::{Identity, connect};

/// An address of this machine at which nobody else takes a port.
const HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Where an ACME server is, whether or not it runs.
pub(super) struct Authority {
    programs: [PathBuf; 2],
    folder: TempDir,
    identity: Identity,
    pub(super) address: SocketAddr,
}

/// One that runs. It forgets everything at its end.
pub(super) struct Serving {
    /// What its certificates lead to.
    pub(super) root: CertificateDer<'static>,
    _processes: [Process; 2],
}

impl Authority {
    /// `None` if pebble is not installed, which is said.
    pub(super) fn new() -> Option<Self> {
        let folder = tempdir().expect("a temporary directory");
        let identity = Identity::of(&HOST.to_string(), |_| {});
        identity.write(folder.path());
        Some(Self {
            programs: [program("pebble")?, program("pebble-challtestsrv")?],
            folder,
            identity,
            address: free_address(),
        })
    }

    /// The settings of a hub that gets its certificate there, and keeps it in the folder `certificates`.
    pub(super) fn settings(&self) -> String {
        format!(
            "memory = true\nlisten = \"127.0.0.1:0\"\n[tls.acme]\ndomains = [\"hub.example\"]\n\
             contact = \"mailto:me@hub.example\"\nagree_to_terms = true\ndirectory = {:?}\n\
             directory_ca_file = {:?}\ndir = \"certificates\"\n",
            self.directory(),
            self.folder.path().join("certificate.pem"),
        )
    }

    pub(super) fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    /// Starts it. It validates names at this port.
    pub(super) fn serve(&self, port: u16) -> Serving {
        let [pebble, resolver] = &self.programs;
        let (management, names) = (free_address(), free_address());
        let path = |name: &str| self.folder.path().join(name);
        let settings = json!({ "pebble": {
            "listenAddress": self.address,
            "managementListenAddress": management,
            "certificate": path("certificate.pem"),
            "privateKey": path("key.pem"),
            "httpPort": 1,
            "tlsPort": port,
        }});
        fs::write(path("pebble.json"), settings.to_string()).expect("a file");

        let mut command = Command::new(resolver);
        command.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        command.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        command.args(["-management", &free_address().to_string()]);
        command.args(["-dns01", &names.to_string()]);
        let resolver = start(&mut command, self.folder.path(), &[names]);

        let mut command = Command::new(pebble);
        command.args(["-dnsserver", &names.to_string()]);
        command.args(["-config", "pebble.json"]);
        // It would wait for up to 15 s before it validates.
        command.env("PEBBLE_VA_NOSLEEP", "1");
        let listening = [self.address, management];
        let pebble = start(&mut command, self.folder.path(), &listening);
        Serving {
            root: self.root(management),
            _processes: [pebble, resolver],
        }
    }

    fn root(&self, management: SocketAddr) -> CertificateDer<'static> {
        let request = "GET /roots/0 HTTP/1.1\r\nHost: pebble\r\n\r\n";
        let answer = self.identity.ask(connect(management), request);
        let pem = answer.expect("pebble").until("-----END CERTIFICATE-----\n");
        CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
    }
}

fn start(command: &mut Command, folder: &Path, listening: &[SocketAddr]) -> Process {
    let mut process = Process::start(command.current_dir(folder));
    process.close_stdin();
    for address in listening {
        eventually("it listens", || TcpStream::connect(address).ok());
    }
    process
}

pub(super) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((HOST, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}
