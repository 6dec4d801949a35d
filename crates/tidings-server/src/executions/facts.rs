use serde_json::{Map, Number, Value};

/// What the data of an event says, as far as it can be understood: whatever is missing or of
/// another kind than expected is not said.
#[derive(Debug, Default)]
pub(super) struct Facts(Map<String, Value>);

impl Facts {
    pub(super) fn read(data: &str) -> Self {
        match serde_json::from_str(data) {
            Ok(Value::Object(members)) => Self(members),
            _ => Self::default(),
        }
    }

    /// The members of a member that is an object.
    pub(super) fn inner(&self, name: &str) -> Self {
        match self.0.get(name) {
            Some(Value::Object(members)) => Self(members.clone()),
            _ => Self::default(),
        }
    }

    /// A text that is not empty, cut to so many characters. A number counts as its text.
    pub(super) fn text(&self, name: &str, limit: usize) -> Option<String> {
        text(self.0.get(name)?, limit)
    }

    /// The texts of a list, up to so many.
    pub(super) fn texts(&self, name: &str, count: usize, limit: usize) -> Vec<String> {
        let Some(Value::Array(items)) = self.0.get(name) else {
            return Vec::new();
        };
        let texts = items.iter().filter_map(|item| text(item, limit));
        texts.take(count).collect()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    pub(super) fn count(&self, name: &str) -> Option<u32> {
        self.whole(name)
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// A number that is not negative, without what it has behind the point.
    pub(super) fn whole(&self, name: &str) -> Option<u64> {
        let number = self.number(name)?;
        let cut = |number: f64| (number >= 0.0).then_some(number as u64);
        number.as_u64().or_else(|| number.as_f64().and_then(cut))
    }

    pub(super) fn number(&self, name: &str) -> Option<Number> {
        match self.0.get(name)? {
            Value::Number(number) => Some(number.clone()),
            _ => None,
        }
    }
}

/// The first characters of a text.
pub(super) fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

fn text(value: &Value, limit: usize) -> Option<String> {
    let text = match value {
        Value::String(text) => cut(text, limit),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_another_kind_is_not_said() {
        let facts = Facts::read(r#"{"a":"text","b":7,"c":-1,"d":null,"e":["x",{},""],"f":2.9}"#);
        assert_eq!(facts.text("a", 2).unwrap(), "te");
        assert_eq!(facts.text("b", 9).unwrap(), "7");
        assert_eq!(facts.text("d", 9), None);
        assert_eq!(facts.whole("b"), Some(7));
        assert_eq!(facts.whole("c"), None);
        assert_eq!(facts.whole("f"), Some(2));
        assert_eq!(facts.whole("a"), None);
        assert_eq!(facts.texts("e", 9, 9), ["x"]);
        assert_eq!(facts.inner("a").text("b", 9), None);
        for data in ["", "7", "[1]", "{", "null"] {
            assert_eq!(Facts::read(data).text("a", 9), None, "{data}");
        }
    }
}
