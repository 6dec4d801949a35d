//! What the kernel is to do for the sockets of connections.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// How long a peer may leave our bytes or our probes unacknowledged.
const VANISHED_AFTER: Duration = Duration::from_secs(30);

/// Unsent bytes beyond which the kernel takes no more, so that a reader that stopped shows as
/// such here instead of after the megabytes that a send buffer grows to.
const UNSENT_BYTES: u32 = 16 * 1024;

/// Sets the options of a connection, or of a listener: on Linux its connections inherit them, which spares each of them
/// seven system calls.
///
/// # Errors
/// If the system refuses one of them, as for a connection that its peer has reset already.
pub(super) fn tune<'a>(socket: impl Into<SockRef<'a>>, write_timeout: Duration) -> io::Result<()> {
    let socket = socket.into();
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(VANISHED_AFTER / 2)
            .with_interval(VANISHED_AFTER / 6)
            .with_retries(3),
    )?;
    #[cfg(target_os = "linux")]
    {
        // The kernel counts a peer that acknowledges but makes no room as vanished too.
        socket.set_tcp_user_timeout(Some(VANISHED_AFTER.max(write_timeout)))?;
        socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
    }
    // Without it the second of two small events waits for the peer's delayed acknowledgement. It comes last: it tells that
    // the others are set.
    socket.set_tcp_nodelay(true)
}

/// Whether the options have been set.
pub(super) fn is_tuned<'a>(socket: impl Into<SockRef<'a>>) -> bool {
    socket.into().tcp_nodelay().unwrap_or(false)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn connections_inherit_every_option() {
        let write_timeout = VANISHED_AFTER * 2;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        tune(&listener, write_timeout).unwrap();
        let _peer = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (accepted, _) = listener.accept().await.unwrap();
        assert!(is_tuned(&accepted));

        let accepted = SockRef::from(&accepted);
        assert!(accepted.keepalive().unwrap());
        assert_eq!(accepted.tcp_keepalive_time().unwrap(), VANISHED_AFTER / 2);
        assert_eq!(
            accepted.tcp_keepalive_interval().unwrap(),
            VANISHED_AFTER / 6
        );
        assert_eq!(accepted.tcp_keepalive_retries().unwrap(), 3);
        assert_eq!(accepted.tcp_user_timeout().unwrap(), Some(write_timeout));
        assert_eq!(accepted.tcp_notsent_lowat().unwrap(), UNSENT_BYTES);
    }
}
