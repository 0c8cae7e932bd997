#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::elbv2::Target;
use crate::targets::test_support::{endpoint, node, pod, record, target};
use std::sync::Arc;

fn summary(matching: &Matching<'_>) -> [Vec<String>; 3] {
    [
        matching.pairs.iter().map(|(endpoint, _)| endpoint.identity()).collect(),
        matching.missing.iter().map(|endpoint| endpoint.identity()).collect(),
        matching.surplus.iter().map(|record| record.identity()).collect(),
    ]
}

#[test]
fn endpoints_and_targets_meet_by_identity_in_its_order() {
    let endpoints = [endpoint(pod(3)), endpoint(pod(1)), endpoint(pod(1)), endpoint(pod(2))];
    let zoned = Target { availability_zone: Some("all".to_owned()), ..target(2) };
    let records = [record(9, None), TargetRecord::new(zoned, None)];
    let found = match_targets(&endpoints, &records);
    let expected = [
        vec!["10.0.1.2:8080".to_owned()],
        vec!["10.0.1.1:8080".to_owned(), "10.0.1.3:8080".to_owned()],
        vec!["10.0.1.9:8080".to_owned()],
    ];
    assert_eq!(summary(&found), expected);
}

#[test]
fn a_server_id_is_part_of_a_pods_identity_and_not_of_a_nodes() {
    let quic =
        |id: &str| TargetRecord::new(Target { quic_server_id: Some(id.to_owned()), ..target(1) }, None);
    let with_id = Endpoint { quic_server_id: Some("0x01".into()), ..endpoint(pod(1)) };
    let records = [quic("0x01"), quic("0x02")];
    let endpoints = [with_id];
    let found = match_targets(&endpoints, &records);
    assert_eq!((found.pairs.len(), found.surplus.len()), (1, 1));
    let on_node = Endpoint {
        id: "10.0.1.1".into(),
        port: 8080,
        quic_server_id: None,
        backing: Backing::Node(Arc::new(node("a"))),
    };
    let (endpoints, records) = ([on_node], [quic("0x01")]);
    assert_eq!(match_targets(&endpoints, &records).pairs.len(), 1);
}
