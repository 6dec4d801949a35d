//! HTTPS and HTTP/2 with a certificate from files, which may be replaced while it runs:
//! `cargo run -p tidings-http --features tls --example https -- certificate.pem key.pem`, then
//! `curl -N --cacert certificate.pem https://localhost:3443/clock/stream`.
//!
//! For a try: `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost
//! -addext subjectAltName=DNS:localhost -keyout key.pem -out certificate.pem`.

use std::{env, time::Duration};

use axum::Router;
use tidings::{Broker, Event, Topic};
use tidings_http::{Server, Tls};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files = env::args().skip(1);
    let (Some(certificate), Some(key)) = (files.next(), files.next()) else {
        return Err("usage: https CERTIFICATE KEY".into());
    };
    let tls = Tls::from_files(certificate, key)?;

    let broker = Broker::new();
    let clock = Topic::new("clock")?;
    let app = Router::new().route("/clock/stream", tidings_http::sse(&broker, clock.clone()));
    tokio::spawn(async move {
        for seconds in 0.. {
            let tick = Event::json("tick", &seconds).expect("a number has a JSON form");
            broker
                .publish(clock.clone(), tick)
                .await
                .expect("the broker is open");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let listener = TcpListener::bind("127.0.0.1:3443").await?;
    Server::new(app)
        .tls(tls)
        .run(listener, std::future::pending())
        .await;
    Ok(())
}
