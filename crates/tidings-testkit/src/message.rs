use std::fmt;

use serde_json::Value;

/// A request as it will stand on the wire.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A request with any method; `target` is written as it is.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A `GET` request.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A `POST` request with a body and no content type.
    #[must_use]
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).body(body)
    }

    /// A `DELETE` request.
    #[must_use]
    pub fn delete(target: &str) -> Self {
        Self::new("DELETE", target)
    }

    /// Adds a header. `Host` and `Content-Length` are written unless they are given here.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Whether the answer has no body by its very method.
    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// The bytes to write to a server that is called `host`.
    #[must_use]
    pub fn to_bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.has("host") {
            head += &format!("Host: {host}\r\n");
        }
        let takes_body = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        if (takes_body || !self.body.is_empty()) && !self.has("content-length") {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    fn has(&self, name: &str) -> bool {
        let mut names = self.headers.iter().map(|(name, _)| name);
        names.any(|given| given.eq_ignore_ascii_case(name))
    }
}

/// The status line and the headers of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The headers in the order they came, names as written.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The media type without its parameters, in lower case; empty when there is none.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or("");
        let essence = value.split(';').next().unwrap_or("");
        essence.trim().to_ascii_lowercase()
    }
}

/// A whole answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Status and headers.
    pub head: Head,
    /// The body without its transfer framing.
    pub body: Vec<u8>,
}

impl Response {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of a successful answer as JSON.
    ///
    /// # Panics
    ///
    /// When the status is not 2xx or the body is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert!(self.status() / 100 == 2, "not a success: {self:?}");
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in {self:?}"),
        }
    }

    /// The problem (RFC 9457) that this answer reports with `status`.
    ///
    /// # Panics
    ///
    /// When the status is another one, or the body is not an `application/problem+json` object
    /// whose `status` member, if present, says the same.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status(), status, "{self:?}");
        assert_eq!(
            self.head.media_type(),
            "application/problem+json",
            "{self:?}"
        );
        let problem: Value = match serde_json::from_slice(&self.body) {
            Ok(problem) => problem,
            Err(error) => panic!("{error} in {self:?}"),
        };
        assert!(
            problem["type"].is_string(),
            "a problem has a type: {self:?}"
        );
        let said = problem["status"].as_u64().unwrap_or_else(|| status.into());
        assert_eq!(said, u64::from(status), "{self:?}");
        problem
    }

    /// Asserts that this answer is a problem with `status` which names `field`.
    ///
    /// # Panics
    ///
    /// When it is something else or no member but `instance` mentions the field.
    #[track_caller]
    pub fn assert_names(&self, status: u16, field: &str) {
        let mut problem = self.problem(status);
        if let Some(members) = problem.as_object_mut() {
            members.remove("instance");
        }
        let said = problem.to_string();
        assert!(said.contains(field), "{field} is not named: {said}");
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.head.status)
            .field("headers", &self.head.headers)
            .field("body", &self.text())
            .finish()
    }
}
