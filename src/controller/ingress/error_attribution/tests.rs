#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::CloudError;
use crate::builder::ingress::tests::fixture::{World, alone, ingress, member, rule, together};
use crate::deploy::{Deployed, StoreError};
use crate::model::{ResourceAddress, ResourceId};
use crate::plan::Quota;
use serde_json::json;

/// Three Ingresses on one listener, each with a certificate and a host of its own; only the second sets an attribute.
fn three() -> IngressGroup {
    let members = ["one", "two", "three"].map(|name| {
        let certificate = format!("arn:{name}");
        let mut annotations =
            vec![("listen-ports", r#"[{"HTTPS": 443}]"#), ("certificate-arn", certificate.as_str())];
        if name == "two" {
            annotations.push(("listener-attributes.HTTPS-443", "hsts=on"));
        }
        member(ingress(name, &annotations, json!([rule(name, &[("Prefix", "/", "web")])])))
    });
    together(members.to_vec())
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::namespaced("shop", name)
}

/// The id of the only target group of a member.
fn target_group(built: &BuiltGroup, name: &str) -> String {
    let groups = built.stack.as_ref().unwrap().target_groups.keys();
    let mut own = groups.filter(|id| built.attribution.of_target_group(id.as_str()) == Some(&key(name)));
    own.next().unwrap().as_str().to_owned()
}

/// A rule is written as `443:2`.
fn step(stage: impl Into<Option<Stage>>, resource: &str, cause: impl Into<Cause>) -> StepFailure {
    StepFailure {
        stage: stage.into(),
        resource: address(resource),
        values: Vec::new(),
        cause: cause.into(),
        sources: Vec::new(),
        op: None,
    }
}

fn address(text: &str) -> ResourceAddress {
    let rule = text.split_once(':').and_then(|(listener, priority)| Some((listener, priority.parse().ok()?)));
    match rule {
        Some((listener, priority)) if listener.parse::<u16>().is_ok() => {
            ResourceAddress::Rule { listener: listener.into(), priority }
        }
        _ => text.into(),
    }
}

fn aws(operation: &'static str, code: &str, message: &str) -> CloudError {
    let request_id = Some("differs-each-time".to_owned());
    CloudError::Service { operation, code: code.to_owned(), message: message.to_owned(), request_id }
}

fn failure(failures: &[StepFailure]) -> DeployFailure {
    DeployFailure { revisit: None, failures: failures.to_vec(), deployed: Deployed::default() }
}

/// Whether members are given up that had not been before.
fn gives_up(group: &mut Cow<'_, IngressGroup>, built: &BuiltGroup, failure: &DeployFailure) -> bool {
    !exclude_refused(group, built, failure).is_empty()
}

/// The members that have been given up, by name.
fn given_up(group: &IngressGroup) -> Vec<&str> {
    let refused = group.members.iter().filter(|member| member.refusal.is_some());
    refused.map(|member| member.key.name()).collect()
}

#[test]
fn a_refusal_is_laid_at_the_door_of_whoever_wanted_it_or_at_nobodys() {
    use Stage::*;
    let group = three();
    let built = World::new().build(&group);
    let [first, second] = ["one", "two"].map(|name| target_group(&built, name));
    let wrong = |operation, message| aws(operation, "ValidationError", message);
    let store = StoreError::Refused { key: key("k8s-shop-one"), message: "denied".to_owned() };
    let cases: &[(StepFailure, &[&str])] = &[
        (step(TargetGroups, &first, wrong("CreateTargetGroup", "no such protocol")), &["one"]),
        (step(TargetGroups, "shop/other-web:80", wrong("CreateTargetGroup", "no such protocol")), &[]),
        (step(Bindings, &second, store), &["two"]),
        (step(Rules, "443:2", wrong("CreateRule", "no such host")), &["two"]),
        (step(Rules, "443:9", wrong("DeleteRule", "no such rule")), &[]),
        (step(Rules, "443", wrong("CreateRule", "no such host")), &[]),
        (step(Rules, "443:3", aws("CreateRule", "TargetGroupNotFound", "not found")), &["three"]),
        (step(Listeners, "443", aws("CreateListener", "CertificateNotFound", "'arn:three'")), &["three"]),
        (step(Listeners, "443", aws("CreateListener", "CertificateNotFound", "not found")), &[]),
        (step(Listeners, "443", wrong("AddListenerCertificates", "'arn:two' is no RSA")), &["two"]),
        (step(Listeners, "443", wrong("ModifyListenerAttributes", "no such key")), &["two"]),
        (step(Listeners, "443", wrong("CreateListener", "no such port")), &[]),
        (step(SecurityGroups, "ManagedLBSecurityGroup", wrong("CreateSecurityGroup", "no such VPC")), &[]),
        (step(LoadBalancers, "LoadBalancer", wrong("CreateLoadBalancer", "'arn:one'")), &[]),
        (step(Wafv2, "LoadBalancer", wrong("AssociateWebACL", "no such ACL")), &[]),
        (step(None, &first, wrong("DescribeTargetGroups", "no such page")), &[]),
        (step(Rules, "443:1", Cause::QuotaExceeded(Quota::Listeners)), &[]),
        (step(TargetGroups, &first, aws("CreateTargetGroup", "AccessDenied", "may not")), &[]),
        (step(TargetGroups, &first, aws("CreateTargetGroup", "TooManyTargetGroups", "no more")), &[]),
        (step(TargetGroups, &first, aws("CreateTargetGroup", "InternalFailure", "oops")), &[]),
    ];
    for (step, expected) in cases {
        let mut tried = Cow::Borrowed(&group);
        let found = gives_up(&mut tried, &built, &failure(std::slice::from_ref(step)));
        assert_eq!((found, given_up(&tried)), (!expected.is_empty(), expected.to_vec()), "{step}");
    }
}

#[test]
fn each_of_several_culprits_hears_what_was_refused_of_it() {
    let group = three();
    let built = World::new().build(&group);
    let first = target_group(&built, "one");
    let refused = failure(&[
        step(Stage::TargetGroups, &first, aws("ModifyTargetGroup", "ValidationError", "no such path")),
        step(Stage::Rules, "443:1", aws("CreateRule", "ValidationError", "no such host")),
        step(Stage::Rules, "443:3", aws("CreateRule", "ValidationError", "no such query")),
    ]);
    let mut group = Cow::Owned(group);
    assert!(gives_up(&mut group, &built, &refused));
    let told = |at: usize| group.members[at].refusal.as_ref().map(|told| told.finding.message.clone());
    let expected = format!(
        "target group {first}: ModifyTargetGroup: ValidationError: no such path; rule 1 of listener 443: CreateRule: ValidationError: no such host"
    );
    assert_eq!(told(0), Some(expected));
    assert_eq!(told(1), None);
    assert_eq!(
        told(2),
        Some("rule 3 of listener 443: CreateRule: ValidationError: no such query".to_owned())
    );
    let kept = group.members[0].refusal.as_ref().unwrap().bindings.keys();
    assert_eq!(kept.map(ResourceId::as_str).collect::<Vec<_>>(), [&first]);
}

#[test]
fn nobody_is_given_up_while_something_fails_that_may_go_by_itself() {
    let group = three();
    let built = World::new().build(&group);
    let lasting = step(Stage::Rules, "443:1", aws("CreateRule", "ValidationError", "no such host"));
    let no_answer = CloudError::Unreachable { operation: "CreateRule", message: "timed out".to_owned() };
    let passing = [
        no_answer,
        aws("CreateRule", "Throttling", "slow down"),
        CloudError::Fenced { operation: "CreateRule" },
    ];
    for cause in passing {
        let mut tried = Cow::Borrowed(&group);
        let failures = failure(&[lasting.clone(), step(Stage::Rules, "443:2", cause)]);
        assert!(!gives_up(&mut tried, &built, &failures), "{failures}");
        assert_eq!(given_up(&tried), Vec::<&str>::new(), "{failures}");
    }
}

#[test]
fn who_was_given_up_is_not_given_up_again_and_the_next_one_is() {
    let group = three();
    let built = World::new().build(&group);
    let refused = |place| step(Stage::Rules, place, aws("CreateRule", "ValidationError", "no such host"));
    let mut group = Cow::Owned(group);
    assert!(gives_up(&mut group, &built, &failure(&[refused("443:1")])));
    assert!(!gives_up(&mut group, &built, &failure(&[refused("443:1")])));
    assert!(gives_up(&mut group, &built, &failure(&[refused("443:1"), refused("443:2")])));
    assert_eq!(given_up(&group), ["one", "two"]);
}

#[test]
fn a_culprit_that_leaves_is_not_given_up_and_one_beside_leavers_is() {
    let mut group = three();
    let built = World::new().build(&group);
    let departing_ingress = group.members.remove(0);
    group.departing.push(departing_ingress.ingress);
    let refused = |place| step(Stage::Rules, place, aws("CreateRule", "ValidationError", "no such host"));
    let mut group = Cow::Owned(group);
    assert!(!gives_up(&mut group, &built, &failure(&[refused("443:1")])));
    group.to_mut().members.truncate(1);
    assert!(gives_up(&mut group, &built, &failure(&[refused("443:1"), refused("443:2")])));
    assert_eq!(given_up(&group), ["two"]);
}

#[test]
fn a_group_of_one_fails_as_a_whole() {
    let group = alone(ingress("one", &[], json!([rule("one", &[("Prefix", "/", "web")])])));
    let built = World::new().build(&group);
    let refused = step(Stage::Rules, "80:1", aws("CreateRule", "ValidationError", "no such host"));
    assert_eq!(members_at_fault(&built.attribution, &failure(std::slice::from_ref(&refused))).len(), 1);
    assert!(!gives_up(&mut Cow::Owned(group), &built, &failure(&[refused])));
}
