/// A line, read as a field. Values are what follows the first colon, less one space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// The end of a block.
    Blank,
    Comment(&'a str),
    Data(&'a str),
    Event(&'a str),
    Id(&'a str),
    Retry(&'a str),
    /// A field without a meaning.
    Unknown,
}

impl<'a> Line<'a> {
    /// `line` is without its line end. One without a colon is a field with an empty value.
    #[inline]
    pub(super) fn parse(line: &'a str) -> Self {
        if let Some(value) = line.strip_prefix("data:") {
            return Self::Data(less_a_space(value));
        }
        if let Some(value) = line.strip_prefix("id:") {
            return Self::Id(less_a_space(value));
        }
        if let Some(value) = line.strip_prefix("event:") {
            return Self::Event(less_a_space(value));
        }
        if let Some(value) = line.strip_prefix(':') {
            return Self::Comment(less_a_space(value));
        }
        if let Some(value) = line.strip_prefix("retry:") {
            return Self::Retry(less_a_space(value));
        }
        match line {
            "" => Self::Blank,
            "data" => Self::Data(""),
            "id" => Self::Id(""),
            "event" => Self::Event(""),
            "retry" => Self::Retry(""),
            _ => Self::Unknown,
        }
    }
}

fn less_a_space(value: &str) -> &str {
    value.strip_prefix(' ').unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Line<'_>) {
        assert_eq!(Line::parse(line), expected, "{line:?}");
    }

    #[test]
    fn one_space_after_the_first_colon_is_dropped() {
        check("data:x", Line::Data("x"));
        check("data: x", Line::Data("x"));
        check("data:  x:", Line::Data(" x:"));
        check("data:\tx", Line::Data("\tx"));
        check(": x", Line::Comment("x"));
    }

    #[test]
    fn a_line_without_a_colon_is_a_field_without_a_value() {
        check("data", Line::Data(""));
        check("event", Line::Event(""));
        check("id", Line::Id(""));
        check("retry", Line::Retry(""));
    }

    #[test]
    fn field_names_are_exact() {
        for line in [
            "Data: x",
            "data : x",
            "dat: x",
            "da",
            " data: x",
            "data\0: x",
            "ids: x",
            "x",
        ] {
            check(line, Line::Unknown);
        }
    }
}
