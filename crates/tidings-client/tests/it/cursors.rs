use std::io;

use futures_util::StreamExt;
use tidings_client::{CursorStore, FileCursor, Start, Stored, SubscribeError};

use crate::script::{Server, all_data, event, held_stream, no_content};

#[tokio::test]
async fn another_run_begins_after_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cursor");
    let body = "id: e-1\ndata: one\n\nid: e-2\ndata: two\n\nid: e-3\ndata: three\n\n";
    let mut server = Server::start([held_stream(body), no_content()]).await;
    let subscribe = |path| {
        let subscribe = server.client().subscribe(["t"]).from(Start::Oldest);
        subscribe.cursor(FileCursor::new(path))
    };
    let mut first_run = subscribe(&path).open();
    event(&mut first_run).await;
    let second = event(&mut first_run).await;
    first_run.ack(&second.id).await.unwrap();
    event(&mut first_run).await;
    drop(first_run);

    assert!(all_data(subscribe(&path).open()).await.is_empty());
    let first = server.request().await;
    assert_eq!(first.line, "GET /api/events/stream?topic=t&from=start");
    assert_eq!(first.header("last-event-id"), None);
    assert_eq!(server.request().await.header("last-event-id"), Some("e-2"));
}

#[tokio::test]
async fn after_an_id_that_cannot_be_sent_nothing_begins() {
    /// Has such an id.
    #[derive(Debug)]
    struct Odd;

    impl CursorStore for Odd {
        fn load(&self) -> Stored<'_, Option<String>> {
            Box::pin(async { Ok(Some("e\n1".to_owned())) })
        }

        fn save<'a>(&'a self, _: &'a str) -> Stored<'a, ()> {
            Box::pin(async { Ok(()) })
        }
    }

    let mut server = Server::start([]).await;
    let client = server.client();
    for subscribe in [
        client
            .subscribe(["t"])
            .from(Start::After("e\n1".to_owned())),
        client.subscribe(["t"]).cursor(Odd),
    ] {
        let mut subscription = subscribe.open();
        let next = subscription.next().await;
        assert!(
            matches!(&next, Some(Err(SubscribeError::Start { id })) if id == "e\n1"),
            "{next:?}"
        );
        assert!(subscription.next().await.is_none());
    }
    server.quiet();
}

#[tokio::test]
async fn it_can_be_acknowledged_from_a_task_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let cursor = FileCursor::new(folder.path().join("cursor"));
    let server = Server::start([held_stream("id: e-1\ndata: one\n\n")]).await;
    let client = server.client();
    let mut subscription = client.subscribe(["t"]).cursor(cursor.clone()).open();
    let saved = tokio::spawn(async move {
        let event = event(&mut subscription).await;
        subscription.ack(&event.id).await
    });
    saved.await.unwrap().unwrap();
    assert_eq!(cursor.load().await.unwrap().as_deref(), Some("e-1"));
}

#[derive(Debug)]
struct Broken;

impl CursorStore for Broken {
    fn load(&self) -> Stored<'_, Option<String>> {
        Box::pin(async { Err(io::Error::other("no disk")) })
    }

    fn save<'a>(&'a self, _: &'a str) -> Stored<'a, ()> {
        Box::pin(async { Err(io::Error::other("no disk")) })
    }
}

#[tokio::test]
async fn a_cursor_that_cannot_be_loaded_is_an_error_and_nothing_is_asked_for() {
    let mut server = Server::start([no_content()]).await;
    let mut subscription = server.client().subscribe(["t"]).cursor(Broken).open();
    let next = subscription.next().await;
    assert!(
        matches!(next, Some(Err(SubscribeError::Cursor(_)))),
        "{next:?}"
    );
    assert!(subscription.next().await.is_none());
    assert!(subscription.ack("e-1").await.is_err());
    server.quiet();
}

#[tokio::test]
async fn without_a_cursor_nothing_can_be_acknowledged() {
    let server = Server::start([]).await;
    let subscription = server.client().subscribe(["t"]).open();
    assert!(subscription.ack("e-1").await.is_err());
}
