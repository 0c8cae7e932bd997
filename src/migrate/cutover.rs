//! How to move traffic.

use super::Migration;

/// The steps.
pub fn guide(_migration: &Migration, _is_dry_run: bool) -> String {
    String::new()
}
