use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::{TempDir, tempdir};
use tidings_testkit::{Command, Finished, Running, Signal, eventually};

use crate::TIDINGS;
use crate::secured::{Identity, connect};

/// A folder with a certificate, its settings, and a hub that uses them.
struct Secure {
    folder: TempDir,
    hub: Running,
    address: SocketAddr,
}

const SETTINGS: &str = "memory = true\nlisten = \"127.0.0.1:0\"\n\
                        [tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n";

fn command(folder: &Path, command: &str) -> Command {
    fs::write(folder.join("tidings.toml"), SETTINGS).expect("a file");
    Command::new(TIDINGS, &[command]).directory(folder)
}

fn start(identity: &Identity) -> Secure {
    let folder = tempdir().expect("a temporary directory");
    identity.write(folder.path());
    let hub = command(folder.path(), "serve").spawn();
    let address = hub.process().find_in_stderr(|stderr| {
        let (_, after) = stderr.split_once("listening on https://")?;
        after.split_once('\n')?.0.parse().ok()
    });
    Secure {
        address: address.expect("an address"),
        folder,
        hub,
    }
}

const PUBLISH: &str =
    "POST /api/events?topic=t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n";
const STREAM: &str = "GET /api/events/stream?topic=t HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn publish(identity: &Identity, address: SocketAddr, data: char) -> Option<()> {
    let mut answer = identity.ask(connect(address), &format!("{PUBLISH}{data}"))?;
    let head = answer.until("\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    Some(())
}

#[test]
fn the_command_line_goes_by_the_certificates_of_the_system_or_those_it_is_given() {
    let secure = start(&Identity::new());
    let url = format!("https://localhost:{}", secure.address.port());
    let certificate = secure.folder.path().join("certificate.pem");
    let command = |arguments: &[&str]| Command::new(TIDINGS, arguments).env("TIDINGS_URL", &url);
    let trusting = |arguments: &[&str]| {
        let command = command(arguments).env("SSL_CERT_FILE", &certificate.to_string_lossy());
        command.run().success()
    };
    trusting(&["publish", "t", "x", "--final"]);
    assert_eq!(trusting(&["subscribe", "t", "--from", "start"]), "x\n");
    let finished = command(&["top", "--once"]).run();
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("certificate"), "{finished:?}");
}

#[test]
fn events_are_published_and_followed_over_tls() {
    let identity = Identity::new();
    let secure = start(&identity);
    let mut stream = identity
        .ask(connect(secure.address), STREAM)
        .expect("a stream");
    let head = stream.until("\r\n\r\n");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    for data in ['1', '2', '3'] {
        publish(&identity, secure.address, data).expect("its certificate");
        stream.until(&format!("data: {data}\n\n"));
    }
    secure.hub.process().signal(Signal::SIGTERM);
    stream.until("event: tidings.goodbye\n");
    stream.until("\r\n0\r\n\r\n");
    assert_eq!(secure.hub.finish().code, Some(0));
}

#[test]
fn a_page_of_the_hub_under_https_is_its_own() {
    let identity = Identity::new();
    let secure = start(&identity);
    for (origin, status) in [("https", 200), ("http", 403)] {
        let request = format!(
            "POST /api/events?topic=t HTTP/1.1\r\nHost: localhost:1\r\nOrigin: {origin}://localhost:1\r\n\
             Content-Length: 1\r\n\r\nx"
        );
        let mut answer = identity
            .ask(connect(secure.address), &request)
            .expect("an answer");
        let head = answer.until("\r\n\r\n");
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
    }
}

#[test]
fn a_new_certificate_is_used_at_sighup_and_streams_go_on() {
    let (old, new, other) = (Identity::new(), Identity::new(), Identity::new());
    let secure = start(&old);
    let mut stream = old.ask(connect(secure.address), STREAM).expect("a stream");
    stream.until("\r\n\r\n");

    fs::write(secure.folder.path().join("key.pem"), &other.key).expect("a file");
    secure.hub.process().signal(Signal::SIGHUP);
    let warned = secure.hub.process().find_in_stderr(|stderr| {
        let warning = "the key does not fit the certificate";
        stderr.contains(warning).then_some(())
    });
    assert!(warned.is_some());
    publish(&old, secure.address, '1').expect("the old certificate");

    new.write(secure.folder.path());
    secure.hub.process().signal(Signal::SIGHUP);
    eventually("the new certificate is shown", || {
        publish(&new, secure.address, '2')
    });
    assert!(publish(&old, secure.address, '3').is_none());
    stream.until("data: 1\n\n");
    stream.until("data: 2\n\n");
}

#[test]
fn a_certificate_that_is_not_good_or_not_for_long_is_told_of() {
    let now = SystemTime::now();
    let day = Duration::from_secs(86_400);
    let good = |from: SystemTime, until: SystemTime| {
        Identity::of("hub.example", |params| {
            params.not_before = from.into();
            params.not_after = until.into();
        })
    };
    let fine = good(now - day, now + 15 * day);
    let soon = good(now - 30 * day, now + 10 * day);
    let expired = good(now - 30 * day, now - day);
    let early = good(now + day, now + 30 * day);
    let Secure { folder, hub, .. } = start(&expired);
    let told = |problem: &str| {
        let found = hub.process().find_in_stderr(|stderr| {
            let mut lines = stderr.lines();
            let line = lines.find(|line| line.contains(problem))?;
            Some(line.to_owned())
        });
        let line = found.expect("a line");
        for part in [
            "WARN",
            "needs to be seen to",
            "certificate=certificate.pem",
            "until=",
        ] {
            assert!(line.contains(part), "{line}");
        }
    };
    for (identity, problem) in [
        (&expired, "it expired at "),
        (&soon, "it expires at "),
        (&early, "it is good from "),
    ] {
        identity.write(folder.path());
        hub.process().signal(Signal::SIGHUP);
        told(&format!("problem={problem}"));
        let Finished { code, stderr, .. } = command(folder.path(), "check").run();
        assert_eq!(code, Some(0), "{stderr}");
        let warning = format!("tidings: tls.certificate: {problem}");
        assert!(stderr.starts_with(&warning), "{stderr}");
    }
    fine.write(folder.path());
    assert_eq!(command(folder.path(), "check").run().stderr, "");
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_before_the_start() {
    let (one, other) = (Identity::new(), Identity::new());
    let folder = tempdir().expect("a temporary directory");
    let refused = |wanted: &str| {
        for name in ["serve", "check"] {
            let Finished { code, stderr, .. } = command(folder.path(), name).run();
            assert_eq!(code, Some(2), "{stderr}");
            assert!(stderr.contains(wanted), "{name}: {stderr}");
            assert!(!stderr.contains("listening"), "{stderr}");
        }
    };
    refused("tls.certificate: cannot read the certificate certificate.pem");
    one.write(folder.path());
    fs::write(folder.path().join("key.pem"), &other.key).expect("a file");
    refused("tls.key: the key does not fit the certificate");
    fs::write(folder.path().join("key.pem"), "").expect("a file");
    refused("tls.key: there is no private key in it");
    one.write(folder.path());
    assert_eq!(command(folder.path(), "check").run().code, Some(0));
}
