use super::*;

#[tokio::test]
async fn events_come_in_order_and_the_last_one_ends_the_stream() {
    let broker = broker().build();
    let sites = everywhere(&broker, to("a")).await;
    let readers = read_all(&sites).await;

    let mut expected = format!("retry: 0\nid: {}\n\n", broker.position());
    for n in 0..500 {
        let id = publish(&broker, "a", Event::new(n.to_string())).await;
        expected += &format!("id: {id}\ndata: {n}\n\n");
        if n % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let id = publish(&broker, "a", Event::new("last").ending_topic()).await;
    expected += &format!("id: {id}\ndata: last\n\n");

    assert_eq!(same(readers).await, (expected, End::Whole));
}

#[tokio::test]
async fn events_one_at_a_time_come_as_they_are_published() {
    let broker = broker().build();
    for site in everywhere(&broker, to("a")).await {
        let mut reader = site.read().await;
        reader.until("\n\n").await;
        for n in 0..50 {
            let id = publish(&broker, "a", Event::new(n.to_string())).await;
            assert_eq!(
                reader.until("\n\n").await,
                format!("id: {id}\ndata: {n}\n\n")
            );
        }
    }
}

#[tokio::test]
async fn a_reader_resumes_after_its_last_event() {
    let broker = broker().build();
    publish(&broker, "a", Event::new("1")).await;
    let second = publish(&broker, "a", Event::new("2")).await;
    publish(&broker, "a", Event::new("3")).await;
    let sites = everywhere(&broker, to("a")).await;

    let mut readers = Vec::new();
    for site in &sites {
        readers.push(site.resume(&second).await);
    }
    publish(&broker, "a", Event::new("4").ending_topic()).await;

    let (text, end) = same(readers).await;
    let data: Vec<_> = data(&text);
    let resumed = format!(r#"{{"from":"{second}","count":1}}"#);
    assert_eq!(data, ["3", &resumed, "4"]);
    assert_eq!(end, End::Whole);
}

#[tokio::test]
async fn a_gap_stands_before_what_follows_it() {
    let broker = keeping(2).build();
    let first = publish(&broker, "a", Event::new("1")).await;
    for n in 2..=5 {
        publish(&broker, "a", Event::new(n.to_string())).await;
    }
    let sites = everywhere(&broker, to("a")).await;

    let mut readers = Vec::new();
    for site in &sites {
        readers.push(site.resume(&first).await);
    }
    let text = all_until(&mut readers, "\"count\":2}\n\n").await;

    let data = data(&text);
    assert!(data[0].contains("evicted"), "{text}");
    assert_eq!(data[1..3], ["4", "5"]);
}

#[tokio::test]
async fn an_id_that_was_never_given_out_is_a_gap() {
    let broker = broker().build();
    let sites = everywhere(&broker, to("a")).await;
    let mut readers = Vec::new();
    for site in &sites {
        readers.push(site.resume("nonsense").await);
    }
    publish(&broker, "a", Event::new("").ending_topic()).await;

    let (text, end) = same(readers).await;
    assert!(data(&text)[0].contains("unknown-id"), "{text}");
    assert_eq!(end, End::Whole);
}

#[tokio::test]
async fn a_broker_that_closes_says_goodbye() {
    let broker = broker().build();
    let sites = everywhere(&broker, to("a")).await;
    let readers = read_all(&sites).await;
    publish(&broker, "a", Event::new("before")).await;

    broker.close(Duration::from_secs(20)).await;

    let (text, end) = same(readers).await;
    assert!(text.contains("data: before\n\nretry: 0\n"), "{text}");
    assert!(text.contains("event: tidings.goodbye\n"), "{text}");
    assert_eq!(end, End::Whole);
}

#[tokio::test]
async fn a_deleted_topic_ends_streams_of_it_alone_and_is_a_gap_for_others() {
    let broker = broker().build();
    let topic = Topic::new("x/a").unwrap();
    publish(&broker, "x/a", Event::new("1")).await;
    let alone = everywhere(&broker, to("x/a")).await;
    let pattern = everywhere(&broker, to("x/*").and(Topic::new("end").unwrap())).await;
    let (alone_readers, mut pattern_readers) = (read_all(&alone).await, read_all(&pattern).await);

    broker.delete(&topic).await.unwrap();
    let gap = all_until(&mut pattern_readers, "\"deleted\"").await;
    publish(&broker, "end", Event::new("after")).await;

    let (text, end) = same(alone_readers).await;
    assert!(text.contains("event: tidings.goodbye\n"), "{text}");
    assert_eq!(end, End::Whole);
    assert!(gap.contains("event: tidings.gap\n"), "{gap}");
    all_until(&mut pattern_readers, "data: after\n\n").await;
}

#[tokio::test]
async fn topics_of_an_open_stream_can_be_changed() {
    let broker = broker().build();
    let sites = everywhere(&broker, to("a")).await;
    let readers = read_all(&sites).await;
    publish(&broker, "a", Event::new("a1")).await;
    let select = |name| [Selector::new(name).unwrap()];
    for connection in broker.connections() {
        let (wanted, unwanted) = (select("b"), select("a"));
        broker
            .change(&connection.id, &wanted, &unwanted)
            .await
            .unwrap();
    }

    publish(&broker, "a", Event::new("a2")).await;
    publish(&broker, "b", Event::new("b1")).await;
    publish(&broker, "b", Event::new("b2").ending_topic()).await;

    let (text, end) = same(readers).await;
    assert_eq!(data(&text), ["a1", "b1", "b2"]);
    assert_eq!(end, End::Whole);
}

#[tokio::test]
async fn a_reader_that_is_disconnected_hears_of_it() {
    let broker = broker().build();
    let sites = everywhere(&broker, to("a")).await;
    let readers = read_all(&sites).await;

    for connection in broker.connections() {
        assert!(broker.disconnect(&connection.id));
    }

    let (text, end) = same(readers).await;
    assert!(text.contains("disconnected"), "{text}");
    assert_eq!(end, End::Whole);
}

#[tokio::test]
async fn silence_is_broken_by_comments_that_hide_no_event() {
    let broker = broker().build();
    for drain in ALL {
        let options = StreamOptions {
            keep_alive: Some(Duration::from_millis(20)),
            ..quiet()
        };
        let router = route(&broker, to("a"), options);
        let site = Site::start(drain, router, ServeLimits::default()).await;
        let mut reader = site.read().await;
        reader.until("\n\n").await;
        for n in 0..3 {
            assert_eq!(reader.until("\n").await, ": keepalive\n");
            let id = publish(&broker, "a", Event::new(n.to_string())).await;
            let text = reader.until("\n\n").await;
            let event = format!("id: {id}\ndata: {n}\n\n");
            assert_eq!(text.replace(": keepalive\n", ""), event);
        }
    }
}

#[tokio::test]
async fn large_events_reach_readers_with_little_room_whole() {
    let broker = broker().build();
    let sites = everywhere(&broker, to("a")).await;
    let readers = read_all(&sites).await;
    let mut expected = format!("retry: 0\nid: {}\n\n", broker.position());
    for n in 0..6 {
        let large = format!("{n}").repeat(if n % 2 == 0 { 1 << 20 } else { 10 << 10 });
        let event = Event::new(large.as_str());
        let event = if n == 5 { event.ending_topic() } else { event };
        let id = publish(&broker, "a", event).await;
        expected += &format!("id: {id}\ndata: {large}\n\n");
    }

    let mut reading = tokio::task::JoinSet::new();
    for mut reader in readers {
        reading.spawn(async move { (reader.end().await, reader.drain, reader.into_text()) });
    }
    while let Some(read) = reading.join_next().await {
        let (end, drain, text) = read.unwrap();
        assert_eq!(end, End::Whole, "{drain:?}");
        assert!(text == expected, "{drain:?}");
    }
}

/// The data of all events.
fn data(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect()
}
