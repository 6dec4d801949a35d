use tidings_client::{NewExecution, PublishError};

use crate::script::{Server, answer};

#[tokio::test]
async fn an_execution_is_created_with_its_tasks() {
    let created = answer(
        "201 Created",
        "Content-Type: application/json\r\n",
        r#"{"id":"e","topic":"executions/e"}"#,
    );
    let mut server = Server::start([created]).await;
    let plan = NewExecution::new().id("e").title("A job").task("a", "A");
    let execution = server.client().create_execution(&plan).await.unwrap();
    assert_eq!(execution.topic, "executions/e");
    let request = server.request().await;
    assert_eq!(request.line, "POST /api/executions");
    assert_eq!(
        request.body,
        r#"{"id":"e","title":"A job","tasks":[{"id":"a","title":"A"}]}"#
    );
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused() {
    let mut server = Server::start([answer("409 Conflict", "", "")]).await;
    let refused = server.client().create_execution(&NewExecution::new()).await;
    assert!(matches!(refused, Err(PublishError::Refused(problem)) if problem.status == 409));
    assert_eq!(server.request().await.body, r#"{"tasks":[]}"#);
}
