#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::targets::test_support::{pod, yaml};

fn permissions(networking: &str, pods: &[Arc<PodView>]) -> Result<Vec<String>, String> {
    let built = build_permissions(&yaml(networking), pods).map_err(|error| error.to_string())?;
    Ok(built.iter().map(show).collect())
}

fn show(permission: &Permission) -> String {
    let Permission { protocol, from_port, to_port, source } = permission;
    let source = match source {
        RuleSource::Ipv4(text) | RuleSource::Ipv6(text) | RuleSource::PrefixList(text) => text.clone(),
        RuleSource::SecurityGroup(group) => group.to_string(),
        RuleSource::None => "-".to_owned(),
    };
    format!("{protocol} {from_port}-{to_port} {source}")
}

#[test]
fn rules_are_the_product_of_peers_and_ports() {
    let pods = [Arc::new(pod(1)), Arc::new(PodView { named_ports: [("http".into(), 80)].into(), ..pod(2) })];
    let group = "{securityGroup: {groupID: sg-1}}";
    let cases: &[(String, &[&str])] = &[
        (format!("ingress: [{{from: [{group}], ports: [{{port: 80}}]}}]"), &["tcp 80-80 sg-1"]),
        (format!("ingress: [{{from: [{group}], ports: [{{protocol: UDP}}]}}]"), &["udp 0-65535 sg-1"]),
        (
            format!("ingress: [{{from: [{group}], ports: [{{port: http}}]}}]"),
            &["tcp 80-80 sg-1", "tcp 8080-8080 sg-1"],
        ),
        (
            "ingress: [{from: [{ipBlock: {cidr: 10.0.0.5/8}}, {ipBlock: {cidr: '2001:DB8::/32'}}], ports: [{port: 1}]}]".to_owned(),
            &["tcp 1-1 10.0.0.0/8", "tcp 1-1 2001:db8::/32"],
        ),
        (format!("ingress: [{{from: [{group}], ports: []}}]"), &[]),
        ("ingress: [{from: [], ports: [{port: 80}]}]".to_owned(), &[]),
        ("{}".to_owned(), &[]),
    ];
    for (networking, expected) in cases {
        assert_eq!(permissions(networking, &pods).unwrap(), *expected, "{networking}");
    }
}

#[test]
fn what_cannot_be_a_rule_is_told_as_upstream_tells_it() {
    let pods = [Arc::new(pod(1))];
    let cases = [
        ("{}", "{port: 1}", "either ipBlock or securityGroup should be specified"),
        ("{}", "", "either ipBlock or securityGroup should be specified"),
        ("{ipBlock: {cidr: 10.0.0.0}}", "{port: 1}", "invalid CIDR address: 10.0.0.0"),
        ("{securityGroup: {groupID: sg-1}}", "{port: web}", "unable to find port web on pod shop/web-1"),
    ];
    for (peer, port, expected) in cases {
        let networking = format!("ingress: [{{from: [{peer}], ports: [{port}]}}]");
        assert_eq!(permissions(&networking, &pods), Err(expected.to_owned()), "{networking}");
    }
    let named = "ingress: [{from: [{securityGroup: {groupID: sg-1}}], ports: [{port: http}]}]";
    assert_eq!(permissions(named, &[]), Err("named ports can only be used with pod endpoints".to_owned()));
}

fn record(group: &str, networking: &str) -> Permissions {
    Permissions::from([(group.to_owned(), build_permissions(&yaml(networking), &[]).unwrap())])
}

fn rule(port: &str, source: &str) -> String {
    format!("ingress: [{{from: [{source}], ports: [{{port: {port}}}]}}]")
}

const GROUP: &str = "{securityGroup: {groupID: sg-lb}}";
const BLOCK: &str = "{ipBlock: {cidr: 10.0.0.0/8}}";

#[test]
fn restricted_rules_span_the_ports_of_all_bindings() {
    let records = [
        record("sg-a", &rule("80", GROUP)),
        record("sg-a", &rule("30000", GROUP)),
        record("sg-a", &rule("80", BLOCK)),
        record("sg-a", &rule("443", BLOCK)),
        record("sg-b", &rule("0", GROUP)),
    ];
    let shown = |restricted| -> Vec<Vec<String>> {
        aggregate(&records, restricted).values().map(|all| all.iter().map(show).collect()).collect()
    };
    assert_eq!(
        shown(true),
        [
            vec!["tcp 80-80 10.0.0.0/8", "tcp 80-30000 sg-lb", "tcp 443-443 10.0.0.0/8"],
            vec!["tcp 0-65535 sg-lb"]
        ]
    );
    assert_eq!(shown(false)[1], ["tcp 0-0 sg-lb"]);
    assert_eq!(shown(false)[0].len(), 4);
}

fn present(port: i32, source: &str, description: &str) -> IngressRule {
    IngressRule {
        protocol: "tcp".to_owned(),
        from_port: Some(port),
        to_port: Some(port),
        source: RuleSource::Ipv4(source.to_owned()),
        description: Some(description.to_owned()),
    }
}

#[test]
fn missing_rules_are_granted_and_only_our_own_are_revoked() {
    let desired = build_permissions(&yaml(&rule("80", BLOCK)), &[]).unwrap();
    let ours = "elbv2.k8s.aws/targetGroupBinding=shared";
    let change = diff_rules(&[], &desired);
    assert_eq!((change.grant.len(), change.revoke.len()), (1, 0));
    assert_eq!(change.grant[0].description.as_deref(), Some(ours));
    let foreign =
        diff_rules(&[present(80, "10.0.0.0/8", "by hand"), present(81, "10.0.0.0/8", "x")], &desired);
    assert_eq!(foreign, RuleChange::default(), "an equal rule of anybody's is good enough");
    let surplus = [present(80, "10.1.2.3/8", ours), present(81, "10.0.0.0/8", ours)];
    let change = diff_rules(&surplus, &desired);
    assert_eq!((change.grant.len(), change.revoke), (0, vec![surplus[1].clone()]));
}

#[test]
fn rules_are_ours_by_a_label_in_their_description() {
    let cases = [
        ("elbv2.k8s.aws/targetGroupBinding=shared", true),
        ("note elbv2.k8s.aws/targetGroupBinding=shared,a=b", true),
        ("a=b,elbv2.k8s.aws/targetGroupBinding=shared", true),
        ("elbv2.k8s.aws/targetGroupBinding=shared by me", false),
        ("elbv2.k8s.aws/targetGroupBinding=", false),
        ("elbv2.k8s.aws/targetGroupBinding=mine", false),
        ("x=elbv2.k8s.aws/targetGroupBinding=shared", true),
        ("", false),
    ];
    for (description, expected) in cases {
        assert_eq!(is_ours(description), expected, "{description}");
    }
}

#[test]
fn a_wider_rule_covers_a_narrower_one_of_the_same_source() {
    let wide = IngressRule { from_port: Some(80), to_port: Some(443), ..present(0, "10.0.0.0/8", "x") };
    assert!(covers(&wide, &present(80, "10.9.9.9/8", "y")));
    assert!(!covers(&wide, &present(444, "10.0.0.0/8", "x")));
    assert!(!covers(&wide, &present(80, "10.0.0.0/16", "x")));
    assert!(!covers(&present(80, "10.0.0.0/8", "x"), &wide));
}
