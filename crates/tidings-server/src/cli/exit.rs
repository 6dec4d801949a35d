//! Exit codes.

use std::process::ExitCode;

use nix::sys::signal::Signal;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked to do: 0.
    Success,
    /// It did not: 1.
    Failure,
    /// It was asked for something that makes no sense: 2.
    Usage,
    /// It was interrupted with Ctrl-C: 130, as a shell would say.
    Interrupted,
    /// The code of the command that was run, or of the execution that was watched.
    Of(u8),
}

impl Exit {
    /// As a shell would say of a command that was ended by this signal.
    pub(crate) fn of_signal(signal: Signal) -> Self {
        Self::Of(u8::try_from(128 + signal as i32).unwrap_or(1))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Interrupted => 130,
            Exit::Of(code) => code,
        })
    }
}
