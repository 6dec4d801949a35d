use std::fs;

use anyhow::Result;

/// The bytes that the system holds for one connection on loopback: unsent or unacknowledged on the one side, unread on the other.
///
/// # Errors
/// If the system does not tell.
pub(crate) fn queued_bytes(one: u16, other: u16) -> Result<u64> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    let mut bytes = 0;
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[_, local, remote, _, queues, ..] = fields.as_slice() else {
            continue;
        };
        let ports = (port(local), port(remote));
        if ports == (Some(one), Some(other)) || ports == (Some(other), Some(one)) {
            let halves = queues
                .split(':')
                .filter_map(|half| u64::from_str_radix(half, 16).ok());
            bytes += halves.sum::<u64>();
        }
    }
    Ok(bytes)
}

fn port(address: &str) -> Option<u16> {
    u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok()
}
