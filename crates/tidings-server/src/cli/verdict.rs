//! What an event says about how a watched job went.

use serde_json::Value;

use crate::cli::exit::Exit;

/// The exit of a subscription that ended with this event.
///
/// An `exit_code` in the data decides; else the end of the event's name does.
pub(crate) fn exit(event: &str, data: &str) -> Exit {
    if let Some(code) = exit_code(data) {
        // A code that no process can have is still a failure.
        return Exit::Of(u8::try_from(code).unwrap_or(1));
    }
    if event.ends_with("-failed") || event.ends_with("-cancelled") {
        return Exit::Failure;
    }
    Exit::Success
}

fn exit_code(data: &str) -> Option<i64> {
    let data: Value = serde_json::from_str(data).ok()?;
    data.get("exit_code")?.as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_of_the_data_decides() {
        assert_eq!(exit("execution-failed", r#"{"exit_code":7}"#), Exit::Of(7));
        assert_eq!(exit("job-failed", r#"{"exit_code":0}"#), Exit::Of(0));
        assert_eq!(exit("job-complete", r#"{"exit_code":-1}"#), Exit::Of(1));
        assert_eq!(exit("job-complete", r#"{"exit_code":256}"#), Exit::Of(1));
    }

    #[test]
    fn without_one_the_name_decides() {
        assert_eq!(exit("execution-complete", "{}"), Exit::Success);
        assert_eq!(exit("execution-failed", "boom"), Exit::Failure);
        assert_eq!(
            exit("execution-cancelled", r#"{"exit_code":null}"#),
            Exit::Failure
        );
        assert_eq!(exit("message", ""), Exit::Success);
        assert_eq!(exit("failed", "[]"), Exit::Success);
    }
}
