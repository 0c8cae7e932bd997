#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::Tags;
use crate::aws_api::ec2::RuleSource;
use crate::facts::Lookup;
use crate::finding::ObjectRef;
use crate::model::{Owner, StackId};
use crate::settings::security_groups::{cidr_source, rule_to_port};

const BACKEND: &str = "sg-0backend00000001";

fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.backend_security_group.insert((), Ok(BACKEND.into()));
    facts
}

fn managed() -> SecurityGroupSettings {
    let icmp = || rule_to_port("icmp", 3, cidr_source("0.0.0.0/0"));
    let ingress = vec![icmp(), rule_to_port("tcp", 80, cidr_source("::/0")), icmp()];
    SecurityGroupSettings::Managed { name: "n".into(), tags: Tags::new(), ingress }
}

fn listed(manages_target_rules: bool) -> SecurityGroupSettings {
    let origin = manages_target_rules.then(|| Origin::object(&ObjectRef::default()));
    SecurityGroupSettings::Listed { ids: vec!["sg-1".into()], manages_target_rules: origin }
}

fn stack() -> Stack {
    Stack::empty(StackId { owner: Owner::Service, namespace: "shop".into(), name: "web".into() })
}

#[test]
fn equal_rules_of_a_managed_group_collapse() {
    let built = SecurityGroups::build(&managed(), &facts(), &Config::default(), &stack()).unwrap();
    let icmp = rule_to_port("icmp", 3, cidr_source("0.0.0.0/0"));
    let http = rule_to_port("tcp", 80, RuleSource::Ipv6("::/0".into()));
    assert_eq!(built.managed.unwrap().ingress, [icmp, http]);
}

/// Settings, whether the shared group is on; then: groups attached, and the source of the traffic to the targets.
#[test]
fn the_shared_group_is_attached_where_rules_of_targets_are_managed() {
    let live = |ids: &[&str]| SecurityGroupSettings::Live(ids.iter().map(ToString::to_string).collect());
    let cases = [
        (SecurityGroupSettings::None, true, "", None),
        (managed(), true, "<ManagedLBSecurityGroup> sg-0backend00000001", Some(BACKEND)),
        (managed(), false, "<ManagedLBSecurityGroup>", Some("<ManagedLBSecurityGroup>")),
        (listed(false), true, "sg-1", None),
        (listed(true), true, "sg-1 sg-0backend00000001", Some(BACKEND)),
        (live(&["sg-1"]), true, "sg-1", None),
        (live(&["sg-1", BACKEND]), true, "sg-1 sg-0backend00000001", Some(BACKEND)),
        (live(&["sg-1", BACKEND]), false, "sg-1 sg-0backend00000001", None),
        (SecurityGroupSettings::SameAs("other".into()), true, "", None),
    ];
    for (settings, shared, attached, source) in cases {
        let config = Config { enable_backend_security_group: shared, ..Config::default() };
        let built = SecurityGroups::build(&settings, &facts(), &config, &stack()).unwrap();
        let shown: Vec<String> = built.attached.iter().map(ToString::to_string).collect();
        assert_eq!(shown.join(" "), attached, "{settings:?}");
        assert_eq!(
            built.target_rule_source.map(|group| group.to_string()).as_deref(),
            source,
            "{settings:?}"
        );
        assert_eq!(built.uses_backend_group, source == Some(BACKEND), "{settings:?}");
    }
}

#[test]
fn rules_of_targets_need_the_shared_group_where_groups_are_listed() {
    let config = Config { enable_backend_security_group: false, ..Config::default() };
    let Err(BuildError::Invalid(finding)) = SecurityGroups::build(&listed(true), &facts(), &config, &stack())
    else {
        panic!("expected a finding");
    };
    assert!(finding.message.contains("without the backend security group"), "{finding}");
}

#[test]
fn the_flag_names_the_shared_group() {
    let config = Config { backend_security_group: "sg-flag".into(), ..Config::default() };
    assert_eq!(backend_group(&Facts::default(), &config), Ok(Ref::from("sg-flag")));
    let asked = backend_group(&Facts::default(), &Config::default());
    assert_eq!(asked, Err(BuildError::from(Lookup::BackendSecurityGroup)));
}
