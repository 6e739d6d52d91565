//! How a command ends, for scripts.

use std::process::ExitCode;

/// The exit codes of every command; they are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: all is well.
    Ok = 0,
    /// 1: anything that has no code of its own.
    Other = 1,
    /// 2: the command line cannot be followed.
    Usage = 2,
    /// 3: some rows landed and some were refused.
    RowsRefused = 3,
    /// 4: nothing landed, because of what was sent.
    NothingLanded = 4,
    /// 5: the token is missing, unknown, or does not cover this.
    Denied = 5,
    /// 6: the hub cannot be reached or is overloaded; trying again is safe.
    Unavailable = 6,
    /// 7: the submission's id was used for other content.
    Conflict = 7,
    /// 130: interrupted from the keyboard, as shells say it; trying again is safe.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
