#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::finding::ObjectRef;

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_gate_decides_whether_default_tags_win() {
    let mut config =
        Config { default_tags: tags(&[("team", "infra"), ("env", "prod")]), ..Config::default() };
    let given = tags(&[("team", "web"), ("app", "edge")]);
    assert_eq!(merge(&given, &config), tags(&[("app", "edge"), ("env", "prod"), ("team", "infra")]));
    config.features.enable_default_tags_low_priority = true;
    assert_eq!(merge(&given, &config), tags(&[("app", "edge"), ("env", "prod"), ("team", "web")]));
}

#[test]
fn externally_managed_keys_are_refused() {
    let config = Config { external_managed_tags: ["cost".to_owned()].into(), ..Config::default() };
    let origin = Origin::field(&ObjectRef::default(), "tags");
    assert_eq!(check(&tags(&[("team", "web")]), &origin, &config), Ok(()));
    let error = check(&tags(&[("cost", "1")]), &origin, &config).unwrap_err();
    let BuildError::Invalid(finding) = error else { panic!("{error:?}") };
    assert_eq!(finding.message, "tag key \"cost\" is managed outside of this controller");
}
