//! Requests through an ALB: which rule answers, and with what.

use crate::bed::*;
use aws_load_balancer_controller::aws_api::elbv2::*;
use aws_sim::contract::{forward_to, not_found};
use serde_json::Value;
use std::time::Duration;

fn values(all: &[&str]) -> ValuesOrRegexes {
    ValuesOrRegexes { values: all.iter().map(|one| (*one).to_owned()).collect(), regexes: Vec::new() }
}

fn regexes(all: &[&str]) -> ValuesOrRegexes {
    ValuesOrRegexes { values: Vec::new(), regexes: all.iter().map(|one| (*one).to_owned()).collect() }
}

fn host(name: &str) -> RuleCondition {
    RuleCondition::HostHeader(values(&[name]))
}

fn path(pattern: &str) -> RuleCondition {
    RuleCondition::PathPattern(values(&[pattern]))
}

fn fixed(status: &str, kind: &str, body: &str) -> ListenerAction {
    ListenerAction::FixedResponse(FixedResponseAction {
        content_type: Some(kind.to_owned()),
        message_body: Some(body.to_owned()),
        status_code: status.to_owned(),
    })
}

fn redirect(change: impl FnOnce(&mut RedirectAction)) -> ListenerAction {
    let mut action = RedirectAction { status_code: "HTTP_302".to_owned(), ..RedirectAction::default() };
    change(&mut action);
    ListenerAction::Redirect(action)
}

fn transform(kind: &str, pattern: &str, replacement: &str) -> RuleTransform {
    RuleTransform { kind: kind.to_owned(), rewrites: vec![(pattern.to_owned(), replacement.to_owned())] }
}

/// What a request is to come to.
enum To {
    /// A pod, and what it is asked for.
    Pod(&'static str, &'static str),
    /// A pod, which sees this host.
    Host(&'static str, &'static str),
    /// An answer of the load balancer: status, content type, body.
    Fixed(u16, &'static str, &'static str),
    /// A redirect: status and location.
    Redirect(u16, &'static str),
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_rule_that_holds_answers() {
    by_rule(Bed::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_rule_that_holds_answers_if_all_is_made_by_http() {
    by_rule(Bed::served().await).await;
}

async fn by_rule(bed: Bed) {
    use To::{Fixed, Host, Pod, Redirect};
    let lb = bed.alb().await;
    let listener = bed.listen(&lb, 8081, vec![not_found()]).await;
    let mut kept = Vec::new();
    let mut arns = Vec::new();
    for name in ["a", "b"] {
        let group = bed.group(Protocol::Http).await;
        kept.push(bed.pods(&group, &[name]).await);
        arns.push(group);
    }
    let to = |name: &str| forward_to([arns[usize::from(name == "b")].arn.as_str()]);
    let header = |name: &str, values| RuleCondition::HttpHeader { name: name.to_owned(), values };
    let query = |key: &str, value: &str| RuleCondition::QueryString(vec![(Some(key.into()), value.into())]);
    let rules = [
        (vec![host("a.example"), path("/x*")], to("a"), vec![]),
        (vec![host("*.b.example")], to("b"), vec![]),
        (vec![RuleCondition::HostHeader(regexes(&["^r[0-9]+\\.example$"]))], to("a"), vec![]),
        (vec![path("/head"), header("x-env", values(&["prod", "st*"]))], to("a"), vec![]),
        (vec![path("/head"), header("x-env", regexes(&["^dev-[0-9]+$"]))], to("b"), vec![]),
        (
            vec![path("/meth"), RuleCondition::HttpRequestMethod(vec!["POST".into(), "PURGE".into()])],
            to("b"),
            vec![],
        ),
        (vec![path("/meth"), RuleCondition::HttpRequestMethod(vec!["GET".into()])], to("a"), vec![]),
        (vec![path("/query"), query("version", "v1*")], to("a"), vec![]),
        (vec![path("/query"), RuleCondition::QueryString(vec![(None, "beta".into())])], to("b"), vec![]),
        (vec![path("/source"), RuleCondition::SourceIp(vec!["127.30.0.0/16".into()])], to("a"), vec![]),
        (vec![path("/source"), RuleCondition::SourceIp(vec!["127.31.5.7/32".into()])], to("b"), vec![]),
        (vec![RuleCondition::PathPattern(regexes(&["^/v[0-9]/"]))], to("b"), vec![]),
        (vec![path("/strip/*")], to("a"), vec![transform("url-rewrite", "^/strip/(.*)$", "/$1")]),
        (vec![path("/swap/*")], to("b"), vec![transform("url-rewrite", "^/swap/([^/]+)/([^/?]+)", "/$2/$1")]),
        (vec![path("/host/*")], to("a"), vec![transform("host-header-rewrite", "^(.*)$", "in.example")]),
        (
            vec![path("/moved/*")],
            redirect(|to| {
                to.protocol = Some("HTTPS".into());
                to.port = Some("443".into());
                to.status_code = "HTTP_301".into();
            }),
            vec![],
        ),
        (
            vec![path("/elsewhere/*")],
            redirect(|to| {
                to.host = Some("new.#{host}".into());
                to.path = Some("/from/#{path}".into());
                to.query = Some("old=#{query}".into());
            }),
            vec![],
        ),
        (
            vec![path("/both/*")],
            redirect(|to| to.host = Some("other.example".into())),
            vec![transform("url-rewrite", "^/both", "/one")],
        ),
        (vec![path("/fixed")], fixed("418", "application/json", "{\"tea\":true}"), vec![]),
        (vec![path("/bare")], fixed("204", "text/plain", ""), vec![]),
    ];
    for (priority, (conditions, action, transforms)) in (1..).zip(rules) {
        bed.rule(&listener, priority, conditions, action, transforms).await;
    }
    for group in &arns {
        bed.healthy(group, 1).await;
    }
    let at = bed.address(&listener).await;
    type Headers = &'static [(&'static str, &'static str)];
    // Client, method, host, target, headers, and what it comes to.
    let rows: &[(Option<&str>, &str, &str, &str, Headers, To)] = &[
        (None, "GET", "a.example", "/x", &[], Pod("a", "/x")),
        (None, "GET", "A.EXAMPLE", "/x/y?z=1", &[], Pod("a", "/x/y?z=1")),
        (None, "GET", "a.example", "/X", &[], Fixed(404, "text/plain; charset=utf-8", "")),
        (None, "GET", "a.example:8081", "/x", &[], Pod("a", "/x")),
        (None, "GET", "a.example:9999", "/x", &[], Fixed(404, "text/plain; charset=utf-8", "")),
        (None, "GET", "w.b.example", "/x", &[], Pod("b", "/x")),
        (None, "GET", "b.example", "/x", &[], Fixed(404, "text/plain; charset=utf-8", "")),
        (None, "GET", "r12.example", "/", &[], Pod("a", "/")),
        (None, "GET", "R12.Example", "/", &[], Pod("a", "/")),
        (None, "GET", "rx.example", "/", &[], Fixed(404, "text/plain; charset=utf-8", "")),
        (None, "GET", "h", "/head", &[("x-env", "prod")], Pod("a", "/head")),
        (None, "GET", "h", "/head", &[("X-Env", "Staging")], Pod("a", "/head")),
        (None, "GET", "h", "/head", &[("x-env", "dev-7")], Pod("b", "/head")),
        (None, "GET", "h", "/head", &[("x-env", "dev-x")], Fixed(404, "text/plain; charset=utf-8", "")),
        (None, "GET", "h", "/head", &[], Fixed(404, "text/plain; charset=utf-8", "")),
        (None, "POST", "h", "/meth", &[], Pod("b", "/meth")),
        (None, "PURGE", "h", "/meth", &[], Pod("b", "/meth")),
        (None, "GET", "h", "/meth", &[], Pod("a", "/meth")),
        (None, "DELETE", "h", "/meth", &[], Fixed(404, "text/plain; charset=utf-8", "")),
        (None, "GET", "h", "/query?version=v12", &[], Pod("a", "/query?version=v12")),
        (None, "GET", "h", "/query?x=1&VERSION=V1", &[], Pod("a", "/query?x=1&VERSION=V1")),
        (None, "GET", "h", "/query?any=beta", &[], Pod("b", "/query?any=beta")),
        (None, "GET", "h", "/query?version=v2", &[], Fixed(404, "text/plain; charset=utf-8", "")),
        (Some("127.30.1.2"), "GET", "h", "/source", &[], Pod("a", "/source")),
        (Some("127.31.5.7"), "GET", "h", "/source", &[], Pod("b", "/source")),
        (Some("127.31.5.8"), "GET", "h", "/source", &[], Fixed(404, "text/plain; charset=utf-8", "")),
        (None, "GET", "h", "/v2/users", &[], Pod("b", "/v2/users")),
        (None, "GET", "h", "/v22/users", &[], Fixed(404, "text/plain; charset=utf-8", "")),
        (None, "GET", "h", "/a/../v2/users", &[], Pod("b", "/a/../v2/users")),
        (None, "GET", "h", "/strip/a/b?c=d", &[], Pod("a", "/a/b?c=d")),
        (None, "GET", "h", "/swap/a/b?c=d", &[], Pod("b", "/b/a?c=d")),
        (None, "GET", "out.example", "/host/x", &[], Host("a", "in.example")),
        (None, "GET", "Other.Example", "/strip/x", &[], Host("a", "other.example:8081")),
        (None, "GET", "other.example:8081", "/strip/x", &[], Host("a", "other.example:8081")),
        (None, "GET", "h", "/moved/x?y=1", &[], Redirect(301, "https://h:443/moved/x?y=1")),
        (None, "GET", "h:8081", "/moved/", &[], Redirect(301, "https://h:443/moved/")),
        (
            None,
            "GET",
            "h",
            "/elsewhere/x?y=1",
            &[],
            Redirect(302, "http://new.h:8081/from/elsewhere/x?old=y=1"),
        ),
        (None, "GET", "h", "/both/x", &[], Redirect(302, "http://other.example:8081/one/x")),
        (None, "GET", "h", "/fixed", &[], Fixed(418, "application/json; charset=utf-8", "{\"tea\":true}")),
        (None, "GET", "h", "/bare", &[], Fixed(204, "text/plain; charset=utf-8", "")),
        (None, "GET", "h", "/", &[], Fixed(404, "text/plain; charset=utf-8", "")),
        (None, "TRACE", "h", "/fixed", &[], Fixed(405, "text/html", "")),
    ];
    let mut checked = Rows::default();
    for (client, method, host, target, headers, to) in rows {
        let mut all = vec![("host", *host)];
        all.extend(headers.iter());
        let answer = ask_from(*client, at, method, target, &all).await;
        let row = format!("{method} {host} {target} {headers:?} from {client:?}");
        let asked = |field: &str| answer.asked()[field].as_str().unwrap_or_default().to_owned();
        match to {
            Pod(pod, path) => {
                let found = (answer.status, answer.pod(), asked("path"));
                checked.check(&row, found, (200, *pod, (*path).to_owned()));
            }
            Host(pod, host) => {
                let found = (answer.status, answer.pod(), asked("host"));
                checked.check(&row, found, (200, *pod, (*host).to_owned()));
            }
            Fixed(status, kind, body) => {
                let found = (answer.status, answer.header("content-type"), answer.header("server"));
                checked.check(&row, found, (*status, *kind, "awselb/2.0"));
                if *status != 405 {
                    checked.check(&row, String::from_utf8_lossy(&answer.body).as_ref(), *body);
                }
            }
            Redirect(status, location) => {
                let found = (answer.status, answer.header("location"));
                checked.check(&row, found, (*status, *location));
            }
        }
    }
    checked.hold();
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_told_who_asked_and_clients_get_what_the_listener_adds() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let group = bed.group(Protocol::Http).await;
    let _pods = bed.pods(&group, &["a"]).await;
    let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
    bed.healthy(&group, 1).await;
    let at = bed.address(&listener).await;
    let seen =
        |answer: &Answer, name: &str| answer.asked()["headers"][name].as_array().cloned().unwrap_or_default();
    const MODE: &str = "routing.http.xff_header_processing.mode";
    const PORT: &str = "routing.http.xff_client_port.enabled";
    const HOST: &str = "routing.http.preserve_host_header.enabled";
    const DROP: &str = "routing.http.drop_invalid_header_fields.enabled";
    type Row = (
        &'static [(&'static str, &'static str)],
        &'static [(&'static str, &'static str)],
        &'static str,
        Option<&'static str>,
    );
    // Attributes, headers of the request, a header the target gets, its value.
    let rows: &[Row] = &[
        (&[], &[], "x-forwarded-for", Some("127.40.0.1")),
        (&[], &[("x-forwarded-for", "192.0.2.1")], "x-forwarded-for", Some("192.0.2.1, 127.40.0.1")),
        (&[], &[], "x-forwarded-proto", Some("http")),
        (&[], &[], "x-forwarded-port", Some("8080")),
        (&[], &[("connection", "x-hop"), ("x-hop", "1")], "x-hop", None),
        (&[], &[("x_odd", "1")], "x_odd", Some("1")),
        (&[], &[], "host", Some("some.example:8080")),
        (&[(MODE, "preserve")], &[("x-forwarded-for", "192.0.2.1")], "x-forwarded-for", Some("192.0.2.1")),
        (&[(MODE, "preserve")], &[], "x-forwarded-for", None),
        (&[(MODE, "remove")], &[("x-forwarded-for", "192.0.2.1")], "x-forwarded-for", None),
        (&[(MODE, "append"), (HOST, "true")], &[], "host", Some("Some.Example")),
        (&[(DROP, "true")], &[("x_odd", "1")], "x_odd", None),
    ];
    let mut checked = Rows::default();
    for (attributes, headers, name, value) in rows {
        let mut all = vec![("host", "Some.Example")];
        all.extend(headers.iter());
        let found = || async { seen(&ask_from(Some("127.40.0.1"), at, "GET", "/", &all).await, name) };
        let expected: Vec<_> = value.iter().map(|value| Value::from(*value)).collect();
        if !attributes.is_empty() {
            bed.set_balancer(&lb, attributes).await;
            // why: attributes take a moment to be heeded
            within(Duration::from_secs(10), || async { found().await == expected }).await;
        }
        checked.check(&format!("{attributes:?} {headers:?} {name}"), found().await, expected);
    }
    checked.hold();
    bed.set_balancer(&lb, &[(PORT, "true")]).await;
    until("the client's port", || async {
        let answer = ask_from(Some("127.40.0.1"), at, "GET", "/", &[("host", "h")]).await;
        seen(&answer, "x-forwarded-for")[0].as_str().unwrap().starts_with("127.40.0.1:")
    })
    .await;
    let traced = get(at).await;
    assert!(seen(&traced, "x-amzn-trace-id")[0].as_str().unwrap().starts_with("Root=1-"), "{traced:?}");

    bed.set_listener(&listener, &[("routing.http.response.x_frame_options.header_value", "DENY")]).await;
    until("the added header", || async { get(at).await.header("x-frame-options") == "DENY" }).await;
}
