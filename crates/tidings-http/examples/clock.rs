//! A broker inside an axum application: `cargo run -p tidings-http --example clock`, then
//! `curl -N http://127.0.0.1:3000/clock/stream`.

use std::time::Duration;

use axum::{Router, response::Html, routing::get};
use tidings::{Broker, Event, Topic};
use tokio::net::TcpListener;

const PAGE: &str = "<p id=t></p><script>
  new EventSource('/clock/stream').addEventListener('tick', e => t.textContent = e.data)
</script>";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::new();
    let clock = Topic::new("clock")?;
    let app = Router::new()
        .route("/", get(Html(PAGE)))
        .route("/clock/stream", tidings_http::sse(&broker, clock.clone()));

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
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    tidings_http::serve(listener, app).await;
    Ok(())
}
