#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::annotations::attributes::ResourceKind;

fn value_findings(kind: ValueKind, value: &str) -> Vec<ValueFinding> {
    let family = match kind {
        ValueKind::Json(JsonKind::Conditions) => "conditions",
        ValueKind::Json(JsonKind::Transforms) => "transforms",
        _ => "actions",
    };
    kind.check(&format!("alb.ingress.kubernetes.io/{family}.x"), value)
}

#[test]
fn values_are_told_right_from_wrong() {
    let (right, wrong) = (true, false);
    let cases = [
        (ValueKind::Boolean, "T", right),
        (ValueKind::Boolean, "yes", wrong),
        (ValueKind::Integer(5, 300), "+20", right),
        (ValueKind::Integer(5, 300), "301", wrong),
        (ValueKind::Integer(5, 300), "10s", wrong),
        (ValueKind::List(ItemKind::Subnet), "subnet-0123456789abcdef0, private-b,private-b", right),
        (ValueKind::List(ItemKind::Subnet), "subnet-1", wrong),
        (ValueKind::List(ItemKind::Subnet), " , ", wrong),
        (ValueKind::List(ItemKind::Ipv4), "::ffff:10.0.128.60", right),
        (ValueKind::List(ItemKind::Ipv4), "2001:db8::1", wrong),
        (ValueKind::List(ItemKind::Cidr), "10.0.0.0/8,::/0", right),
        (ValueKind::List(ItemKind::Cidr), "10.0.0.1", wrong),
        (ValueKind::List(ItemKind::Certificate), "arn:aws:iam::123456789012:server-certificate/web", right),
        (ValueKind::List(ItemKind::Certificate), "arn:aws:acm:us-west-2:123456789012:cert/x", wrong),
        (ValueKind::List(ItemKind::Port), "https,8443", right),
        (ValueKind::List(ItemKind::Port), "*", wrong),
        (ValueKind::Map(MapKind::Tags), "team=web, cost=a\\,b", wrong),
        (ValueKind::Map(MapKind::Tags), "team=web,empty=", right),
        (ValueKind::Map(MapKind::Tags), "aws:x=1", wrong),
        (ValueKind::Map(MapKind::Capacity), "CapacityUnits=0", right),
        (ValueKind::Map(MapKind::Capacity), "Units=10", wrong),
        (ValueKind::Map(MapKind::PortMapping), "80=443", right),
        (ValueKind::Map(MapKind::PortMapping), "80=https", wrong),
        (ValueKind::Text(TextKind::LoadBalancerName), "internal-web", wrong),
        (ValueKind::Text(TextKind::ApplicationSuccessCodes), "200,202-299", right),
        (ValueKind::Text(TextKind::ApplicationSuccessCodes), "500", wrong),
        (ValueKind::Text(TextKind::ApplicationSuccessCodes), "0-99", right),
        (ValueKind::Text(TextKind::NetworkSuccessCodes), "299-200", wrong),
        (ValueKind::Text(TextKind::Path), "healthz", wrong),
        (ValueKind::Text(TextKind::SslPolicy), "ELBSecurityPolicy-2016-08", right),
        (ValueKind::Text(TextKind::SslPolicy), "ELBSecurityPolicy-2016-09", wrong),
        (
            ValueKind::Json(JsonKind::Action),
            r#"{"type":"fixed-response","fixedResponseConfig":{"statusCode":"200"}}"#,
            right,
        ),
        (
            ValueKind::Json(JsonKind::Action),
            r#"{"type":"fixed-response","fixedResponseConfig":{"statusCode":"301"}}"#,
            wrong,
        ),
        (
            ValueKind::Json(JsonKind::Action),
            r#"{"type":"redirect","redirectConfig":{"statusCode":"301"}}"#,
            wrong,
        ),
        (
            ValueKind::Json(JsonKind::Action),
            r#"{"type":"redirect","redirectConfig":{"statusCode":"HTTP_301","path":"/#{path}"}}"#,
            wrong,
        ),
        (
            ValueKind::Json(JsonKind::Action),
            r#"{"type":"forward","targetGroupARN":"arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/x"}"#,
            wrong,
        ),
        (
            ValueKind::Json(JsonKind::Action),
            r#"{"type":"forward","forwardConfig":{"targetGroups":[{"targetGroupName":"a","weight":0},{"targetGroupName":"b","weight":0}]}}"#,
            wrong,
        ),
        (
            ValueKind::Json(JsonKind::Conditions),
            r#"[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"x","values":["1","2","3"]}},{"field":"source-ip","sourceIpConfig":{"values":["10.0.0.0/8","11.0.0.0/8"]}}]"#,
            right,
        ),
        (
            ValueKind::Json(JsonKind::Conditions),
            r#"[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"x","values":["1","2","3"]}},{"field":"source-ip","sourceIpConfig":{"values":["10.0.0.0/8","11.0.0.0/8","12.0.0.0/8"]}}]"#,
            wrong,
        ),
        (
            ValueKind::Json(JsonKind::Transforms),
            r#"[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"a"}]}},{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"b"}]}}]"#,
            wrong,
        ),
        (
            ValueKind::Map(MapKind::Attributes(ResourceKind::ApplicationTargets)),
            "stickiness.enabled=true,stickiness.type=app_cookie",
            wrong,
        ),
        (
            ValueKind::Map(MapKind::Attributes(ResourceKind::ApplicationTargets)),
            "stickiness.type=app_cookie,stickiness.app_cookie.cookie_name=shop",
            right,
        ),
        (ValueKind::Json(JsonKind::NetworkForward), r#"{"type":"forward"}"#, wrong),
    ];
    for (kind, value, expected) in cases {
        assert_eq!(
            value_findings(kind, value).is_empty(),
            expected,
            "{kind:?} {value}: {:?}",
            value_findings(kind, value)
        );
    }
}

#[test]
fn complaints_propose_what_was_meant() {
    let cases = [
        (ValueKind::Boolean, "yes", "did you mean `true`?"),
        (ValueKind::Boolean, "flase", "did you mean `false`?"),
        (ValueKind::Integer(5, 300), "10s", "did you mean `10`?"),
        (ValueKind::Choice(&["HTTP", "HTTPS"]), "https", "did you mean `HTTPS`?"),
        (ValueKind::Text(TextKind::Path), "healthz", "did you mean `/healthz`?"),
        (ValueKind::List(ItemKind::Cidr), "10.0.0.1", "did you mean `10.0.0.1/32`?"),
        (ValueKind::List(ItemKind::Cidr), "10.0.0.1/8", "did you mean `10.0.0.0/8`?"),
        (
            ValueKind::Text(TextKind::SslPolicy),
            "ELBSecurityPolicy-TLS13-1-2-2021-6",
            "did you mean `ELBSecurityPolicy-TLS13-1-2-2021-06`?",
        ),
    ];
    for (kind, value, hint) in cases {
        assert_eq!(value_findings(kind, value)[0].hint.as_deref(), Some(hint), "{value}");
    }
}

#[test]
fn what_aws_could_never_take_is_refused_by_its_length() {
    let long = "x".repeat(256 * 1024);
    for row in crate::annotations::table::rows() {
        let key = format!("{}/{}", row.prefix, row.suffix.example());
        for value in [long.clone(), long.replace("xx", "x,"), long.replace("xxxx", "a=b,")] {
            let value_findings = row.value.check(&key, &value);
            let text: usize = value_findings.iter().map(|value_finding| value_finding.problem.len()).sum();
            let is_bounded = value_findings.len() < 3 && text < 2000;
            let has_no_limit = matches!(
                row.value,
                ValueKind::Text(TextKind::Anything)
                    | ValueKind::List(
                        ItemKind::Certificate | ItemKind::Port | ItemKind::PortNumber | ItemKind::Container
                    )
            );
            assert!(
                is_bounded || has_no_limit || value == long,
                "{key}: {} complaints, {text} bytes",
                value_findings.len()
            );
        }
    }
    let length = ValueKind::Boolean.check("", &long);
    assert_eq!(length[0].problem, "has 262144 characters, expected at most 128");
    let items = ValueKind::List(ItemKind::Subnet).check("", &"a,".repeat(1000));
    assert_eq!(items[0].problem, "lists 1000 items, expected at most 200");
    // why: what is too long is refused by builds, too, which ask for no more than this
    assert!(ValueKind::List(ItemKind::Subnet).excess(&"a,".repeat(201)).is_some());
    assert_eq!(ValueKind::List(ItemKind::Subnet).excess(&"a,".repeat(200)), None);
}
