use std::sync::Arc;

use super::super::super::backends::{BackendName, RouteBackend, Weighted};
use super::*;
use crate::api::gateway::BackendRef;

const HTTP: Place = Place { port: 80, is_https: false };
const HTTPS: Place = Place { port: 443, is_https: true };

fn loaded(weights: &[i32], actions: &str) -> LoadedRule {
    let backend = |weight: &i32| Weighted {
        backend: RouteBackend::TargetGroup { name: "a".to_owned() },
        name: BackendName::of(&BackendRef { name: "a".to_owned(), ..BackendRef::default() }, "shop"),
        weight: *weight,
    };
    let configuration = (!actions.is_empty()).then(|| {
        let text = format!(
            "{{apiVersion: gateway.k8s.aws/v1, kind: ListenerRuleConfiguration, metadata: {{}}, spec: {{actions: {actions}}}}}"
        );
        Arc::new(serde_saphyr::from_str(&text).unwrap())
    });
    LoadedRule { backends: weights.iter().map(backend).collect(), configuration, ..LoadedRule::default() }
}

fn describe(decided: Result<Decided, RouteProblem>) -> String {
    let decided = match decided {
        Ok(decided) => decided,
        Err(problem) => return format!("{}: {}", problem.reason, problem.message),
    };
    let authentication = match decided.authentication {
        None => "",
        Some(Authentication::Oidc(_)) => "oidc, ",
        Some(Authentication::Cognito(_)) => "cognito, ",
        Some(Authentication::Jwt(_)) => "jwt, ",
    };
    let action = match decided.action {
        RuleAction::Forward { stickiness: None } => "forward".to_owned(),
        RuleAction::Forward { stickiness: Some(GroupStickiness { is_enabled, seconds }) } => {
            format!("forward sticky {is_enabled} {seconds}")
        }
        RuleAction::ForwardAsBefore { stickiness } => {
            format!("forward as before, sticky: {}", stickiness.is_some())
        }
        RuleAction::FixedResponse(answer) => {
            format!("answer {} {} {:?}", answer.status_code, answer.content_type, answer.body)
        }
        RuleAction::Redirect(redirect) => {
            let Redirect { is_permanent, protocol, port, host, path, query } = redirect;
            let code = if is_permanent { 301 } else { 302 };
            format!("redirect {code} {protocol:?} {port:?} {host:?} {path:?} {query:?}")
        }
    };
    format!("{authentication}{action}")
}

fn http(filters: &str, loaded: &LoadedRule, place: Place) -> String {
    let filters: Vec<HttpRouteFilter> = serde_saphyr::from_str(filters).unwrap();
    describe(decide_http(&filters, loaded, place))
}

#[test]
fn a_rule_forwards_to_its_backends() {
    let cases: &[(&[i32], &str, &str)] = &[
        (&[1], "", "forward"),
        (&[0, 5], "", "forward"),
        (&[], "", "answer 500 text/plain None"),
        (&[0, 0], "", "answer 500 text/plain None"),
        (&[1], "[{type: forward, forwardConfig: {}}]", "forward sticky false 3600"),
        (
            &[1],
            "[{type: forward, forwardConfig: {targetGroupStickinessConfig: {enabled: true, durationSeconds: 7}}}]",
            "forward sticky true 7",
        ),
        (&[], "[{type: forward, forwardConfig: {}}]", "answer 500 text/plain None"),
        (
            &[1],
            "[{type: fixed-response, fixedResponseConfig: {statusCode: 404}}]",
            "answer 404 text/plain None",
        ),
        (
            &[1],
            "[{type: fixed-response, fixedResponseConfig: {statusCode: 200, contentType: text/html, messageBody: hi}}]",
            "answer 200 text/html Some(\"hi\")",
        ),
    ];
    for (weights, actions, expected) in cases {
        assert_eq!(http("[]", &loaded(weights, actions), HTTPS), *expected, "{weights:?} {actions}");
        assert_eq!(
            describe(decide_grpc(&[], &loaded(weights, actions), HTTPS)),
            *expected,
            "{weights:?} {actions}"
        );
    }
}

#[test]
fn shares_that_cannot_be_had_stay_as_they_are() {
    let heavy = |actions: &str| {
        let kept_shares = Some(RouteProblem::unsupported("too heavy"));
        LoadedRule { kept_shares, ..loaded(&[0, 1000], actions) }
    };
    assert_eq!(http("[]", &heavy(""), HTTPS), "forward as before, sticky: false");
    assert_eq!(
        http("[]", &heavy("[{type: forward, forwardConfig: {}}]"), HTTPS),
        "forward as before, sticky: true"
    );
    let decided = decide_http(&[], &heavy(""), HTTPS).unwrap();
    assert_eq!(decided.refusal, Some(RouteProblem::unsupported("too heavy")));
    let redirect = "[{type: RequestRedirect, requestRedirect: {scheme: https}}]";
    assert!(http(redirect, &heavy(""), HTTPS).starts_with("redirect"), "nobody needs the shares");
}

#[test]
fn a_filter_redirects() {
    let redirect = |rest: &str| format!("[{{type: RequestRedirect, requestRedirect: {rest}}}]");
    let cases = [
        ("{scheme: https}", "redirect 302 Some(\"HTTPS\") Some(443) None None None"),
        ("{scheme: http, statusCode: 301}", "redirect 301 Some(\"HTTP\") Some(80) None None None"),
        ("{scheme: https, port: 8443}", "redirect 302 Some(\"HTTPS\") Some(8443) None None None"),
        ("{hostname: a.com, statusCode: 302}", "redirect 302 None None Some(\"a.com\") None None"),
        ("{port: 8080}", "redirect 302 None Some(8080) None None None"),
        ("{path: {replaceFullPath: /new}}", "redirect 302 None None None Some(\"/new\") None"),
        // The path is rewritten before; without anything else ELB would see a loop.
        ("{path: {replacePrefixMatch: /new}}", "redirect 302 None Some(80) None None None"),
        (
            "{hostname: a.com, path: {replacePrefixMatch: /new}}",
            "redirect 302 None None Some(\"a.com\") None None",
        ),
        ("{scheme: ftp}", "UnsupportedValue: unsupported redirect scheme: FTP"),
        (
            "{hostname: a.com, statusCode: 308}",
            "UnsupportedValue: unsupported redirect status code: 308, expected 301 or 302",
        ),
        (
            "{path: {replaceFullPath: '/*'}}",
            "UnsupportedValue: ReplaceFullPath shouldn't contain wildcards: /*",
        ),
        (
            "{path: {replacePrefixMatch: '/?'}}",
            "UnsupportedValue: ReplacePrefixMatch shouldn't contain wildcards: /?",
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(http(&redirect(filter), &loaded(&[1], ""), HTTP), expected, "{filter}");
    }
}

#[test]
fn filters_that_no_load_balancer_has_are_refused() {
    let hint = "To specify header modification, please configure it through LoadBalancerConfiguration.";
    for type_ in [
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestMirror",
        "CORS",
        "ExternalAuth",
        "Tomorrow",
    ] {
        let filters = format!("[{{type: URLRewrite, urlRewrite: {{}}}}, {{type: {type_}}}]");
        let expected = format!(
            "UnsupportedValue: Unsupported filter type: {type_}. Only request redirect is supported. {hint}"
        );
        assert_eq!(http(&filters, &loaded(&[1], ""), HTTP), expected);
        let filters: Vec<GrpcRouteFilter> =
            serde_saphyr::from_str(&format!("[{{type: ExtensionRef}}, {{type: {type_}}}]")).unwrap();
        let expected = format!("UnsupportedValue: Unsupported filter type: {type_}. {hint}");
        assert_eq!(describe(decide_grpc(&filters, &loaded(&[1], ""), HTTP)), expected);
    }
    let after_redirect = "[{type: RequestRedirect, requestRedirect: {port: 81}}, {type: CORS}]";
    assert_eq!(http(after_redirect, &loaded(&[1], ""), HTTP), "redirect 302 None Some(81) None None None");
    let fixed = loaded(&[1], "[{type: fixed-response, fixedResponseConfig: {statusCode: 404}}]");
    assert_eq!(http("[{type: CORS}]", &fixed, HTTP), "answer 404 text/plain None");
}

#[test]
fn a_configuration_adds_a_query_to_a_redirect() {
    let extension = "{type: ExtensionRef}";
    let redirect = "{type: RequestRedirect, requestRedirect: {port: 81}}";
    let query = loaded(&[1], "[{type: redirect, redirectConfig: {query: a=b}}]");
    let default = loaded(&[1], "[{type: redirect, redirectConfig: {}}]");
    assert_eq!(
        http(&format!("[{redirect}, {extension}]"), &query, HTTP),
        "redirect 302 None Some(81) None None Some(\"a=b\")"
    );
    assert_eq!(
        http(&format!("[{extension}, {redirect}]"), &default, HTTP),
        "redirect 302 None Some(81) None None Some(\"#{query}\")"
    );
    assert_eq!(
        http(&format!("[{extension}]"), &query, HTTP),
        "IncompatibleFilters: HTTPRouteFilterRequestRedirect must be provided if RedirectActionConfig in ListenerRuleConfiguration is provided"
    );
    let filters = [GrpcRouteFilter { type_: FilterType::ExtensionRef, extension_ref: None }];
    assert_eq!(describe(decide_grpc(&filters, &query, HTTP)), "forward");
}

#[test]
fn nobody_is_admitted_without_the_authentication_that_a_rule_asks_for() {
    let oidc = "{type: authenticate-oidc, authenticateOIDCConfig: {issuer: a, authorizationEndpoint: b, tokenEndpoint: c, userInfoEndpoint: d, secret: {name: e}}}";
    let cognito = "{type: authenticate-cognito, authenticateCognitoConfig: {userPoolArn: a, userPoolClientId: b, userPoolDomain: c}}";
    let jwt = "{type: jwt-validation, jwtValidationConfig: {jwksEndpoint: a, issuer: b}}";
    let refused = "UnsupportedValue: the rule asks for authentication, which the HTTP listener on port 80 can't do, expected an HTTPS listener";
    for (action, name) in [(oidc, "oidc"), (cognito, "cognito"), (jwt, "jwt")] {
        let rule = loaded(&[1], &format!("[{action}]"));
        assert_eq!(http("[]", &rule, HTTPS), format!("{name}, forward"));
        assert_eq!(http("[]", &rule, HTTP), refused);
        assert_eq!(
            http("[]", &loaded(&[], &format!("[{action}]")), HTTPS),
            format!("{name}, answer 500 text/plain None")
        );
        let answer = loaded(
            &[],
            &format!("[{action}, {{type: fixed-response, fixedResponseConfig: {{statusCode: 200}}}}]"),
        );
        assert_eq!(http("[]", &answer, HTTP), refused);
        // A redirect leads to where it can be done.
        let redirect = "[{type: RequestRedirect, requestRedirect: {scheme: https}}]";
        assert_eq!(http(redirect, &rule, HTTP), "redirect 302 Some(\"HTTPS\") Some(443) None None None");
    }
}

#[test]
fn a_rule_that_is_refused_serves_nobody_but_redirects() {
    let problem = RouteProblem::new(RouteReason::IncompatibleFilters, "gone");
    let rule = LoadedRule { refusal: Some(problem), ..loaded(&[1], "") };
    assert_eq!(http("[{type: ExtensionRef}]", &rule, HTTPS), "IncompatibleFilters: gone");
    let redirect = "[{type: RequestRedirect, requestRedirect: {port: 81}}]";
    assert_eq!(http(redirect, &rule, HTTPS), "redirect 302 None Some(81) None None None");
}
