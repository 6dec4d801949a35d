use tokio::io::AsyncWriteExt;

use super::*;

#[tokio::test]
async fn a_refusal_reaches_a_client_that_sends_its_whole_body_first() {
    let server = start(ServeLimits::default()).await;
    let mut stream = server.connect().await;
    let head = "POST /refuse HTTP/1.1\r\nhost: test\r\ncontent-length: 5000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 5_000_000]).await.unwrap();

    let answer = read_to_end(&mut stream).await;

    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_refused_client_that_never_stops_sending_is_closed() {
    let server = start(ServeLimits::default()).await;
    let (mut stream, head) = server
        .begin("POST /refuse HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    assert!(head.starts_with("HTTP/1.1 413"), "{head}");

    let chunk = [b"10000\r\n", &[b'x'; 0x10000][..], b"\r\n"].concat();

    while stream.write_all(&chunk).await.is_ok() {}
}

#[tokio::test]
async fn a_body_that_ends_has_its_last_chunk() {
    let mut server = start(ServeLimits::default()).await;
    let (mut stream, mut sender) = server.open_stream().await;

    sender.send_data(Bytes::from("event")).await.unwrap();
    drop(sender);

    let body = read_until(&mut stream, "\r\n0\r\n\r\n").await;
    assert_eq!(body, "5\r\nevent\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_body_that_fails_does_not_look_complete() {
    let mut server = start(ServeLimits::default()).await;
    let (mut stream, mut sender) = server.open_stream().await;

    sender.send_data(Bytes::from("event")).await.unwrap();
    read_until(&mut stream, "event\r\n").await;
    sender.abort(io::Error::other("lost"));

    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn an_upgraded_connection_belongs_to_its_handler() {
    let router = Router::new().route("/", get(upgrade));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let server = tokio::spawn(tidings_http::serve(listener, router));

    let request = "GET / HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await;
    stream.write_all(b"ping").await.unwrap();

    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    read_until(&mut stream, "ping").await;
    server.abort();
}

/// Switches to a protocol that repeats four bytes.
async fn upgrade(mut request: axum::extract::Request) -> axum::response::Response {
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = hyper_util::rt::TokioIo::new(upgraded.await.unwrap());
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    });
    http::Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "echo")
        .body(Body::empty())
        .unwrap()
}
