//! Which clients of a user have been active lately.

use std::time::Duration;

use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use tidings::Broker;
use tidings_http::{Live, Query, live};

use crate::user::no_member;
use crate::{Bounded, Store, User};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct Asked {
    pub(crate) team_id: Box<str>,
    #[serde(default)]
    limit: Bounded<1, 100, 20>,
    #[serde(default)]
    active_within_minutes: Bounded<1, 1440, 30>,
}

/// What is answered, the latest first.
#[derive(Debug, Serialize)]
struct Activities {
    activities: Vec<Activity>,
}

#[derive(Debug, Serialize)]
struct Activity {
    id: String,
    client_name: Option<String>,
    satellite: Satellite,
    last_activity_at: String,
    total_requests: i64,
    total_tool_calls: i64,
    user_agent: Option<String>,
    first_seen_at: String,
}

#[derive(Debug, Serialize)]
struct Satellite {
    id: String,
    name: String,
}

/// What viewers share.
pub(crate) type Key = (User, Query<Asked>);

/// Clients cease to be active without a word, so it is looked again while somebody looks.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

const SELECT: &str = "
    SELECT activity.id, client_name, satellites.id, satellites.name, last_activity_at, total_requests,
           total_tool_calls, user_agent, first_seen_at
    FROM activity JOIN satellites ON satellites.id = satellite
    WHERE user = ?1 AND team = ?2 AND last_activity_at >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?3 || ' minutes')
    ORDER BY last_activity_at DESC, activity.id
    LIMIT ?4
";

pub(crate) fn resource(store: &Store, viewers: &Broker) -> Live<Key> {
    let store = store.clone();
    let find = async move |user: User, Query(asked): Query<Asked>| {
        let found = store.run(move |rows| find(&user, &asked, rows)).await?;
        found.ok_or_else(no_member)
    };
    live("/api/users/me/mcp/client-activity", find)
        .named("client_activity")
        .every(LOOK_AGAIN)
        .broker(viewers)
}

/// What is there; `None` for a team that is not theirs.
fn find(user: &User, asked: &Asked, rows: &Connection) -> rusqlite::Result<Option<Activities>> {
    if !user.is_member(&asked.team_id, rows)? {
        return Ok(None);
    }
    let ago = -i64::from(asked.active_within_minutes.get());
    let mut select = rows.prepare_cached(SELECT)?;
    let wanted = (user.name(), &*asked.team_id, ago, asked.limit.get());
    let activities = select.query_map(wanted, activity)?;
    let activities = activities.collect::<Result<_, _>>()?;
    Ok(Some(Activities { activities }))
}

fn activity(row: &Row<'_>) -> rusqlite::Result<Activity> {
    Ok(Activity {
        id: row.get(0)?,
        client_name: row.get(1)?,
        satellite: Satellite {
            id: row.get(2)?,
            name: row.get(3)?,
        },
        last_activity_at: row.get(4)?,
        total_requests: row.get(5)?,
        total_tool_calls: row.get(6)?,
        user_agent: row.get(7)?,
        first_seen_at: row.get(8)?,
    })
}
