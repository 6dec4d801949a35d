use axum::extract::FromRequestParts;
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use rusqlite::{Connection, OptionalExtension};
use tidings_http::Problem;

use crate::Store;

/// Who asks, by a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User(String);

impl FromRequestParts<Store> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, store: &Store) -> Result<Self, Problem> {
        let unknown = |detail| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        let token = token(parts).ok_or_else(|| unknown("there are no credentials"))?;
        let find = "SELECT user FROM tokens WHERE token = ?";
        let found =
            store.run(move |rows| rows.query_row(find, [token], |row| row.get(0)).optional());
        let user = found.await?;
        user.map(Self)
            .ok_or_else(|| unknown("the credentials are not known"))
    }
}

impl User {
    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether they belong to a team.
    pub(crate) fn is_member(&self, team: &str, rows: &Connection) -> rusqlite::Result<bool> {
        let mut find = rows.prepare_cached("SELECT 1 FROM members WHERE user = ? AND team = ?")?;
        find.exists([&self.0, team])
    }
}

/// What somebody is told who does not belong to the team.
pub(crate) fn no_member() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        "you do not belong to this team",
    )
}

/// The first token there is: as a bearer, an API key, a cookie, or in the query, for those who can set no headers.
fn token(parts: &Parts) -> Option<String> {
    let headers = &parts.headers;
    let bearer = || {
        text(headers, &AUTHORIZATION)?
            .strip_prefix("Bearer ")
            .map(str::to_owned)
    };
    let key = || text(headers, &HeaderName::from_static("x-api-key")).map(str::to_owned);
    let cookie = || {
        let mut cookies = text(headers, &COOKIE)?.split(';');
        cookies
            .find_map(|cookie| cookie.trim().strip_prefix("session="))
            .map(str::to_owned)
    };
    let query = || {
        let query = parts.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let (_, token) = pairs.find(|(name, _)| name == "access_token")?;
        Some(token.into_owned())
    };
    bearer().or_else(key).or_else(cookie).or_else(query)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
