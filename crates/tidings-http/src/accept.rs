use http::{HeaderMap, header};

/// The ranges that cover an event stream, the most specific last.
const COVERING: [&str; 3] = ["*/*", "text/*", "text/event-stream"];

/// Whether a request takes an event stream for an answer (RFC 9110 §12.5.1).
///
/// It does without `Accept`, and if the most specific range that covers `text/event-stream` has a weight above zero.
pub fn accepts_event_stream(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let covering = ranges.filter_map(|range| {
        let (essence, parameters) = range.split_once(';').unwrap_or((range, ""));
        let is_covering = |known: &&str| known.eq_ignore_ascii_case(essence.trim());
        let specificity = COVERING.iter().position(is_covering)?;
        Some((specificity, weight(parameters) > 0.0))
    });
    covering.max().is_some_and(|(_, wanted)| wanted)
}

/// Whether a browser's `EventSource` asks, which any status but 200 stops for good.
///
/// What a browser asks for says so by `Sec-Fetch-Mode`, and an `EventSource` accepts `text/event-stream` and nothing else.
/// A page that reads the stream by `fetch` wants to know the status, and accepts something besides.
pub(crate) fn is_event_source(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    headers.contains_key("sec-fetch-mode") && accepted.all(|value| value == "text/event-stream")
}

/// The `q` among the parameters of a range; 1 without one, or with one that is not a number.
fn weight(parameters: &str) -> f32 {
    let q = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("q")
            .then(|| value.trim().parse().ok())?
    });
    q.unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        headers
    }

    fn accepts(values: &[&str]) -> bool {
        accepts_event_stream(&accepting(values))
    }

    #[test]
    fn no_accept_and_any_covering_range_take_a_stream() {
        assert!(accepts(&[]));
        for value in [
            "*/*",
            "text/*",
            "text/event-stream",
            "TEXT/Event-Stream; charset=utf-8",
            "a/b, */*;q=0.1",
        ] {
            assert!(accepts(&[value]), "{value}");
        }
        assert!(accepts(&["application/json", "text/event-stream"]));
    }

    #[test]
    fn what_does_not_cover_it_or_excludes_it_does_not() {
        for value in [
            "application/json",
            "",
            "text/event-stream;q=0",
            "text/event-stream; q=0.0, */*",
            "text/*;q=0, */*",
        ] {
            assert!(!accepts(&[value]), "{value:?}");
        }
    }

    #[test]
    fn an_event_source_is_a_browser_that_accepts_nothing_but_a_stream() {
        for (values, expected) in [
            (&["text/event-stream"][..], true),
            (&[], true),
            (&["text/event-stream, */*"], false),
            (&["text/event-stream", "*/*"], false),
            (&["*/*"], false),
        ] {
            let mut headers = accepting(values);
            assert!(!is_event_source(&headers), "no browser: {values:?}");
            headers.insert("sec-fetch-mode", "cors".parse().unwrap());
            assert_eq!(is_event_source(&headers), expected, "{values:?}");
        }
    }
}
