//! What stands behind targets: pods and nodes.

use crate::targets::endpoints::Backing;
use crate::targets::last_targets::BackingState;
use std::collections::BTreeMap;

/// What stands behind targets, by their ids.
pub(super) type Backings = BTreeMap<Box<str>, TargetBacking>;

/// What stands behind a target.
pub(super) struct TargetBacking {
    /// How it is with it.
    pub(super) standing: BackingState,
    /// Whether it is what was registered, and nothing younger.
    pub(super) is_sure: bool,
    pub(super) backing: Backing,
}
