#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn secret(version: &str) -> PartialObjectMeta<Secret> {
    let mut secret = PartialObjectMeta::<Secret>::default();
    secret.metadata.resource_version = Some(version.to_owned());
    secret
}

#[test]
fn only_a_secret_that_is_not_as_it_was_is_news() {
    use watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
    let events = [
        (Init, false),
        (InitApply(secret("1")), false),
        (InitDone, false),
        (Apply(secret("2")), true),
        (Init, false),
        (InitApply(secret("2")), false),
        (InitDone, false),
        (Init, false),
        (InitDone, true),
        (Apply(secret("3")), true),
        (Delete(secret("4")), true),
    ];
    let mut seen = SeenSecret::default();
    for (step, (event, is_news)) in events.into_iter().enumerate() {
        assert_eq!(seen.on_event(&event), is_news, "step {step}");
    }
}
