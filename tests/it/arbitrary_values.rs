//! Values that nobody means, as long as the API server lets them through, under every annotation and in the lists of our own
//! kinds: admission answers each of them soon, and briefly.

use super::worked;
use aws_load_balancer_controller::annotations::table::rows;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rig::scaling::go_all_the_way;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the processor may work for one object in a debug build.
const LONGEST: Duration = Duration::from_secs(10);
/// Two answers, a refusal or warnings each, of which the API server is shown so much.
const BRIEF: usize = 2 * 2 * 2100;
/// What the API server takes in one annotation.
const MOST: usize = 262_000;

fn repeated(parts: &'static [&'static str], counts: &'static [usize]) -> impl Strategy<Value = String> {
    (select(parts), select(counts)).prop_map(|(part, count)| part.repeat(count))
}

fn numbered(part: fn(usize) -> String, counts: &'static [usize]) -> impl Strategy<Value = String> {
    select(counts).prop_map(move |count| (0..count).map(part).collect::<Vec<_>>().join(","))
}

/// Texts of a kind.
fn odd_text() -> impl Strategy<Value = String> {
    const NUMBERS: &[&str] = &[
        "1e999999",
        "99999999999999999999",
        "-0",
        "NaN",
        "Infinity",
        "0x10",
        "1_000",
        "+5",
        "٣",
        "1.5",
        "-1",
        "4294967296",
        "18446744073709551616",
        "00010",
        "",
    ];
    prop_oneof![
        any::<String>(),
        vec(any::<u8>(), 1..400).prop_map(|bytes| bytes.into_iter().map(char::from).collect()),
        vec(
            select(&['\u{202e}', '\u{200b}', '💩', 'İ', 'ﬁ', 'é', '\u{feff}', '\u{10ffff}', '\0'][..]),
            1..60
        )
        .prop_map(String::from_iter),
        select(NUMBERS).prop_map(str::to_owned),
        repeated(&["a", ",", "=", "[", "{", "\"", "1", " ", "\\", "é"], &[1, 2000, MOST]),
        repeated(
            &[",", "=", "a=", "a=b,", ", ", " \t\n\r", "k=v\\,", ",,=", "::", "/", "-", "."],
            &[1, 7, 5000, 80_000]
        ),
        repeated(
            &["(a+)+$", "(", "[[", "(?<a>", "a{9}", "*", "%s%n{}{0}", "{{ .Values }} $(id)"],
            &[1, 500, 20_000]
        ),
        repeated(
            &["internet-facin", "\r\nX-Injected: 1", "ELBSecurityPolic", "traffic-por"],
            &[1, 20, 20_000]
        ),
        numbered(|at| format!("k{at}=v"), &[10, 3000, 30_000]),
        numbered(|at| format!("10.{}.{}.0/24", at % 256, at / 256 % 256), &[1, 50, 15_000]),
        numbered(|at| format!("10.0.{}.1/{}", at % 256, at % 40), &[1, 50, 15_000]),
        numbered(|at| format!("subnet-{at:017x}"), &[1, 40, 10_000]),
        numbered(|_| format!("subnet-{:017x}", 0), &[1, 40, 10_000]),
        numbered(|at| format!("sg-{at:017x},name-{at}"), &[1, 40, 5000]),
        numbered(|at| format!("arn:aws:acm:us-west-2:123456789012:certificate/{at}"), &[1, 500, 4000]),
        select(&["arn:", "arn:aws:iam::1:server-certificate/"][..])
            .prop_map(|start| format!("{start}{}", ":x".repeat(3000))),
    ]
}

/// JSON of a kind, whole and cut off.
fn odd_document() -> impl Strategy<Value = String> {
    let deep = select(&[10, 130, 5000, 40_000][..]);
    let target = json!({"serviceName": "a", "servicePort": 80, "weight": -1});
    let action = select(&[0, 1, 6, 500, 3000][..]).prop_map(move |count| {
        json!({"type": "forward", "forwardConfig": {"targetGroups": vec![target.clone(); count]}}).to_string()
    });
    let values = (select(&[1, 128, 5000][..]), select(&[1, 50, 1000][..])).prop_map(|(length, count)| {
        vec!["*".repeat(length); count].into_iter().take(MOST / length).collect::<Vec<_>>()
    });
    let conditions = values.prop_map(|values| {
        json!([{"field": "host-header", "hostHeaderConfig": {"values": values}}, {"field": "path-pattern", "pathPatternConfig": {"regexValues": values}}]).to_string()
    });
    let ports = select(&[1, 100, 15_000][..])
        .prop_map(|count| format!("[{}]", vec!["{\"HTTP\": 80}"; count].join(",")));
    prop_oneof![
        deep.clone().prop_map(|depth| "[".repeat(depth)),
        deep.clone().prop_map(|depth| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))),
        deep.prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
        action,
        conditions,
        ports,
        select(
            &[
                r#""\ud800""#,
                r#"{"a":1,"a":2}"#,
                "true",
                "null",
                r#""""#,
                "[[[]]]",
                r#"{"issuer":5}"#,
                "[null]",
                r#"[{"":0}]"#,
                r#"[{"HTTP":1e400}]"#,
                r#"[{"HTTP":"80"}]"#,
                r#"{"type":5}"#,
                r#"{"TYPE":"redirect","type":null}"#,
            ][..]
        )
        .prop_map(str::to_owned),
    ]
}

fn odd() -> impl Strategy<Value = String> {
    prop_oneof![odd_text(), odd_document()].prop_map(|mut text| {
        text.truncate(text.floor_char_boundary(MOST));
        text
    })
}

fn key() -> impl Strategy<Value = String> {
    let keys: Vec<String> = rows().map(|row| format!("{}/{}", row.prefix, row.suffix.example())).collect();
    (select(keys), prop_oneof![9 => Just(""), 1 => Just("z"), 1 => Just("zzzzzzzzzzzzzzzzzzzzzzzzzzzz")])
        .prop_map(|(key, more)| format!("{key}{more}"))
}

/// An object of any kind with odd texts wherever it takes some.
fn object() -> impl Strategy<Value = Value> {
    let annotations = || vec((key(), odd()), 1..5).prop_map(Value::from_iter);
    let service = (annotations(), vec(odd(), 0..3), odd()).prop_map(|(annotations, ranges, name)| {
        json!({"kind": "Service", "metadata": {"name": "web", "namespace": "shop", "annotations": annotations}, "spec": {
            "type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb", "loadBalancerSourceRanges": ranges,
            "ports": [{"port": 80, "name": name, "targetPort": 8080}]}})
    });
    let ingress = (annotations(), odd(), odd(), odd()).prop_map(|(annotations, host, path, name)| {
        let named = json!({"service": {"name": name, "port": {"name": "use-annotation"}}});
        let plain = json!({"service": {"name": "a", "port": {"number": 80}}});
        json!({"kind": "Ingress", "metadata": {"name": "web", "namespace": "shop", "annotations": annotations}, "spec": {
            "ingressClassName": "alb", "rules": [{"host": host, "http": {"paths": [
                {"path": path, "pathType": "ImplementationSpecific", "backend": plain},
                {"path": "/", "pathType": "Prefix", "backend": named}]}}]}})
    });
    let params = (odd(), odd(), odd()).prop_map(|(one, two, three)| {
        json!({"kind": "IngressClassParams", "metadata": {"name": "web"}, "spec": {
            "inboundCIDRs": [one, two], "sslPolicy": three, "certificateArn": [two], "prefixListsIDs": [one],
            "loadBalancerName": three, "tags": [{"key": one, "value": two}], "wafv2AclArn": two,
            "loadBalancerAttributes": [{"key": three, "value": one}]}})
    });
    let binding = (odd(), odd(), odd()).prop_map(|(one, two, three)| {
        json!({"kind": "TargetGroupBinding", "metadata": {"name": "web", "namespace": "shop"}, "spec": {
            "targetGroupARN": one, "targetGroupName": two, "iamRoleArnToAssume": two, "assumeRoleExternalId": three,
            "serviceRef": {"name": three, "port": one}, "nodeSelector": {"matchLabels": {"a": two}},
            "networking": {"ingress": [{"from": [{"ipBlock": {"cidr": three}}], "ports": [{"port": two}]}]}}})
    });
    prop_oneof![3 => service, 3 => ingress, 1 => params, 1 => binding]
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn what_nobody_means_is_answered_soon_and_briefly(object in object()) {
        let began = worked();
        let mut said = 0;
        let config = aws_load_balancer_controller::config::Config::default();
        let empty = json!({"metadata": {}});
        for change in [
            aws_load_balancer_controller::admission::Change::create("shop", &object),
            aws_load_balancer_controller::admission::Change::update("shop", &object, &empty),
        ] {
            said += rig::scaling::admit(&config, &change);
        }
        let _ = go_all_the_way(&object);
        let time = worked().saturating_sub(began);
        prop_assert!(time < LONGEST, "{time:?}");
        prop_assert!(said < BRIEF, "{said} bytes");
    }
}
