use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use rusqlite::Connection;
use tidings_http::Problem;
use tokio::task::spawn_blocking;

/// The database. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Store(Arc<Mutex<Connection>>);

const SCHEMA: &str = "
    CREATE TABLE members (user TEXT NOT NULL, team TEXT NOT NULL, PRIMARY KEY (user, team));
    CREATE TABLE tokens (token TEXT PRIMARY KEY, user TEXT NOT NULL);
    CREATE TABLE satellites (id TEXT PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE installations (id TEXT PRIMARY KEY, team TEXT NOT NULL);
    CREATE TABLE activity (
        id TEXT PRIMARY KEY, user TEXT NOT NULL, team TEXT NOT NULL, satellite TEXT NOT NULL REFERENCES satellites,
        client_name TEXT, user_agent TEXT, total_requests INTEGER NOT NULL, total_tool_calls INTEGER NOT NULL,
        first_seen_at TEXT NOT NULL, last_activity_at TEXT NOT NULL
    );
    -- Never the same number twice, and higher ones later: what readers have seen is told by it.
    CREATE TABLE logs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, installation TEXT NOT NULL REFERENCES installations,
        level TEXT NOT NULL, message TEXT NOT NULL, metadata TEXT, created_at TEXT NOT NULL
    );
    CREATE INDEX activity_of ON activity (user, team, last_activity_at);
    CREATE INDEX logs_of ON logs (installation, id);
    INSERT INTO members VALUES ('ann', '123'), ('ann', '7'), ('bob', '123');
    INSERT INTO tokens VALUES ('ann', 'ann'), ('bob', 'bob');
    INSERT INTO satellites VALUES ('s1', 'eu-1'), ('s2', 'us-1');
    INSERT INTO installations VALUES ('i1', '123'), ('i2', '123'), ('i7', '7');
";

impl Store {
    /// A new database in memory, with two users and nothing that they have done.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn open_in_memory() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Works on the database, on a thread where that may take its time. No other work comes between.
    ///
    /// # Errors
    /// 503 if the work fails.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = self.clone();
        let done = spawn_blocking(move || {
            // What panicked has been rolled back.
            work(&mut store.0.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let failed =
            |detail: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store-failed", detail);
        match done.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(failed(&error.to_string())),
            Err(_) => Err(failed("the database could not be asked")),
        }
    }
}
