//! How requests come.

/// How a request has come, if not simply to the server: it is among the extensions of requests over TLS, and of those that
/// [trusted proxies](super::TrustedProxies) pass on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// The client speaks HTTPS, with the server or with the proxy in front of it.
    pub is_https: bool,

    /// The name by which the client has reached the proxy, if the proxy tells it. It need not be a name of the server: who may
    /// choose its own `Host` may choose this one.
    pub host: Option<String>,
}
