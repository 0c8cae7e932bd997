//! Listeners and their rules.

use super::*;
use crate::aws_api::elbv2::{
    ListenerAction, MutualAuthentication, RedirectAction, RuleCondition, ValuesOrRegexes,
};
use crate::plan::Quota;

#[test]
fn listeners() {
    let cases: &[Case] = &[
        (
            "another port is another listener, made before the old one goes",
            |_, actual| {
                actual.load_balancers[0].listeners[0].entity.port = 8443;
            },
            &[
                "CreateListener 443",
                "AddListenerCertificates 443",
                "AddListenerCertificates 443",
                "DeleteListener arn:listener/443",
                "CreateRule 443:1",
                "CreateRule 443:2",
                "CreateRule 443:3",
            ],
        ),
        (
            "default certificate",
            |_, actual| {
                actual.load_balancers[0].listeners[0].entity.certificates = vec!["arn:cert/9".into()];
            },
            &["ModifyListener 443"],
        ),
        (
            "extra certificates are added before others go",
            |_, actual| {
                actual.load_balancers[0].listeners[0].extra_certificates[1] = "arn:cert/9".into();
            },
            &["AddListenerCertificates 443", "RemoveListenerCertificates 443"],
        ),
        (
            "security policy",
            |stack, _| the(&mut stack.listeners).ssl_policy = Some("new".into()),
            &["ModifyListener 443"],
        ),
        (
            "mutual TLS without a wish",
            |_, actual| {
                let mode = "passthrough".to_owned();
                let mutual = MutualAuthentication { mode, ..MutualAuthentication::default() };
                actual.load_balancers[0].listeners[0].entity.mutual_authentication = Some(mutual);
            },
            &[],
        ),
        (
            "mutual TLS as AWS completes it",
            |stack, actual| {
                let mode = "verify".to_owned();
                let wanted = MutualAuthentication {
                    mode,
                    trust_store_arn: Some("arn:trust".into()),
                    ..MutualAuthentication::default()
                };
                let observed = MutualAuthentication {
                    ignore_client_certificate_expiry: Some(false),
                    advertise_trust_store_ca_names: Some("off".into()),
                    ..wanted.clone()
                };
                the(&mut stack.listeners).mutual_authentication = Some(wanted);
                actual.load_balancers[0].listeners[0].entity.mutual_authentication = Some(observed);
            },
            &[],
        ),
        (
            "a redirect as AWS completes it",
            |stack, actual| {
                let status_code = "HTTP_301".to_owned();
                let redirect =
                    RedirectAction { port: Some("443".into()), status_code, ..RedirectAction::default() };
                let completed = RedirectAction {
                    host: Some("#{host}".into()),
                    path: Some("/#{path}".into()),
                    protocol: Some("#{protocol}".into()),
                    query: Some("#{query}".into()),
                    ..redirect.clone()
                };
                the(&mut stack.listeners).default_actions = vec![ListenerAction::Redirect(redirect)];
                actual.load_balancers[0].listeners[0].entity.default_actions =
                    vec![ListenerAction::Redirect(completed)];
            },
            &[],
        ),
        (
            "a listener made by hand goes",
            |_, actual| {
                let mut other = actual.load_balancers[0].listeners[0].clone();
                (other.entity.port, other.entity.arn) = (9, "arn:by-hand".into());
                actual.load_balancers[0].listeners.push(other);
            },
            &["DeleteListener arn:by-hand"],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn enhanced_defaults_switch_off_what_nobody_wants() {
    let mut config = world::config();
    config.features.enhanced_default_behavior = true;
    let cases: &[Case] = &[
        (
            "mutual TLS",
            |_, actual| {
                let mode = "passthrough".to_owned();
                let mutual = MutualAuthentication { mode, ..MutualAuthentication::default() };
                actual.load_balancers[0].listeners[0].entity.mutual_authentication = Some(mutual);
            },
            &["ModifyListener 443"],
        ),
        (
            "ALPN",
            |_, actual| {
                actual.load_balancers[0].listeners[0].entity.alpn_policy = vec!["HTTP2Preferred".into()];
            },
            &["ModifyListener 443"],
        ),
        (
            "no ALPN already",
            |_, actual| {
                actual.load_balancers[0].listeners[0].entity.alpn_policy = vec!["None".into()];
            },
            &[],
        ),
    ];
    check(cases, alb, &config);
}

#[test]
fn rules() {
    let cases: &[Case] = &[
        (
            "an edited rule is changed in place",
            |stack, _| {
                world::set_path(stack, 2, "/edited");
            },
            &["ModifyRule 443:2"],
        ),
        (
            "a rule put first moves the others in one call",
            |_, actual| {
                let observed = &mut actual.load_balancers[0].listeners[0].rules;
                observed.remove(0);
                for (rule, priority) in observed.iter_mut().zip(1..) {
                    rule.entity.priority = Some(priority);
                    let id = format!("443:{priority}");
                    rule.tags.insert("ingress.k8s.aws/resource".into(), id);
                }
            },
            &["SetRulePriorities 443", "CreateRule 443:1", "AddTags 443:2", "AddTags 443:3"],
        ),
        (
            "two rules change places",
            |_, actual| {
                let observed = &mut actual.load_balancers[0].listeners[0].rules;
                observed[0].entity.priority = Some(2);
                observed[1].entity.priority = Some(1);
            },
            &["SetRulePriorities 443"],
        ),
        (
            "a rule made by hand goes",
            |_, actual| {
                let observed = &mut actual.load_balancers[0].listeners[0].rules;
                let mut other = observed[0].clone();
                (other.entity.arn, other.entity.priority) = ("arn:by-hand".into(), Some(77));
                other.entity.conditions = vec![world::path("/by-hand")];
                observed.push(other);
            },
            &["DeleteRule arn:by-hand"],
        ),
        (
            "a host before a path is the same as a path before a host",
            |stack, actual| {
                let host = RuleCondition::HostHeader(ValuesOrRegexes {
                    values: vec!["a.example.com".into()],
                    regexes: Vec::new(),
                });
                stack.rules.values_mut().next().unwrap().conditions.insert(0, host.clone());
                actual.load_balancers[0].listeners[0].rules[0].entity.conditions.push(host);
            },
            &[],
        ),
        (
            "the order of a condition's values counts",
            |stack, actual| {
                let values = |list: &[&str]| {
                    let values = list.iter().map(|&value| value.to_owned()).collect();
                    RuleCondition::PathPattern(ValuesOrRegexes { values, regexes: Vec::new() })
                };
                stack.rules.values_mut().next().unwrap().conditions = vec![values(&["/a", "/b"])];
                actual.load_balancers[0].listeners[0].rules[0].entity.conditions =
                    vec![values(&["/b", "/a"])];
            },
            &["ModifyRule 443:1"],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn equal_rules_are_not_swapped() {
    let mut stack = alb();
    world::set_path(&mut stack, 1, "/twin");
    world::set_path(&mut stack, 2, "/twin");
    let mut actual = mirror(&stack);
    actual.load_balancers[0].listeners[0].rules.reverse();
    let plan = plan_of(&stack, &actual, &world::config(), &ExhaustedQuotas::default());
    assert!(plan.is_empty(), "{plan}");
}

/// A rule more at the top moves all others; each is found again without looking at all of them.
#[test]
fn many_rules_that_move_are_found_again() {
    const MANY: i32 = 3000;
    let mut stack = alb();
    stack.rules.clear();
    for priority in 1..=MANY {
        stack.rules.insert(("443".into(), priority), world::rule(&format!("/p{priority}")));
    }
    let actual = mirror(&stack);
    let moved = std::mem::take(&mut stack.rules).into_iter();
    stack.rules = moved.map(|((listener, priority), rule)| ((listener, priority + 1), rule)).collect();
    stack.rules.insert(("443".into(), 1), world::rule("/first"));
    #[allow(clippy::disallowed_methods, reason = "a bound that only a product of both lists exceeds")]
    let began = std::time::Instant::now();
    let plan = plan_of(&stack, &actual, &world::config(), &ExhaustedQuotas::default());
    let verbs: Vec<&str> =
        plan.steps.iter().map(|step| step.op.verb()).filter(|verb| *verb != "AddTags").collect();
    assert_eq!(verbs, ["SetRulePriorities", "CreateRule"]);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn a_full_load_balancer_frees_one_rule_for_each_it_gets() {
    let mut stack = alb();
    let actual = mirror(&stack);
    let listener = ResourceId::from("443");
    stack.rules = (4..=7)
        .map(|priority| ((listener.clone(), priority), world::rule(&format!("/new-{priority}"))))
        .collect();
    let mut exhausted_quotas = ExhaustedQuotas::default();
    exhausted_quotas.learn(Quota::RulesOf("arn:load-balancer/LoadBalancer".into()));
    let plan = plan_of(&stack, &actual, &world::config(), &exhausted_quotas);
    let expected = [
        "DeleteRule arn:rule/443:1",
        "CreateRule 443:4",
        "DeleteRule arn:rule/443:2",
        "CreateRule 443:5",
        "DeleteRule arn:rule/443:3",
        "CreateRule 443:6",
        "CreateRule 443:7",
    ];
    assert_eq!(lines(&plan), expected, "{plan}");
    assert_eq!(plan.shortfalls.len(), 1);
    assert_eq!(plan.shortfalls[0].step, StepId(6));
}
