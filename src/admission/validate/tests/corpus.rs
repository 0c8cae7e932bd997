//! The annotation table turned into a corpus: right values, wrong values and misspelt keys for every row.

use super::*;
use crate::annotations::table::rows;
use crate::annotations::value::{ItemKind, JsonKind, MapKind, TextKind, ValueKind};

/// Rows with the kinds that are checked.
fn cases() -> impl Iterator<Item = (&'static Row, &'static str, String)> {
    rows().flat_map(|row| {
        let kinds = row.on.iter().filter(|kind| matches!(**kind, "Service" | "Ingress"));
        kinds.map(move |kind| (row, *kind, format!("{}/{}", row.prefix, row.suffix.example())))
    })
}

#[test]
fn every_right_value_is_admitted() {
    for (row, kind, key) in cases() {
        for example in row.examples {
            let mut annotations = vec![(key.clone(), *example)];
            annotations.extend(companions(row.suffix.stem()));
            let findings = findings_of(kind, &annotations);
            assert_eq!(errors(&findings), [""; 0], "{kind} {key}: {example}");
        }
    }
}

/// What a value needs beside it.
fn companions(stem: &str) -> Vec<(String, &'static str)> {
    match stem {
        "aws-load-balancer-eip-allocations" => nlb(&[("scheme", "internet-facing")]),
        "aws-load-balancer-ipv6-addresses" => nlb(&[("ip-address-type", "dualstack")]),
        "aws-load-balancer-source-nat-ipv6-prefixes" => {
            nlb(&[("ip-address-type", "dualstack"), ("enable-prefix-for-ipv6-source-nat", "on")])
        }
        "aws-load-balancer-quic-enabled-ports" => nlb(&[("nlb-target-type", "ip")]),
        "ip-address-type" | "ipam-ipv4-pool-id" => alb(&[("scheme", "internet-facing")]),
        "ssl-redirect" => alb(&[("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#)]),
        "target-control-port" => alb(&[("target-type", "ip")]),
        "frontend-nlb-eip-allocations" => {
            alb(&[("enable-frontend-nlb", "true"), ("frontend-nlb-scheme", "internet-facing")])
        }
        "healthcheck-interval-seconds" => alb(&[("healthcheck-timeout-seconds", "2")]),
        "healthcheck-timeout-seconds" => alb(&[("healthcheck-interval-seconds", "300")]),
        _ => Vec::new(),
    }
}

/// Wrong values of these are only warned about, because nothing reads them where they stand.
const UNREAD: &[&str] = &[
    "Ingress acm-pca-arn",
    "Ingress certificate-source",
    "Ingress create-acm-cert",
    "Ingress target-control-port",
    "Ingress use-regex-path-match",
    "Service aws-load-balancer-enable-tcp-udp-listener",
    "Service aws-load-balancer-proxy-protocol-per-target-group",
    "Service aws-load-balancer-quic-enabled-ports",
    "Service aws-load-balancer-ssl-secret",
];

#[test]
fn every_wrong_value_is_refused_or_doubted_as_its_row_says() {
    let (mut refused, mut warned) = (0, 0);
    let (mut missed, mut unread) = (Vec::new(), BTreeSet::new());
    for (row, kind, key) in cases() {
        let wrong = wrong_values(row.value);
        let is_free = matches!(row.value, ValueKind::Text(TextKind::Anything));
        assert!(is_free || wrong.len() >= 5, "{key}: {wrong:?}");
        for value in wrong {
            let mut annotations = vec![(key.clone(), value.as_str())];
            annotations.extend(readers(row.suffix.stem()));
            let findings = findings_of(kind, &annotations);
            let told: Vec<&Finding> =
                findings.iter().filter(|finding| finding.field.as_ref() == Some(&key)).collect();
            let is_refused = told.iter().any(|finding| finding.severity == Severity::Error);
            let is_error = |value_finding: &ValueFinding| value_finding.severity == Severity::Error;
            let should_be = row.value.check(&key, &value).iter().any(is_error);
            match (should_be, is_refused, told.is_empty()) {
                (_, _, true) => missed.push(format!("{kind} {key}: {value:?} is not told")),
                (_, true, _) => refused += 1,
                (false, false, _) => warned += 1,
                (true, false, _) => {
                    warned += 1;
                    unread.insert(format!("{kind} {}", row.suffix.stem()));
                }
            }
        }
    }
    println!(
        "{} wrong values: {refused} refused, {warned} doubted, {} missed",
        refused + warned,
        missed.len()
    );
    assert!(refused + warned > 500, "{refused} {warned}");
    assert_eq!(missed, [""; 0]);
    assert_eq!(unread.iter().map(String::as_str).collect::<Vec<_>>(), UNREAD);
}

/// What must stand beside an annotation for anything to read it.
fn readers(stem: &str) -> Vec<(String, &'static str)> {
    let arn = "arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012";
    if stem.starts_with("frontend-nlb-") {
        return alb(&[("enable-frontend-nlb", "true")]);
    }
    if stem.starts_with("auth-") && stem != "auth-type" {
        let kind = if stem == "auth-idp-oidc" { "oidc" } else { "cognito" };
        return alb(&[("auth-type", kind), ("listen-ports", r#"[{"HTTPS": 443}]"#)]);
    }
    match stem {
        "auth-type" | "jwt-validation" | "ssl-policy" | "mutual-authentication" => {
            alb(&[("listen-ports", r#"[{"HTTPS": 443}]"#)])
        }
        "aws-load-balancer-backend-protocol"
        | "aws-load-balancer-ssl-ports"
        | "aws-load-balancer-alpn-policy"
        | "aws-load-balancer-ssl-negotiation-policy" => nlb(&[("ssl-cert", arn)]),
        "aws-load-balancer-access-log-s3-bucket-name" | "aws-load-balancer-access-log-s3-bucket-prefix" => {
            nlb(&[("access-log-enabled", "true")])
        }
        "aws-load-balancer-healthcheck-path" | "aws-load-balancer-healthcheck-success-codes" => {
            nlb(&[("healthcheck-protocol", "http")])
        }
        "aws-load-balancer-source-nat-ipv6-prefixes" | "aws-load-balancer-ipv6-addresses" => companions(stem),
        "aws-load-balancer-enable-prefix-for-ipv6-source-nat" => nlb(&[("ip-address-type", "dualstack")]),
        "aws-load-balancer-manage-backend-security-group-rules" => nlb(&[("security-groups", "web")]),
        "manage-backend-security-group-rules" => alb(&[("security-groups", "web")]),
        _ => Vec::new(),
    }
}

#[test]
fn misspelt_keys_are_told_with_the_right_one() {
    let (mut count, mut right) = (0, 0);
    let mut missed = Vec::new();
    for (row, kind, key) in cases().filter(|(row, ..)| table::is_our_prefix(row.prefix)) {
        for misspelt in misspellings(row) {
            count += 1;
            let findings = findings_of(kind, &[(misspelt.clone(), row.examples[0])]);
            let finding = findings.iter().find(|finding| finding.field.as_ref() == Some(&misspelt));
            let finding = finding.unwrap_or_else(|| panic!("{kind} {misspelt} is not told"));
            if finding.hint.as_deref() == Some(&format!("did you mean `{key}`?")) {
                right += 1;
            } else {
                missed.push(format!("{misspelt}: {:?}", finding.hint));
            }
        }
    }
    println!("{count} misspelt keys: all told, {right} with the right one");
    assert!(right * 100 >= count * 95, "{right} of {count}: {missed:#?}");
}

/// A letter lost, two letters swapped, a letter doubled.
fn misspellings(row: &Row) -> Vec<String> {
    let stem = row.suffix.stem();
    let tail = row.suffix.example()[stem.len()..].to_owned();
    let letters: Vec<char> = stem.chars().collect();
    let at = letters.len() / 2;
    let mut lost = letters.clone();
    lost.remove(at);
    let mut swapped = letters.clone();
    let place =
        (at..letters.len() - 1).chain(0..at).find(|place| letters[*place] != letters[place + 1]).unwrap();
    swapped.swap(place, place + 1);
    let mut doubled = letters.clone();
    doubled.insert(at, letters[at]);
    let key =
        |letters: Vec<char>| format!("{}/{}{tail}", row.prefix, letters.into_iter().collect::<String>());
    [lost, swapped, doubled].into_iter().map(key).collect()
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn wrong_values(kind: ValueKind) -> Vec<String> {
    match kind {
        ValueKind::Boolean => texts(&["yes", "on", "TRUE ", "2", "", "tru"]),
        ValueKind::Integer(low, high) => {
            let mut wrong = texts(&["ten", "10s", "", "1.5", " 7", "99999999999999999999"]);
            wrong.extend([(low - 1).to_string(), (high + 1).to_string()]);
            wrong
        }
        ValueKind::Choice(allowed) => {
            let first = allowed[0];
            let mut wrong = texts(&["", "nonsense", "none of these"]);
            wrong.extend([format!("{first}x"), format!(" {first}"), format!("{first},{first}")]);
            wrong
        }
        ValueKind::ChoiceInAnyCase(_) => texts(&["", "grpc", "htp", "tcp,http", " http"]),
        ValueKind::List(items) => wrong_lists(items),
        ValueKind::Map(pairs) => wrong_maps(pairs),
        ValueKind::Json(document) => wrong_documents(document),
        ValueKind::Text(text) => wrong_texts(text),
    }
}

fn wrong_lists(items: ItemKind) -> Vec<String> {
    let mut wrong = texts(match items {
        ItemKind::Subnet => &[
            "subnet-1",
            "subnet-0123456789ABCDEF0",
            "subnet-0123456789abcdef0,subnet-0123456789abcdef0",
            "private-a,subnet-",
        ],
        ItemKind::SecurityGroup => {
            &["sg-1", "sg-", "sg-0123456789abcdef0,sg-0123456789abcdef0", "web,sg-xyz"]
        }
        ItemKind::Allocation => &["eipalloc-1", "52.1.2.3", "eip", "eipalloc-0123456789abcdef0 eipalloc-0"],
        ItemKind::Ipv4 => &["10.0.0", "10.0.0.256", "10.0.0.1/24", "2001:db8::1"],
        ItemKind::Ipv6 => &["10.0.0.1", "2001:db8::g", "2001:db8::/64", "::1::"],
        ItemKind::SourceNatPrefix => &["auto", "2001:db8::/64", "2001:db8::", "10.0.0.0/80"],
        ItemKind::Cidr => &["10.0.0.1", "10.0.0.0/33", "everywhere", "10.0.0.1/8", "2001:db8::"],
        ItemKind::PrefixList => &["pl-1", "pl-", "sg-0123456789abcdef0", "10.0.0.0/8"],
        ItemKind::Certificate => &[
            "certificate",
            "arn:aws:acm:us-west-2:1234:certificate/x",
            "arn:aws:s3:::bucket",
            "arn:aws:acm:us-west-2:123456789012:certificate/",
        ],
        ItemKind::Port => &["*", "HTTP", "0", "70000"],
        ItemKind::PortNumber => &["http", "0", "65536", "80:443"],
        ItemKind::Container => &["Proxy", "proxy!", "-proxy", "proxy_1"],
        ItemKind::SecretName => &["Shop", "shop_tls", "-shop", "shop/tls", "shop..tls"],
    });
    wrong.push(String::new());
    wrong.push(" , ".to_owned());
    wrong
}

fn wrong_maps(pairs: MapKind) -> Vec<String> {
    let mut wrong = texts(&["novalue", "a=1,b", "=v", " ", "a=x,y,z=1"]);
    wrong.extend(texts(match pairs {
        MapKind::Attributes(_) => &["Idle Timeout=3", "nodots=1", "brand_new.attribute=1"],
        MapKind::Tags => &["aws:team=x", "elbv2.k8s.aws/cluster=x", "team=<b>"],
        MapKind::Labels => &["-x=1", "a/b/c=1", "a=b c"],
        MapKind::Capacity => &["Units=10", "CapacityUnits=ten", "CapacityUnits=-1"],
        MapKind::PortMapping => &["http=80", "80=http", "0=80", "80=65536"],
    }));
    wrong
}

fn wrong_documents(document: JsonKind) -> Vec<String> {
    let mut wrong = texts(&["nope", "", "{", "17", "\"text\""]);
    wrong.extend(texts(match document {
        JsonKind::ListenPorts => &["[]", r#"[{"http": 80}]"#, r#"[{"HTTP": 0}]"#, r#"[{"HTTP": "80"}]"#],
        JsonKind::MutualAuthentication => &[
            "[]",
            r#"[{"port": 443}]"#,
            r#"[{"port": 443, "mode": "verify"}]"#,
            r#"[{"port": 0, "mode": "off"}]"#,
        ],
        JsonKind::Action => &[
            "{}",
            r#"{"type": "forward", "forwardConfig": {"targetGroups": []}}"#,
            r#"{"type": "redirect", "redirectConfig": {"statusCode": "301"}}"#,
            r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "999"}}"#,
        ],
        JsonKind::Conditions => &[
            "{}",
            r#"[{"field": "cookie"}]"#,
            r#"[{"field": "source-ip", "sourceIpConfig": {"values": ["10.0.0.1/99"]}}]"#,
            r#"[{"field": "http-request-method", "httpRequestMethodConfig": {"values": ["get"]}}]"#,
        ],
        JsonKind::Transforms => &["{}", r#"[{"type": "rewrite"}]"#, r#"[{"type": "url-rewrite"}]"#],
        JsonKind::Cognito => {
            &["[]", "{}", r#"{"userPoolARN": "x", "userPoolClientID": "x", "userPoolDomain": "x"}"#]
        }
        JsonKind::Oidc => &["[]", "{}", r#"{"issuer": "http://id.example.com"}"#],
        JsonKind::Jwt => &["[]", "{}", r#"{"jwksEndpoint": "x", "issuer": "x"}"#],
        JsonKind::NetworkForward => &["{}", r#"{"type": "redirect"}"#, r#"{"type": "forward"}"#],
    }));
    wrong
}

fn wrong_texts(text: TextKind) -> Vec<String> {
    let mut wrong = texts(match text {
        TextKind::LoadBalancerName => &["", "-web", "web_1", "internal-web", "web."],
        TextKind::GroupName => &["", "Shop", "shop_1", "-shop", "shop."],
        TextKind::SslPolicy => &["", "TLS 1.2", "ELBSecurityPolicy-2016-09", "tls", "ELBSecurityPolicy_TLS"],
        TextKind::HealthCheckPort => &["", "0", "65536", "Traffic-Port", "http/1"],
        TextKind::TrafficPort => &["", "0", "65536", "trafic-port", "http"],
        TextKind::Path => &["", "healthz", "/a b", "/a\tb", "http://x/"],
        TextKind::NetworkSuccessCodes => &["", "600", "OK", "200-", "299-200", "200,"],
        TextKind::ApplicationSuccessCodes => &["", "500", "OK", "200-", "299-200", "100"],
        TextKind::GrpcSuccessCodes => &["", "100", "OK", "0-", "9-0", "200"],
        TextKind::CustomerOwnedPool => &["", "pool", "ipv4pool-coip-", "ipv4pool-1", "ipv4pool-coip-a b"],
        TextKind::IpamPool => &["pool", "ipam-pool-", "ipam-1", "ipam-pool-a b", "IPAM-POOL-1"],
        TextKind::CertificateAuthority => &[
            "x",
            "arn:aws:acm:us-west-2:123456789012:certificate/x",
            "arn",
            "arn:aws:acm-pca",
            "arn:aws:acm-pca:us-west-2:1:certificate-authority/x",
        ],
        TextKind::WebAclArn => &[
            "",
            "None",
            "web-acl",
            "arn:aws:wafv2:us-west-2:123456789012:global/webacl/x/1",
            "arn:aws:wafv2",
        ],
        TextKind::WebAclName | TextKind::ClassicAclId => &["a b", "a/b", "ä", "a.b", "a,b"],
        TextKind::Scope => &["", "open  id", "\"openid\"", " openid", "openid\n"],
        TextKind::CookieName => &["", "a b", "a=b", "a;b", "\"a\""],
        TextKind::Bucket => &["", "My-Bucket", "-logs", "ab", "logs/nlb"],
        TextKind::BucketPrefix => &["/nlb", "AWSLogs", "a/AWSLogs/b", "a\nb", "/"],
        TextKind::BackendProtocol => &["", "SSL", "https", "tls", "http"],
        TextKind::Anything => return Vec::new(),
    });
    if matches!(text, TextKind::LoadBalancerName | TextKind::GroupName) {
        wrong.push("x".repeat(64));
    }
    wrong
}
