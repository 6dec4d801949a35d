//! Credentials that are taken back before their time.

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use tidings::rfc3339;
use tidings_auth::{Revocation, Revoked, explain};
use tidings_http::Problem;

use crate::api::Kind;
use crate::api::access::{Admin, Caller};
use crate::api::body::expect_media_type;
use crate::api::events::text;
use crate::api::hub::Hub;
use crate::api::object::{self, Fault};
use crate::api::parameters::{Parameters, bad};
use crate::wall_clock::now;

/// Bytes of a request.
const BYTES: usize = 16 << 10;

/// Bytes of a name that is revoked.
const NAME_BYTES: usize = 256;

#[derive(Debug, Serialize)]
struct Entry {
    #[serde(flatten)]
    what: Revoked,
    /// When the last token that it is about has expired anyway; for a key never.
    until: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    revocations: Vec<Entry>,
}

#[derive(Debug, Serialize)]
pub(super) struct Done {
    #[serde(flatten)]
    entry: Entry,
    /// How many streams ended.
    streams: usize,
}

/// `GET /api/revocations`
pub(super) async fn list(State(hub): State<Hub>, _: Admin) -> Json<List> {
    let revocations = hub.revocations().into_iter().map(Entry::of).collect();
    Json(List { revocations })
}

/// `POST /api/revocations`
pub(super) async fn revoke(
    State(hub): State<Hub>,
    _: Admin,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Done>, Problem> {
    expect_media_type(&headers, "application/json")?;
    let body = caller.receive(&hub, body, BYTES).await?;
    let what = read(&body.bytes).map_err(Fault::of_body)?;
    let (revocation, streams) = hub.revoke(what).await?;
    let entry = Entry::of(revocation);
    Ok(Json(Done { entry, streams }))
}

/// `DELETE /api/revocations`
pub(super) async fn lift(
    State(hub): State<Hub>,
    _: Admin,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    if hub.lift(lifted(&parameters)?).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Kind::NotFound.because("this is not revoked"))
}

fn read(body: &[u8]) -> Result<Revoked, Fault> {
    let names = ["jti", "identity", "key"];
    let fields = object::fields(body, names)?;
    let mut given = Vec::new();
    for (name, value) in names.into_iter().zip(fields) {
        given.extend(name_of(name, value)?.map(|text| (name, text)));
    }
    match given.len() {
        1 => {}
        0 => return Err(Fault::at("jti", "is missing, or one of identity and key")),
        _ => return Err(Fault::at(given[1].0, "cannot stand beside another")),
    }
    let (name, text) = given.remove(0);
    let is_of_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    // What is secret itself would revoke nothing, and be written down.
    let secret = match name {
        "jti" if explain(&text, now()).is_ok() => Some("must be the id of a token, not the token"),
        "key" if !text.bytes().all(is_of_id) => {
            Some("must be the id of an API key, lower-case letters and digits, not the key")
        }
        _ => None,
    };
    if let Some(detail) = secret {
        return Err(Fault::at(name, detail));
    }
    Ok(match name {
        "jti" => Revoked::Jti(text),
        "identity" => Revoked::Identity(text),
        _ => Revoked::Key(text),
    })
}

fn name_of(field: &'static str, value: Option<&RawValue>) -> Result<Option<String>, Fault> {
    let name = text(field, value.filter(|value| value.get() != "null"))?;
    match name {
        Some(name) if !(1..=NAME_BYTES).contains(&name.len()) => {
            let detail = format!("must have 1 to {NAME_BYTES} bytes");
            Err(Fault::at(field, detail))
        }
        name => Ok(name),
    }
}

/// What a query says is to be allowed again.
fn lifted(parameters: &Parameters) -> Result<Revoked, Problem> {
    let text = |name| parameters.one(name, |text| Ok::<_, Infallible>(text.to_owned()));
    let given = [
        text("jti")?.map(Revoked::Jti),
        text("identity")?.map(Revoked::Identity),
        text("key")?.map(Revoked::Key),
    ];
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(what), None) => Ok(what),
        (None, _) => Err(bad("jti", "is missing, or one of identity and key")),
        (Some(_), Some(_)) => Err(bad("jti", "cannot stand beside identity or key")),
    }
}

impl Entry {
    fn of(revocation: Revocation) -> Self {
        Self {
            what: revocation.what,
            until: revocation.until.map(rfc3339),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_revoked_at_a_time() {
        let key = Revoked::Key("a1".to_owned());
        assert_eq!(read(br#"{"key":"a1","jti":null}"#), Ok(key));
        for (body, field) in [
            ("{}", "jti"),
            (r#"{"jti":"a","identity":"b"}"#, "identity"),
            (r#"{"key":7}"#, "key"),
            (r#"{"key":"tdk_k3v9x1m7_secret"}"#, "key"),
            (
                r#"{"jti":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.AAAA"}"#,
                "jti",
            ),
            (r#"{"identity":""}"#, "identity"),
            (r#"{"sub":"a"}"#, "sub"),
        ] {
            let fault = read(body.as_bytes()).unwrap_err();
            assert_eq!(fault.field.as_deref(), Some(field), "{body}");
        }
    }
}
