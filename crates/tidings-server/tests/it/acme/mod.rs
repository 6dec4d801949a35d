//! Certificates from a real ACME server, which validates the name at the port of the hub.

mod authority;

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::date_time_ymd;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tidings_testkit::{Command, Process, Running, Signal, eventually};
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::TIDINGS;
use crate::acme::authority::{Authority, free_address};
use crate::secured::{Answer, Identity, ask_verified, connect};

const STREAM: &str = "GET /api/events/stream?topic=t HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A hub that gets its certificate from an authority.
struct Hub {
    running: Running,
    address: SocketAddr,
}

impl Hub {
    fn start(authority: &Authority, folder: &Path) -> Self {
        fs::write(folder.join("tidings.toml"), authority.settings()).expect("a file");
        let running = Command::new(TIDINGS, &["serve"]).directory(folder).spawn();
        let address = running.process().find_in_stderr(|stderr| {
            let (_, after) = stderr.split_once("listening on https://")?;
            after.split_once('\n')?.0.parse().ok()
        });
        let address = address.expect("an address");
        Self { running, address }
    }

    fn process(&self) -> &Process {
        self.running.process()
    }

    fn awaits(&self, text: &str) {
        let said = |stderr: &str| stderr.contains(text).then_some(());
        assert!(self.process().find_in_stderr(said).is_some(), "{text}");
    }

    /// Why nobody can connect.
    fn refusal(&self) -> String {
        let root = Identity::new().certificate;
        let refused = ask_verified(&root, "hub.example", connect(self.address), STREAM);
        refused.err().expect("no certificate").to_string()
    }

    fn ask(&self, root: &CertificateDer<'static>, request: &str) -> Option<Answer> {
        ask_verified(root, "hub.example", connect(self.address), request).ok()
    }

    fn publish(&self, root: &CertificateDer<'static>, data: char) -> Option<()> {
        let request = format!(
            "POST /api/events?topic=t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n{data}"
        );
        let head = self.ask(root, &request)?.until("\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Some(())
    }

    fn stop(self) {
        self.process().signal(Signal::SIGTERM);
        assert_eq!(self.running.finish().code, Some(0));
    }
}

/// A folder for a hub, with what is kept of certificates.
fn folder(kept: &[(&str, String)]) -> TempDir {
    let folder = tempdir().expect("a temporary directory");
    let certificates = folder.path().join("certificates");
    fs::create_dir(&certificates).expect("a folder");
    for (name, text) in kept {
        fs::write(certificates.join(name), text).expect("a file");
    }
    folder
}

/// A certificate as the hub keeps it.
fn kept(authority: &Authority, certificate: &str, key: &str) -> String {
    let kept = json!({
        "directory": authority.directory(),
        "domains": ["hub.example"],
        "certificate": certificate,
        "key": key,
    });
    kept.to_string()
}

#[test]
fn a_hub_listens_at_once_and_has_a_certificate_when_there_is_an_authority() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let folder = folder(&[]);
    fs::remove_dir(folder.path().join("certificates")).expect("a folder");
    let hub = Hub::start(&authority, folder.path());
    hub.awaits("no certificate yet: nobody can connect");
    assert!(hub.refusal().contains("AccessDenied"));

    let serving = authority.serve(hub.address.port());
    hub.process().signal(Signal::SIGHUP);
    hub.awaits("there is a new certificate");
    hub.publish(&serving.root, '1').expect("its certificate");
    for name in ["account.json", "certificate.json"] {
        let path = folder.path().join("certificates").join(name);
        let mode = fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let said = hub.process().stderr();
    assert!(!said.contains("PRIVATE KEY"), "{said}");
    hub.stop();

    let root = serving.root.clone();
    drop(serving);
    let hub = Hub::start(&authority, folder.path());
    hub.publish(&root, '2')
        .expect("the certificate that was kept");
    assert!(!hub.process().stderr().contains("asking for a certificate"));
    hub.stop();
}

#[test]
fn streams_go_on_when_the_certificate_is_renewed() {
    let Some(authority) = Authority::new() else {
        return;
    };
    // Two thirds of its time were over in 2017.
    let old = Identity::of("hub.example", |params| {
        params.not_before = date_time_ymd(1971, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
    });
    let old_one = kept(&authority, &old.pem, &old.key);
    let folder = folder(&[("certificate.json", old_one)]);
    let hub = Hub::start(&authority, folder.path());
    hub.awaits("no new certificate; the old one stays");
    let mut stream = hub
        .ask(&old.certificate, STREAM)
        .expect("the old certificate");
    stream.until("\r\n\r\n");

    let serving = authority.serve(hub.address.port());
    hub.process().signal(Signal::SIGHUP);
    hub.awaits("there is a new certificate");

    hub.publish(&serving.root, '1')
        .expect("the new certificate");
    assert!(hub.publish(&old.certificate, '2').is_none());
    stream.until("data: 1\n\n");
    hub.process().signal(Signal::SIGTERM);
    stream.until("event: tidings.goodbye\n");
}

#[test]
fn what_is_kept_and_cannot_be_used_is_replaced() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let account = json!({
        "directory": authority.directory(),
        "contact": "mailto:me@hub.example",
        "credentials": { "id": "a", "key_pkcs8": "AAAA", "directory": authority.directory() },
    });
    let broken = [
        ("garbage".to_owned(), "\0garbage".to_owned()),
        (account.to_string(), kept(&authority, "x", "y")),
    ];
    for (account, certificate) in broken {
        let files = [("account.json", account), ("certificate.json", certificate)];
        let folder = folder(&files);
        let hub = Hub::start(&authority, folder.path());
        hub.awaits("the certificate that was kept is not used");
        let serving = authority.serve(hub.address.port());
        hub.process().signal(Signal::SIGHUP);
        hub.awaits("there is a new certificate");
        hub.publish(&serving.root, '1').expect("its certificate");
        for (name, _) in files {
            let text = fs::read(folder.path().join("certificates").join(name));
            let json: Value = serde_json::from_slice(&text.expect("a file")).expect("JSON");
            assert_eq!(json["directory"], authority.directory(), "{name}");
        }
        hub.stop();
    }
}

#[test]
fn a_refusal_is_told_and_an_authority_that_forgot_the_account_gets_another_one() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let folder = folder(&[]);
    let hub = Hub::start(&authority, folder.path());
    let serving = authority.serve(free_address().port());
    hub.process().signal(Signal::SIGHUP);
    hub.awaits("hub.example was not validated: ");
    assert!(hub.refusal().contains("AccessDenied"));

    drop(serving);
    let serving = authority.serve(hub.address.port());
    hub.process().signal(Signal::SIGHUP);
    hub.awaits("the ACME server does not know the account any more");
    hub.awaits("there is a new certificate");
    hub.publish(&serving.root, '1').expect("its certificate");
    hub.stop();
}

#[test]
fn an_authority_that_talks_nonsense_is_asked_again() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let folder = folder(&[]);
    let listener = TcpListener::bind(authority.address).expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let hub = Hub::start(&authority, folder.path());
    for _ in 0..2 {
        let mut socket = eventually("the hub asks", || match listener.accept() {
            Ok((socket, _)) => Some(socket),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                None
            }
        });
        // Whoever has gone does not read it.
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\nnonsense");
        hub.awaits("the ACME server has no answer");
    }
    assert!(hub.refusal().contains("AccessDenied"));
    hub.stop();
}

#[test]
fn authorities_that_are_in_no_file_are_refused_before_the_start() {
    let folder = tempdir().expect("a temporary directory");
    let settings = "[tls.acme]\ndomains = [\"hub.example\"]\nagree_to_terms = true\n\
                    directory_ca_file = \"ca.pem\"\n";
    for (content, wanted) in [(None, "No such file"), (Some("x"), "there is none in it")] {
        if let Some(content) = content {
            fs::write(folder.path().join("ca.pem"), content).expect("a file");
        }
        for name in ["serve", "check"] {
            let command = Command::new(TIDINGS, &[name, "--config", "tidings.toml"]);
            fs::write(folder.path().join("tidings.toml"), settings).expect("a file");
            let finished = command.directory(folder.path()).run();
            assert_eq!(finished.code, Some(2), "{finished:?}");
            let problem = "tls.acme.directory_ca_file: cannot read certificates from ca.pem: ";
            assert!(finished.stderr.contains(problem), "{finished:?}");
            assert!(finished.stderr.contains(wanted), "{finished:?}");
        }
    }
}
