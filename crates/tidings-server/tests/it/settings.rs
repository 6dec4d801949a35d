use tidings_testkit::{Command, Finished, Hub};

use crate::TIDINGS;

const SERVE: [&str; 6] = [
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--memory",
    "--config",
    "hub.toml",
];

fn refused(settings: &str) -> Finished {
    let finished = Command::new(TIDINGS, &SERVE)
        .file("hub.toml", settings)
        .run();
    assert!(
        finished.code.is_some_and(|code| code != 0),
        "{settings}: {finished:?}"
    );
    assert!(
        !finished.stderr.contains("panicked"),
        "{settings}: {finished:?}"
    );
    finished
}

fn retry(hub: &Hub) -> u64 {
    hub.stream("topic=t").preamble().retry
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_valid_one() {
    for (settings, nearest) in [
        ("keep_alife = \"15s\"\n", "keep_alive"),
        ("[retention]\nevent = 5\n", "events"),
        ("[limits]\nevent_sise = \"1MiB\"\n", "event_size"),
        ("[[topic]]\npattern = \"a\"\nlagg = \"skip\"\n", "lag"),
    ] {
        let finished = refused(settings);
        assert!(finished.stderr.contains(nearest), "{finished:?}");
    }
}

#[test]
fn values_that_cannot_be_are_refused_before_the_start() {
    for settings in [
        "keep_alive = \"soon\"\n",
        "keep_alive = \"-5s\"\n",
        "[limits]\nevent_size = \"much\"\n",
        "[[topic]]\npattern = \"a*\"\nlag = \"skip\"\n",
        "[[topic]]\npattern = \"a\"\nlag = \"wait\"\n",
        "not toml",
    ] {
        refused(settings);
    }
    let no_file = Command::new(TIDINGS, &SERVE).run();
    assert!(no_file.code.is_some_and(|code| code != 0), "{no_file:?}");
}

#[test]
fn the_environment_beats_the_file() {
    let settings = "retry = \"10s\"\n[retention]\nevents = 3\n";
    let hub = Hub::spawn(Command::new(TIDINGS, &SERVE).file("hub.toml", settings));
    assert!((8000..=12_000).contains(&retry(&hub)));
    for n in 0..10 {
        hub.publish("t", "n", &n.to_string());
    }
    assert!(hub.history("t").len() <= 3);
    drop(hub);

    let command = Command::new(TIDINGS, &SERVE).file("hub.toml", settings);
    let hub = Hub::spawn(command.env("TIDINGS_RETRY", "1s"));
    assert!((800..=1200).contains(&retry(&hub)));
}

#[test]
fn a_flag_beats_the_environment() {
    let hub = Hub::with(TIDINGS, &[], &[("TIDINGS_LISTEN", "127.0.0.1:1")]);
    assert_ne!(hub.address().port(), 1);
}

#[test]
fn the_environment_alone_is_enough() {
    let command = Command::new(TIDINGS, &["serve", "--memory"]);
    let hub = Hub::spawn(command.env("TIDINGS_LISTEN", "127.0.0.1:0"));
    assert_eq!(hub.get("/healthz").status(), 200);
}

#[test]
fn keep_alive_0_is_off_and_no_error() {
    let hub = Hub::with(TIDINGS, &[], &[("TIDINGS_KEEP_ALIVE", "0s")]);
    let mut stream = hub.stream("topic=t");
    hub.finish("t", "done", "");
    stream.rest();
    assert_eq!(stream.comments().len(), 0);
}

#[test]
fn streams_are_written_with_any_number_of_threads() {
    for threads in ["0", "1", "3"] {
        let hub = Hub::with(TIDINGS, &[], &[("TIDINGS_STREAM_THREADS", threads)]);
        let mut stream = hub.stream("topic=t");
        hub.publish("t", "message", "1");
        hub.finish("t", "done", "2");
        let events = stream.rest();
        let data: Vec<_> = events.iter().map(|event| &*event.data).collect();
        assert_eq!(data, ["1", "2"], "{threads} threads");
    }
}

#[test]
fn check_prints_what_would_be_used() {
    let checked = Command::new(TIDINGS, &["check"])
        .env("TIDINGS_KEEP_ALIVE", "17s")
        .run()
        .success();
    assert!(
        checked.contains("keep_alive") && checked.contains("17s"),
        "{checked}"
    );
}

#[test]
fn a_topic_has_settings_of_its_own() {
    let settings = "[[topic]]\npattern = \"short/*\"\nevents = 2\n";
    let hub = Hub::configured(TIDINGS, settings);
    for n in 0..10 {
        hub.publish("short/t", "n", &n.to_string());
        hub.publish("long/t", "n", &n.to_string());
    }
    assert!(hub.history("short/t").len() <= 2);
    assert_eq!(hub.history("long/t").len(), 10);
}

#[test]
fn the_command_line_teaches_and_completes() {
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["publish", "--help"],
        &["subscribe", "--help"],
        &["run", "--help"],
    ] {
        let help = Command::new(TIDINGS, arguments).run().success();
        assert!(help.contains("tidings"), "{help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = Command::new(TIDINGS, &["completions", shell])
            .run()
            .success();
        assert!(script.contains("tidings"), "{shell}");
    }
}
