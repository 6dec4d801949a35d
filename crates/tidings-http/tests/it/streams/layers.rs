use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::middleware::map_response;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use http::{HeaderValue, header};
use tokio::sync::Notify;

use super::*;

/// Something that a layer keeps with a body.
struct Held {
    released: Arc<AtomicBool>,
    notify: Arc<Notify>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.released.store(true, Ordering::SeqCst);
        self.notify.notify_one();
    }
}

/// A site of `/`, each piece of whose streams goes through `change`.
async fn changed(broker: &Broker, change: fn(Bytes) -> Bytes) -> Site {
    let layer = map_response(move |response: Response| {
        let change = move |piece: Result<Bytes, axum::Error>| piece.map(change);
        let changed = |body: Body| Body::from_stream(body.into_data_stream().map(change));
        ready(response.map(changed))
    });
    let router = route(broker, to("a"), quiet()).layer(layer);
    Site::start(Drain::Engine, router, ServeLimits::default()).await
}

#[tokio::test]
async fn a_layer_changes_every_piece_of_a_stream() {
    let broker = broker().build();
    let site = changed(&broker, |piece| piece.to_ascii_uppercase().into()).await;
    let mut reader = site.read().await;

    for n in 0..3 {
        publish(&broker, "a", Event::new(format!("event {n}"))).await;
        reader.until(&format!("DATA: EVENT {n}\n\n")).await;
    }
    publish(&broker, "a", Event::new("last").ending_topic()).await;

    assert_eq!(reader.end().await, End::Whole);
    assert!(reader.into_text().ends_with("DATA: LAST\n\n"));
}

#[tokio::test]
async fn what_a_layer_says_in_the_head_is_there_whoever_writes_the_stream() {
    for drain in [Drain::Engine, Drain::Body] {
        let broker = broker().build();
        let origin = HeaderValue::from_static("https://a.example");
        let layer = map_response(move |mut response: Response| {
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
            ready(response)
        });
        let router = route(&broker, to("a"), quiet()).layer(layer);
        let site = Site::start(drain, router, ServeLimits::default()).await;
        let mut reader = site.read().await;
        publish(&broker, "a", Event::new("last").ending_topic()).await;
        assert_eq!(reader.end().await, End::Whole);
        let head = reader.plain().head.to_ascii_lowercase();
        for line in [
            "access-control-allow-origin: https://a.example\r\n",
            "vary: origin\r\n",
            "content-type: text/event-stream\r\n",
        ] {
            assert!(head.contains(line), "{head}");
        }
    }
}

#[tokio::test]
async fn a_piece_that_a_layer_empties_does_not_end_the_stream() {
    let broker = broker().build();
    let empty = |piece: Bytes| {
        if piece.ends_with(b"empty\n\n") {
            Bytes::new()
        } else {
            piece
        }
    };
    let site = changed(&broker, empty).await;
    let mut reader = site.read().await;
    reader.until("\n\n").await;

    publish(&broker, "a", Event::new("empty")).await;
    while !broker
        .connections()
        .iter()
        .all(|connection| connection.sent_events == 1)
    {
        tokio::task::yield_now().await;
    }
    publish(&broker, "a", Event::new("last").ending_topic()).await;

    assert_eq!(reader.end().await, End::Whole);
    assert!(reader.into_text().ends_with("data: last\n\n"));
}

#[tokio::test]
async fn a_panic_ends_one_stream_alone() {
    let broker = broker().build();
    let site = changed(&broker, |piece| {
        assert!(!piece.ends_with(b"data: panic\n\n"), "on purpose");
        piece
    })
    .await;
    let mut victims = Vec::new();
    for _ in 0..4 {
        victims.push(site.read().await);
    }
    publish(&broker, "a", Event::new("panic")).await;
    for victim in &mut victims {
        assert_eq!(victim.end().await, End::Cut);
    }
    deserted(&broker).await;

    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(site.read().await);
    }
    publish(&broker, "a", Event::new("fine").ending_topic()).await;
    for other in &mut others {
        assert_eq!(other.end().await, End::Whole);
    }
}

#[tokio::test]
async fn a_stream_that_fails_does_not_look_complete() {
    let broker = broker().build();
    for drain in [Drain::Engine, Drain::Body] {
        let layer = map_response(async |response: Response| {
            response.map(|body| {
                Body::from_stream(body.into_data_stream().map(|piece| {
                    let piece = piece.unwrap();
                    let fails = piece.ends_with(b"data: fail\n\n");
                    if fails { Err("on purpose") } else { Ok(piece) }
                }))
            })
        });
        let router = route(&broker, to("a"), quiet()).layer(layer);
        let site = Site::start(drain, router, ServeLimits::default()).await;
        let mut reader = site.read().await;

        publish(&broker, "a", Event::new("fine")).await;
        reader.until("data: fine\n\n").await;
        publish(&broker, "a", Event::new("fail")).await;

        assert_eq!(reader.end().await, End::Cut, "{drain:?}");
        assert_eq!(reader.into_text(), "", "{drain:?}");
    }
}

#[tokio::test]
async fn what_a_layer_holds_with_the_body_is_held_until_the_end() {
    let broker = broker().build();
    let released = Arc::new(AtomicBool::new(false));
    let notify = Arc::new(Notify::new());
    let (of_layer, notified) = (released.clone(), notify.clone());
    let layer = map_response(move |response: Response| {
        let held = Held {
            released: of_layer.clone(),
            notify: notify.clone(),
        };
        ready(response.map(|body| {
            Body::from_stream(body.into_data_stream().map(move |piece| {
                let _ = &held;
                piece
            }))
        }))
    });
    let router = route(&broker, to("a"), quiet()).layer(layer);
    let site = Site::start(Drain::Engine, router, ServeLimits::default()).await;
    let mut reader = site.read().await;
    publish(&broker, "a", Event::new("1")).await;
    reader.until("data: 1\n\n").await;
    assert!(!released.load(Ordering::SeqCst));

    drop(reader);

    notified.notified().await;
}

#[tokio::test]
async fn an_encoded_stream_stays_with_the_runtime() {
    let broker = broker().build();
    let layer = map_response(async |mut response: Response| {
        let identity = HeaderValue::from_static("identity");
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, identity);
        Ok::<_, Infallible>(response)
    });
    let router = route(&broker, to("a"), quiet()).layer(layer);
    let site = Site::start(Drain::Engine, router, ServeLimits::default()).await;
    let mut reader = site.read().await;

    let head = reader.plain().head.clone();
    publish(&broker, "a", Event::new("1").ending_topic()).await;

    assert!(!head.contains("connection: close"), "{head}");
    assert_eq!(reader.end().await, End::Whole);
}

#[tokio::test]
async fn a_layer_that_pumps_a_stream_itself_is_not_passed_by() {
    let broker = broker().build();
    let layer = map_response(async |response: Response| {
        response.map(|body| {
            let (sender, mut pumped) = tokio::sync::mpsc::channel(8);
            let mut pieces = body.into_data_stream();
            tokio::spawn(async move {
                while let Some(piece) = pieces.next().await {
                    sender.send(piece).await.unwrap();
                }
            });
            Body::from_stream(poll_fn(move |context| pumped.poll_recv(context)))
        })
    });
    let router = route(&broker, to("a"), quiet()).layer(layer);
    let site = Site::start(Drain::Fed, router, ServeLimits::default()).await;
    let mut reader = site.read().await;
    for n in 0..3 {
        publish(&broker, "a", Event::new(format!("event {n}"))).await;
        reader.until(&format!("data: event {n}\n\n")).await;
    }
    publish(&broker, "a", Event::new("last").ending_topic()).await;

    assert_eq!(reader.end().await, End::Whole);
    assert!(reader.into_text().ends_with("data: last\n\n"));
}
