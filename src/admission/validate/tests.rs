#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod corpus;
mod random;

use super::*;
use serde_json::{Value, json};

const ALB: &str = "alb.ingress.kubernetes.io";
const NLB: &str = "service.beta.kubernetes.io";

type Pairs = Vec<(String, &'static str)>;

fn service(annotations: &[(String, &str)]) -> Service {
    let annotations: BTreeMap<&String, &str> = annotations.iter().map(|(key, value)| (key, *value)).collect();
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "web", "annotations": annotations},
        "spec": {
            "type": "LoadBalancer",
            "loadBalancerClass": "service.k8s.aws/nlb",
            "ports": [
                {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"},
                {"name": "h3", "port": 8443, "targetPort": 8443, "protocol": "UDP"}
            ]
        }
    }))
    .unwrap()
}

fn ingress_object(annotations: &[(String, &str)]) -> Value {
    let annotations: BTreeMap<&String, &str> = annotations.iter().map(|(key, value)| (key, *value)).collect();
    let path = |path: &str, port: Value| json!({"path": path, "pathType": "Prefix", "backend": {"service": {"name": "web", "port": port}}});
    let paths = [path("/", json!({"name": "use-annotation"})), path("/http", json!({"name": "http"}))];
    json!({
        "metadata": {"namespace": "shop", "name": "web", "annotations": annotations},
        "spec": {"ingressClassName": "alb", "rules": [{"host": "shop.example.com", "http": {"paths": paths}}]}
    })
}

fn ingress(annotations: &[(String, &str)]) -> Ingress {
    serde_json::from_value(ingress_object(annotations)).unwrap()
}

fn alb(pairs: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    pairs.iter().map(|(suffix, value)| (format!("{ALB}/{suffix}"), *value)).collect()
}

fn nlb(pairs: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    pairs.iter().map(|(suffix, value)| (format!("{NLB}/aws-load-balancer-{suffix}"), *value)).collect()
}

fn findings_of(kind: &str, annotations: &[(String, &str)]) -> Vec<Finding> {
    let config = Config::default();
    if kind == "Service" {
        check_service(&config, &service(annotations), None)
    } else {
        check_ingress(&config, &ingress(annotations), &KnownClass::Plain, None)
    }
}

fn errors(findings: &[Finding]) -> Vec<String> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(ToString::to_string).collect()
}

fn warnings(findings: &[Finding]) -> Vec<String> {
    let warnings = findings.iter().filter(|finding| finding.severity == Severity::Warning);
    warnings.map(ToString::to_string).collect()
}

#[test]
fn all_mistakes_of_an_ingress_are_told_at_once() {
    let findings = findings_of(
        "Ingress",
        &alb(&[
            ("scheme", "internet-facng"),
            ("listen-ports", r#"[{"HTTP": 80}, {"TCP": 81}]"#),
            ("healthcheck-interval-seconds", "3"),
            ("target-type", "pod"),
            ("load-balancer-attributes", "idle_timeout.timeout_second=60,routing.http2.enabled=yes"),
            ("group.order", "1001"),
            ("actions.web", r#"{"type": "fixed-response"}"#),
        ]),
    );
    let text = errors(&findings).join("\n");
    for expected in [
        "/scheme: \"internet-facng\" is not one of internal or internet-facing; did you mean `internet-facing`?",
        "/listen-ports: protocol is \"TCP\", expected HTTP or HTTPS",
        "/healthcheck-interval-seconds: 3 is out of range, expected 5 to 300",
        "/target-type: \"pod\" is not one of instance or ip",
        "did you mean `idle_timeout.timeout_seconds`?",
        "routing.http2.enabled is \"yes\", expected true or false",
        "/group.order: 1001 is out of range",
        "/actions.web: fixed-response needs fixedResponseConfig",
    ] {
        assert!(text.contains(expected), "{expected}\n---\n{text}");
    }
    assert_eq!(errors(&findings).len(), 8, "{text}");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let cases: Vec<(&str, Pairs)> = vec![
        ("Service", nlb(&[("healthcheck-interval", "10"), ("healthcheck-timeout", "11")])),
        ("Service", nlb(&[("scheme", "internal"), ("eip-allocations", "eipalloc-0123456789abcdef0")])),
        ("Service", nlb(&[("quic-enabled-ports", "h3"), ("nlb-target-type", "instance")])),
        ("Service", nlb(&[("ssl-ports", "https")])),
        ("Ingress", alb(&[("healthcheck-interval-seconds", "5"), ("healthcheck-timeout-seconds", "5")])),
        ("Ingress", alb(&[("success-codes", "200"), ("backend-protocol-version", "GRPC")])),
        ("Ingress", alb(&[("ssl-redirect", "443")])),
        (
            "Ingress",
            alb(&[
                ("enable-frontend-nlb", "true"),
                ("frontend-nlb-eip-allocations", "eipalloc-0123456789abcdef0"),
            ]),
        ),
        ("Ingress", alb(&[("auth-type", "oidc"), ("listen-ports", r#"[{"HTTPS": 443}]"#)])),
    ];
    for (kind, annotations) in cases {
        let findings = findings_of(kind, &annotations);
        assert_ne!(errors(&findings), [""; 0], "{annotations:?} {:?}", warnings(&findings));
    }
}

#[test]
fn what_has_no_effect_is_only_doubted() {
    let cases: Vec<(&str, Pairs, &str)> = vec![
        ("Service", nlb(&[("ssl-negotiation-policy", "ELBSecurityPolicy-2016-08")]), "without"),
        ("Service", nlb(&[("enable-tcp-udp-listener", "yes")]), "did you mean `true`?"),
        ("Service", nlb(&[("listener-attributes.UDP-80", "nonsense")]), "there is no \"UDP-80\""),
        ("Service", nlb(&[("connection-idle-timeout", "60")]), "in-tree"),
        ("Service", nlb(&[("internal", "true")]), "deprecated"),
        ("Service", nlb(&[("scheem", "internal")]), "aws-load-balancer-scheme`?"),
        ("Service", vec![(format!("{ALB}/scheme"), "internal")], "read from an Ingress"),
        ("Ingress", nlb(&[("scheme", "internal")]), "read from a Service"),
        (
            "Ingress",
            vec![("alb.ingress.kubernets.io/scheme".to_owned(), "internal")],
            "did you mean `alb.ingress.kubernetes.io/scheme`?",
        ),
        ("Ingress", alb(&[("frontend-nlb-scheme", "public")]), "without"),
        ("Ingress", alb(&[("actions.wbe", "nope")]), "did you mean `web`?"),
        ("Ingress", alb(&[("ssl-redirect", "443"), ("group.name", "shop")]), "unless another member"),
        ("Ingress", alb(&[("conditions.web", r#"[{"field": "cookie"}]"#)]), "no effect"),
    ];
    for (kind, annotations, expected) in cases {
        let findings = findings_of(kind, &annotations);
        assert_eq!(errors(&findings), [""; 0], "{annotations:?}");
        assert!(warnings(&findings).join("\n").contains(expected), "{expected}: {:?}", warnings(&findings));
    }
}

#[test]
fn annotations_of_other_programs_are_none_of_our_business() {
    let foreign = [
        "service.beta.kubernetes.io/azure-load-balancer-internal",
        "service.beta.kubernetes.io/do-loadbalancer-protocol",
        "nginx.ingress.kubernetes.io/rewrite-target",
        "external-dns.alpha.kubernetes.io/hostname",
        "example.com/scheme",
        "scheme",
    ];
    let annotations: Vec<(String, &str)> = foreign.iter().map(|key| ((*key).to_owned(), "x")).collect();
    let named = findings_of("Service", &annotations);
    assert!(named.iter().all(|found| found.field.as_deref() == Some("spec.ports")), "{named:?}");
    assert_eq!(warnings(&findings_of("Ingress", &annotations)).len(), 1, "but for the missing action");
}

#[test]
fn parameters_of_the_class_win_over_annotations() {
    let params: IngressClassParams =
        serde_json::from_value(json!({"metadata": {"name": "alb"}, "spec": {"scheme": "internet-facing"}}))
            .unwrap();
    let class = KnownClass::Params(Arc::new(params));
    let annotations = alb(&[
        ("scheme", "public"),
        ("actions.web", r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}}"#),
    ]);
    let findings = check_ingress(&Config::default(), &ingress(&annotations), &class, None);
    assert_eq!(errors(&findings), [""; 0], "the annotation is not read");
    assert_eq!(warnings(&findings).len(), 1);
}

/// An Ingress with a backend of its own for every rule.
fn wide_ingress(count: usize) -> Ingress {
    let path = |number| json!({"path": format!("/{number}"), "pathType": "Exact", "backend": {"service": {"name": format!("web-{number}"), "port": {"number": 80}}}});
    let paths: Vec<Value> = (0..count).map(path).collect();
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"ingressClassName": "alb", "rules": [{"host": "shop.example.com", "http": {"paths": paths}}]}
    }))
    .unwrap()
}

#[test]
fn however_many_backends_there_are_limits_are_told() {
    for (count, are_told) in [(100, false), (101, true), (200, true), (255, true), (500, true)] {
        let findings = check_ingress(&Config::default(), &wide_ingress(count), &KnownClass::Plain, None);
        for part in ["rules on one listener", "target groups on one load balancer"] {
            let expected = format!("makes {count} {part}");
            let is_told = findings.iter().any(|finding| finding.message.contains(&expected));
            assert_eq!(is_told, are_told, "{expected}: {findings:?}");
        }
    }
}

/// Wrong values of every kind, for every annotation. What the build says of a value that the table refuses is what the table says.
#[test]
fn one_mistake_has_one_sentence() {
    const VALUES: &[&str] =
        &["", "x", "yes", "3s", "-1", "70000", "a=b", "[]", "{}", "{", "[{\"a\": 1}]", "10.0.0.0/33", "a,b"];
    let config = Config::default();
    let others = Arc::default();
    let warned = BTreeSet::new();
    let setting = DryBuildOptions { config: &config, is_new: true, others: &others, invalid_keys: &warned };
    // why: these are said of the object or the group, not of the value alone
    let of_more = [
        "works only on",
        "needs a dualstack",
        "neither the name nor the number",
        "neither traffic-port",
        "invalid ingress group",
        "there is no listener",
    ];
    let mut different = BTreeMap::new();
    for row in table::rows().filter(|row| row.prefix == ALB || row.prefix == NLB) {
        for value in VALUES {
            let key = format!("{}/{}", row.prefix, row.suffix.example());
            let annotations = [(key.clone(), *value)];
            let (object, dry_build) = if row.prefix == NLB {
                let service = service(&annotations);
                (service_ref(&service), dry_build::dry_build_service(&service, &setting))
            } else {
                let ingress = ingress(&annotations);
                (ingress_ref(&ingress), dry_build::dry_build_ingress(&ingress, None, &setting))
            };
            let map = BTreeMap::from([(key.clone(), (*value).to_owned())]);
            let judged = check_values(&object, Some(&map), row.prefix, &config);
            let refused = judged.iter().any(|finding| finding.severity == Severity::Error);
            let of_build = dry_build.errors().filter(|finding| finding.field.as_ref() == Some(&key));
            for finding in of_build.filter(|_| refused) {
                let is_of_more = of_more.iter().any(|words| finding.message.contains(words));
                if !is_of_more
                    && !judged
                        .iter()
                        .any(|other| (&other.message, &other.hint) == (&finding.message, &finding.hint))
                {
                    different
                        .insert(key.clone(), format!("{finding}\n    {}", errors(&judged).join("\n    ")));
                }
            }
        }
    }
    assert!(different.is_empty(), "{}", different.into_values().collect::<Vec<_>>().join("\n"));
}
