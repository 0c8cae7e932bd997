use super::fixture::*;
use super::group::BREAKAGES;
use crate::api::TargetGroupBinding;
use crate::aws_api::elbv2::{
    self, FixedResponseAction, ForwardAction, ListenerAction, Protocol, RuleCondition, Scheme,
    TargetGroupTuple, ValuesOrRegexes,
};
use crate::aws_api::{Ref, Tags, ec2};
use crate::builder::ingress::MemberState;
use crate::facts::object_refs::ingress_ref;
use crate::facts::{LiveListener, LiveRule, LiveTargetGroup};
use crate::finding::Finding;
use crate::model::{Rule, Stack};
use serde_json::json;
use std::sync::Arc;

/// What AWS holds after a stack was deployed.
fn deploy(world: &mut World, stack: &Stack) {
    let arn = |reference: &Ref| match reference {
        Ref::Known(id) => id.clone(),
        Ref::Pending(symbol) => format!("arn:{}", symbol.id),
    };
    let bound = |actions: &[ListenerAction]| -> Vec<ListenerAction> {
        let mut actions = actions.to_vec();
        for action in &mut actions {
            if let ListenerAction::Forward(ForwardAction { target_groups, .. }) = action {
                for TargetGroupTuple { target_group, .. } in target_groups {
                    *target_group = Ref::Known(arn(target_group));
                }
            }
        }
        actions
    };
    let cluster = world.config.cluster_name.clone();
    world.existing = vec![existing(Scheme::Internal)];
    world.existing[0].security_groups = vec!["sg-managed".into(), "sg-backend".into()];
    let group = stack.security_groups.values().next().unwrap();
    world.live.managed_security_group = Some(ec2::SecurityGroup {
        id: "sg-managed".into(),
        ingress: group.ingress.clone(),
        ..ec2::SecurityGroup::default()
    });
    world.live.listeners = stack
        .listeners
        .iter()
        .map(|(id, listener)| LiveListener {
            listener: elbv2::Listener {
                arn: format!("arn:{id}"),
                load_balancer_arn: "arn:alb".into(),
                port: listener.port,
                protocol: listener.protocol.clone(),
                default_actions: bound(&listener.default_actions),
                certificates: Vec::new(),
                ssl_policy: listener.ssl_policy.clone(),
                alpn_policy: Vec::new(),
                mutual_authentication: None,
            },
            certificates: listener.certificates.iter().map(arn).collect(),
            tags: listener.tags.clone(),
            rules: stack
                .rules
                .iter()
                .filter(|((of, _), _)| of == id)
                .map(|((_, priority), rule)| LiveRule {
                    rule: elbv2::Rule {
                        arn: format!("arn:{id}:{priority}"),
                        priority: Some(*priority),
                        conditions: rule.conditions.clone(),
                        actions: bound(&rule.actions),
                        transforms: rule.transforms.clone(),
                    },
                    tags: rule.tags.clone(),
                })
                .collect(),
        })
        .collect();
    world.live.target_groups = stack
        .target_groups
        .iter()
        .map(|(id, target_group)| LiveTargetGroup {
            target_group: elbv2::TargetGroup {
                arn: format!("arn:{id}"),
                name: target_group.name.clone(),
                target_type: target_group.target_type.clone(),
                port: target_group.port,
                protocol: Some(target_group.protocol.clone()),
                protocol_version: target_group.protocol_version.clone(),
                ip_address_type: target_group.ip_address_type.clone(),
                vpc_id: None,
                health_check: target_group.health_check.clone().unwrap(),
                target_control_port: target_group.target_control_port,
                load_balancer_arns: Vec::new(),
            },
            tags: stack.id.resource_tags(&cluster, id, &target_group.tags),
        })
        .collect();
    world.live.bindings = stack
        .bindings
        .iter()
        .map(|(id, binding)| {
            let manifest = json!({
                "metadata": {"namespace": binding.namespace, "name": binding.name},
                "spec": {
                    "targetGroupARN": format!("arn:{id}"),
                    "targetType": binding.target_type.as_str(),
                    "serviceRef": {"name": binding.service_name, "port": binding.service_port},
                    "networking": {"ingress": [{
                        "from": [{"securityGroup": {"groupID": "sg-backend"}}],
                        "ports": [{"protocol": "TCP", "port": 30080}],
                    }]},
                    "ipAddressType": "ipv4",
                    "vpcID": binding.vpc_id,
                },
            });
            let binding: TargetGroupBinding = serde_json::from_value(manifest).unwrap();
            Arc::new(binding)
        })
        .collect();
}

/// A rule as it looks in AWS.
fn flat(rule: &Rule) -> String {
    format!("{:?} {:?} {:?}", rule.conditions, rule.actions, rule.tags)
        .replace("Pending(Symbol { kind: TargetGroupArn, id: \"", "Known(\"arn:")
        .replace("\" })", "\")")
}

const SAY: &str = r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}}"#;

fn rogue(annotations: &[(&str, &str)]) -> crate::api::Ingress {
    let mut all = vec![
        ("actions.say", SAY),
        ("listen-ports", r#"[{"HTTP": 80}, {"HTTP": 9000}]"#),
        ("inbound-cidrs", "10.0.0.0/8"),
    ];
    all.retain(|(suffix, _)| !annotations.iter().any(|(other, _)| other == suffix));
    all.extend(annotations);
    let mut rules = by_action("/say", "say");
    rules.as_array_mut().unwrap().push(rule("rogue.example.com", &[("Prefix", "/rogue", "web")]));
    ingress("rogue", &all, rules)
}

#[test]
fn a_member_that_breaks_keeps_its_live_rules_and_the_others_go_on() {
    let of_say = [
        ("conditions.say", "x", ""),
        ("transforms.say", "x", ""),
        ("actions.say", "x", ""),
        ("group.order", "x", ""),
    ];
    for (suffix, value, _) in BREAKAGES.iter().chain(&of_say) {
        let (suffix, value) = (*suffix, *value);
        let mut world = World::new();
        let before = together(vec![
            member(ingress("a", &[], to_web("/a"))),
            member(rogue(&[])),
            member(ingress("z", &[], to_web("/z"))),
        ]);
        let good = world.stack(&before);
        deploy(&mut world, &good);
        let mut broken = member(rogue(&[(suffix, value)]));
        if suffix == "group.order" {
            broken.defect = Some(Finding::error(&ingress_ref(&broken.ingress), "no order"));
        }
        let after = together(vec![
            member(ingress("a", &[], to_web("/a2"))),
            broken,
            member(ingress("z", &[], to_web("/z"))),
        ]);
        let built = world.build(&after);
        let state = if suffix == "group.order" { MemberState::Unplaceable } else { MemberState::Invalid };
        assert_eq!(built.members[1].state, state, "{suffix}");
        let stack = built.stack.unwrap();
        for (port, count) in [("80", 4), ("9000", 2)] {
            let of_port = |stack: &Stack| -> Vec<String> {
                stack
                    .rules
                    .iter()
                    .filter(|((id, _), _)| id.as_str() == port)
                    .map(|(_, rule)| flat(rule))
                    .collect()
            };
            let (old, new) = (of_port(&good), of_port(&stack));
            assert_eq!(new.len(), count, "{suffix} port {port}");
            let kept = |rules: &[String]| -> Vec<String> {
                rules.iter().filter(|rule| rule.contains("/say") || rule.contains("rogue")).cloned().collect()
            };
            assert_eq!(kept(&old), kept(&new), "{suffix} port {port}: in the same order and unchanged");
        }
        assert!(format!("{:?}", stack.rules[&(id("80"), 1)]).contains("/a2"), "{suffix}: the others change");
        assert_eq!(
            stack.target_groups[&id("shop/rogue-web:80")].name,
            good.target_groups[&id("shop/rogue-web:80")].name,
        );
        assert!(stack.bindings.contains_key(&id("shop/rogue-web:80")), "{suffix}");
        let sources = |stack: &Stack| stack.security_groups[&id("ManagedLBSecurityGroup")].ingress.clone();
        assert_eq!(sources(&stack), sources(&good), "{suffix}: nothing is opened, nothing is closed");
    }
}

#[test]
fn rules_of_those_who_left_go_although_somebody_is_broken() {
    let mut world = World::new();
    let before = together(vec![
        member(ingress("gone", &[], to_web("/gone"))),
        member(rogue(&[])),
        member(ingress("z", &[], to_web("/z"))),
    ]);
    let good = world.stack(&before);
    deploy(&mut world, &good);
    let after =
        together(vec![member(rogue(&[("target-type", "x")])), member(ingress("z", &[], to_web("/z")))]);
    let stack = world.build(&after).stack.unwrap();
    assert!(!stack.target_groups.contains_key(&id("shop/gone-web:80")));
    assert!(!stack.rules.values().any(|rule| format!("{rule:?}").contains("/gone")));
    assert!(stack.rules.values().any(|rule| format!("{rule:?}").contains("/say")));
}

#[test]
fn a_group_whose_last_member_breaks_still_lets_others_leave() {
    let mut world = World::new();
    let before = together(vec![member(ingress("gone", &[], to_web("/gone"))), member(rogue(&[]))]);
    let good = world.stack(&before);
    deploy(&mut world, &good);
    let mut after = together(vec![member(rogue(&[("target-type", "x")]))]);
    after.departing = vec![Arc::new(ingress("gone", &[], to_web("/gone")))];
    let built = world.build(&after);
    let stack = built.stack.as_ref().unwrap();
    assert!(!stack.target_groups.contains_key(&id("shop/gone-web:80")));
    assert_eq!(stack.rules.len(), 4, "two on each port of the broken one");
    assert!(built.releases(&crate::api::ObjectKey::namespaced("shop", "gone")));
}

#[test]
fn certificates_and_default_action_of_a_broken_member_stay() {
    let https = ("listen-ports", r#"[{"HTTPS": 443}]"#);
    let with_default = |annotations: &[(&str, &str)]| {
        let mut ingress = ingress("rogue", annotations, to_web("/rogue"));
        let backend = json!({"service": {"name": "say", "port": {"name": "use-annotation"}}});
        ingress.spec.as_mut().unwrap().default_backend = serde_json::from_value(backend).unwrap();
        member(ingress)
    };
    let mut world = World::new();
    let z = || member(ingress("z", &[https, ("certificate-arn", "arn:z")], to_web("/z")));
    let sound = [https, ("certificate-arn", "arn:rogue"), ("actions.say", SAY), ("ssl-policy", "strict")];
    let good = world.stack(&together(vec![with_default(&sound), z()]));
    deploy(&mut world, &good);
    let broken =
        [https, ("certificate-arn", "arn:rogue"), ("actions.say", SAY), ("mutual-authentication", "x")];
    let built = world.build(&together(vec![with_default(&broken), z()]));
    let stack = built.stack.unwrap();
    let (old, new) = (&good.listeners[&id("443")], &stack.listeners[&id("443")]);
    assert_eq!(old.certificates, new.certificates, "the default certificate stays the default");
    assert_eq!(old.default_actions, new.default_actions);
    assert_eq!(new.ssl_policy.as_deref(), Some("strict"));
}

#[test]
fn the_owner_of_a_target_group_is_made_out_where_names_are_ambiguous() {
    let mut world = World::new();
    world.services.push(service("b-web", &json!({})));
    let a = |bad: &[(&str, &str)]| member(ingress("a", bad, json!([rule("", &[("Prefix", "/1", "b-web")])])));
    let a_b =
        |bad: &[(&str, &str)]| member(ingress("a-b", bad, json!([rule("", &[("Prefix", "/2", "ghost")])])));
    let good = world.stack(&together(vec![a(&[]), a_b(&[])]));
    assert!(good.target_groups.contains_key(&id("shop/a-b-web:80")));
    deploy(&mut world, &good);
    let built = world.build(&together(vec![a(&[("target-type", "x")]), a_b(&[])]));
    assert!(built.stack.unwrap().target_groups.contains_key(&id("shop/a-b-web:80")), "it is a's");
    let mut gone = together(vec![a_b(&[("target-type", "x")]), member(ingress("z", &[], to_web("/z")))]);
    gone.departing = Vec::new();
    let stack = world.build(&gone).stack.unwrap();
    assert!(!stack.rules.is_empty());
}

#[test]
fn a_live_rule_that_somebody_sound_wants_is_not_claimed() {
    let mut world = World::new();
    let both = || {
        let say = |name: &str, annotations: &[(&str, &str)]| {
            member(ingress(name, annotations, by_action("/say", "say")))
        };
        (
            say("a", &[("actions.say", SAY)]),
            say("b", &[("actions.say", SAY)]),
            say("b", &[("actions.say", "x")]),
        )
    };
    let (a, _, broken) = both();
    let good = world.stack(&together(vec![a.clone()]));
    deploy(&mut world, &good);
    let stack = world.build(&together(vec![broken, a])).stack.unwrap();
    assert_eq!(stack.rules.len(), 1);
    let values = ValuesOrRegexes { values: vec!["/say".into(), "/say/*".into()], regexes: Vec::new() };
    let rule = &stack.rules[&(id("80"), 1)];
    assert_eq!(rule.conditions, [RuleCondition::PathPattern(values)]);
    assert_eq!(rule.tags, Tags::new());
    assert!(matches!(&rule.actions[0], ListenerAction::FixedResponse(FixedResponseAction { .. })));
    assert_eq!(stack.listeners[&id("80")].protocol, Protocol::Http);
}

/// Ways to break a member through its rules, each with what it is told.
#[test]
fn a_member_whose_rules_break_keeps_the_live_ones() {
    let exact = |path: &str, service: &str| json!([rule("rogue.example.com", &[("Exact", path, service)])]);
    let port =
        |port: serde_json::Value| json!([{"http": {"paths": [path_to("Prefix", "/rogue", "web", &port)]}}]);
    let cases = [
        (exact("/rogue*", "web"), "wildcard"),
        (
            json!([{"http": {"paths": [{"path": "/", "pathType": "Regex", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]),
            "expected Exact, Prefix",
        ),
        (
            json!([{"http": {"paths": [{"path": "/", "pathType": "Exact", "backend": {"resource": {"kind": "Bucket", "name": "b"}}}]}}]),
            "has no service",
        ),
        (port(json!({"number": 81})), "has no port 81"),
        (port(json!({"name": "grpc"})), "has no port grpc"),
        (by_action("/", "split"), "service shop/ghost does not exist"),
        (by_action("/", "lost"), "no target group named"),
    ];
    let split = r#"{"type": "forward", "forwardConfig": {"targetGroups": [{"serviceName": "web", "servicePort": 80, "weight": 1}, {"serviceName": "ghost", "servicePort": 80, "weight": 1}]}}"#;
    let lost = r#"{"type": "forward", "targetGroupName": "lost"}"#;
    let annotations = [("actions.split", split), ("actions.lost", lost)];
    for (rules, told) in cases {
        let mut world = World::new();
        let rogue = |rules| member(ingress("rogue", &annotations, rules));
        let z = |path| member(ingress("z", &[], to_web(path)));
        let good = world.stack(&together(vec![rogue(exact("/rogue", "web")), z("/z")]));
        deploy(&mut world, &good);
        let built = world.build(&together(vec![rogue(rules), z("/new")]));
        assert_eq!(built.members[0].state, MemberState::Invalid, "{told}");
        assert!(built.members[0].findings[0].to_string().contains(told), "{:?}", built.members[0].findings);
        let stack = built.stack.unwrap();
        assert_eq!(flat(&stack.rules[&(id("80"), 1)]), flat(&good.rules[&(id("80"), 1)]), "{told}");
        assert!(format!("{:?}", stack.rules[&(id("80"), 2)]).contains("/new"), "{told}");
    }
}

#[test]
fn a_redirect_to_https_stays_when_it_cannot_be_read_any_more() {
    let ports = ("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#);
    let https = |redirect: &'static str| {
        let annotations = [ports, ("certificate-arn", "arn:cert"), ("ssl-redirect", redirect)];
        member(ingress("a", &annotations, to_web("/a")))
    };
    let z = || member(ingress("z", &[], to_web("/z")));
    let mut world = World::new();
    let good = world.stack(&together(vec![https("443"), z()]));
    deploy(&mut world, &good);
    let stack = world.build(&together(vec![https("44x"), z()])).stack.unwrap();
    assert_eq!(stack.listeners[&id("80")].default_actions, good.listeners[&id("80")].default_actions);
    assert!(!stack.rules.keys().any(|(port, _)| port.as_str() == "80"), "nobody is served without TLS");
}
