use super::*;
use crate::aws_api::elbv2::{IpAddressType, Protocol};
use crate::plan::Quota;

#[test]
fn target_groups() {
    let cases: &[Case] = &[
        (
            "port, name and address type cannot be changed",
            |stack, _| {
                let desired = the(&mut stack.target_groups);
                (desired.port, desired.name) = (Some(81), "other".into());
                desired.ip_address_type = IpAddressType::Ipv6;
            },
            &[],
        ),
        (
            "health check",
            |stack, _| {
                the(&mut stack.target_groups).health_check.as_mut().unwrap().path = Some("/up".into());
            },
            &["ModifyTargetGroup default/web:80"],
        ),
        ("health check without a wish", |stack, _| the(&mut stack.target_groups).health_check = None, &[]),
        (
            "attributes",
            |stack, _| {
                the(&mut stack.target_groups).attributes.insert("stickiness.enabled".into(), "true".into());
            },
            &["ModifyTargetGroupAttributes default/web:80"],
        ),
        (
            "a protocol version without a wish",
            |stack, _| the(&mut stack.target_groups).protocol_version = None,
            &[],
        ),
        (
            "another protocol is another target group, bound before it gets traffic",
            |stack, _| {
                the(&mut stack.target_groups).protocol = Protocol::Https;
                the(&mut stack.target_groups).name = "web-2".into();
                the(&mut stack.bindings).name = "web-2".into();
            },
            &[
                "CreateTargetGroup default/web:80",
                "CreateTargetGroupBinding default/web:80",
                "AwaitTargets default/web:80",
                "ModifyRule 443:1",
                "ModifyRule 443:2",
                "DeleteTargetGroupBinding default/web",
                "AwaitTargetGroupBindingGone default/web",
                "DeleteTargetGroup arn:target-group/default/web:80",
            ],
        ),
        (
            "a target group that vanished is bound anew under its old name",
            |_, actual| actual.target_groups.clear(),
            &[
                "CreateTargetGroup default/web:80",
                "ModifyRule 443:1",
                "ModifyRule 443:2",
                "DeleteTargetGroupBinding default/web",
                "AwaitTargetGroupBindingGone default/web",
                "CreateTargetGroupBinding default/web:80",
            ],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn health_checks_of_nlbs_replace_the_target_group_only_without_the_gate() {
    let change: fn(&mut Stack, &mut Actual) = |stack, _| {
        the(&mut stack.target_groups).health_check.as_mut().unwrap().interval_seconds = Some(30);
    };
    check(&[("with", change, &["ModifyTargetGroup default/web:80"])], nlb, &world::config());
    let mut config = world::config();
    config.features.nlb_health_check_advanced_config = false;
    let mut stack = nlb();
    let mut actual = mirror(&stack);
    change(&mut stack, &mut actual);
    let plan = plan_of(&stack, &actual, &config, &ExhaustedQuotas::default());
    assert_eq!(lines(&plan)[0], "CreateTargetGroup default/web:80", "{plan}");
}

#[test]
fn when_there_is_no_room_for_target_groups_unused_ones_go_first() {
    let mut stack = alb();
    let actual = mirror(&stack);
    let group = stack.target_groups.remove(&"default/web:80".into()).unwrap();
    let binding = stack.bindings.remove(&"default/web:80".into()).unwrap();
    stack
        .target_groups
        .insert("default/api:80".into(), crate::model::TargetGroup { name: "api".into(), ..group });
    let target_group_arn = ResourceId::from("default/api:80").pending(SymbolKind::TargetGroupArn);
    stack.bindings.insert(
        "default/api:80".into(),
        crate::model::Binding { name: "api".into(), target_group_arn, ..binding },
    );
    stack.rules.clear();
    let mut exhausted_quotas = ExhaustedQuotas::default();
    exhausted_quotas.learn(Quota::TargetGroups);
    let plan = plan_of(&stack, &actual, &world::config(), &exhausted_quotas);
    let lines = lines(&plan);
    let place = |line: &str| lines.iter().position(|other| other == line).unwrap_or_else(|| panic!("{plan}"));
    assert!(
        place("DeleteTargetGroup arn:target-group/default/web:80")
            < place("CreateTargetGroup default/api:80")
    );
    assert!(place("DeleteRule arn:rule/443:1") < place("DeleteTargetGroup arn:target-group/default/web:80"));
}
