use serde_json::{Map, Value};

use crate::{Algorithm, Denied};

/// Fields by which a token would choose its own key, or its own rules.
///
/// `crit` names extensions that must be understood (RFC 7515, section 4.1.11), and there is none that is.
const REFUSED: [&str; 5] = ["jwk", "jku", "x5u", "x5c", "crit"];

/// What a token says of how it is signed.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    pub(crate) algorithm: Algorithm,
    /// The name of the key.
    pub(crate) kid: Option<&'a str>,
}

impl<'a> Header<'a> {
    pub(crate) fn read(header: &'a Map<String, Value>) -> Result<Self, Denied> {
        if let Some(field) = REFUSED
            .into_iter()
            .find(|field| header.contains_key(*field))
        {
            return Err(Denied::Header { field });
        }
        // A token for another purpose by the same issuer says so here (RFC 8725, section 3.11).
        let kind = text(header, "typ")?.map(str::to_ascii_lowercase);
        if !matches!(
            kind.as_deref(),
            None | Some("jwt" | "at+jwt" | "application/at+jwt")
        ) {
            return Err(Denied::Header { field: "typ" });
        }
        let algorithm = text(header, "alg")?.ok_or(Denied::Header { field: "alg" })?;
        Ok(Self {
            algorithm: algorithm.parse().map_err(|_| Denied::UnknownAlgorithm)?,
            kid: text(header, "kid")?,
        })
    }
}

fn text<'a>(
    header: &'a Map<String, Value>,
    field: &'static str,
) -> Result<Option<&'a str>, Denied> {
    let text = |value: &'a Value| value.as_str().ok_or(Denied::Header { field });
    header.get(field).map(text).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read(text: &str) -> Result<(Algorithm, Option<String>), Denied> {
        let header = json::object(text.as_bytes()).unwrap();
        let header = Header::read(&header)?;
        Ok((header.algorithm, header.kid.map(str::to_owned)))
    }

    #[test]
    fn a_header_names_the_algorithm_and_perhaps_the_key() {
        let kid = Some("1".to_owned());
        let text = r#"{"typ":"JWT","alg":"RS256","kid":"1","x5t":"abc"}"#;
        assert_eq!(read(text), Ok((Algorithm::Rs256, kid)));
        assert_eq!(read(r#"{"alg":"HS256"}"#), Ok((Algorithm::Hs256, None)));
    }

    #[test]
    fn no_token_brings_its_own_key_or_rules() {
        for field in REFUSED {
            let text = format!(r#"{{"alg":"HS256","{field}":null}}"#);
            assert_eq!(read(&text), Err(Denied::Header { field }));
        }
    }

    #[test]
    fn wrong_types_and_purposes_are_refused() {
        let refused = |field, text| assert_eq!(read(text), Err(Denied::Header { field }), "{text}");
        refused("alg", r#"{"typ":"JWT"}"#);
        refused("alg", r#"{"alg":["HS256"]}"#);
        refused("kid", r#"{"alg":"HS256","kid":1}"#);
        refused("typ", r#"{"alg":"HS256","typ":null}"#);
        refused("typ", r#"{"alg":"HS256","typ":"logout+jwt"}"#);
    }
}
