use std::time::Duration;

use rusqlite::params;
use tidings_http::{Handle, Path, Problem, Query};
use tokio::time::sleep;

use crate::{Level, Store, activity, logs};

/// Writes what users' clients do and what installations log, and says what has changed.
#[derive(Clone, Debug)]
pub struct Satellite {
    store: Store,
    activity: Handle<activity::Key>,
    logs: Handle<logs::Key>,
}

/// The time of the database, as it is stored and answered.
const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

impl Satellite {
    pub(crate) fn new(
        store: Store,
        activity: Handle<activity::Key>,
        logs: Handle<logs::Key>,
    ) -> Self {
        Self {
            store,
            activity,
            logs,
        }
    }

    /// A client of a user has sent a request.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn request(&self, user: &str, team: &str, client: &str) -> Result<(), Problem> {
        let written = (user.to_owned(), team.to_owned(), client.to_owned());
        let upsert = format!(
            "INSERT INTO activity VALUES (?1 || '-' || ?2 || '-' || ?3, ?1, ?2, 's1', ?3, NULL, 1, 0, {NOW}, {NOW})
             ON CONFLICT (id) DO UPDATE SET total_requests = total_requests + 1, last_activity_at = {NOW}"
        );
        let write = self.store.run(move |rows| rows.execute(&upsert, written));
        write.await?;
        let is_affected =
            |(who, Query(asked)): &activity::Key| who.name() == user && *asked.team_id == *team;
        self.activity.invalidate_if(is_affected);
        Ok(())
    }

    /// An installation logs lines, all at the same moment.
    ///
    /// # Errors
    /// If they could not be written; none is then.
    pub async fn log(
        &self,
        installation: &str,
        lines: Vec<(Level, String)>,
    ) -> Result<(), Problem> {
        let of = installation.to_owned();
        let insert = "INSERT INTO logs (installation, level, message, metadata, created_at)
                      VALUES (?, ?, ?, ?, ?)";
        let write = self.store.run(move |rows| {
            let rows = rows.transaction()?;
            let now = format!("SELECT {NOW}");
            let now: String = rows.query_row(&now, [], |row| row.get(0))?;
            for (level, message) in lines {
                let metadata = format!(r#"{{"length":{}}}"#, message.len());
                rows.prepare_cached(insert)?.execute(params![
                    of,
                    level.name(),
                    message,
                    metadata,
                    now
                ])?;
            }
            rows.commit()
        });
        write.await?;
        let is_affected = |(_, Path(place), _): &logs::Key| *place.installation == *installation;
        self.logs.invalidate_if(is_affected);
        Ok(())
    }

    /// A user leaves a team.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn leave(&self, user: &str, team: &str) -> Result<(), Problem> {
        let written = [user.to_owned(), team.to_owned()];
        let delete = "DELETE FROM members WHERE user = ? AND team = ?";
        self.store
            .run(move |rows| rows.execute(delete, written))
            .await?;
        self.activity.invalidate_if(|(who, _)| who.name() == user);
        self.logs.invalidate_if(|(who, ..)| who.name() == user);
        Ok(())
    }

    /// How many distinct streams are looked at, of activity and of logs.
    pub fn views(&self) -> (usize, usize) {
        (self.activity.views(), self.logs.views())
    }

    /// Goes on writing, as a satellite with a few users would, until something cannot be written.
    pub async fn simulate(&self) -> Problem {
        let clients = ["editor", "terminal", "notebook"];
        let levels = [
            Level::Debug,
            Level::Info,
            Level::Info,
            Level::Warn,
            Level::Error,
        ];
        loop {
            let user = ["ann", "bob"][fastrand::usize(..2)];
            let client = clients[fastrand::usize(..clients.len())];
            let lines = (0..fastrand::usize(1..4)).map(|_| {
                let level = levels[fastrand::usize(..levels.len())];
                (
                    level,
                    format!("{client} asked for {} things", fastrand::u8(..)),
                )
            });
            let written = async {
                self.request(user, "123", client).await?;
                self.log("i1", lines.collect()).await
            };
            if let Err(problem) = written.await {
                return problem;
            }
            sleep(Duration::from_millis(fastrand::u64(200..3_000))).await;
        }
    }
}
