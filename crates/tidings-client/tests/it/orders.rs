use std::time::Duration;

use futures_util::StreamExt;
use tidings_client::Connection;

use crate::script::{
    Reply, Server, all_data, answer, event, held_stream, loss, no_content, stream,
};

#[tokio::test]
async fn a_restart_connects_again_after_what_was_received_and_is_no_loss() {
    let mut server = Server::start([held_stream("id: e-1\ndata: one\n\n"), no_content()]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    let connection = subscription.connection();
    assert_eq!(event(&mut subscription).await.data, "one");
    subscription.handle().restart();
    subscription.handle().restart();
    assert!(subscription.next().await.is_none());
    assert!(matches!(*connection.borrow(), Connection::Ended));
    server.client_closed().await;
    server.request().await;
    assert_eq!(server.request().await.header("last-event-id"), Some("e-1"));
}

#[tokio::test]
async fn a_restart_ends_a_wait() {
    let an_hour = "Retry-After: 3600\r\n";
    let server = Server::start([answer("503 Busy", an_hour, ""), stream("data: a\n\n")]).await;
    let mut subscription = server.client().stream().open();
    let (_, delay) = loss(&mut subscription).await;
    assert_eq!(delay, Duration::from_secs(3600));
    subscription.handle().restart();
    assert_eq!(event(&mut subscription).await.data, "a");
}

#[tokio::test]
async fn a_restart_gives_up_an_attempt_under_way() {
    let mut server = Server::start([
        Reply::Hold(String::new()),
        stream("data: a\n\n"),
        no_content(),
    ])
    .await;
    let mut subscription = server.client().stream().open();
    let handle = subscription.handle();
    let reading = tokio::spawn(async move { event(&mut subscription).await.data });
    server.request().await;
    handle.restart();
    server.client_closed().await;
    assert_eq!(reading.await.unwrap(), "a");
}

#[tokio::test]
async fn what_was_received_is_given_before_a_restart() {
    let body = "data: a\n\ndata: b\n\n";
    let server = Server::start([held_stream(body), no_content()]).await;
    let mut subscription = server.client().stream().open();
    assert_eq!(event(&mut subscription).await.data, "a");
    subscription.handle().restart();
    assert_eq!(all_data(subscription).await, ["b"]);
}

#[tokio::test]
async fn nothing_comes_after_a_close_whatever_was_under_way() {
    let held = || held_stream("data: a\n\ndata: b\n\n");
    let mut server = Server::start([held(), Reply::Hold(String::new())]).await;
    let mut open = server.client().stream().open();
    let connection = open.connection();
    assert_eq!(event(&mut open).await.data, "a");
    open.handle().close();
    assert!(open.next().await.is_none());
    assert!(matches!(*connection.borrow(), Connection::Ended));
    server.client_closed().await;

    let mut connecting = server.client().stream().open();
    let handle = connecting.handle();
    let reading = tokio::spawn(async move { connecting.next().await.is_none() });
    server.request().await;
    server.request().await;
    handle.close();
    assert!(reading.await.unwrap());
    server.client_closed().await;
}

#[tokio::test]
async fn a_restart_does_not_bring_back_what_has_ended() {
    let server = Server::start([no_content(), stream("data: a\n\n")]).await;
    let mut subscription = server.client().stream().open();
    assert!(subscription.next().await.is_none());
    subscription.handle().restart();
    assert!(subscription.next().await.is_none());
}
