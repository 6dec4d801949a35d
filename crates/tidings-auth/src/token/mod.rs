//! What a signed token says, read strictly (RFC 7515, 7519, 8725), before it is known whether to believe it.

mod claims;
mod header;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

pub(crate) use self::claims::{Claims, LEEWAY, MAX_NAME_BYTES};
pub(crate) use self::header::Header;
use crate::Denied;
use crate::json::{self, Fault};

/// The longest token. Headers of requests are limited to 16 KiB in all.
pub(crate) const MAX_BYTES: usize = 8 * 1024;

/// The parts of a token.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    /// What the signature is of.
    pub(crate) signed: &'a str,
    /// In base64url, unless somebody made it up.
    pub(crate) signature: &'a str,
}

impl<'a> Token<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Self, Denied> {
        if text.len() > MAX_BYTES {
            return Err(Denied::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Denied::NotAToken)?;
        let (header, claims) = signed.split_once('.').ok_or(Denied::NotAToken)?;
        Ok(Self {
            header: object(header)?,
            claims: object(claims)?,
            signed,
            signature,
        })
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Denied> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Denied::NotAToken)?;
    json::object(&bytes).map_err(|fault| match fault {
        Fault::NotAnObject => Denied::NotAToken,
        Fault::RepeatedKey => Denied::RepeatedKey,
    })
}
