//! A dashboard of an application's own: `cargo run -p tidings-example-dashboard`, then open http://127.0.0.1:3000 and deploy
//! something: `curl -X POST http://127.0.0.1:3000/deployments/shop`.

use std::error::Error;
use std::io::{Write, stdout};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Html;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tidings::{Broker, Event, Selector, Subscription, Topic};
use tidings_http::{StreamOptions, serve, sse_with};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let broker = Broker::new();
    // A page that opens late begins with the badge as it is and the last 50 notifications.
    let feed = Subscription::to(Selector::new("dashboard/*")?)
        .recalling(Topic::new("dashboard/nav-badge-update")?, 1)
        .recalling(Topic::new("dashboard/notification")?, 50);
    let stream = sse_with(&broker, feed.hello(), StreamOptions::default());
    let app = Router::new()
        .route("/", get(Html(include_str!("../static/index.html"))))
        .route("/dashboard/stream", stream)
        .route("/deployments/{service}", post(deploy))
        .with_state(broker.clone());
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:3000")).await?;
    writeln!(stdout(), "open http://{}", listener.local_addr()?)?;
    tokio::join!(serve(listener, app), report_load(&broker));
    Ok(())
}

async fn deploy(State(broker): State<Broker>, Path(service): Path<String>) {
    let news = json!({ "message": format!("{service} was deployed") });
    broadcast(&broker, "notification", &news).await;
    broadcast(&broker, "nav-badge-update", &json!({ "latest": service })).await;
}

async fn report_load(broker: &Broker) {
    for second in 0_u64.. {
        broadcast(
            broker,
            "metrics-update",
            &json!({ "load": second * 7 % 100 }),
        )
        .await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

async fn broadcast(broker: &Broker, name: &str, data: &Value) {
    let topic = Topic::new(format!("dashboard/{name}")).expect("our names are topics");
    let event = Event::json(name, data).expect("our names are event types");
    let published = broker.publish(topic, event).await;
    published.expect("a broker in memory that is open takes every event");
}
