//! Whom the hub asks it knows by certificates: those of the system, or of an authority that it is told of.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tidings::Timestamp;
use tidings_auth::{Algorithm, Minter, NewToken};
use tidings_testkit::{Command, Hub, Request};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{SECRET, VARIABLE, admin, bearer, token};
use crate::{SERVE, TIDINGS};

/// A server whose certificate is from an authority of its own.
struct Server {
    port: u16,
    /// The certificate of the authority.
    authority: String,
    /// What becomes of the first connection.
    served: JoinHandle<io::Result<()>>,
}

impl Server {
    /// A server that calls itself by this name, and answers one request.
    fn start(name: &str, answer: String) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "an authority of its own");
        let key = KeyPair::generate().expect("a key");
        let certificate = authority.self_signed(&key).expect("a certificate").pem();
        let authority = Issuer::new(authority, key);
        let key = KeyPair::generate().expect("a key");
        let own = CertificateParams::new([name.to_owned()]).expect("a name");
        let own = own.signed_by(&key, &authority).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = config(own.der().clone(), key);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        Self {
            port,
            authority: certificate,
            served: thread::spawn(move || serve(&listener, config, &answer)),
        }
    }

    /// A hub with these settings that knows the authority.
    fn hub(&self, settings: &str) -> Hub {
        let command = command(settings).file("authority.pem", &self.authority);
        Hub::spawn(command.env("SSL_CERT_FILE", "authority.pem"))
    }
}

fn config(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key")
}

fn serve(listener: &TcpListener, config: ServerConfig, answer: &str) -> io::Result<()> {
    let (socket, _) = listener.accept()?;
    let session = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, socket);
    let mut request = Vec::new();
    while !is_whole(&request) {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.extend(&piece[..length]);
    }
    let length = answer.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{answer}").as_bytes())?;
    stream.flush()
}

/// Whether a request has come to its end, which a question has in its JSON.
fn is_whole(request: &[u8]) -> bool {
    if request.starts_with(b"GET ") {
        request.ends_with(b"\r\n\r\n")
    } else {
        request.ends_with(b"}}")
    }
}

fn command(settings: &str) -> Command {
    let arguments = [&SERVE[..], &["--memory", "--config", "tidings.toml"]].concat();
    let command = Command::new(TIDINGS, &arguments).file("tidings.toml", settings);
    command.env(VARIABLE, SECRET)
}

/// A key of an issuer, and the set that it publishes.
fn issuer() -> (KeyPair, String) {
    let key = KeyPair::generate().expect("a key");
    // Behind a byte that says how they are written.
    let (x, y) = key.public_key_raw()[1..].split_at(32);
    let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
    let key_set = json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "1", "x": x, "y": y}]});
    (key, key_set.to_string())
}

/// A token of the issuer with this key.
fn signed(key: &KeyPair) -> String {
    let minter = Minter::pem(Algorithm::Es256, key.serialize_pem().as_bytes());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = now.expect("a time after 1970").as_millis();
    let token = NewToken {
        subscribe: vec!["**".to_owned()],
        issuer: Some("https://login.example".to_owned()),
        ..NewToken::default()
    };
    let now = Timestamp::from_millis(u64::try_from(millis).expect("a time soon"));
    let minter = minter.expect("a key that signs").with_kid("1");
    minter.mint(&token, now).expect("a token")
}

fn keys_at(port: u16) -> String {
    format!(
        "[[issuer]]\nissuer = \"https://login.example\"\njwks_url = \"https://localhost:{port}/jwks.json\"\n\
         jwks_private_addresses = true\n"
    )
}

fn topics(token: &str) -> Request {
    bearer(Request::get("/api/topics"), token)
}

/// How a hub is.
fn health(hub: &Hub) -> Value {
    let snapshot = hub.send(&bearer(Request::get("/api/dashboard"), &admin()));
    snapshot.json()["health"].clone()
}

#[test]
fn t7_keys_are_fetched_over_https() {
    let (key, key_set) = issuer();
    let server = Server::start("localhost", key_set);
    let hub = server.hub(&keys_at(server.port));
    assert_eq!(hub.send(&topics(&signed(&key))).status(), 200);
    assert_eq!(health(&hub)["services"]["keys"]["status"], "healthy");
    let served = server.served.join().expect("no panic");
    served.expect("a whole exchange");
}

#[test]
fn t7_keys_are_not_fetched_from_somebody_else() {
    let (key, key_set) = issuer();
    let unknown = Server::start("localhost", key_set.clone());
    let misnamed = Server::start("login.example", key_set);
    let hubs = [
        Hub::spawn(command(&keys_at(unknown.port))),
        misnamed.hub(&keys_at(misnamed.port)),
    ];
    for (hub, server) in hubs.into_iter().zip([unknown, misnamed]) {
        let refused = hub.send(&topics(&signed(&key))).problem(503);
        assert_eq!(refused["type"], "urn:tidings:problem:keys-unavailable");
        let health = health(&hub);
        assert_eq!(health["overall_status"], "unhealthy", "{health}");
        let detail = health["services"]["keys"]["detail"].as_str();
        let detail = detail.expect("what is wrong");
        assert!(detail.contains("https://login.example"), "{detail}");
        assert!(server.served.join().expect("no panic").is_err());
    }
}

#[test]
fn t22_an_application_is_known_by_its_certificate() {
    let reader = token(&["--subscribe", "**"]);
    let settings = |port: u16| {
        format!(
            "[authorizer]\nurl = \"https://localhost:{port}/access\"\nsecret = \"whsec_{}\"\n",
            "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
        )
    };
    let allows = || Server::start("localhost", "{\"allow\":true}".to_owned());
    let known = allows();
    let hub = known.hub(&settings(known.port));
    assert_eq!(hub.send(&topics(&reader)).status(), 200);
    let unknown = allows();
    let hub = Hub::spawn(command(&settings(unknown.port)));
    hub.send(&topics(&reader)).problem(503);
    assert!(unknown.served.join().expect("no panic").is_err());
}
