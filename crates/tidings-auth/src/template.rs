use std::sync::Arc;

use tidings::{Selector, SelectorError};

use crate::Rights;

/// The most selectors to publish to, and the most to subscribe to, that one credential can have.
pub const MAX_SELECTORS: usize = 256;

/// The segment for which an identity stands in.
const PLACEHOLDER: &str = "{identity}";

/// [`Rights`] that depend on whose they are: a whole segment of a selector may be `{identity}`.
///
/// The identity stands in as one literal segment, never as a pattern and never as several segments.
///
/// ```
/// use tidings::Topic;
/// use tidings_auth::RightsTemplate;
///
/// let template = RightsTemplate::new([""; 0], ["users/{identity}/**"])?;
/// let rights = template.resolve(Some("7"));
/// assert!(rights.may_subscribe(&Topic::new("users/7/mail")?));
/// assert!(!rights.may_subscribe(&Topic::new("users/8/mail")?));
///
/// assert!(template.resolve(Some("*")).subscribe().is_empty());
/// assert!(template.resolve(None).subscribe().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RightsTemplate {
    publish: Box<[Template]>,
    subscribe: Box<[Template]>,
    admin: bool,
}

/// Why selectors are not those of a [`RightsTemplate`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// There are more than [`MAX_SELECTORS`].
    #[error("'{list}' has more than {MAX_SELECTORS} selectors")]
    TooMany {
        /// `publish` or `subscribe`.
        list: &'static str,
    },
    /// One is not a selector.
    #[error("number {index} of '{list}' is not a selector")]
    NotASelector {
        /// `publish` or `subscribe`.
        list: &'static str,
        /// Its place in the list, counted from 0.
        index: usize,
        /// What is wrong with it.
        source: SelectorError,
    },
    /// In one, `{identity}` stands beside other characters.
    #[error("number {index} of '{list}' must have '{PLACEHOLDER}' as a whole segment")]
    PartialPlaceholder {
        /// `publish` or `subscribe`.
        list: &'static str,
        /// Its place in the list, counted from 0.
        index: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Template {
    Fixed(Selector),
    /// At least one segment is the placeholder; with any other name there it is a selector.
    Personal(Arc<str>),
}

impl RightsTemplate {
    /// The right to publish to the first, and to subscribe to the second.
    ///
    /// # Errors
    /// [`TemplateError`] names the list and the selector in it.
    pub fn new(
        publish: impl IntoIterator<Item: AsRef<str>>,
        subscribe: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<Self, TemplateError> {
        Ok(Self {
            publish: read("publish", publish)?,
            subscribe: read("subscribe", subscribe)?,
            admin: false,
        })
    }

    /// The same, and the right to administrate.
    #[must_use]
    pub fn with_admin(self) -> Self {
        Self {
            admin: true,
            ..self
        }
    }

    /// The rights of somebody. A selector with `{identity}` is left out if there is none, or if it is empty or has
    /// anything that a segment cannot hold: `/`, `*`, a control character.
    pub fn resolve(&self, identity: Option<&str>) -> Rights {
        let identity = identity.filter(|identity| is_segment(identity));
        let resolve = |template: &Template| template.resolve(identity);
        let rights = Rights::new(
            self.publish.iter().filter_map(resolve),
            self.subscribe.iter().filter_map(resolve),
        );
        if self.admin {
            rights.with_admin()
        } else {
            rights
        }
    }
}

impl Template {
    fn resolve(&self, identity: Option<&str>) -> Option<Selector> {
        let text = match self {
            Self::Fixed(selector) => return Some(selector.clone()),
            Self::Personal(text) => text,
        };
        let identity = identity?;
        // Nobody gets the hub's own topics by the name they go by.
        if identity == "tidings" && text.starts_with(PLACEHOLDER) {
            return None;
        }
        let segments = text.split('/').map(|segment| match segment {
            PLACEHOLDER => identity,
            other => other,
        });
        let text = segments.collect::<Vec<_>>().join("/");
        // With a long name it may be too long for a selector.
        Selector::new(text).ok()
    }
}

fn read(
    list: &'static str,
    texts: impl IntoIterator<Item: AsRef<str>>,
) -> Result<Box<[Template]>, TemplateError> {
    let mut templates = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        if index == MAX_SELECTORS {
            return Err(TemplateError::TooMany { list });
        }
        let text = text.as_ref();
        let is_personal = text.split('/').any(|segment| segment == PLACEHOLDER);
        let sample: String = text.split('/').map(stand_in).collect::<Vec<_>>().join("/");
        if sample.contains(PLACEHOLDER) {
            return Err(TemplateError::PartialPlaceholder { list, index });
        }
        let selector = Selector::new(sample).map_err(|source| TemplateError::NotASelector {
            list,
            index,
            source,
        })?;
        templates.push(if is_personal {
            Template::Personal(text.into())
        } else {
            Template::Fixed(selector)
        });
    }
    Ok(templates.into())
}

/// The segment, with the shortest name in place of the placeholder.
fn stand_in(segment: &str) -> &str {
    match segment {
        PLACEHOLDER => "_",
        other => other,
    }
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', '*']) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tidings::Topic;

    use super::*;

    fn subscribe(templates: &[&str]) -> RightsTemplate {
        RightsTemplate::new([""; 0], templates).unwrap()
    }

    fn resolved(template: &str, identity: &str) -> Vec<String> {
        let rights = subscribe(&[template]).resolve(Some(identity));
        let selectors = rights.subscribe().iter().map(ToString::to_string);
        selectors.collect()
    }

    #[test]
    fn an_identity_stands_in_for_whole_segments() {
        assert_eq!(resolved("users/{identity}/**", "7"), ["users/7/**"]);
        assert_eq!(resolved("{identity}/x/{identity}", "é"), ["é/x/é"]);
        assert_eq!(resolved("all/*", "7"), ["all/*"]);
    }

    #[test]
    fn an_identity_that_is_no_segment_leaves_the_selector_out() {
        for identity in ["", "*", "**", "a/b", "a*", "/", "a\nb", "a\u{85}", "\0"] {
            assert!(resolved("users/{identity}/**", identity).is_empty());
            assert!(resolved("users/{identity}", identity).is_empty());
            assert_eq!(resolved("open/*", identity), ["open/*"]);
        }
        assert!(resolved("users/{identity}", &"x".repeat(512)).is_empty());
        let rights = subscribe(&["users/{identity}", "open"]).resolve(None);
        assert_eq!(rights.subscribe().iter().len(), 1);
    }

    #[test]
    fn no_identity_leads_to_the_hubs_own_topics() {
        assert!(resolved("{identity}/**", "tidings").is_empty());
        assert_eq!(resolved("x/{identity}", "tidings"), ["x/tidings"]);
    }

    #[test]
    fn an_identity_that_looks_like_a_template_stays_as_it_is() {
        assert_eq!(resolved("u/{identity}", "{identity}"), ["u/{identity}"]);
        assert_eq!(resolved("u/{other}", "7"), ["u/{other}"]);
    }

    #[test]
    fn what_is_wrong_is_named_by_list_and_place() {
        let refused = |publish: &[&str]| RightsTemplate::new(publish, [""; 0]).unwrap_err();
        let partial = TemplateError::PartialPlaceholder {
            list: "publish",
            index: 1,
        };
        assert_eq!(refused(&["a", "u-{identity}/x"]), partial);
        let wildcard = TemplateError::NotASelector {
            list: "publish",
            index: 0,
            source: SelectorError::PartialWildcard,
        };
        assert_eq!(refused(&["a*"]), wildcard);
        let many = vec!["a"; MAX_SELECTORS + 1];
        assert_eq!(refused(&many), TemplateError::TooMany { list: "publish" });
        assert!(RightsTemplate::new(&many[1..], [""; 0]).is_ok());
    }

    #[test]
    fn admin_is_kept() {
        let template = subscribe(&["a"]);
        assert!(!template.resolve(None).is_admin());
        assert!(template.with_admin().resolve(None).is_admin());
    }

    proptest! {
        /// Whatever somebody is called, they see no topic but those with their name as that segment.
        #[test]
        fn nobody_reaches_beyond_their_name(
            identity in "[a*/{}. \u{e9}]{0,4}",
            other in "[a/{}. \u{e9}]{1,6}",
        ) {
            let rights = subscribe(&["u/{identity}/x/**"]).resolve(Some(&identity));
            if let Ok(topic) = Topic::new(format!("u/{other}/x/y")) {
                let segments: Vec<_> = topic.segments().collect();
                let is_own = segments.len() >= 3 && segments[1] == identity && segments[2] == "x";
                prop_assert!(!rights.may_subscribe(&topic) || is_own);
            }
        }
    }
}
