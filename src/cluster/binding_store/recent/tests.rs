#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::api::ObjectMeta;

fn binding(uid: &str, generation: i64) -> TargetGroupBinding {
    let metadata = ObjectMeta {
        namespace: Some("default".into()),
        name: Some("web".into()),
        uid: Some(uid.into()),
        generation: Some(generation),
        ..ObjectMeta::default()
    };
    TargetGroupBinding { metadata, ..TargetGroupBinding::default() }
}

/// What is seen, given what was written and what is cached: uid and generation.
fn seen(recent: &RecentBindingWrites, cached: Option<(&str, i64)>) -> Option<(String, i64)> {
    let cached = cached.map(|(uid, generation)| binding(uid, generation));
    let mut listed = cached.iter().map(|binding| (ObjectKey::of(binding), binding.clone())).collect();
    recent.correct(&mut listed, |_| cached.clone().map(Arc::new));
    let found = listed.into_values().next()?.metadata;
    Some((found.uid.unwrap(), found.generation.unwrap()))
}

fn found(uid: &str, generation: i64) -> (String, i64) {
    (uid.to_owned(), generation)
}

#[tokio::test(start_paused = true)]
async fn a_write_counts_until_the_cache_has_seen_it() {
    let recent = RecentBindingWrites::default();
    assert_eq!(seen(&recent, None), None);
    recent.put(&binding("a", 2));
    assert_eq!(seen(&recent, None), Some(found("a", 2)), "created");
    assert_eq!(seen(&recent, Some(("a", 1))), Some(found("a", 2)), "patched");
    assert_eq!(seen(&recent, Some(("a", 3))), Some(found("a", 3)), "overtaken");
    assert_eq!(seen(&recent, None), None, "and forgotten");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_stays_gone_but_not_its_successor() {
    let recent = RecentBindingWrites::default();
    recent.gone(&binding("a", 1));
    assert_eq!(seen(&recent, Some(("a", 1))), None);
    assert_eq!(seen(&recent, Some(("b", 1))), Some(found("b", 1)));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_the_cache_never_sees_is_dropped() {
    let recent = RecentBindingWrites::default();
    recent.put(&binding("a", 1));
    tokio::time::advance(KEPT).await;
    assert_eq!(seen(&recent, None), None);
}

#[tokio::test(start_paused = true)]
async fn another_owner_counts_until_the_cache_has_seen_it() {
    let of = |owner: &str| {
        let mut found = binding("a", 1);
        found.metadata.labels = Some(BTreeMap::from([("owner".to_owned(), owner.to_owned())]));
        found
    };
    let recent = RecentBindingWrites::default();
    recent.put(&of("new"));
    for (cached, seen) in [("old", "new"), ("new", "new"), ("third", "third")] {
        let cached = of(cached);
        let mut listed = BTreeMap::from([(ObjectKey::of(&cached), cached.clone())]);
        recent.correct(&mut listed, |_| Some(Arc::new(cached.clone())));
        assert_eq!(listed.into_values().next(), Some(of(seen)));
    }
}
