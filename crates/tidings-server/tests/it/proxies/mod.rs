//! Real proxies in front of the hub, by the files of `docs/proxies`. A proxy that is not installed is skipped with a word.

mod caddy;
mod haproxy;
mod nginx;

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command as System;

use tempfile::{TempDir, tempdir};
use tidings_testkit::{Command, Hub, Process, Request, eventually};

use crate::TIDINGS;
use crate::secured::{Answer, Identity, ask, connect_from};

/// Where clients come from, so that they are not taken for the proxy.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// A proxy with its files in a folder of its own.
struct Proxy {
    address: SocketAddr,
    /// Shown by it, if it speaks TLS.
    identity: Option<Identity>,
    _process: Process,
    _folder: TempDir,
}

/// The program of a name, if it is installed. Says so if it is not.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        // Past the harness, which shows nothing of a test that passes.
        let _ = writeln!(io::stderr(), "skipped: {name} is not installed");
    }
    found
}

/// A file of `docs/proxies` with other words for those that are of one machine. Each of them must be in it.
fn recipe(name: &str, words: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/proxies")
        .join(name);
    let text = fs::read_to_string(path).expect("a recipe");
    words.iter().fold(text, |text, (word, other)| {
        assert!(text.contains(word), "{word:?} is not in {name}");
        text.replace(word, other)
    })
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

/// A hub with the settings of the recipe, and more of them.
fn hub(more: &str) -> Hub {
    let settings = recipe("tidings.toml", &[("127.0.0.1:8434", "127.0.0.1:0")]);
    let command = Command::new(TIDINGS, &["serve", "--memory"]);
    Hub::spawn(command.file("tidings.toml", &format!("{settings}{more}")))
}

impl Proxy {
    fn start(
        command: &mut System,
        folder: TempDir,
        address: SocketAddr,
        identity: Option<Identity>,
    ) -> Self {
        let mut process = Process::start(command);
        process.close_stdin();
        eventually("the proxy listens", || TcpStream::connect(address).ok());
        Self {
            address,
            identity,
            _process: process,
            _folder: folder,
        }
    }

    fn ask(&self, request: &str) -> Answer {
        let socket = connect_from(CLIENT, self.address);
        match &self.identity {
            Some(identity) => identity.ask(socket, request).expect("its certificate"),
            None => ask(socket, request),
        }
    }

    fn stream(&self, fields: &str) -> Answer {
        let target = "/api/events/stream?topic=t";
        let mut stream = self.ask(&format!(
            "GET {target} HTTP/1.1\r\nHost: hub.example\r\nAccept: text/event-stream\r\n{fields}\r\n"
        ));
        let head = stream.until("\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        stream
    }

    fn publish(&self, origin: &str, data: &str) -> String {
        let length = data.len();
        let mut answer = self.ask(&format!(
            "POST /api/events?topic=t HTTP/1.1\r\nHost: hub.example\r\n{origin}Content-Length: {length}\r\n\r\n{data}"
        ));
        answer.until("\r\n\r\n")
    }
}

/// Each event comes through before the next one is published, a reader that was away has what it missed, and the end is seen.
fn check_stream(hub: &Hub, proxy: &Proxy) {
    let mut stream = proxy.stream("");
    // Nothing has been published: what comes has been waiting for nothing.
    stream.until("retry: ");
    stream.until("\n\n");
    let mut last = String::new();
    for n in 1..=20 {
        last = hub.publish("t", "n", &n.to_string());
        stream.until(&format!("data: {n}\n\n"));
    }
    drop(stream);
    for n in 21..=23 {
        hub.publish("t", "n", &n.to_string());
    }
    let mut stream = proxy.stream(&format!("Last-Event-ID: {last}\r\n"));
    for n in 21..=23 {
        stream.until(&format!("data: {n}\n\n"));
    }
    stream.until("event: tidings.resumed\n");
    assert!(
        proxy
            .publish("", "through the proxy")
            .starts_with("HTTP/1.1 200")
    );
    stream.until("data: through the proxy\n\n");
    hub.finish("t", "done", "over");
    stream.until("data: over\n\n");
    stream.until("\r\n0\r\n\r\n");
}

/// The hub knows clients, and its own pages, by what the proxy says and not by what they say themselves.
fn check_client(hub: &Hub, proxy: &Proxy) {
    let mut stream = proxy.stream("X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n");
    stream.until("\n\n");
    let listed = hub.send(&Request::get("/api/connections?topic=t")).json();
    let remote = listed["connections"][0]["remote"].as_str();
    let remote: SocketAddr = remote.expect("an address").parse().expect("an address");
    assert_eq!(remote.ip(), CLIENT);

    let own = proxy.publish("Origin: https://hub.example\r\n", "x");
    assert!(own.starts_with("HTTP/1.1 200"), "{own}");
    for origin in ["http://hub.example", "https://evil.example"] {
        let foreign = proxy.publish(&format!("Origin: {origin}\r\n"), "x");
        assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
    }
}

/// A folder with a certificate, also as one file with its key.
fn folder() -> (TempDir, Identity) {
    let folder = tempdir().expect("a temporary directory");
    let identity = Identity::new();
    identity.write(folder.path());
    let both = format!("{}{}", identity.pem, identity.key);
    fs::write(folder.path().join("both.pem"), both).expect("a file");
    (folder, identity)
}
