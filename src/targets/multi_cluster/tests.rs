#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::targets::test_support::{endpoint, key, pod};

#[test]
fn the_record_is_upstreams_config_map() {
    let record = owned(&[endpoint(pod(5)), endpoint(pod(4))]);
    let config_map = render_owned(&key("bind"), &record);
    assert_eq!(config_map.metadata.name.as_deref(), Some("aws-lbc-targets-bind"));
    assert_eq!(config_map.metadata.namespace.as_deref(), Some("shop"));
    assert_eq!(config_map.data.as_ref().unwrap()["targets"], "10.0.1.4:8080,10.0.1.5:8080");
    assert_eq!(parse_owned(&config_map), record);
    let empty = render_owned(&key("bind"), &OwnedTargetIds::new());
    assert_eq!(empty.data.as_ref().unwrap()["targets"], "");
    assert_eq!(parse_owned(&empty), OwnedTargetIds::new());
    assert_eq!(parse_owned(&ConfigMap::default()), OwnedTargetIds::new());
}

#[test]
fn only_what_is_on_record_is_ours_to_deregister() {
    let record = OwnedTargetIds::from(["a:1".to_owned()]);
    assert!(Ownership::Sole.covers("x:1"));
    assert!(Ownership::Shared(Some(&record)).covers("a:1"));
    assert!(!Ownership::Shared(Some(&record)).covers("x:1"));
    assert!(!Ownership::Shared(None).covers("a:1"));
}
