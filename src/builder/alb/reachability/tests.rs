use crate::api::Ingress;
use crate::builder::ingress::BuiltGroup;
use crate::builder::ingress::tests::fixture::*;
use crate::settings::WarningKind;
use serde_json::{Value, json};

const BOTH: (&str, &str) = ("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#);
const HTTPS: (&str, &str) = ("listen-ports", r#"[{"HTTPS": 443}]"#);
const CERTIFICATE: (&str, &str) = (
    "certificate-arn",
    "arn:aws:acm:us-west-2:123456789012:certificate/11111111-1111-1111-1111-111111111111",
);
const TO_HTTPS: (&str, &str) = (
    "actions.go",
    r#"{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}"#,
);
const FREE: &str = "ImplementationSpecific";

/// A path that leads to port 80 of a Service, or to an action.
fn path(kind: &str, path: &str, backend: &str) -> Value {
    let port = if backend == "go" || backend == "say" {
        json!({"name": "use-annotation"})
    } else {
        json!({"number": 80})
    };
    path_to(kind, path, backend, &port)
}

fn on(host: &str, paths: &[Value]) -> Value {
    let mut rule = json!({"http": {"paths": paths}});
    if !host.is_empty() {
        rule["host"] = json!(host);
    }
    rule
}

fn world() -> World {
    let mut world = World::new();
    world.services.extend(["api", "app"].map(|name| service(name, &json!({}))));
    world
}

/// What is told of the rules of a group's members: whose they are, where, and what.
fn of_group(members: Vec<Ingress>) -> Vec<(String, String)> {
    let group = match <[Ingress; 1]>::try_from(members) {
        Ok([only]) => alone(only),
        Err(members) => together(members.into_iter().map(member).collect()),
    };
    warnings(&world().build(&group))
}

fn warnings(built: &BuiltGroup) -> Vec<(String, String)> {
    assert!(built.stack.is_some(), "{:?}", built.members);
    let all = built.members.iter().flat_map(|member| &member.warnings);
    let idle =
        all.filter(|warning| warning.kind == WarningKind::WithoutEffect).map(|warning| &warning.finding);
    idle.map(|finding| {
        let place = format!("{} {}", finding.object.name, finding.field.clone().unwrap_or_default());
        (place, finding.message.clone())
    })
    .collect()
}

fn of(annotations: &[(&str, &str)], rules: Value) -> Vec<(String, String)> {
    of_group(vec![ingress("web", annotations, rules)])
}

#[test]
fn the_redirect_to_https_that_everybody_copies_is_in_order() {
    for (kind, all, some) in [(FREE, "/*", "/api/*"), ("Prefix", "/", "/api")] {
        let rules =
            json!([on("", &[path(kind, all, "go"), path(kind, some, "api"), path(kind, all, "web")])]);
        assert_eq!(of(&[BOTH, CERTIFICATE, TO_HTTPS], rules), [], "{kind}");
    }
}

#[test]
fn a_path_that_no_listener_serves_is_pointed_out() {
    let hidden = |index: usize, by: &str| {
        (
            format!("web spec.rules[0].http.paths[{index}]"),
            format!("never matches: spec.rules[0].http.paths{by} before it"),
        )
    };
    let say = ("actions.say", r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "403"}}"#);
    // Prefixes stand before free patterns, whatever their order in the manifest.
    let rules = json!([on("h.example.com", &[path(FREE, "/foo*/bar", "say"), path("Prefix", "/", "app")])]);
    assert_eq!(of(&[say], rules), [hidden(0, "[1] stands")]);
    let rules = json!([on("", &[path(FREE, "/*", "web"), path(FREE, "/api/*", "api")])]);
    assert_eq!(of(&[], rules), [hidden(1, "[0] stands")]);
    let rules = json!([on("", &[path("Exact", "/a", "web"), path("Exact", "/a", "api")])]);
    assert_eq!(of(&[], rules), [hidden(1, "[0] stands")]);
    let rules = json!([on(
        "",
        &[path("Exact", "/a", "web"), path(FREE, "/a/*", "api"), path("Prefix", "/a", "app")]
    )]);
    assert_eq!(of(&[], rules), [hidden(1, "[2] stands")], "the prefix stands before the pattern");
    let rules =
        json!([on("", &[path("Exact", "/a", "web"), path("Exact", "/b", "app"), path(FREE, "/a", "api")])]);
    assert_eq!(of(&[], rules), [hidden(2, "[0] stands")]);
}

#[test]
fn a_repetition_with_the_same_answer_loses_nothing() {
    let rules = json!([on("", &[path(FREE, "/*", "web"), path(FREE, "/", "web")])]);
    assert_eq!(of(&[], rules), []);
}

#[test]
fn conditions_tell_equal_paths_apart() {
    let only_get = (
        "conditions.web",
        r#"[{"field": "http-request-method", "httpRequestMethodConfig": {"Values": ["GET"]}}]"#,
    );
    let rules = json!([on("", &[path(FREE, "/*", "web"), path(FREE, "/*", "api")])]);
    assert_eq!(of(&[only_get], rules), []);
    let rules = json!([on("", &[path(FREE, "/*", "api"), path(FREE, "/*", "web")])]);
    assert_eq!(of(&[only_get], rules).len(), 1, "one without conditions stands before one with them");
}

#[test]
fn hosts_hide_only_what_they_cover() {
    let two = |first: &str, second: &str| {
        json!([on(first, &[path("Prefix", "/", "web")]), on(second, &[path("Prefix", "/", "api")])])
    };
    assert_eq!(of(&[], two("a.example.com", "b.example.com")), []);
    assert_eq!(of(&[], two("a.example.com", "*.example.com")), []);
    assert_eq!(of(&[], two("*.example.com", "a.example.com")).len(), 1);
    assert_eq!(of(&[], two("", "a.example.com")).len(), 1);
}

#[test]
fn the_rules_of_others_are_named_with_their_owner() {
    let all = ingress("all", &[], json!([on("", &[path("Prefix", "/", "web")])]));
    let own = ingress("own", &[], json!([on("", &[path("Prefix", "/own", "api")])]));
    let told = of_group(vec![all, own]);
    let expected = (
        "own spec.rules[0].http.paths[0]".to_owned(),
        "never matches: spec.rules[0].http.paths[0] of Ingress shop/all stands before it".to_owned(),
    );
    assert_eq!(told, [expected]);
}

#[test]
fn who_listens_only_where_everything_is_redirected_is_told() {
    let base = ingress(
        "base",
        &[BOTH, CERTIFICATE, ("ssl-redirect", "443")],
        json!([on("", &[path("Prefix", "/", "web")])]),
    );
    let app = ingress("app", &[], json!([on("w.example.com", &[path("Prefix", "/app", "app")])]));
    let told = of_group(vec![base, app]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "app spec.rules");
    assert!(
        told[0].1.contains("port 80 redirects to 443, and the Ingress does not listen there"),
        "{told:?}"
    );
}

#[test]
fn redirects_that_lead_back_are_pointed_out() {
    let redirect = |config: &str| {
        format!(r#"{{"type": "redirect", "redirectConfig": {{"statusCode": "HTTP_302", {config}}}}}"#)
    };
    let at = |host: &str, paths: &[Value]| json!([on(host, paths)]);
    let go = |kind: &str, text: &str| vec![path(kind, text, "go")];
    let app = "app.example.com";
    let circular: &[(&str, (&str, &str), Value)] = &[
        // The builder leaves it out, so that nothing answers.
        (
            r#""host": "app.example.com", "port": "443", "protocol": "HTTPS""#,
            HTTPS,
            at(app, &go("Prefix", "/account/sign-in")),
        ),
        (r#""path": "/app""#, HTTPS, at(app, &go("Prefix", "/app"))),
        (r#""path": "/app/home""#, HTTPS, at(app, &go("Prefix", "/app"))),
        (r#""host": "app.example.com""#, HTTPS, at("*.example.com", &go("Prefix", "/"))),
        (r#""query": "a=b""#, HTTPS, at(app, &go("Prefix", "/"))),
    ];
    for (config, ports, rules) in circular {
        let action = redirect(config);
        let told = of(&[*ports, CERTIFICATE, ("actions.go", &action)], rules.clone());
        assert!(told.len() == 1 && told[0].1.contains("redirects to itself"), "{config}: {told:?}");
    }
    let straight: &[(&str, (&str, &str), Value)] = &[
        (r#""path": "/login""#, HTTPS, at(app, &[path("Exact", "/login", "web"), path("Prefix", "/", "go")])),
        (r#""path": "/new/#{path}""#, HTTPS, at(app, &go("Exact", "/old"))),
        (r#""host": "www.example.com""#, HTTPS, at("example.com", &go("Prefix", "/"))),
        (r#""host": "www.#{host}""#, HTTPS, at("", &go("Prefix", "/"))),
        (r#""port": "8443""#, HTTPS, at(app, &go("Prefix", "/"))),
        (r#""path": "/home""#, HTTPS, at(app, &go("Exact", "/"))),
        (r#""protocol": "HTTPS", "port": "443""#, BOTH, at(app, &go("Prefix", "/"))),
    ];
    for (config, ports, rules) in straight {
        let action = redirect(config);
        let told = of(&[*ports, CERTIFICATE, ("actions.go", &action)], rules.clone());
        assert!(told.iter().all(|(_, told)| !told.contains("itself")), "{config}: {told:?}");
    }
}

#[test]
fn a_circle_through_another_listener_is_pointed_out() {
    let to_http = (
        "actions.go",
        r#"{"type": "redirect", "redirectConfig": {"statusCode": "HTTP_301", "protocol": "HTTP", "port": "80"}}"#,
    );
    let rules = json!([on("", &[path("Prefix", "/plain", "go"), path("Prefix", "/", "web")])]);
    let told = of(&[BOTH, CERTIFICATE, to_http, ("ssl-redirect", "443")], rules);
    assert!(told.len() == 1 && told[0].1 == "redirects to port 80, which redirects back to it", "{told:?}");
}

#[test]
fn a_default_backend_that_redirects_to_itself_is_pointed_out() {
    let mut redirecting = ingress(
        "web",
        &[BOTH, CERTIFICATE, TO_HTTPS],
        json!([on("a.example.com", &[path("Prefix", "/", "web")])]),
    );
    let backend = json!({"service": {"name": "go", "port": {"name": "use-annotation"}}});
    redirecting.spec.as_mut().unwrap().default_backend = Some(serde_json::from_value(backend).unwrap());
    let told = of_group(vec![redirecting]);
    assert_eq!(told, [("web spec.defaultBackend".to_owned(), "redirects to itself".to_owned())]);
}

#[test]
fn however_many_paths_are_hidden_few_findings_tell_of_them() {
    let mut paths = vec![path("Prefix", "/", "web")];
    paths.extend((0..500).map(|number| path(FREE, &format!("/{number}/x"), "api")));
    let told = of(&[], json!([on("", &paths)]));
    assert_eq!(told.len(), 16);
    assert!(told.iter().any(|(_, told)| told.ends_with("so it is with 484 more paths")), "{told:?}");
}
