#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::targets::test_support::{node, pod};
use crate::targets::view::BranchInterface;
use std::collections::BTreeMap;

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_nodes_labels_tell_what_runs_a_pod() {
    let cases = [
        (tags(&[]), Compute::Ec2),
        (tags(&[("eks.amazonaws.com/compute-type", "auto")]), Compute::Ec2),
        (tags(&[("eks.amazonaws.com/compute-type", "fargate")]), Compute::Fargate),
        (tags(&[("eks.amazonaws.com/compute-type", "hybrid")]), Compute::Hybrid),
        (tags(&[("sagemaker.amazonaws.com/compute-type", "hyperpod")]), Compute::HyperPod),
    ];
    for (labels, expected) in cases {
        assert_eq!(compute_of(&NodeView { labels: labels.clone(), ..node("a") }), expected, "{labels:?}");
    }
}

#[test]
fn an_interface_receives_for_its_addresses_and_prefixes() {
    let interface = NetworkInterface {
        private_ipv4_addresses: vec!["10.0.1.4".to_owned()],
        ipv6_addresses: vec!["2001:db8:0::4".to_owned()],
        ipv4_prefixes: vec!["10.0.2.16/28".to_owned()],
        ipv6_prefixes: vec!["2001:db8:1::/80".to_owned(), "garbage".to_owned()],
        ..NetworkInterface::default()
    };
    for (ip, expected) in [
        ("10.0.1.4", true),
        ("10.0.1.5", false),
        ("10.0.2.31", true),
        ("10.0.2.32", false),
        ("2001:db8::4", true),
        ("2001:db8:1::9", true),
        ("nonsense", false),
    ] {
        assert_eq!(receives(&interface, ip), expected, "{ip}");
    }
}

#[test]
fn a_branch_interface_is_found_by_the_pods_address() {
    let mut subject = pod(1);
    let branch =
        |id: &str, ip: &str| BranchInterface { id: id.into(), private_ip: ip.into(), ..Default::default() };
    subject.branch_interfaces = [branch("eni-1", "10.9.9.9"), branch("eni-2", "10.0.1.1")].into();
    assert_eq!(branch_interface(&subject), Some("eni-2"));
    subject.ip = None;
    assert_eq!(branch_interface(&subject), None);
}

fn choose(groups: &[&str], known: &[(&str, Tags)], extra: &Tags) -> Result<String, String> {
    let interface = NetworkInterface {
        id: "eni-1".to_owned(),
        security_group_ids: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..NetworkInterface::default()
    };
    let known: BTreeMap<&str, &Tags> = known.iter().map(|(id, tags)| (*id, tags)).collect();
    choose_security_group(&interface, |id| known.get(id).map(|tags| (*tags).clone()), "prod", extra)
        .map(str::to_owned)
        .map_err(|error| error.to_string())
}

#[test]
fn exactly_one_group_is_opened() {
    let cluster = tags(&[("kubernetes.io/cluster/prod", "owned")]);
    let marked = tags(&[("kubernetes.io/cluster/prod", "owned"), ("open", "yes")]);
    let other = tags(&[("kubernetes.io/cluster/test", "owned")]);
    let none = Tags::new();
    assert_eq!(choose(&["sg-1"], &[], &marked), Ok("sg-1".to_owned()), "the only one, whatever its tags");
    let two = [("sg-1", other), ("sg-2", cluster.clone())];
    assert_eq!(choose(&["sg-1", "sg-2"], &two, &none), Ok("sg-2".to_owned()));
    let both = [("sg-1", marked), ("sg-2", cluster)];
    assert_eq!(
        choose(&["sg-1", "sg-2"], &both, &none),
        Err("expected exactly one securityGroup tagged with kubernetes.io/cluster/prod for eni eni-1, got: [sg-1 sg-2] (clusterName: prod)".to_owned())
    );
    assert_eq!(choose(&["sg-1", "sg-2"], &both, &tags(&[("open", "yes")])), Ok("sg-1".to_owned()));
    assert_eq!(
        choose(&[], &[], &tags(&[("a", "b"), ("c", "")])),
        Err("expected exactly one securityGroup tagged with kubernetes.io/cluster/prod and map[a:b c:] for eni eni-1, got: [] (clusterName: prod)".to_owned())
    );
}
