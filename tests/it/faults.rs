//! What may come in the way of a controller under test: calls that go wrong, and edits in quick succession.

use aws_sim::{Calls, Effect, Fault};
use proptest::prelude::*;
use std::fmt::Debug;
use std::ops::Range;

/// What AWS, the network or the controller's host does to a call.
pub(crate) fn effects() -> impl Strategy<Value = Effect> {
    prop_oneof![
        Just(Effect::CrashBefore),
        Just(Effect::CrashAfter),
        Just(Effect::LoseAnswer),
        Just(Effect::Throttle),
        Just(Effect::fail("InternalFailure")),
    ]
}

/// A fault that strikes at one of the next calls, and whoever asks to slow down says so more than once.
pub(crate) fn faults(calls: Range<usize>) -> impl Strategy<Value = Fault> {
    (calls, effects()).prop_map(|(at, effect)| {
        let times = if matches!(effect, Effect::Throttle) { 3 } else { 1 };
        Fault::on(Calls::All, effect).at(at).times(times)
    })
}

/// An edit of what the controller looks after, and whether the next one comes right after it.
///
/// Whether the controller hears of an edit alone or together with the next one is part of the game.
#[derive(Clone, Debug)]
pub(crate) struct Hurried<E> {
    pub edit: E,
    pub is_hurried: bool,
}

/// Edits, alone or shortly before the next one.
pub(crate) fn hurried<E: Debug>(edits: impl Strategy<Value = E>) -> impl Strategy<Value = Hurried<E>> {
    (edits, proptest::bool::weighted(0.3)).prop_map(|(edit, is_hurried)| Hurried { edit, is_hurried })
}
