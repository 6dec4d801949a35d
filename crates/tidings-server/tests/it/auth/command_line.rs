//! The command line shows its token.

use tidings_testkit::Command;

use super::{SECRET, VARIABLE, admin, guarded, publish, token};
use crate::TIDINGS;

#[test]
fn commands_show_the_token_of_the_environment_or_of_a_flag() {
    let hub = guarded();
    let url = hub.url();
    let command = |arguments: &[&str]| Command::new(TIDINGS, arguments).env("TIDINGS_URL", &url);
    let writer = token(&["--publish", "**"]);
    let published = command(&["publish", "t", "x", "--final"])
        .env("TIDINGS_TOKEN", &writer)
        .run();
    published.success();
    let reader = token(&["--subscribe", "t"]);
    let read = ["subscribe", "t", "--from", "start", "--token", &reader];
    assert!(command(&read).run().success().contains('x'));
    let nobody = command(&["publish", "t", "x"]).run();
    assert_ne!(nobody.code, Some(0));
    assert!(nobody.stderr.contains("401"), "{}", nobody.stderr);
    let help = command(&["publish", "--help"])
        .env("TIDINGS_TOKEN", &writer)
        .run()
        .success();
    assert!(!help.contains(&writer));
}

#[test]
fn what_no_hub_would_take_is_not_made_and_the_reason_is_told() {
    let long = "x".repeat(257);
    for (arguments, reason) in [
        (
            &["token", "--subscribe", "a*"][..],
            "a wildcard must be a whole segment",
        ),
        (&["token", "--identity", &long], "--identity"),
        (&["token", "--jti", ""], "--jti"),
        (&["token", "--expires", "0s"], "expired"),
        (&["token", "--namespace", "A B"], "--namespace"),
        (&["keys", "--namespace", "A B"], "--namespace"),
        (&["keys", "--identity", ""], "--identity"),
        (&["keys", "--identity", &long], "--identity"),
        (
            &["keys", "--subscribe", "a*"],
            "a wildcard must be a whole segment",
        ),
    ] {
        let refused = Command::new(TIDINGS, arguments).env(VARIABLE, SECRET).run();
        assert_eq!(refused.code, Some(2), "{arguments:?}: {}", refused.stdout);
        assert!(refused.stderr.contains(reason), "{}", refused.stderr);
    }
}

#[test]
fn a_job_is_run_by_who_may_publish_it() {
    let hub = guarded();
    let all = token(&["--publish", "executions/*", "--subscribe", "executions/*"]);
    let run = Command::new(TIDINGS, &["run", "--", "/bin/echo", "done"]);
    let run = run
        .env("TIDINGS_URL", &hub.url())
        .env("TIDINGS_TOKEN", &all)
        .run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn top_shows_what_may_be_seen_and_says_why_the_rest_is_not() {
    let hub = guarded();
    publish(&hub, &admin(), "orders/7", "x");
    let top = |rights: &[&str]| {
        let command = Command::new(TIDINGS, &["top", "--once"]);
        let command = command.env("TIDINGS_URL", &hub.url());
        command.env("TIDINGS_TOKEN", &token(rights)).run()
    };
    let reader = top(&["--subscribe", "**"]).success();
    assert!(reader.contains("TOPICS 1") && reader.contains("orders/7"));
    assert!(
        reader.contains("\nCONNECTIONS\nthis needs the admin right"),
        "{reader}"
    );
    let admin = top(&["--admin"]).success();
    assert!(admin.contains("\nTOPICS\nthese credentials give no right to subscribe"));
    assert!(admin.contains("CONNECTIONS 0"), "{admin}");
    let neither = top(&["--subscribe", "orders/*"]);
    assert_eq!(neither.code, Some(1));
    assert!(
        neither.stderr.contains("dashboards need the admin right"),
        "{neither:?}"
    );
}
