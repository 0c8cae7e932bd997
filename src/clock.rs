//! The one place that reads the wall clock. Time enters everything else as an argument.

use jiff::Timestamp;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the shell's only reading of the wall clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
