#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn the_session_name_holds_only_what_sts_accepts() {
    let cases = [
        ("my cluster/1", "AWS-LBC-mycluster1"),
        ("my&*&*cluster()!(&name", "AWS-LBC-myclustername"),
        ("prod/eu:blue_1", "AWS-LBC-prodeublue_1"),
        ("a=,.@-_", "AWS-LBC-a=,.@-_"),
    ];
    for (cluster, expected) in cases {
        assert_eq!(build_session_name(cluster), expected);
    }
    assert_eq!(build_session_name(&"x".repeat(100)).len(), 64);
}
