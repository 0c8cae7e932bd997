#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::aws_api::elbv2::{HealthCheck, Protocol};
use serde_json::json;

const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/tg/0123456789abcdef";

fn group() -> TargetGroup {
    TargetGroup {
        arn: ARN.to_owned(),
        name: "tg".to_owned(),
        target_type: TargetType::Ip,
        port: Some(80),
        protocol: Some(Protocol::Http),
        protocol_version: None,
        ip_address_type: IpAddressType::Ipv4,
        vpc_id: Some("vpc-01234567".to_owned()),
        health_check: HealthCheck::default(),
        target_control_port: None,
        load_balancer_arns: Vec::new(),
    }
}

fn nobody(_: &str) -> Vec<Arc<TargetGroupBinding>> {
    Vec::new()
}

fn known() -> KnownTargetGroups {
    KnownTargetGroups::from([
        (TargetGroupLookup::Arn(ARN.to_owned()), Ok(vec![group()])),
        (TargetGroupLookup::Name("tg".to_owned()), Ok(vec![group()])),
        (TargetGroupLookup::Name("none".to_owned()), Ok(vec![])),
    ])
}

fn binding(spec: &Value) -> Value {
    json!({"metadata": {"name": "b", "namespace": "default", "uid": "1"}, "spec": spec})
}

fn other(uid: &str, shared: bool) -> TargetGroupBinding {
    serde_json::from_value(json!({
        "metadata": {"name": "other", "namespace": "x", "uid": uid},
        "spec": {"targetGroupARN": ARN, "multiClusterTargetGroup": shared, "serviceRef": {"name": "s", "port": 1}},
    }))
    .unwrap()
}

#[test]
fn a_new_binding_is_completed_from_its_target_group() {
    let by_name = binding(&json!({"targetGroupName": "tg", "serviceRef": {"name": "web", "port": 80}}));
    let spec =
        complete(AdmissionOperation::Create, &by_name, &known()).unwrap().object.unwrap()["spec"].clone();
    assert_eq!(
        spec,
        json!({
            "targetGroupName": "tg", "serviceRef": {"name": "web", "port": 80}, "targetGroupARN": ARN,
            "targetType": "ip", "ipAddressType": "ipv4", "vpcID": "vpc-01234567", "targetGroupProtocol": "HTTP",
        })
    );
}

#[test]
fn completing_a_binding_leaves_the_rest_of_it_alone() {
    let applied = binding(&json!({
        "targetGroupARN": ARN, "serviceRef": {"name": "web", "port": 80},
        "iamRoleArnToAssume": "", "networking": {"ingress": []}, "fieldOfTomorrow": {"a": null},
    }));
    let mut completed = complete(AdmissionOperation::Create, &applied, &known()).unwrap().object.unwrap();
    for default in ["targetType", "ipAddressType", "vpcID", "targetGroupProtocol"] {
        completed["spec"].as_object_mut().unwrap().remove(default).unwrap();
    }
    assert_eq!(completed, applied);
}

#[test]
fn a_complete_binding_needs_no_lookup() {
    let full = binding(&json!({
        "targetGroupARN": ARN, "targetType": "ip", "ipAddressType": "ipv4", "vpcID": "vpc-01234567",
        "targetGroupProtocol": "HTTP",
    }));
    assert_eq!(
        complete(AdmissionOperation::Create, &full, &KnownTargetGroups::new()),
        Ok(Admitted::unchanged())
    );
}

#[test]
fn an_unknown_target_group_is_asked_for() {
    let lacking = complete(
        AdmissionOperation::Create,
        &binding(&json!({"targetGroupARN": ARN})),
        &KnownTargetGroups::new(),
    );
    assert_eq!(lacking, Err(AdmissionError::MissingTargetGroup(TargetGroupLookup::Arn(ARN.to_owned()))));
}

#[test]
fn new_bindings_are_refused_with_a_reason() {
    let cases = [
        (json!({}), "must specify these fields: either TargetGroupARN or TargetGroupName,spec.targetType"),
        (
            json!({"targetGroupName": "none", "targetType": "ip"}),
            "expecting a single targetGroup with query [none] but got 0",
        ),
        (json!({"targetGroupARN": ARN, "targetType": "ip", "nodeSelector": {}}), "cannot set NodeSelector"),
        (
            json!({"targetGroupARN": ARN, "targetType": "ip", "ipAddressType": "ipv6"}),
            "invalid IP address type ipv4",
        ),
        (
            json!({"targetGroupARN": ARN, "targetType": "ip", "vpcID": "vpc-1"}),
            "failed to satisfy constraint",
        ),
        (json!({"targetGroupARN": ARN, "targetType": "ip", "vpcID": "vpc-76543210"}), "doesnt match VpcID"),
        (json!({"targetGroupARN": ARN, "targetType": "instance", "iamRoleArnToAssume": "r"}), "assume role"),
        (
            json!({"targetGroupARN": ARN, "targetType": "ip", "targetGroupProtocol": "TCP"}),
            "protocol differs (got TCP, expected HTTP)",
        ),
    ];
    for (spec, expected) in cases {
        let refused =
            check(&Config::default(), &Change::create("default", &binding(&spec)), &nobody, &known());
        let Err(AdmissionError::Denied(denial)) = refused else { panic!("{spec} is admitted") };
        assert!(denial.message.contains(expected), "{spec}: {}", denial.message);
    }
}

#[test]
fn a_second_binding_of_a_target_group_needs_every_one_to_share_it() {
    let cases = [(false, false, false), (true, false, false), (false, true, false), (true, true, true)];
    for (this, that, admitted) in cases {
        let object =
            binding(&json!({"targetGroupARN": ARN, "targetType": "ip", "multiClusterTargetGroup": this}));
        let others = |_: &str| vec![Arc::new(other("2", that))];
        let result = check(&Config::default(), &Change::create("default", &object), &others, &known());
        assert_eq!(result.is_ok(), admitted, "{this} {that}");
    }
}

#[test]
fn updates_may_not_change_what_is_fixed() {
    let config = Config { vpc_id: "vpc-own".to_owned(), ..Config::default() };
    let base = json!({"targetGroupARN": ARN, "targetType": "ip", "serviceRef": {"name": "a", "port": 1}});
    let with = |key: &str, value: Value| {
        let mut spec = base.clone();
        spec[key] = value;
        binding(&spec)
    };
    let cases = [
        (binding(&base), with("serviceRef", json!({"name": "b", "port": 1})), None),
        (binding(&base), with("targetGroupARN", json!("other")), Some("spec.targetGroupARN")),
        (binding(&base), with("targetType", json!("instance")), Some("spec.targetType")),
        (binding(&base), with("ipAddressType", json!("ipv4")), None),
        (binding(&base), with("ipAddressType", json!("ipv6")), Some("spec.ipAddressType")),
        (with("ipAddressType", json!("ipv4")), binding(&base), Some("spec.ipAddressType")),
        (binding(&base), with("vpcID", json!("vpc-own")), None),
        (binding(&base), with("vpcID", json!("vpc-else")), Some("spec.vpcID")),
    ];
    for (old, new, expected) in cases {
        let result = check(&config, &Change::update("default", &new, &old), &nobody, &known());
        let field = match &result {
            Err(AdmissionError::Denied(denial)) => denial.message.rsplit(": ").next(),
            _ => None,
        };
        assert_eq!(field, expected, "{old} -> {new}");
    }
}

#[test]
fn an_update_of_metadata_alone_is_never_refused() {
    let duplicate = binding(&json!({"targetGroupARN": ARN, "targetType": "ip"}));
    let mut unfinalized = duplicate.clone();
    unfinalized["metadata"]["finalizers"] = json!([]);
    let others = |_: &str| vec![Arc::new(other("2", false))];
    let result =
        check(&Config::default(), &Change::update("default", &unfinalized, &duplicate), &others, &known());
    assert_eq!(result, Ok(Admitted::unchanged()));
}
