use std::sync::Arc;

use serde_json::Value;

use crate::json::{self, Fault};
use crate::{Grant, Rights, RightsTemplate, TemplateError};

/// What an application says of somebody. Answers that say the same are equal.
///
/// ```
/// use tidings::Topic;
/// use tidings_auth::{Answer, Grant};
///
/// let answer = Answer::read(br#"{"allow": true, "publish": [], "admin": false}"#)?;
/// let grant = answer.apply(&Grant::everything()).expect("it allows");
/// assert!(!grant.may_publish(&Topic::new("orders/7")?));
/// assert!(grant.may_subscribe(&Topic::new("orders/7")?));
/// assert!(!grant.is_admin());
///
/// let answer = Answer::read(br#"{"allow": false}"#)?;
/// assert_eq!(answer.apply(&Grant::everything()), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer(Option<Terms>);

/// On what terms somebody is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Terms {
    /// What takes the place of the right to publish; `None` leaves it.
    publish: Option<RightsTemplate>,
    /// What takes the place of the right to subscribe; `None` leaves it.
    subscribe: Option<RightsTemplate>,
    takes_admin: bool,
}

/// Why something is not an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is not a JSON object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// An object in it has a key twice.
    #[error("it has a JSON object that repeats a key")]
    RepeatedKey,
    /// It says something that is not known, which may be a restriction.
    #[error("it has another field than allow, publish, subscribe and admin")]
    UnknownField,
    /// A field is missing or of the wrong type.
    #[error("the field '{field}' is missing or of the wrong type")]
    Field {
        /// Its name.
        field: &'static str,
    },
    /// A right is not one that can be given.
    #[error("it has rights that cannot be")]
    Rights(#[source] TemplateError),
}

impl Answer {
    /// Reads the body of an answer.
    ///
    /// # Errors
    /// [`AnswerError`] says what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, AnswerError> {
        let answer = json::object(bytes).map_err(|fault| match fault {
            Fault::NotAnObject => AnswerError::NotAnObject,
            Fault::RepeatedKey => AnswerError::RepeatedKey,
        })?;
        let known = ["allow", "publish", "subscribe", "admin"];
        if answer.keys().any(|key| !known.contains(&&**key)) {
            return Err(AnswerError::UnknownField);
        }
        let allows = flag("allow", answer.get("allow"))?;
        let allows = allows.ok_or(AnswerError::Field { field: "allow" })?;
        let publish = selectors("publish", answer.get("publish"))?;
        let subscribe = selectors("subscribe", answer.get("subscribe"))?;
        let publish = publish.map(|list| RightsTemplate::new(list, [""; 0]));
        let subscribe = subscribe.map(|list| RightsTemplate::new([""; 0], list));
        let terms = Terms {
            publish: publish.transpose().map_err(AnswerError::Rights)?,
            subscribe: subscribe.transpose().map_err(AnswerError::Rights)?,
            takes_admin: flag("admin", answer.get("admin"))? == Some(false),
        };
        Ok(Self(allows.then_some(terms)))
    }

    /// Whether it lets in.
    pub fn allows(&self) -> bool {
        self.0.is_some()
    }

    /// What is left of a grant, or put in its place; `None` if it is not to be let in. Whose it is, where and until when
    /// stays as it is, and nobody is made an administrator.
    pub fn apply(&self, grant: &Grant) -> Option<Grant> {
        let terms = self.0.as_ref()?;
        let mut grant = grant.clone();
        if *terms != Terms::default() {
            grant.rights = Arc::new(terms.rights(&grant));
        }
        Some(grant)
    }
}

impl Terms {
    fn rights(&self, grant: &Grant) -> Rights {
        let own = &grant.rights;
        let resolve = |template: &RightsTemplate| template.resolve(grant.identity.as_deref());
        let publish = self.publish.as_ref().map(resolve);
        let subscribe = self.subscribe.as_ref().map(resolve);
        let publish = publish.as_ref().unwrap_or(own).publish();
        let subscribe = subscribe.as_ref().unwrap_or(own).subscribe();
        let rights = Rights::new(publish.iter().cloned(), subscribe.iter().cloned());
        if own.is_admin() && !self.takes_admin {
            rights.with_admin()
        } else {
            rights
        }
    }
}

fn flag(field: &'static str, value: Option<&Value>) -> Result<Option<bool>, AnswerError> {
    let flag = |value: &Value| value.as_bool().ok_or(AnswerError::Field { field });
    value.map(flag).transpose()
}

/// The texts of a list, in one order: applications that keep them as a set give them in any.
fn selectors<'a>(
    field: &'static str,
    value: Option<&'a Value>,
) -> Result<Option<Vec<&'a str>>, AnswerError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let list = value.as_array().ok_or(AnswerError::Field { field })?;
    let texts = list.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
    let mut texts = texts.ok_or(AnswerError::Field { field })?;
    texts.sort_unstable();
    texts.dedup();
    Ok(Some(texts))
}

#[cfg(test)]
mod tests {
    use tidings::{Selector, Selectors, Topic};

    use super::*;
    use crate::MAX_SELECTORS;

    fn read(text: &str) -> Result<Answer, AnswerError> {
        Answer::read(text.as_bytes())
    }

    /// What an answer makes of the rights of `7` to publish on `in` and to subscribe to `out`, and of an administrator's.
    fn rights(text: &str) -> (Vec<String>, Vec<String>, bool) {
        let [publish, subscribe] = ["in", "out"].map(|text| [Selector::new(text).unwrap()]);
        let grant = Grant {
            identity: Some("7".into()),
            ..Grant::anonymous(Rights::new(publish, subscribe).with_admin())
        };
        let rights = read(text).unwrap().apply(&grant).unwrap().rights;
        let texts = |list: &Selectors| list.iter().map(ToString::to_string).collect();
        let [publish, subscribe] = [rights.publish(), rights.subscribe()].map(texts);
        (publish, subscribe, rights.is_admin())
    }

    fn of(publish: &[&str], subscribe: &[&str], admin: bool) -> (Vec<String>, Vec<String>, bool) {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        (texts(publish), texts(subscribe), admin)
    }

    #[test]
    fn what_it_names_takes_the_place_of_what_the_credentials_give() {
        assert_eq!(rights(r#"{"allow":true}"#), of(&["in"], &["out"], true));
        assert_eq!(
            rights(r#"{"allow":true,"publish":["a","b"]}"#),
            of(&["a", "b"], &["out"], true)
        );
        assert_eq!(
            rights(r#"{"allow":true,"subscribe":["users/{identity}/**"],"admin":false}"#),
            of(&["in"], &["users/7/**"], false)
        );
        assert_eq!(
            rights(r#"{"allow":true,"publish":[],"subscribe":[]}"#),
            of(&[], &[], true)
        );
    }

    #[test]
    fn nobody_is_made_an_administrator_or_somebody_else() {
        let answer = read(r#"{"allow":true,"publish":["**"],"admin":true}"#).unwrap();
        let visitor = Grant {
            identity: Some("*".into()),
            ..Grant::anonymous(Rights::default())
        };
        let grant = answer.apply(&visitor).unwrap();
        assert!(!grant.is_admin());
        assert!(grant.may_publish(&Topic::new("a").unwrap()));
        assert!(!grant.may_publish(&Topic::new("tidings/a").unwrap()));
        let other = Grant {
            rights: visitor.rights.clone(),
            ..grant
        };
        assert_eq!(other, visitor);
        let own = read(r#"{"allow":true,"subscribe":["u/{identity}"]}"#).unwrap();
        assert!(own.apply(&visitor).unwrap().rights.subscribe().is_empty());
    }

    #[test]
    fn answers_that_say_the_same_are_equal() {
        let equal = |one: &str, other: &str| assert_eq!(read(one).unwrap(), read(other).unwrap());
        equal(
            r#"{"allow":true,"subscribe":["b","a"]}"#,
            r#" {"subscribe":["a","b","a"],"admin":true,"allow":true}"#,
        );
        equal(
            r#"{"allow":false}"#,
            r#"{"allow":false,"publish":["a"],"admin":false}"#,
        );
        let differ = |text: &str| assert_ne!(read(r#"{"allow":true}"#), read(text), "{text}");
        differ(r#"{"allow":false}"#);
        differ(r#"{"allow":true,"admin":false}"#);
        differ(r#"{"allow":true,"publish":[]}"#);
        differ(r#"{"allow":true,"subscribe":[]}"#);
    }

    #[test]
    fn anything_else_is_no_answer() {
        let field = |field| AnswerError::Field { field };
        for (text, error) in [
            ("", AnswerError::NotAnObject),
            ("true", AnswerError::NotAnObject),
            ("{\"allow\":true", AnswerError::NotAnObject),
            (r#"{"allow":true,"allow":true}"#, AnswerError::RepeatedKey),
            (
                r#"{"allow":true,"namespace":"shop"}"#,
                AnswerError::UnknownField,
            ),
            (r#"{"Allow":true}"#, AnswerError::UnknownField),
            ("{}", field("allow")),
            (r#"{"allow":1}"#, field("allow")),
            (r#"{"allow":"true"}"#, field("allow")),
            (r#"{"allow":null}"#, field("allow")),
            (r#"{"allow":true,"publish":null}"#, field("publish")),
            (r#"{"allow":true,"publish":"a"}"#, field("publish")),
            (r#"{"allow":true,"subscribe":[1]}"#, field("subscribe")),
            (r#"{"allow":true,"admin":0}"#, field("admin")),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
        for list in [r#"["a*"]"#, r#"["u-{identity}"]"#, r#"[""]"#] {
            let refused = read(&format!(r#"{{"allow":true,"publish":{list}}}"#));
            assert!(matches!(refused, Err(AnswerError::Rights(_))), "{list}");
        }
    }

    #[test]
    fn a_list_is_as_long_as_that_of_a_token() {
        let list = |count: usize| {
            let texts: Vec<_> = (0..count).map(|number| number.to_string()).collect();
            read(&serde_json::json!({"allow": true, "subscribe": texts}).to_string())
        };
        assert!(list(MAX_SELECTORS).is_ok());
        assert!(matches!(
            list(MAX_SELECTORS + 1),
            Err(AnswerError::Rights(_))
        ));
    }
}
