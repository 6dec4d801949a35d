use tidings_auth::{MAX_SELECTORS, RightsTemplate, TemplateError};

use crate::settings::given::Given;
use crate::settings::value;

/// What an issuer's tokens or an API key give the right to; `{identity}` stands for who comes with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RightsSettings {
    /// `publish`: where.
    pub(crate) publish: Vec<String>,
    /// `subscribe`: to what.
    pub(crate) subscribe: Vec<String>,
    /// `admin`: whether to administer the hub, or the namespace.
    pub(crate) is_admin: bool,
}

impl RightsSettings {
    /// What keys can give.
    pub(super) fn read_with_admin(given: &mut Given) -> Self {
        Self {
            is_admin: given.read("admin", value::flag, false),
            ..Self::read(given)
        }
    }

    /// What tokens can give that do not say: no admin is made by saying nothing.
    pub(super) fn read(given: &mut Given) -> Self {
        let publish = given.read("publish", templates, Vec::new());
        let subscribe = given.read("subscribe", templates, Vec::new());
        Self {
            publish,
            subscribe,
            is_admin: false,
        }
    }

    pub(super) fn template(&self) -> RightsTemplate {
        let template = RightsTemplate::new(&self.publish, &self.subscribe);
        let template = template.expect("it was tried when it was read");
        if self.is_admin {
            template.with_admin()
        } else {
            template
        }
    }
}

fn templates(value: &toml::Value) -> Result<Vec<String>, String> {
    let texts = value::list(|text| Ok(text.to_owned()))(value)?;
    // The setting is named already; the list is not the one that the error names.
    match RightsTemplate::new(&texts, [""; 0]) {
        Ok(_) => Ok(texts),
        Err(TemplateError::NotASelector { index, source, .. }) => {
            Err(format!("{:?}: {source}", texts[index]))
        }
        Err(TemplateError::PartialPlaceholder { index, .. }) => {
            let text = &texts[index];
            Err(format!(
                "{text:?}: must have {{identity}} as a whole segment"
            ))
        }
        Err(_) => Err(format!("must not have more than {MAX_SELECTORS} entries")),
    }
}
