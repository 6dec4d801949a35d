use tidings_testkit::encode;

use crate::hub;

#[test]
fn s7_names_that_could_forge_fields_are_refused_and_leave_no_byte() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    let start = stream.preamble().length;
    let names = [
        "a\ndata: forged\n\nevent: admin",
        "a\rb",
        "a\0b",
        "error",
        "open",
    ];
    for name in names {
        let target = format!("/api/events?topic=t&event={}", encode(name));
        hub.post(&target, "{}").assert_names(400, "event");
    }

    let id = hub.publish("t", "marker", "m");

    stream.expect("marker");
    let body = String::from_utf8_lossy(&stream.body()[start..]).into_owned();
    assert_eq!(body, format!("id: {id}\nevent: marker\ndata: m\n\n"));
    assert_eq!(hub.history("t").len(), 1);
}

#[test]
fn names_of_the_hub_cannot_be_published() {
    let hub = hub();
    for name in ["tidings.goodbye", "tidings.anything"] {
        let answer = hub.post(&format!("/api/events?topic=t&event={name}"), "{}");
        answer.assert_names(400, "event");
    }
    assert_eq!(hub.history("t").len(), 0);
}

#[test]
fn s7_every_kind_of_line_end_splits_the_data() {
    let hub = hub();
    let cases = [
        ("l1\r\nl2\rl3", "data: l1\ndata: l2\ndata: l3\n\n"),
        ("l1\nl2\n", "data: l1\ndata: l2\ndata: \n\n"),
        ("\n", "data: \ndata: \n\n"),
        ("", "data: \n\n"),
        (" leading", "data:  leading\n\n"),
        (": no comment", "data: : no comment\n\n"),
        ("id: 7\n\ndata: x", "data: id: 7\ndata: \ndata: data: x\n\n"),
        (
            "\u{feff}gr\u{fc}\u{df}e \u{1f4e8}",
            "data: \u{feff}gr\u{fc}\u{df}e \u{1f4e8}\n\n",
        ),
        ("nul\0kept", "data: nul\0kept\n\n"),
    ];
    let mut stream = hub.stream("topic=t");
    let mut start = stream.preamble().length;
    for (sent, lines) in cases {
        let id = hub.publish("t", "note", sent);
        stream.expect("note");
        let block = String::from_utf8_lossy(&stream.body()[start..]).into_owned();
        assert_eq!(block, format!("id: {id}\nevent: note\n{lines}"), "{sent:?}");
        start = stream.body().len();
    }
}

#[test]
fn s7_json_with_newlines_in_its_strings_stays_one_line() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    let line = r#"{"topic":"t","event":"note","data":{"text":"l1\nl2\r\nl3"}}"#;
    assert_eq!(hub.post_lines(line).status(), 200);
    let event = stream.expect("note");
    assert_eq!(event.data, r#"{"text":"l1\nl2\r\nl3"}"#);
}

#[test]
fn names_and_data_of_any_script_arrive_as_they_were_sent() {
    let hub = hub();
    let topic = "\u{421}\u{43e}\u{431}\u{44b}\u{442}\u{438}\u{44f}/\u{1f4e8} a&b=c";
    let mut stream = hub.stream(&format!("topic={}", encode(topic)));
    hub.publish(topic, "\u{e9}v\u{e9}nement", "\u{4f60}\u{597d}");
    let event = stream.expect("\u{e9}v\u{e9}nement");
    assert_eq!(event.data, "\u{4f60}\u{597d}");
    assert_eq!(hub.history(topic)[0]["topic"], topic);
}
