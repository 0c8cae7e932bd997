#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

fn key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::namespaced(namespace, name)
}

#[test]
fn an_unchanged_object_is_no_change() {
    let cache = Cache::default();
    assert!(matches!(cache.apply(key("a", "x"), 1), Some(CacheEvent::Applied { old: None, .. })));
    assert!(cache.apply(key("a", "x"), 1).is_none());
    assert!(matches!(cache.apply(key("a", "x"), 2), Some(CacheEvent::Applied { old: Some(_), .. })));
}

#[test]
fn a_namespace_lists_just_its_own() {
    let cache = Cache::default();
    for (namespace, name) in [("a", "x"), ("ab", "y"), ("b", "z"), ("a", "w")] {
        cache.apply(key(namespace, name), name);
    }
    let names: Vec<_> = cache.list_namespace("a").iter().map(|name| **name).collect();
    assert_eq!(names, ["w", "x"]);
}

#[test]
fn a_complete_list_tells_what_went() {
    let cache = Cache::default();
    cache.apply(key("a", "x"), 1);
    cache.apply(key("a", "y"), 1);
    assert!(!cache.is_synced(), "the list may not be complete");
    assert!(cache.retain(&BTreeSet::from([key("a", "x"), key("a", "y")])).is_empty());
    assert!(cache.is_synced());
    cache.apply(key("a", "z"), 1);
    let gone = cache.retain(&BTreeSet::from([key("a", "y"), key("a", "z")]));
    let gone: Vec<_> =
        gone.iter().map(|(key, change)| (key.name(), matches!(change, CacheEvent::Deleted(_)))).collect();
    assert_eq!(gone, [("x", true)]);
    assert_eq!(cache.keys(), [key("a", "y"), key("a", "z")]);
}

#[test]
fn objects_are_found_by_what_they_belong_to() {
    let cache = Cache::grouped(|owner: &&str| vec![ObjectKey::namespaced("a", *owner)]);
    cache.apply(key("a", "slice-1"), "web");
    cache.apply(key("a", "slice-2"), "web");
    assert_eq!(cache.list_group(&key("a", "web")).len(), 2);
    cache.apply(key("a", "slice-2"), "api");
    assert_eq!(cache.list_group(&key("a", "web")).len(), 1);
    cache.delete(&key("a", "slice-1"));
    assert!(cache.list_group(&key("a", "web")).is_empty());
    assert_eq!(cache.list_group(&key("a", "api")).len(), 1);
}

#[test]
fn what_has_changed_since_is_told_as_long_as_it_is_little() {
    let cache = Cache::default().with_change_log(2);
    cache.apply(key("a", "x"), 1);
    let (seen, all) = cache.changed_since(0);
    assert_eq!((seen, all), (1, Some(BTreeSet::from([key("a", "x")]))));
    cache.apply(key("a", "x"), 1);
    assert_eq!(cache.changed_since(seen), (1, Some(BTreeSet::new())), "nothing has changed");
    cache.apply(key("a", "y"), 1);
    cache.delete(&key("a", "x"));
    assert_eq!(cache.changed_since(seen), (3, Some(BTreeSet::from([key("a", "x"), key("a", "y")]))));
    cache.apply(key("a", "z"), 1);
    assert_eq!(cache.changed_since(seen), (4, None), "too much to be told apart");
}
