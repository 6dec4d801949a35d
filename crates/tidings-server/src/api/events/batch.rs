use tidings::{Durability, Publication, Topic};
use tidings_http::Problem;

use crate::api::events::line::Line;
use crate::api::events::publish::scoped;
use crate::api::object::Fault;
use crate::api::parameters::{Parameters, bad};

/// What holds for lines that do not say otherwise.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    topic: Option<Topic>,
    /// Whether no line may name a topic.
    is_of_one_topic: bool,
    /// Who publishes.
    identity: Option<String>,
    /// The key of the whole batch: that of each line is made of it and the line's number.
    idempotency_key: Option<String>,
    durability: Option<Durability>,
}

/// A batch in order.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) publications: Vec<Publication>,
    /// The line that each publication stands on, counted from 1.
    pub(super) lines: Vec<usize>,
}

impl Defaults {
    pub(super) fn read(
        parameters: &Parameters,
        identity: Option<&str>,
        idempotency_key: Option<String>,
        durability: Option<Durability>,
    ) -> Result<Self, Problem> {
        for name in ["event", "key", "final"] {
            parameters.one(name, |_| Err::<(), _>("belongs on the lines of a batch"))?;
        }
        let topic = parameters.one("topic", |text| Topic::new(text))?;
        Ok(Self {
            topic,
            is_of_one_topic: false,
            identity: identity.map(str::to_owned),
            idempotency_key,
            durability,
        })
    }

    /// For events that all go to this topic.
    pub(super) fn of_topic(
        topic: Topic,
        identity: Option<&str>,
        idempotency_key: Option<String>,
        durability: Option<Durability>,
    ) -> Self {
        Self {
            topic: Some(topic),
            is_of_one_topic: true,
            identity: identity.map(str::to_owned),
            idempotency_key,
            durability,
        }
    }
}

/// Reads newline-delimited JSON. Lines of nothing but white space are passed over.
///
/// # Errors
///
/// A problem that names the first bad line, counted from 1.
pub(super) fn parse(body: &[u8], defaults: &Defaults) -> Result<Batch, Problem> {
    let mut batch = Batch {
        publications: Vec::new(),
        lines: Vec::new(),
    };
    for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let number = index + 1;
        let publication = publication(line, number, defaults);
        batch
            .publications
            .push(publication.map_err(|fault| problem(number, &fault))?);
        batch.lines.push(number);
    }
    if batch.lines.is_empty() {
        return Err(bad("body", "holds no event"));
    }
    Ok(batch)
}

/// Reads one event as a JSON object.
///
/// # Errors
///
/// A problem that names the bad field.
pub(super) fn parse_one(body: &[u8], defaults: &Defaults) -> Result<Publication, Problem> {
    publication(body, 1, defaults).map_err(Fault::of_body)
}

fn publication(line: &[u8], number: usize, defaults: &Defaults) -> Result<Publication, Fault> {
    let line = Line::read(line)?;
    let given = line.topic()?;
    if given.is_some() && defaults.is_of_one_topic {
        return Err(Fault::at("topic", "belongs to the path"));
    }
    let topic = given.or_else(|| defaults.topic.clone());
    let missing = || Fault::at("topic", "is missing");
    let identity = defaults.identity.as_deref();
    let key = match line.idempotency_key()? {
        Some(key) => Some(scoped(identity, &key)),
        // No key that a publisher can choose holds a line end.
        None => defaults
            .idempotency_key
            .as_ref()
            .map(|key| scoped(identity, &format!("{key}\n{number}"))),
    };
    Ok(Publication {
        topic: topic.ok_or_else(missing)?,
        event: line.event()?,
        idempotency_key: key,
        durability: defaults.durability,
    })
}

fn problem(number: usize, fault: &Fault) -> Problem {
    let line = format!("line {number}");
    match &fault.field {
        Some(field) => bad(format!("{line}: {field}"), &fault.detail),
        None => Problem::bad_parameter(line.clone(), format!("{line} {}", fault.detail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_with(body: &str, query: &str, key: Option<&str>) -> Result<Batch, Problem> {
        let parameters = Parameters::parse(query.as_bytes());
        parse(
            body.as_bytes(),
            &Defaults::read(&parameters, Some("me"), key.map(str::to_owned), None)?,
        )
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let batch = parse_with("\n{\"data\":1}\r\n  \n{\"data\":2}", "topic=t", None).unwrap();
        assert_eq!(batch.lines, [2, 4]);
        let problem = parse_with("\n{\"data\":1}\n\n{}", "topic=t", None).unwrap_err();
        assert_eq!(
            problem,
            Problem::bad_parameter("line 4: data", "line 4: data: is missing")
        );
    }

    #[test]
    fn the_topic_of_the_query_stands_in_for_a_missing_one() {
        let lines = "{\"data\":1}\n{\"topic\":\"b\",\"data\":2}\n{\"topic\":null,\"data\":3}";
        let batch = parse_with(lines, "topic=a", None).unwrap();
        let topics: Vec<_> = batch
            .publications
            .iter()
            .map(|line| line.topic.as_str())
            .collect();
        assert_eq!(topics, ["a", "b", "a"]);
        let problem = parse_with(lines, "", None).unwrap_err();
        assert_eq!(
            problem,
            Problem::bad_parameter("line 1: topic", "line 1: topic: is missing")
        );
    }

    #[test]
    fn a_key_for_the_batch_is_a_key_for_each_line_that_has_none() {
        let lines = "{\"data\":1}\n{\"data\":2,\"idempotency_key\":\"own\"}";
        let batch = parse_with(lines, "topic=t", Some("k")).unwrap();
        let keys: Vec<_> = batch
            .publications
            .iter()
            .map(|line| line.idempotency_key.clone())
            .collect();
        assert_eq!(
            keys,
            [
                Some(scoped(Some("me"), "k\n1")),
                Some(scoped(Some("me"), "own"))
            ]
        );
    }

    #[test]
    fn what_belongs_on_lines_is_refused_beside_them() {
        for name in ["event", "key", "final"] {
            let problem =
                parse_with("{\"data\":1}", &format!("topic=t&{name}=1"), None).unwrap_err();
            assert_eq!(problem, bad(name, "belongs on the lines of a batch"));
        }
    }

    #[test]
    fn nothing_is_no_batch() {
        for body in ["", "\n", " \r\n\n"] {
            assert!(parse_with(body, "topic=t", None).is_err(), "{body:?}");
        }
    }
}
