//! Changes of a body as JSON Patches (RFC 6902).

use serde_json::Value;

/// The patch that makes `after` of `before`; `None` unless it is the shorter of the two.
pub(super) fn delta(before: &str, after: &str) -> Option<String> {
    let read = |text| serde_json::from_str::<Value>(text).ok();
    let patch = json_patch::diff(&read(before)?, &read(after)?);
    let patch = serde_json::to_string(&patch).ok()?;
    (patch.len() < after.len()).then_some(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_given_only_if_it_is_shorter() {
        let long = format!(r#"{{"a":1,"b":"{}"}}"#, "x".repeat(100));
        let longer = long.replace(r#""a":1"#, r#""a":2"#);
        let patch = delta(&long, &longer).unwrap();
        assert_eq!(patch, r#"[{"op":"replace","path":"/a","value":2}]"#);
        assert_eq!(delta(r#"{"a":1}"#, r#"{"a":2}"#), None);
        assert_eq!(delta(&long, &long).unwrap(), "[]");
    }

    #[test]
    fn a_patch_that_is_applied_gives_the_body() {
        let numbers = |count: u32| (0..count).map(|n| n * 7 % 10).collect::<Vec<_>>();
        for (before, after) in [
            (numbers(100), numbers(103)),
            (numbers(103), numbers(100)),
            (numbers(50), [numbers(25), vec![11], numbers(25)].concat()),
        ] {
            let [before, after] = [before, after].map(|list| serde_json::json!({ "list": list }));
            let mut patched = before.clone();
            if let Some(patch) = delta(&before.to_string(), &after.to_string()) {
                json_patch::patch(
                    &mut patched,
                    &serde_json::from_str::<json_patch::Patch>(&patch).unwrap(),
                )
                .unwrap();
                assert_eq!(patched, after);
            }
        }
    }
}
