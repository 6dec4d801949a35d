//! How many files this process may have open: each stream is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::cli::hub::usage_error;
use crate::cli::notice;

/// For everything that is not a stream.
const OTHERS: u64 = 64;

/// Makes sure that so many streams can be open at a time.
pub(super) fn allow(readers: u32) -> anyhow::Result<()> {
    let needed = u64::from(readers) + OTHERS;
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if now >= needed {
        return Ok(());
    }
    if most < needed {
        let fit = most.saturating_sub(OTHERS);
        return Err(usage_error(format_args!(
            "--readers {readers} takes {needed} open files, and this process may have {most} \
             (`ulimit -Hn`): at most {fit} readers"
        )));
    }
    setrlimit(Resource::RLIMIT_NOFILE, needed, most)?;
    notice(format_args!(
        "raised the limit of open files from {now} to {needed}"
    ));
    Ok(())
}
