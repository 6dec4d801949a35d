use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A failure below HTTP: no connection, a connection that broke, or an answer that did not come.
#[derive(Clone)]
pub struct TransportError {
    kind: Kind,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Connect,
    Timeout,
    Broken,
    Settings,
}

impl TransportError {
    /// No connection was made, so nothing was sent.
    pub fn connect(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Kind::Connect, Some(cause.into()))
    }

    /// The server was silent for too long.
    pub fn timeout() -> Self {
        Self::new(Kind::Timeout, None)
    }

    /// The connection broke, or what came was not HTTP.
    pub fn broken(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Kind::Broken, Some(cause.into()))
    }

    /// The request cannot be sent as it is, or the stack cannot be set up.
    pub fn settings(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Kind::Settings, Some(cause.into()))
    }

    fn new(kind: Kind, cause: Option<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind,
            cause: cause.map(Arc::from),
        }
    }

    /// Whether no connection was made, so that nothing was sent.
    pub fn is_connect(&self) -> bool {
        self.kind == Kind::Connect
    }

    /// Whether the request cannot be sent as it is, so that sending it again changes nothing.
    pub fn is_settings(&self) -> bool {
        self.kind == Kind::Settings
    }

    /// Whether the server was silent for too long.
    pub fn is_timeout(&self) -> bool {
        self.kind == Kind::Timeout
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Connect => "cannot connect",
            Kind::Timeout => "timed out",
            Kind::Broken => "the connection broke",
            Kind::Settings => "bad settings",
        })
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{:?}({cause:?})", self.kind),
            None => write!(f, "{:?}", self.kind),
        }
    }
}

impl Error for TransportError {
    /// The innermost cause: the layers between only forward.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let outermost: &(dyn Error + 'static) = self.cause.as_deref()?;
        std::iter::successors(Some(outermost), |&cause| cause.source()).last()
    }
}
