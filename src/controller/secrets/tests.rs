#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::model::Owner;

fn group(name: &str) -> StackId {
    StackId { owner: Owner::Ingress, namespace: String::new(), name: name.to_owned() }
}

fn secrets<const N: usize>(names: [&str; N]) -> BTreeSet<ObjectKey> {
    names.map(|name| ObjectKey::namespaced("shop", name)).into()
}

#[test]
fn a_secret_is_watched_as_long_as_some_group_reads_it() {
    let mut interests = SecretReaders::default();
    let steps = [
        ("one", secrets(["a", "b"]), secrets(["a", "b"]), secrets([])),
        ("two", secrets(["b", "c"]), secrets(["c"]), secrets([])),
        ("one", secrets(["a"]), secrets([]), secrets([])),
        ("one", secrets([]), secrets([]), secrets(["a"])),
        ("two", secrets([]), secrets([]), secrets(["b", "c"])),
    ];
    for (name, read, gained, lost) in steps {
        assert_eq!(
            interests.note(&group(name), &read),
            WatchChange { gained, lost },
            "{name} reads {read:?}"
        );
    }
    assert!(interests.by_group.is_empty() && interests.by_secret.is_empty());
}

#[test]
fn all_groups_that_read_a_secret_are_concerned() {
    let mut interests = SecretReaders::default();
    interests.note(&group("one"), &secrets(["a", "b"]));
    interests.note(&group("two"), &secrets(["b"]));
    let concerned: Vec<_> = interests.groups_of(&ObjectKey::namespaced("shop", "b")).collect();
    assert_eq!(concerned, [group("one"), group("two")]);
}
