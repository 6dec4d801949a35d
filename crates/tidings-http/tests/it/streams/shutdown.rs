use super::*;

#[tokio::test]
async fn streams_run_on_to_their_end_when_the_server_drains() {
    let broker = broker().build();
    let mut site = Site::of(Drain::Fed, &broker, to("a")).await;
    let mut reader = site.read().await;
    reader.until("\n\n").await;

    let (unused, _) = oneshot::channel();
    std::mem::replace(&mut site.shutdown, unused)
        .send(())
        .unwrap();
    publish(&broker, "a", Event::new("1")).await;
    reader.until("data: 1\n\n").await;
    broker.close(Duration::from_secs(20)).await;

    assert_eq!(reader.end().await, End::Whole);
    drop(reader);
    let drained = (&mut site.server).await.unwrap().unwrap();
    assert_eq!(drained.cut, 0);
}

#[tokio::test]
async fn streams_that_do_not_end_are_cut_and_counted() {
    for drain in OURS {
        let broker = broker().build();
        let mut limits = ServeLimits::default();
        limits.drain_timeout = Duration::from_millis(100);
        let mut site = Site::start(drain, route(&broker, to("a"), quiet()), limits).await;
        let mut readers = vec![site.read().await, site.read().await, site.read().await];
        for reader in &mut readers {
            reader.until("\n\n").await;
        }

        let (unused, _) = oneshot::channel();
        std::mem::replace(&mut site.shutdown, unused)
            .send(())
            .unwrap();

        let drained = (&mut site.server).await.unwrap().unwrap();
        assert_eq!(drained.cut, 3, "{drain:?}");
        assert_eq!(broker.stats().subscriptions, 0, "{drain:?}");
        for mut reader in readers {
            assert_eq!(reader.end().await, End::Cut, "{drain:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_asked_for_while_the_server_drains_is_served() {
    let broker = broker().build();
    let mut site = Site::of(Drain::Fed, &broker, to("a")).await;
    let mut first = site.read().await;
    first.until("\n\n").await;
    let (unused, _) = oneshot::channel();
    std::mem::replace(&mut site.shutdown, unused)
        .send(())
        .unwrap();

    let mut late = site.read().await;
    publish(&broker, "a", Event::new("1").ending_topic()).await;

    assert_eq!(late.end().await, End::Whole);
    assert_eq!(first.end().await, End::Whole);
    drop(first);
    assert_eq!((&mut site.server).await.unwrap().unwrap().cut, 0);
}

#[tokio::test]
async fn dropping_the_server_cuts_its_streams() {
    let broker = broker().build();
    let site = Site::of(Drain::Fed, &broker, to("a")).await;
    let mut readers = vec![site.read().await, site.read().await, site.read().await];
    for reader in &mut readers {
        reader.until("\n\n").await;
    }

    drop(site);

    for mut reader in readers {
        assert_eq!(reader.end().await, End::Cut);
    }
    deserted(&broker).await;
}
