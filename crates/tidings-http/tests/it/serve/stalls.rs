use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::time::{self, Instant};

use super::*;

/// Asks for `/stream` with little room for the answer, and reads nothing.
async fn stop_reading(server: &mut Running) -> (TcpStream, Sender<Bytes, io::Error>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    stream.write_all(STREAM.as_bytes()).await.unwrap();
    let sender = server.streams.recv().await.unwrap();
    (stream, sender)
}

/// Sends until nobody takes it any more, and returns how many bytes were taken.
async fn send_until_cut(mut sender: Sender<Bytes, io::Error>) -> usize {
    let piece = Bytes::from(vec![b'x'; 16 * 1024]);
    let mut sent = 0;
    while sender.send_data(piece.clone()).await.is_ok() {
        sent += piece.len();
    }
    sent
}

#[tokio::test]
async fn a_reader_that_stops_is_cut_after_the_write_timeout() {
    let mut server = start(ServeLimits::default()).await;
    let (mut stream, sender) = stop_reading(&mut server).await;
    time::pause();
    let start = Instant::now();

    let taken = send_until_cut(sender).await;

    assert!(start.elapsed() >= Duration::from_secs(30));
    assert!(taken < 256 * 1024, "{taken} bytes for a reader of none");
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_reader_that_reads_goes_on_beside_one_that_stops() {
    let mut limits = ServeLimits::default();
    // Long enough that a reader on a loaded machine is not taken for one that has stopped.
    limits.write_timeout = Duration::from_secs(2);
    let mut server = start(limits).await;
    let (_stalled, to_stalled) = stop_reading(&mut server).await;
    let (mut reading, to_reading) = server.open_stream().await;
    let reader = tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while reading.read(&mut buffer).await.unwrap() > 0 {}
    });
    let to_reading = tokio::spawn(send_until_cut(to_reading));

    send_until_cut(to_stalled).await;

    assert!(!to_reading.is_finished());
    reader.abort();
    to_reading.await.unwrap();
}
