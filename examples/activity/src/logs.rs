//! What an installation logs.

use http::StatusCode;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidings::Broker;
use tidings_http::{Live, Page, Path, Problem, Query, live_list};

use crate::user::no_member;
use crate::{Bounded, Store, User};

/// How serious a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they say what they are")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Which installation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct Place {
    team: Box<str>,
    pub(crate) installation: Box<str>,
}

/// Which lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    level: Option<Level>,
    #[serde(default)]
    limit: Bounded<1, 100, 50>,
}

#[derive(Debug, Serialize)]
struct Line {
    id: i64,
    level: String,
    message: String,
    metadata: Option<Box<RawValue>>,
    created_at: String,
}

/// What viewers share.
pub(crate) type Key = (User, Path<Place>, Query<Asked>);

/// What was asked and cannot be answered.
enum Refused {
    Foreign,
    Unknown,
}

const NEWEST: &str = "
    SELECT id, level, message, metadata, created_at FROM logs
    WHERE installation = ?1 AND (?2 IS NULL OR level = ?2) ORDER BY id DESC LIMIT ?3
";

const AFTER: &str = "
    SELECT id, level, message, metadata, created_at FROM logs
    WHERE installation = ?1 AND (?2 IS NULL OR level = ?2) AND id > ?4 ORDER BY id LIMIT ?3
";

/// How many lines are read at a time.
const PAGE: u32 = 200;

pub(crate) fn resource(store: &Store, viewers: &Broker) -> Live<Key> {
    let store = store.clone();
    let find = async move |user: User,
                           Path(place): Path<Place>,
                           Query(asked): Query<Asked>,
                           after: Option<i64>| {
        let found = store.run(move |rows| find(&user, &place, &asked, after, rows));
        found.await?.map_err(|refused| match refused {
            Refused::Foreign => no_member(),
            Refused::Unknown => {
                let detail = "there is no such installation";
                Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
            }
        })
    };
    let path = "/api/teams/{team}/mcp/installations/{installation}/logs";
    live_list(path, "log", find).broker(viewers)
}

fn find(
    user: &User,
    place: &Place,
    asked: &Asked,
    after: Option<i64>,
    rows: &Connection,
) -> rusqlite::Result<Result<Page<Line, i64>, Refused>> {
    if !user.is_member(&place.team, rows)? {
        return Ok(Err(Refused::Foreign));
    }
    let team = "SELECT team FROM installations WHERE id = ?";
    let team: Option<Box<str>> = rows
        .query_row(team, [&place.installation], |row| row.get(0))
        .optional()?;
    if team.as_ref() != Some(&place.team) {
        return Ok(Err(Refused::Unknown));
    }
    let level = asked.level.map(Level::name);
    let lines = match after {
        None => {
            let wanted = (&*place.installation, level, asked.limit.get());
            let mut select = rows.prepare_cached(NEWEST)?;
            select.query_map(wanted, line)?.collect::<Result<_, _>>()?
        }
        Some(after) => {
            let wanted = (&*place.installation, level, PAGE, after);
            let mut select = rows.prepare_cached(AFTER)?;
            select.query_map(wanted, line)?.collect::<Result<_, _>>()?
        }
    };
    Ok(Ok(Page {
        items: lines,
        cursor: after.unwrap_or(0),
    }))
}

fn line(row: &Row<'_>) -> rusqlite::Result<(i64, Line)> {
    let metadata: Option<String> = row.get(3)?;
    let id = row.get(0)?;
    Ok((
        id,
        Line {
            id,
            level: row.get(1)?,
            message: row.get(2)?,
            metadata: metadata.and_then(|json| RawValue::from_string(json).ok()),
            created_at: row.get(4)?,
        },
    ))
}

impl Level {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}
