use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tidings_http::{Tls, TlsError};
use tokio::net::TcpSocket;
use tokio::time::{self, Instant};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{self, crypto::aws_lc_rs};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;

/// A certificate for `localhost` by itself, and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    pem: String,
    key: String,
}

impl Identity {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self {
            certificate: made.cert.der().clone(),
            pem: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    fn tls(&self) -> Tls {
        Tls::from_pem(self.pem.as_bytes(), self.key.as_bytes()).unwrap()
    }

    fn write(&self, folder: &Path) {
        std::fs::write(folder.join("certificate.pem"), &self.pem).unwrap();
        std::fs::write(folder.join("key.pem"), &self.key).unwrap();
    }

    fn connector(&self, protocols: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().into())
            .collect();
        Arc::new(config).into()
    }

    /// Shakes hands with who shows this certificate.
    async fn connect(&self, stream: TcpStream, protocols: &[&str]) -> io::Result<Secured> {
        let name = "localhost".try_into().unwrap();
        self.connector(protocols).connect(name, stream).await
    }
}

type Secured = TlsStream<TcpStream>;

async fn secured(identity: &Identity, limits: ServeLimits) -> Running {
    start_as(limits, |server| server.tls(identity.tls())).await
}

async fn ask(stream: &mut Secured, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    read_until(stream, "\r\n\r\n").await
}

#[tokio::test]
async fn a_request_over_tls_is_answered_and_handlers_know_of_it() {
    let identity = Identity::new();
    let server = secured(&identity, ServeLimits::default()).await;
    for protocols in [&["http/1.1"][..], &[]] {
        let stream = server.connect().await;
        let mut stream = identity.connect(stream, protocols).await.unwrap();
        let head = ask(
            &mut stream,
            "GET /arrival HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        );
        assert!(head.await.starts_with("HTTP/1.1 200"));
        assert_eq!(read_to_end(&mut stream).await, "https ");
    }
}

#[tokio::test]
async fn http_2_is_chosen_in_the_handshake() {
    let identity = Identity::new();
    let server = secured(&identity, ServeLimits::default()).await;
    let stream = server.connect().await;
    let stream = identity.connect(stream, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    let (mut client, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get("https://localhost/arrival");
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let response = client.send_request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "https ");
    connection.abort();
}

/// RFC 7301, section 3.2. Who offers nothing is answered by HTTP/1.1, as any other test shows.
#[tokio::test]
async fn who_offers_protocols_that_are_not_spoken_is_told_so() {
    let identity = Identity::new();
    let server = secured(&identity, ServeLimits::default()).await;
    for protocols in [&["h3"][..], &["foo", "bar"], &["acme-tls/1"]] {
        let refused = identity.connect(server.connect().await, protocols).await;
        let refused = refused.unwrap_err().into_inner().unwrap();
        let alert = rustls::AlertDescription::NoApplicationProtocol;
        assert_eq!(
            refused.downcast_ref(),
            Some(&rustls::Error::AlertReceived(alert)),
            "{protocols:?}"
        );
    }
    for (protocols, spoken) in [
        (&["foo", "http/1.1"][..], Some(&b"http/1.1"[..])),
        (&["foo", "h2"], Some(b"h2")),
        (&[], None),
    ] {
        let stream = server.connect().await;
        let stream = identity.connect(stream, protocols).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), spoken);
    }
}

#[tokio::test]
async fn a_stream_over_tls_comes_piece_by_piece_to_its_clean_end() {
    let identity = Identity::new();
    let mut server = secured(&identity, ServeLimits::default()).await;
    let mut stream = identity.connect(server.connect().await, &[]).await.unwrap();
    ask(&mut stream, STREAM).await;
    let mut sender = server.streams.recv().await.unwrap();

    for piece in ["one", "two"] {
        sender.send_data(Bytes::from(piece)).await.unwrap();
        read_until(&mut stream, &format!("3\r\n{piece}\r\n")).await;
    }
    drop(sender);

    read_until(&mut stream, "0\r\n\r\n").await;
}

#[tokio::test]
async fn a_reader_that_stops_is_cut_after_the_write_timeout() {
    let identity = Identity::new();
    let mut server = secured(&identity, ServeLimits::default()).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let mut stream = identity.connect(stream, &[]).await.unwrap();
    ask(&mut stream, STREAM).await;
    let mut sender = server.streams.recv().await.unwrap();
    time::pause();
    let start = Instant::now();

    let piece = Bytes::from(vec![b'x'; 16 * 1024]);
    let mut taken = 0;
    while sender.send_data(piece.clone()).await.is_ok() {
        taken += piece.len();
    }

    assert!(start.elapsed() >= Duration::from_secs(30));
    assert!(taken < 512 * 1024, "{taken} bytes for a reader of none");
}

#[tokio::test]
async fn t14_a_peer_that_does_not_shake_hands_is_closed_after_5_s() {
    let identity = Identity::new();
    // Nothing, the beginning of a greeting, and a greeting that goes on for ever.
    for bytes in [
        &b""[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x16\x03\x01\x40\x00\x01",
    ] {
        let server = secured(&identity, ServeLimits::default()).await;
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
        let start = Instant::now();
        time::pause();

        assert_eq!(read_to_end(&mut stream).await, "");

        assert_eq!(start.elapsed().as_secs(), 5);
        time::resume();
    }
}

#[tokio::test]
async fn t14_peers_that_do_not_shake_hands_hold_up_nobody_and_are_counted() {
    let identity = Identity::new();
    let mut limits = ServeLimits::default();
    limits.connections = 201;
    let server = secured(&identity, limits).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(server.connect().await);
    }

    let mut good = identity.connect(server.connect().await, &[]).await.unwrap();
    assert!(ask(&mut good, REMOTE).await.starts_with("HTTP/1.1 200"));
    let mut late = identity.connect(server.connect().await, &[]).await.unwrap();
    let answer = ask(&mut late, REMOTE).await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
}

#[tokio::test]
async fn what_is_no_tls_is_closed() {
    let identity = Identity::new();
    let server = secured(&identity, ServeLimits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(REMOTE.as_bytes()).await.unwrap();

    let mut answer = Vec::new();
    // An alert, and perhaps a reset.
    let _ = stream.read_to_end(&mut answer).await;

    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let mut good = identity.connect(server.connect().await, &[]).await.unwrap();
    assert!(ask(&mut good, REMOTE).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_certificate_is_replaced_and_open_streams_go_on() {
    let (old, new) = (Identity::new(), Identity::new());
    let tls = old.tls();
    let mut server = start_as(ServeLimits::default(), |server| server.tls(tls.clone())).await;
    let mut stream = old.connect(server.connect().await, &[]).await.unwrap();
    ask(&mut stream, STREAM).await;
    let mut sender = server.streams.recv().await.unwrap();

    tls.replace(new.pem.as_bytes(), new.key.as_bytes()).unwrap();

    new.connect(server.connect().await, &[]).await.unwrap();
    old.connect(server.connect().await, &[]).await.unwrap_err();
    sender.send_data(Bytes::from("still here")).await.unwrap();
    read_until(&mut stream, "still here\r\n").await;
}

#[tokio::test]
async fn changed_files_are_read_and_bad_ones_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    let (old, new) = (Identity::new(), Identity::new());
    old.write(folder.path());
    let tls = Tls::from_files(path("certificate.pem"), path("key.pem")).unwrap();
    let server = start_as(ServeLimits::default(), |server| server.tls(tls.clone())).await;
    old.connect(server.connect().await, &[]).await.unwrap();

    std::fs::write(path("key.pem"), &new.key).unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Mismatch)));
    old.connect(server.connect().await, &[]).await.unwrap();

    new.write(folder.path());
    let mut shown = new.connect(server.connect().await, &[]).await;
    while shown.is_err() {
        shown = new.connect(server.connect().await, &[]).await;
    }

    std::fs::remove_file(path("key.pem")).unwrap();
    let Err(TlsError::KeyFile { source, .. }) = tls.reload() else {
        panic!("a key that is not there");
    };
    assert_eq!(source.kind(), ErrorKind::NotFound);
    new.connect(server.connect().await, &[]).await.unwrap();
}

#[tokio::test]
async fn handshakes_are_refused_until_there_is_a_certificate() {
    let identity = Identity::new();
    let tls = Tls::without_certificate().unwrap();
    let server = start_as(ServeLimits::default(), |server| server.tls(tls.clone())).await;
    let refused = identity.connect(server.connect().await, &[]).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("AccessDenied"), "{refused}");

    tls.replace(identity.pem.as_bytes(), identity.key.as_bytes())
        .unwrap();

    let mut stream = identity.connect(server.connect().await, &[]).await.unwrap();
    assert!(ask(&mut stream, REMOTE).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn those_who_validate_a_name_are_shown_the_proof_and_served_nothing() {
    let (identity, proof) = (Identity::new(), Identity::new());
    let tls = identity.tls();
    let server = start_as(ServeLimits::default(), |server| server.tls(tls.clone())).await;
    let validation = &["acme-tls/1"][..];
    let prove = |name| tls.prove(name, proof.pem.as_bytes(), proof.key.as_bytes());
    prove("localhost").unwrap();

    let mut stream = proof
        .connect(server.connect().await, validation)
        .await
        .unwrap();
    // The server may have closed it already.
    let _ = stream.write_all(REMOTE.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "{answer:?}");

    for protocols in [&["acme-tls/1", "http/1.1"][..], &["http/1.1"], &[]] {
        let stream = server.connect().await;
        let mut stream = identity.connect(stream, protocols).await.unwrap();
        assert!(ask(&mut stream, REMOTE).await.starts_with("HTTP/1.1 200"));
    }
    tls.end_proofs();
    prove("other.example").unwrap();
    for identity in [&identity, &proof] {
        let stream = server.connect().await;
        identity.connect(stream, validation).await.unwrap_err();
    }
    tls.end_proofs();
    let stream = server.connect().await;
    identity.connect(stream, validation).await.unwrap_err();
}

#[test]
fn a_proof_has_an_extension_for_which_clients_refuse_it() {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&[7; 32])];
    let key = KeyPair::generate().unwrap();
    let (proof, key) = (params.self_signed(&key).unwrap().pem(), key.serialize_pem());
    let tls = Tls::without_certificate().unwrap();

    tls.prove("localhost", proof.as_bytes(), key.as_bytes())
        .unwrap();
    assert!(matches!(
        tls.replace(proof.as_bytes(), key.as_bytes()),
        Err(TlsError::BadCertificate(_))
    ));
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    let (one, other) = (Identity::new(), Identity::new());
    let refused = |certificate: &str, key: &str| {
        Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err()
    };
    assert!(matches!(refused("", &one.key), TlsError::NoCertificate));
    assert!(matches!(
        refused(&one.key, &one.key),
        TlsError::NoCertificate
    ));
    assert!(matches!(refused(&one.pem, &one.pem), TlsError::NoKey));
    assert!(matches!(refused(&one.pem, &other.key), TlsError::Mismatch));
    let torn = &one.pem[..one.pem.len() / 2];
    assert!(matches!(
        refused(torn, &one.key),
        TlsError::BadCertificate(_)
    ));
    let junk = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(matches!(refused(&one.pem, junk), TlsError::BadKey(_)));
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        refused(junk, &one.key),
        TlsError::BadCertificate(_)
    ));
    let both = format!("{}{}", one.key, one.pem);
    assert!(Tls::from_pem(both.as_bytes(), both.as_bytes()).is_ok());
}

#[test]
fn nothing_of_a_key_is_in_what_is_said_of_it() {
    let identity = Identity::new();
    let secret = &identity.key.lines().nth(1).unwrap()[..20];
    let as_bytes = format!("{:?}", secret.as_bytes());
    for line_end in ["", " ", "\\n"] {
        let key = identity.key.replace('\n', line_end);
        for certificate in [&identity.pem, &key] {
            let refused = Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
            let told = format!("{refused:?}");
            assert!(!told.contains(secret), "{told}");
            assert!(!told.contains(as_bytes.trim_matches(['[', ']'])), "{told}");
        }
    }
}
