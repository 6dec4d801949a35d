//! Making a run known before it begins.

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::PublishError;

/// An execution that is to begin: what a hub tells of it from the first moment on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewExecution {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    tasks: Vec<NewTask>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct NewTask {
    id: String,
    title: String,
}

/// An execution that has been created. Its events are published on its topic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Execution {
    /// Its id.
    pub id: String,
    /// Where its events go.
    pub topic: String,
}

impl NewExecution {
    /// An execution for which the hub draws an id.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has this id, which must not be taken: 1 to 128 of `A-Z a-z 0-9 . _ -`.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Is called this.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Has this task, after those that were named before. At most 1,000.
    #[must_use]
    pub fn task(mut self, id: impl Into<String>, title: impl Into<String>) -> Self {
        self.tasks.push(NewTask {
            id: id.into(),
            title: title.into(),
        });
        self
    }
}

impl Client {
    /// Creates an execution. Its events are then published like any others.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tidings_client::{Client, NewEvent, NewExecution};
    ///
    /// let client = Client::builder("http://127.0.0.1:8434").build()?;
    /// let plan = NewExecution::new().title("Backup").task("copy", "Copy the files");
    /// let backup = client.create_execution(&plan).await?;
    /// let started = NewEvent::new(r#"{"taskId":"copy"}"#).event("task-start");
    /// client.publish(&backup.topic, started).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`PublishError`]. An id that is taken is refused with the status 409; after an attempt
    /// whose outcome is unknown, it may be this very execution that has it.
    pub async fn create_execution(
        &self,
        execution: &NewExecution,
    ) -> Result<Execution, PublishError> {
        let body = serde_json::to_vec(execution).expect("texts are written into memory");
        let request = self.post(self.endpoint("api/executions"), "application/json", body);
        self.deliver(&request).await
    }
}
