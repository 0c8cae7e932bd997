//! What may go wrong with a call of a controller under test.

use aws_sim::{Calls, Effect, Fault};
use proptest::prelude::*;
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
