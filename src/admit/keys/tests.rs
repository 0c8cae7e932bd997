#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn told(kind: &'static str, key: &str) -> Option<String> {
    let object = ObjectRef { kind, namespace: "shop".into(), name: "web".into() };
    let annotations = BTreeMap::from([(key.to_owned(), "x".to_owned())]);
    let finding = check(&object, Some(&annotations)).pop()?;
    Some(format!("{}; {}", finding.message, finding.hint.unwrap_or_default()))
}

#[test]
fn keys_that_mean_nothing_are_told_with_what_was_probably_meant() {
    let nlb = |suffix: &str| format!("{NLB_PREFIX}/{suffix}");
    let alb = |suffix: &str| format!("{ALB_PREFIX}/{suffix}");
    let cases = [
        ("Service", nlb("aws-load-balancer-scheme"), None),
        (
            "Service",
            nlb("aws-load-balancer-subnet"),
            Some("did you mean `service.beta.kubernetes.io/aws-load-balancer-subnets`?"),
        ),
        (
            "Service",
            nlb("asw-load-balancer-scheme"),
            Some("did you mean `service.beta.kubernetes.io/aws-load-balancer-scheme`?"),
        ),
        (
            "Service",
            "service.kubernetes.io/aws-load-balancer-scheme".to_owned(),
            Some("did you mean `service.beta.kubernetes.io/aws-load-balancer-scheme`?"),
        ),
        (
            "Service",
            nlb("aws-load-balancer-target-group-attribute.443"),
            Some("did you mean `service.beta.kubernetes.io/aws-load-balancer-target-group-attributes.443`?"),
        ),
        (
            "Service",
            nlb("aws-load-balancer-extra-security-groups"),
            Some("use aws-load-balancer-security-groups"),
        ),
        (
            "Service",
            nlb("aws-load-balancer-quic-enabled-containers"),
            Some("read from a Pod, not from a Service"),
        ),
        ("Service", nlb("azure-load-balancer-internal"), None),
        ("Service", alb("target-type"), None),
        ("Service", alb("listen-ports"), Some("read from an Ingress, not from a Service")),
        ("Ingress", alb("action.web"), Some("did you mean `alb.ingress.kubernetes.io/actions.web`?")),
        ("Ingress", alb("something-else-entirely"), Some("is not a known annotation and has no effect; ")),
        ("Ingress", alb("web-acl-id"), Some("is deprecated; use wafv2-acl-arn")),
        (
            "Ingress",
            "alb.ingres.kubernetes.io/scheme".to_owned(),
            Some("did you mean `alb.ingress.kubernetes.io/scheme`?"),
        ),
        ("Ingress", "nginx.ingress.kubernetes.io/backend-protocol".to_owned(), None),
    ];
    for (kind, key, expected) in cases {
        match (told(kind, &key), expected) {
            (None, None) => {}
            (Some(text), Some(expected)) => assert!(text.contains(expected), "{kind} {key}: {text}"),
            (text, expected) => panic!("{kind} {key}: {text:?}, expected {expected:?}"),
        }
    }
}
