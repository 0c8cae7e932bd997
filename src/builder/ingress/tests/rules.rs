use super::fixture::*;
use crate::aws_api::elbv2::{ListenerAction, RuleCondition};
use crate::model::Stack;
use serde_json::{Value, json};

/// Path patterns (values, then `~` regexes) of the rules of a listener, in order.
fn patterns(stack: &Stack, port: &str) -> Vec<Vec<String>> {
    let of_port = stack.rules.iter().filter(|((listener, _), _)| listener.as_str() == port);
    let mut shown = Vec::new();
    for (at, ((_, priority), rule)) in of_port.enumerate() {
        assert_eq!(usize::try_from(*priority).unwrap(), at + 1, "priorities have no gaps");
        let paths = rule.conditions.iter().find_map(|condition| match condition {
            RuleCondition::PathPattern(paths) => Some(paths.clone()),
            _ => None,
        });
        let paths = paths.unwrap_or_default();
        let regexes = paths.regexes.into_iter().map(|regex| format!("~{regex}"));
        shown.push(paths.values.into_iter().chain(regexes).collect());
    }
    shown
}

fn fields(stack: &Stack, priority: i32) -> Vec<&'static str> {
    stack.rules[&(id("80"), priority)].conditions.iter().map(RuleCondition::field).collect()
}

#[test]
fn a_path_becomes_the_patterns_that_aws_matches_it_with() {
    let cases: &[(&str, &str, &str, &[&str])] = &[
        ("Exact", "/a", "false", &["/a"]),
        ("Prefix", "/", "false", &["/*"]),
        ("Prefix", "/a", "false", &["/a", "/a/*"]),
        ("Prefix", "/a/", "false", &["/a", "/a/*"]),
        ("ImplementationSpecific", "/a*", "false", &["/a*"]),
        ("ImplementationSpecific", "/^/api/(.+)$", "true", &["~^/api/(.+)$"]),
        ("ImplementationSpecific", "/", "true", &["~"]),
        ("ImplementationSpecific", "", "false", &["/*"]),
        ("Prefix", "/a", "true", &["/a", "/a/*"]),
    ];
    for (kind, path, regex, expected) in cases {
        let rules = json!([rule("", &[(kind, path, "web")])]);
        let ingress = ingress("web", &[("use-regex-path-match", regex)], rules);
        let stack = World::new().stack(&alone(ingress));
        assert_eq!(patterns(&stack, "80"), [*expected], "{kind} {path}");
    }
}

#[test]
fn wildcards_are_refused_where_the_path_type_has_none() {
    for (kind, path) in [("Exact", "/a*"), ("Prefix", "/a?"), ("Prefix", "/*")] {
        let refusal = World::new().refusal(ingress("web", &[], json!([rule("", &[(kind, path, "web")])])));
        assert!(refusal.contains("spec.rules[0].http.paths[0].path"), "{refusal}");
        assert!(refusal.contains("wildcard"), "{refusal}");
    }
}

#[test]
fn exact_paths_come_first_then_prefixes_longest_first() {
    let paths = [
        ("ImplementationSpecific", "/z", "web"),
        ("Prefix", "/a", "web"),
        ("Prefix", "/long/er", "web"),
        ("Exact", "/e2", "web"),
        ("Prefix", "/b", "web"),
        ("Exact", "/e1", "web"),
    ];
    let stack = World::new().stack(&alone(ingress("web", &[], json!([rule("a.example.com", &paths)]))));
    let firsts: Vec<String> = patterns(&stack, "80").into_iter().map(|values| values[0].clone()).collect();
    assert_eq!(firsts, ["/e2", "/e1", "/long/er", "/a", "/b", "/z"]);
}

#[test]
fn conditions_of_the_annotation_join_those_of_host_and_path() {
    let conditions = r#"[
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/more"]}},
        {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X", "values": ["1"]}},
        {"field": "unheard-of"},
        {"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8"]}},
        {"field": "host-header", "hostHeaderConfig": {"values": ["b.example.com"]}}]"#;
    let annotations = [("conditions.web", conditions)];
    let rules = json!([rule("a.example.com", &[("Exact", "/a", "web")])]);
    let stack = World::new().stack(&alone(ingress("web", &annotations, rules)));
    assert_eq!(fields(&stack, 1), ["http-header", "source-ip", "host-header", "path-pattern"]);
    assert_eq!(patterns(&stack, "80"), [["/a", "/more"]]);
}

#[test]
fn values_and_regexes_do_not_mix() {
    let regex = r#"[{"field": "host-header", "hostHeaderConfig": {"regexValues": ["^a"]}}]"#;
    let rules = json!([rule("a.example.com", &[("Exact", "/a", "web")])]);
    let refusal = World::new().refusal(ingress("web", &[("conditions.web", regex)], rules));
    assert!(refusal.contains("the host is matched by values and by regular expressions"), "{refusal}");
}

#[test]
fn redirects_drop_the_rules_they_hide_and_themselves_where_they_lead_nowhere() {
    let to_https = r#"{"type": "redirect", "redirectConfig": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}"#;
    let annotations = [
        ("actions.to-https", to_https),
        ("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#),
        ("certificate-arn", "arn:cert"),
    ];
    let mut rules = by_action("/", "to-https");
    rules.as_array_mut().unwrap().push(rule("", &[("Prefix", "/app", "web")]));
    let stack = World::new().stack(&alone(ingress("web", &annotations, rules)));
    assert_eq!(patterns(&stack, "80"), [["/*"]], "on 80 the redirect hides the rest");
    assert_eq!(patterns(&stack, "443"), [["/app", "/app/*"]], "on 443 it would loop");
}

#[test]
fn a_redirect_of_one_host_hides_nothing_of_another() {
    let elsewhere =
        r#"{"type": "redirect", "redirectConfig": {"host": "new.example.com", "statusCode": "HTTP_301"}}"#;
    let mut old = by_action("/", "elsewhere");
    old[0]["host"] = json!("old.example.com");
    old.as_array_mut().unwrap().push(rule("a.example.com", &[("Prefix", "/", "web")]));
    let stack = World::new().stack(&alone(ingress("web", &[("actions.elsewhere", elsewhere)], old)));
    assert_eq!(stack.rules.len(), 2);
}

fn action_of(annotations: &[(&str, &str)], rules: Value) -> Vec<ListenerAction> {
    let stack = World::new().stack(&alone(ingress("web", annotations, rules)));
    let rule = stack.rules.into_values().next().unwrap();
    rule.actions
}

#[test]
fn actions_are_read_in_both_spellings() {
    let new = r#"{"type": "forward", "forwardConfig": {"targetGroups": [{"serviceName": "web", "servicePort": 80, "weight": 1}, {"targetGroupARN": "arn:x", "weight": 2}], "targetGroupStickinessConfig": {"enabled": true, "durationSeconds": 60}}}"#;
    let old = r#"{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"ServiceName": "web", "ServicePort": "80", "Weight": 1}, {"TargetGroupArn": "arn:x", "Weight": 2}], "TargetGroupStickinessConfig": {"Enabled": true, "DurationSeconds": 60}}}"#;
    let actions = action_of(&[("actions.mix", new)], by_action("/", "mix"));
    assert_eq!(actions, action_of(&[("actions.mix", old)], by_action("/", "mix")));
    let [ListenerAction::Forward(forward)] = actions.as_slice() else { panic!("{actions:?}") };
    let targets: Vec<_> =
        forward.target_groups.iter().map(|t| (t.target_group.to_string(), t.weight)).collect();
    assert_eq!(targets, [("<shop/web-web:80>".to_owned(), Some(1)), ("arn:x".to_owned(), Some(2))]);
}

#[test]
fn without_weighted_target_groups_actions_name_one() {
    let mut world = World::new();
    world.config.features.weighted_target_groups = false;
    let two = r#"{"type": "forward", "forwardConfig": {"targetGroups": [{"targetGroupARN": "a", "weight": 1}, {"targetGroupARN": "b", "weight": 1}]}}"#;
    let refusal = world.refusal(ingress("web", &[("actions.two", two)], by_action("/", "two")));
    assert!(refusal.contains("forwards to 2 target groups, expected one"), "{refusal}");
    let stack = world.stack(&alone(ingress("web", &[], to_web("/"))));
    let [ListenerAction::Forward(forward)] = stack.rules[&(id("80"), 1)].actions.as_slice() else { panic!() };
    assert!(forward.plain);
}

#[test]
fn what_is_missing_answers_503() {
    let cases = [
        (by_action("/", "nothing"), "Backend action does not exist"),
        (json!([rule("", &[("Prefix", "/", "ghost")])]), "Backend service does not exist"),
    ];
    for (rules, body) in cases {
        let actions = action_of(&[], rules);
        let [ListenerAction::FixedResponse(response)] = actions.as_slice() else { panic!("{actions:?}") };
        assert_eq!((response.status_code.as_str(), response.message_body.as_deref()), ("503", Some(body)));
    }
}

#[test]
fn what_is_missing_is_refused_where_it_is_not_tolerated() {
    let mut world = World::new();
    world.config.tolerate_non_existent_backend_action = false;
    world.config.tolerate_non_existent_backend_service = false;
    assert!(world.refusal(ingress("web", &[], by_action("/", "nothing"))).contains("actions.nothing"));
    let ghost = json!([rule("", &[("Prefix", "/", "ghost")])]);
    assert!(world.refusal(ingress("web", &[], ghost)).contains("service shop/ghost does not exist"));
}

#[test]
fn log_in_comes_first_and_only_on_https() {
    let oidc = r#"{"issuer": "i", "authorizationEndpoint": "a", "tokenEndpoint": "t", "userInfoEndpoint": "u", "secretName": "oidc", "authenticationRequestExtraParams": {"UI_locales": "de"}}"#;
    let annotations = [
        ("auth-type", "oidc"),
        ("auth-idp-oidc", oidc),
        ("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#),
        ("certificate-arn", "arn:cert"),
    ];
    let mut world = World::new();
    let secret = |text: &str| crate::aws_api::Secret::new(text);
    let contents = [("clientId".to_owned(), secret("me \n")), ("clientSecret".to_owned(), secret("hush \n"))];
    world.secrets.insert("oidc".into(), contents.into());
    let group = alone(ingress("web", &annotations, to_web("/")));
    let built = world.build(&group);
    let stack = built.stack.unwrap();
    assert_eq!(stack.rules[&(id("80"), 1)].actions.len(), 1);
    let [ListenerAction::AuthenticateOidc(oidc), ListenerAction::Forward(_)] =
        stack.rules[&(id("443"), 1)].actions.as_slice()
    else {
        panic!("no log-in")
    };
    assert_eq!(oidc.client_id.reveal(), "me");
    assert_eq!(oidc.client_secret.as_ref().unwrap().reveal(), "hush ", "only control characters go");
    assert_eq!(oidc.session.extra_params["UI_locales"], "de");
    assert_eq!(oidc.session.session_timeout, Some(604_800));
    assert_eq!(built.secrets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["shop/oidc"]);
}

#[test]
fn refusals_name_the_annotation_and_the_fault() {
    let https = [("listen-ports", r#"[{"HTTPS": 443}]"#), ("certificate-arn", "arn:cert")];
    let cases: &[(&str, &str, &str)] = &[
        ("actions.web", "{", "is not an action"),
        ("actions.web", r#"{"type": "teleport"}"#, "expected fixed-response, redirect or forward"),
        ("actions.web", r#"{"type": "redirect"}"#, "redirect needs redirectConfig"),
        (
            "actions.web",
            r#"{"type": "forward", "forwardConfig": {"targetGroups": [{"serviceName": "web"}]}}"#,
            "targetGroups[0] has serviceName, but no servicePort",
        ),
        (
            "actions.web",
            r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": 200}}"#,
            "is not an action",
        ),
        ("conditions.web", r#"[{"field": "source-ip"}]"#, "[0] needs sourceIPConfig"),
        (
            "transforms.web",
            r#"[{"type": "url-rewrite", "urlRewriteConfig": {}}]"#,
            "urlRewriteConfig has no rewrites",
        ),
        ("jwt-validation", r#"{"issuer": "i"}"#, "needs jwksEndpoint"),
        ("auth-type", "odic", "is not one of none, cognito or oidc"),
        ("auth-type", "cognito", "is missing, although auth-type is cognito"),
        ("auth-idp-oidc", "[]", "is not the settings of an OIDC provider"),
    ];
    for (suffix, value, invalid) in cases {
        let mut annotations = https.to_vec();
        annotations.push((suffix, value));
        let refusal = World::new().refusal(ingress("web", &annotations, by_action("/", "web")));
        assert!(refusal.starts_with("ingress/shop/web alb.ingress.kubernetes.io/"), "{refusal}");
        assert!(refusal.contains(invalid), "{suffix} {value}: {refusal}");
    }
}
