//! What the ServiceAccount may do: never more than the Go controller's, but for what its certificates need.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{documents, render};

/// API group, resource, verb, and the name that the right is limited to.
type Right = (String, String, String, String);

/// What the Go controller's chart grants: API group, resources, verbs, name.
const UPSTREAM: &[(&str, &str, &str, &str)] = &[
    ("", "configmaps", "create delete get update", ""),
    ("", "endpoints namespaces nodes pods", "get list watch", ""),
    ("", "events", "create patch", ""),
    ("", "pods/status services/status", "patch update", ""),
    ("", "services", "get list patch update watch", ""),
    ("coordination.k8s.io", "leases", "create", ""),
    ("coordination.k8s.io", "leases", "get patch update", "aws-load-balancer-controller-leader"),
    ("discovery.k8s.io", "endpointslices", "get list watch", ""),
    ("elbv2.k8s.aws", "albtargetcontrolconfigs", "get", ""),
    ("elbv2.k8s.aws", "ingressclassparams", "get list watch", ""),
    ("elbv2.k8s.aws", "targetgroupbindings", "create delete get list patch update watch", ""),
    ("elbv2.k8s.aws", "targetgroupbindings/status", "patch update", ""),
    ("networking.k8s.io", "ingresses", "get list patch update watch", ""),
    ("networking.k8s.io", "ingresses/status", "patch update", ""),
    ("networking.k8s.io", "ingressclasses", "get list watch", ""),
];

/// What this controller needs beyond, because it issues the webhooks' certificates itself.
const FOR_CERTIFICATES: &[(&str, &str, &str, &str)] = &[
    ("", "secrets", "create", ""),
    ("", "secrets", "get list update watch", "aws-load-balancer-webhook-certs"),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations validatingwebhookconfigurations",
        "get list patch watch",
        "aws-load-balancer-webhook",
    ),
];

fn expand(rows: &[(&str, &str, &str, &str)]) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for (group, resources, verbs, name) in rows {
        for resource in resources.split(' ') {
            rights.extend(
                verbs.split(' ').map(|verb| [*group, resource, verb, *name].map(str::to_owned).into()),
            );
        }
    }
    rights
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What the roles of a rendered chart grant.
fn granted(rendered: &str) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for role in documents(rendered) {
        if !role["kind"].as_str().is_some_and(|kind| kind.ends_with("Role")) {
            continue;
        }
        for rule in role["rules"].as_array().unwrap() {
            let names = match texts(&rule["resourceNames"]) {
                names if names.is_empty() => vec![String::new()],
                names => names,
            };
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    for verb in texts(&rule["verbs"]) {
                        let right =
                            |name: &String| (group.clone(), resource.clone(), verb.clone(), name.clone());
                        rights.extend(names.iter().map(right));
                    }
                }
            }
        }
    }
    rights
}

#[test]
fn no_right_is_granted_that_the_go_controller_does_not_have_but_for_certificates() {
    let granted = granted(&render(&[]).unwrap());
    let beyond: BTreeSet<Right> = granted.difference(&expand(UPSTREAM)).cloned().collect();
    assert_eq!(beyond, expand(FOR_CERTIFICATES));
    assert!(
        granted.iter().all(|(group, resource, verb, _)| ![group, resource, verb].contains(&&"*".to_owned()))
    );
}

#[test]
fn certificates_from_elsewhere_need_no_right_of_their_own() {
    let granted = granted(&render(&["--set", "enableCertManager=true"]).unwrap());
    assert!(granted.is_subset(&expand(UPSTREAM)), "{:?}", granted.difference(&expand(UPSTREAM)));
}

#[test]
fn only_who_asks_for_it_lets_the_controller_read_all_secrets() {
    let all = render(&["--set", "clusterSecretsPermissions.allowAllSecrets=true"]).unwrap();
    let more: BTreeSet<Right> = granted(&all).difference(&granted(&render(&[]).unwrap())).cloned().collect();
    assert_eq!(more, expand(&[("", "secrets", "get list watch", "")]));
}
