#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use serde_json::json;

fn class_after(operation: AdmissionOperation, object: &Value, old: Option<&Value>) -> Option<String> {
    let admitted = default_class(&Config::default(), operation, object, old);
    admitted.object.map(|object| object["spec"]["loadBalancerClass"].as_str().unwrap().to_owned())
}

#[test]
fn only_load_balancer_services_without_a_class_become_ours() {
    let ours = Some("service.k8s.aws/nlb".to_owned());
    let cases = [
        (json!({"spec": {"type": "LoadBalancer"}}), ours),
        (json!({"spec": {"type": "LoadBalancer", "loadBalancerClass": "other"}}), None),
        (json!({"spec": {"type": "ClusterIP"}}), None),
        (json!({"spec": {}}), None),
        (json!({}), None),
    ];
    for (object, expected) in cases {
        assert_eq!(class_after(AdmissionOperation::Create, &object, None), expected, "{object}");
    }
}

#[test]
fn an_update_that_forgets_the_class_keeps_it() {
    let forgetful = json!({"spec": {"type": "LoadBalancer"}});
    let ours = json!({"spec": {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb"}});
    let classless = json!({"spec": {"type": "LoadBalancer"}});
    assert_eq!(
        class_after(AdmissionOperation::Update, &forgetful, Some(&ours)).unwrap(),
        "service.k8s.aws/nlb"
    );
    assert_eq!(class_after(AdmissionOperation::Update, &forgetful, Some(&classless)), None);
}

mod checking {
    use super::*;
    use crate::config::AnnotationValidation;

    const PREFIX: &str = "service.beta.kubernetes.io/aws-load-balancer-";

    fn service(annotations: &[(&str, &str)]) -> Value {
        let annotations: serde_json::Map<String, Value> =
            annotations.iter().map(|(key, value)| (format!("{PREFIX}{key}"), json!(value))).collect();
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "annotations": annotations},
            "spec": {
                "type": "LoadBalancer",
                "loadBalancerClass": "service.k8s.aws/nlb",
                "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
            }
        })
    }

    fn result(annotations: &[(&str, &str)]) -> Result<Admitted, Denial> {
        check(&Config::default(), &Change::create("shop", &service(annotations)))
    }

    #[test]
    fn a_misspelt_scheme_is_refused_with_the_right_one() {
        let denial = result(&[("scheme", "internet-facng")]).unwrap_err();
        assert!(
            denial.message.contains("aws-load-balancer-scheme: \"internet-facng\""),
            "{}",
            denial.message
        );
        assert!(denial.message.contains("internal or internet-facing"), "{}", denial.message);
        assert!(denial.message.contains("did you mean `internet-facing`?"), "{}", denial.message);
        assert!(denial.message.starts_with("service/shop/web "), "{}", denial.message);
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let denial = result(&[
            ("scheme", "internet-facng"),
            ("ssl-ports", "https"),
            ("healthcheck-interval", "ten"),
            ("attributes", "novalue"),
        ])
        .unwrap_err();
        for key in ["scheme", "ssl-ports", "healthcheck-interval", "attributes"] {
            assert!(denial.message.contains(&format!("{PREFIX}{key}: ")), "{key}: {}", denial.message);
        }
    }

    #[test]
    fn warn_admits_and_off_does_not_look() {
        let object = service(&[("scheme", "internet-facng")]);
        let mut config = Config { annotation_validation: AnnotationValidation::Warn, ..Config::default() };
        let admitted = check(&config, &Change::create("shop", &object)).unwrap();
        assert_eq!(admitted.warnings.len(), 1);
        assert_eq!(admitted.object, None);
        config.annotation_validation = AnnotationValidation::Off;
        let admitted = check(&config, &Change::create("shop", &object)).unwrap();
        assert_eq!(admitted, Admitted::unchanged());
    }

    #[test]
    fn an_update_is_checked_only_when_it_touches_what_is_ours() {
        let old = service(&[("scheme", "internet-facng")]);
        let mut new = old.clone();
        new["metadata"]["labels"] = json!({"team": "shop"});
        let check = |new: &Value| check(&Config::default(), &Change::update("shop", new, &old));
        assert_eq!(check(&new), Ok(Admitted::unchanged()));
        new["spec"]["ports"][0]["port"] = json!(81);
        assert!(check(&new).is_err());
        new["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(check(&new), Ok(Admitted::unchanged()));
    }

    #[test]
    fn services_that_are_not_ours_are_not_checked() {
        let mut foreign = service(&[("scheme", "internet-facng")]);
        foreign["spec"]["loadBalancerClass"] = json!("example.com/other");
        assert_eq!(check(&Config::default(), &Change::create("shop", &foreign)), Ok(Admitted::unchanged()));
    }

    #[test]
    fn what_only_aws_or_the_api_server_knows_refuses_nothing() {
        let cases: &[&[(&str, &str)]] = &[
            &[],
            &[("nlb-target-type", "instance")],
            &[("subnets", "subnet-01234561,private-a,private-a,private-b")],
            &[("security-groups", "sg-01234567,web-group")],
            &[("scheme", "internet-facing"), ("eip-allocations", "eipalloc-01234561")],
            &[
                ("scheme", "internet-facing"),
                (
                    "eip-allocations",
                    "eipalloc-01234561,eipalloc-01234562,eipalloc-01234563,eipalloc-01234564",
                ),
            ],
            &[("subnets", "a,b"), ("private-ipv4-addresses", "172.16.4.7,10.1.2.3")],
            &[
                ("subnets", "b,subnet-01234561,a,b"),
                ("private-ipv4-addresses", "10.0.0.7,10.0.1.7,10.0.2.7,10.0.3.7"),
            ],
            &[("ip-address-type", "dualstack"), ("ipv6-addresses", "2001:db8:1::1,fd00::7")],
            &[
                ("ip-address-type", "dualstack"),
                ("enable-prefix-for-ipv6-source-nat", "on"),
                ("source-nat-ipv6-prefixes", "auto_assigned,2600:1f14:1::/80"),
            ],
        ];
        for annotations in cases {
            let result = result(annotations);
            assert_eq!(result, Ok(Admitted::unchanged()), "{annotations:?}");
        }
    }

    #[test]
    fn counts_that_contradict_each_other_are_refused() {
        let cases: &[&[(&str, &str)]] = &[
            &[
                ("scheme", "internet-facing"),
                ("subnets", "subnet-01234561,subnet-01234562"),
                ("eip-allocations", "eipalloc-01234561"),
            ],
            &[("scheme", "internal"), ("eip-allocations", "eipalloc-01234561")],
            &[("subnets", "subnet-01234561,subnet-01234561")],
            &[("private-ipv4-addresses", "10.0.0.1,10.0.0.1")],
        ];
        for annotations in cases {
            assert!(result(annotations).is_err(), "{annotations:?}");
        }
    }

    #[test]
    fn an_update_may_rely_on_the_scheme_of_the_load_balancer_that_is_there() {
        let old = service(&[]);
        let new = service(&[("eip-allocations", "eipalloc-01234561,eipalloc-01234562")]);
        let result = |operation, old| {
            check(&Config::default(), &Change { operation, namespace: "shop", object: &new, old })
        };
        assert!(result(AdmissionOperation::Create, None).is_err(), "the default scheme is internal");
        assert!(
            result(AdmissionOperation::Update, Some(&old)).is_ok(),
            "the load balancer may be internet-facing"
        );
    }
}
