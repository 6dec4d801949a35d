//! An application that is asked, over real sockets.

use std::time::Duration;

use tidings::Selector;
use tidings_auth::{
    Answer, AnswerError, Authorizer, AuthorizerUrl, Credential, Grant, Question, Rights, Unanswered,
};

use crate::fixture::NOW;
use crate::script::{Reply, Server};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn authorizer(server: &Server) -> Authorizer {
    let url = AuthorizerUrl::new(&format!("http://{}/access?app=1", server.address)).unwrap();
    Authorizer::new(url, SECRET.parse().unwrap(), Duration::from_secs(2)).unwrap()
}

async fn ask(server: &Server) -> Result<Answer, Unanswered> {
    let grant = Grant {
        identity: Some("7".into()),
        credential: Credential::Key {
            id: "abcdefgh".into(),
        },
        ..Grant::anonymous(Rights::default())
    };
    let question = Question::about(&grant).unwrap();
    authorizer(server).ask(&question, NOW).await
}

#[tokio::test]
async fn a_question_is_answered() {
    let answer = r#"{"allow":true,"subscribe":["users/{identity}/**"]}"#;
    let server = Server::start(Reply::Body(answer.to_owned())).await;
    let answer = ask(&server).await.unwrap();
    let visitor = Grant {
        identity: Some("7".into()),
        ..Grant::anonymous(Rights::default())
    };
    let grant = answer.apply(&visitor).unwrap();
    let selector = Selector::new("users/7/**").unwrap();
    assert_eq!(*grant.rights, Rights::new([], [selector]));
}

#[tokio::test]
async fn an_answer_of_another_status_is_none() {
    for status in ["204 No Content", "201 Created", "403 Forbidden", "500 Oops"] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 14\r\n\r\n{{\"allow\":true}}");
        let server = Server::start(Reply::Raw(answer)).await;
        let code: u16 = status[..3].parse().unwrap();
        assert!(
            matches!(ask(&server).await, Err(Unanswered::Status(told)) if told == code),
            "{status}"
        );
    }
}

#[tokio::test]
async fn an_application_that_points_elsewhere_is_not_followed() {
    let target = Server::start(Reply::Body(r#"{"allow":true}"#.to_owned())).await;
    for status in ["302 Found", "307 Temporary Redirect"] {
        let answer = format!(
            "HTTP/1.1 {status}\r\nLocation: http://{}/access\r\nContent-Length: 0\r\n\r\n",
            target.address
        );
        let server = Server::start(Reply::Raw(answer)).await;
        assert!(matches!(
            ask(&server).await,
            Err(Unanswered::Status(302 | 307))
        ));
        assert_eq!((server.accepted(), target.accepted()), (1, 0));
    }
}

#[tokio::test]
async fn what_is_larger_than_any_answer_is_cut() {
    let server = Server::start(Reply::Endless).await;
    assert!(matches!(ask(&server).await, Err(Unanswered::TooLarge)));
    assert!(server.sent() < 32 * 1024 * 1024, "{}", server.sent());
    let padded = format!("{{\"allow\":true}}{}", " ".repeat(64 * 1024));
    let server = Server::start(Reply::Body(padded)).await;
    assert!(matches!(ask(&server).await, Err(Unanswered::TooLarge)));
}

#[tokio::test]
async fn what_is_compressed_is_not_unpacked() {
    let packed: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\x56\x4a\xcc\xc9\xc9\x2f\x57\xb2\x2a\x29\x2a\x4d\xad\x05\x00\xf5\x03\xc0\xf4\x0e\x00\x00\x00";
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    let server = Server::start(Reply::Bytes([head.as_bytes(), packed].concat())).await;
    assert!(matches!(
        ask(&server).await,
        Err(Unanswered::NotAnAnswer(AnswerError::NotAnObject))
    ));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"allow\":true}";
    let server = Server::start(Reply::Raw(half.to_owned())).await;
    assert!(matches!(ask(&server).await, Err(Unanswered::Silent(_))));
}

#[tokio::test(start_paused = true)]
async fn an_application_that_says_nothing_is_given_up() {
    let server = Server::start(Reply::Silence).await;
    assert!(matches!(ask(&server).await, Err(Unanswered::Silent(_))));
}

#[tokio::test]
async fn nothing_that_is_told_has_the_secret_or_the_url() {
    let gone = Server::start(Reply::Silence).await.address.clone();
    let url = AuthorizerUrl::new(&format!("http://{gone}/access?app=hidden")).unwrap();
    let authorizer = Authorizer::new(url, SECRET.parse().unwrap(), Duration::from_secs(2)).unwrap();
    let grant = Grant {
        credential: Credential::Key {
            id: "abcdefgh".into(),
        },
        ..Grant::everything()
    };
    let question = Question::about(&grant).unwrap();
    let error = authorizer.ask(&question, NOW).await.unwrap_err();
    let mut told = format!(
        "{error:?} {:?}",
        AuthorizerUrl::new("http://a:b@localhost/")
    );
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        told += &error.to_string();
        cause = error.source();
    }
    assert!(
        !told.contains("hidden") && !told.contains("whsec"),
        "{told}"
    );
}
