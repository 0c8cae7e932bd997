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
    ("gateway.networking.k8s.io", "gatewayclasses gateways referencegrants", "get list patch watch", ""),
    ("gateway.networking.k8s.io", "gatewayclasses/status gateways/status", "get patch update", ""),
    (
        "gateway.networking.k8s.io",
        "grpcroutes httproutes listenersets tcproutes tlsroutes udproutes",
        "get list watch",
        "",
    ),
    (
        "gateway.networking.k8s.io",
        "grpcroutes/status httproutes/status listenersets/status tcproutes/status tlsroutes/status udproutes/status",
        "get patch update",
        "",
    ),
    (
        "gateway.k8s.aws",
        "listenerruleconfigurations loadbalancerconfigurations targetgroupconfigurations",
        "get list patch watch",
        "",
    ),
    ("gateway.k8s.aws", "listenerruleconfigurations/status", "get patch update", ""),
];

/// What Gateways need, and nothing else. Finalizers are read past the caches (`get`) and patched, as annotations are; of what is
/// attached to Gateways only the status is written.
const FOR_GATEWAYS: &[(&str, &str, &str, &str)] = &[
    ("gateway.networking.k8s.io", "gatewayclasses gateways", "get list patch watch", ""),
    ("gateway.networking.k8s.io", "gatewayclasses/status gateways/status", "patch", ""),
    ("gateway.networking.k8s.io", "referencegrants", "list watch", ""),
    (
        "gateway.k8s.aws",
        "listenerruleconfigurations loadbalancerconfigurations targetgroupconfigurations",
        "get list patch watch",
        "",
    ),
    ("gateway.k8s.aws", "listenerruleconfigurations/status", "patch", ""),
];
const FOR_ALB_ROUTES: &[(&str, &str, &str, &str)] = &[
    ("gateway.networking.k8s.io", "grpcroutes httproutes", "list watch", ""),
    ("gateway.networking.k8s.io", "grpcroutes/status httproutes/status", "patch", ""),
];
const FOR_NLB_ROUTES: &[(&str, &str, &str, &str)] = &[
    ("gateway.networking.k8s.io", "tcproutes tlsroutes udproutes", "list watch", ""),
    ("gateway.networking.k8s.io", "tcproutes/status tlsroutes/status udproutes/status", "patch", ""),
];
const FOR_LISTENER_SETS: &[(&str, &str, &str, &str)] = &[
    ("gateway.networking.k8s.io", "listenersets", "list watch", ""),
    ("gateway.networking.k8s.io", "listenersets/status", "patch", ""),
];

const FOR_ACCELERATORS: &[(&str, &str, &str, &str)] = &[
    ("aga.k8s.aws", "globalaccelerators", "get list patch watch", ""),
    ("aga.k8s.aws", "globalaccelerators/status", "patch", ""),
];
const FOR_ACCELERATORS_WITHOUT_GATEWAYS: &[(&str, &str, &str, &str)] =
    &[("gateway.networking.k8s.io", "gateways referencegrants", "list watch", "")];

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

#[test]
fn secrets_with_certificates_are_read_where_the_values_say_and_the_gate_is_on() {
    let names = "secretCertificates.secrets.shop[0]=web,secretCertificates.secrets.edge[0]=a,secretCertificates.secrets.edge[1]=b";
    let without = granted(&render(&["--set", names]).unwrap());
    assert_eq!(without, granted(&render(&[]).unwrap()), "the gate is off by default");
    let gate = "controllerConfig.featureGates.SecretCertificates=true";
    let on = render(&["--set", names, "--set", gate]).unwrap();
    let more: BTreeSet<Right> = granted(&on).difference(&without).cloned().collect();
    let expected = ["web", "a", "b"].map(|name| expand(&[("", "secrets", "get list watch", name)]));
    assert_eq!(more, expected.into_iter().flatten().collect());
    let roles = documents(&on).into_iter().filter(|one| one["kind"] == "Role");
    let namespaces: BTreeSet<String> =
        roles.filter_map(|role| role["metadata"]["namespace"].as_str().map(str::to_owned)).collect();
    assert!(namespaces.contains("shop") && namespaces.contains("edge"), "{namespaces:?}");
    let whole = render(&["--set-json", r#"secretCertificates.secrets={"shop": []}"#, "--set", gate]).unwrap();
    let more: BTreeSet<Right> = granted(&whole).difference(&without).cloned().collect();
    assert_eq!(more, expand(&[("", "secrets", "get list watch", "")]));
    let all = "clusterSecretsPermissions.allowAllSecrets=true";
    let all = render(&["--set", names, "--set", gate, "--set", all]).unwrap();
    assert!(
        documents(&all).iter().all(|one| one["metadata"]["namespace"] != "shop"),
        "all may be read already"
    );
}

/// What is granted beyond an installation without Gateways, with these gates.
fn granted_for_gateways(gates: &[&str]) -> BTreeSet<Right> {
    let render_with = |gates: &[&str]| {
        let sets = gates.iter().map(|gate| format!("controllerConfig.featureGates.{gate}"));
        let sets = sets.collect::<Vec<_>>().join(",");
        granted(&render(if sets.is_empty() { vec![] } else { vec!["--set", &sets] }.as_slice()).unwrap())
    };
    let without = render_with(&["ALBGatewayAPI=false", "NLBGatewayAPI=false"]);
    assert!(without.iter().all(|(group, ..)| !group.contains("gateway")), "{without:?}");
    render_with(gates).difference(&without).cloned().collect()
}

#[test]
fn gateways_bring_the_rights_that_they_need_and_gates_take_them_away() {
    let of = |tables: &[&[(&str, &str, &str, &str)]]| expand(&tables.concat());
    let everything = of(&[FOR_GATEWAYS, FOR_ALB_ROUTES, FOR_NLB_ROUTES, FOR_LISTENER_SETS]);
    assert_eq!(granted_for_gateways(&[]), everything, "the gates are on by default");
    assert_eq!(granted_for_gateways(&["ALBGatewayAPI=true", "EnableRGTAPI=true"]), everything);
    let without_nlbs = granted_for_gateways(&["NLBGatewayAPI=false"]);
    assert_eq!(without_nlbs, of(&[FOR_GATEWAYS, FOR_ALB_ROUTES, FOR_LISTENER_SETS]));
    let without_albs = granted_for_gateways(&["ALBGatewayAPI=F"]);
    assert_eq!(without_albs, of(&[FOR_GATEWAYS, FOR_NLB_ROUTES, FOR_LISTENER_SETS]));
    let without_sets = granted_for_gateways(&["GatewayListenerSet=false"]);
    assert_eq!(without_sets, of(&[FOR_GATEWAYS, FOR_ALB_ROUTES, FOR_NLB_ROUTES]));
}

#[test]
fn accelerators_bring_the_rights_that_they_need() {
    let of = |tables: &[&[(&str, &str, &str, &str)]]| expand(&tables.concat());
    let off = granted_for_gateways(&["GlobalAcceleratorController=false"]);
    assert_eq!(off, granted_for_gateways(&[]), "the gate is off by default");
    let on = granted_for_gateways(&["GlobalAcceleratorController=true"]);
    let more: BTreeSet<Right> = on.difference(&off).cloned().collect();
    assert_eq!(more, expand(FOR_ACCELERATORS));
    let alone = ["ALBGatewayAPI=false", "NLBGatewayAPI=false", "GlobalAcceleratorController=t"];
    let both = of(&[FOR_ACCELERATORS, FOR_ACCELERATORS_WITHOUT_GATEWAYS]);
    assert_eq!(granted_for_gateways(&alone), both);
}
