use tidings::LagPolicy;

use super::*;

/// Larger than what all buffers on the way to a reader hold.
fn large(n: usize) -> Event {
    Event::new(format!("{n}:{}", "x".repeat(900 << 10))).keyed(format!("{}", n % 2))
}

/// What a reader gets that stops in the middle of the first of ten large events, of which three are kept.
async fn check_reader_behind(policy: LagPolicy, expected: &[&str]) {
    for drain in OURS {
        let broker = keeping(3).lag(policy).build();
        let site = Site::of(drain, &broker, to("a")).await;
        let mut reader = site.read().await;
        publish(&broker, "a", large(1)).await;
        let mut text = reader.until("data: 1:xxx").await;
        for n in 2..=10 {
            publish(&broker, "a", large(n)).await;
        }
        if policy != LagPolicy::Disconnect {
            publish(&broker, "a", Event::new("last:").ending_topic()).await;
        }

        assert_eq!(reader.end().await, End::Whole, "{drain:?}");

        text += &reader.into_text();
        let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let mut got: Vec<_> = lines.map(|data| data.split(':').next().unwrap()).collect();
        if drain == Drain::Fed && got[1] == "2" {
            // What a feed has taken for all it gives to those that are slower too, unless that takes them too long.
            got.remove(1);
        }
        assert_eq!(got, expected, "{drain:?}");
        let is_whole =
            |data: &str| data.starts_with('{') || data == "last:" || data.len() > 900 << 10;
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        assert!(lines.all(is_whole), "{drain:?}");
    }
}

#[tokio::test]
async fn a_reader_behind_is_sent_away_after_a_whole_event() {
    check_reader_behind(LagPolicy::Disconnect, &["1", "{\"reason\""]).await;
}

#[tokio::test]
async fn a_reader_behind_skips_what_is_gone() {
    check_reader_behind(LagPolicy::Skip, &["1", "{\"reason\"", "9", "10", "last"]).await;
}

#[tokio::test]
async fn a_reader_behind_gets_the_newest_of_each_key() {
    check_reader_behind(LagPolicy::Conflate, &["1", "9", "10", "last"]).await;
}
