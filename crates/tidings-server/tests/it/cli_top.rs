use tidings_testkit::{Command, Home, Hub, Signal};

use crate::{TIDINGS, hub, publish_numbers, tidings};

/// The lines of `top --once`.
fn picture(hub: &Hub) -> Vec<String> {
    let printed = tidings(hub, &["top", "--once"]).run().success();
    printed.lines().map(str::to_owned).collect()
}

/// The words of the line that begins with `word`.
fn words<'p>(picture: &'p [String], word: &str) -> Vec<&'p str> {
    let mut lines = picture.iter();
    let line = lines.find(|line| line.starts_with(word));
    let line = line.unwrap_or_else(|| panic!("no {word}: {picture:#?}"));
    line.split_whitespace().collect()
}

#[test]
fn a_picture_of_a_hub_has_what_goes_on_in_24_lines_of_80_columns() {
    let hub = hub();
    publish_numbers(&hub, "orders/7", 0..12);
    hub.finish("orders/8", "done", "x");
    let readers: Vec<_> = (0..3).map(|_| hub.stream("topic=orders/7")).collect();
    let tasks = r#"{"id":"backup-1","title":"Nightly backup","tasks":[{"id":"a","title":"A"}]}"#;
    assert_eq!(hub.post("/api/executions", tasks).status(), 201);
    for (event, data) in [
        ("execution-start", "{}"),
        ("task-complete", r#"{"taskId":"a"}"#),
    ] {
        hub.publish("executions/backup-1", event, data);
    }

    let picture = picture(&hub);
    assert_eq!(picture.len(), 24);
    for line in &picture {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(picture[0].starts_with("tidings top"), "{picture:#?}");
    assert!(picture[0].contains(&hub.url()) && picture[0].contains("healthy"));
    assert_eq!(words(&picture, "connections")[..2], ["connections", "3"]);
    assert_eq!(words(&picture, "TOPICS")[..2], ["TOPICS", "3"]);
    assert_eq!(words(&picture, "orders/7")[..3], ["orders/7", "3", "12"]);
    assert_eq!(words(&picture, "orders/8")[1], "(ended)");
    assert_eq!(words(&picture, "CONNECTIONS")[..2], ["CONNECTIONS", "3"]);
    assert_eq!(words(&picture, "EXECUTIONS")[..2], ["EXECUTIONS", "1"]);
    let execution = words(&picture, "Nightly");
    assert_eq!(
        execution,
        ["Nightly", "backup", "running", "1/1", "backup-1"]
    );
    drop(readers);
}

#[test]
fn a_hub_with_much_going_on_still_fits() {
    let hub = hub();
    for number in 0..40 {
        hub.publish(&format!("{number}/{}", "long".repeat(100)), "n", "é");
    }
    let picture = picture(&hub);
    assert_eq!(picture.len(), 24);
    for line in &picture {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_eq!(words(&picture, "TOPICS")[..2], ["TOPICS", "40"]);
    assert!(picture[23].contains("q ends it"));
}

#[test]
fn without_a_hub_it_says_so() {
    let finished = {
        let hub = hub();
        let top = tidings(&hub, &["top", "--once"]);
        drop(hub);
        top.run()
    };
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stdout, "");
    assert!(
        finished.stderr.contains("no answer from the hub"),
        "{finished:?}"
    );
}

#[test]
fn in_a_terminal_a_hub_is_followed_while_it_goes_away_and_comes_back() {
    let mut home = Home::new(TIDINGS);
    let top = Command::new(TIDINGS, &["top", "--interval", "100ms"]);
    let mut top = top
        .env("TIDINGS_URL", &home.hub().url())
        .spawn_in_terminal();
    top.await_texts(&["TOPICS", "healthy"]);
    home.kill();
    top.await_texts(&["healthy", "no connection"]);
    home.start();
    top.await_texts(&["healthy", "no connection", "healthy"]);
    top.press("q");
    let finished = top.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(
        finished.stdout.ends_with("\u{1b}[?1049l\u{1b}[?25h"),
        "the terminal is left as it was: {finished:?}"
    );
}

#[test]
fn whoever_ends_it_finds_the_terminal_as_it_was() {
    let hub = hub();
    for (signal, code) in [
        (Signal::SIGTERM, 143),
        (Signal::SIGINT, 130),
        (Signal::SIGHUP, 129),
    ] {
        let top = tidings(&hub, &["top"]).spawn_in_terminal();
        top.await_texts(&["TOPICS", "healthy"]);
        top.process().signal(signal);
        let finished = top.finish();
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(
            finished.stdout.ends_with("\u{1b}[?1049l\u{1b}[?25h"),
            "{finished:?}"
        );
    }
}

#[test]
fn in_a_terminal_a_hub_that_is_not_there_is_waited_for() {
    let mut home = Home::new(TIDINGS);
    let url = home.hub().url();
    home.kill();
    let top = Command::new(TIDINGS, &["top"]).env("TIDINGS_URL", &url);
    let mut top = top.spawn_in_terminal();
    top.await_texts(&["waiting for the hub", "cannot connect"]);
    home.start();
    top.await_texts(&["waiting for the hub", "connections"]);
    top.press("\u{3}");
    assert_eq!(top.finish().code, Some(0));
}
