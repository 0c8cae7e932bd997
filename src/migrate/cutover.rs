//! How to move traffic: the steps, for the objects at hand.

use super::{Migration, Source};
use crate::api::ObjectKey;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The most hosts that are listed of one load balancer.
const MOST_HOSTS: usize = 20;

/// The steps from both load balancers side by side to the new one alone, as text; empty if there is nothing to move.
pub fn guide(migration: &Migration, is_dry_run: bool) -> String {
    let mut text = String::new();
    if migration.gateways.is_empty() {
        return text;
    }
    let mut step = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    step(
        "Cut-over. Old and new load balancers run side by side until the last step; Services and pods stay as they are.",
    );
    step("");
    step("1. Apply the generated files.");
    if is_dry_run {
        step(
            "   Their Gateways are only planned (annotation gateway.k8s.aws/dry-run). Once you agree with the plans, take the annotation off, or",
        );
        step("   generate again with --dry-run=false.");
    }
    step("2. Wait until every Gateway is programmed, and take down its address:");
    for (gateway, _) in &migration.sources {
        let (namespace, name) = (gateway.namespace(), gateway.name());
        step(&format!(
            "     kubectl wait -n {namespace} gateway/{name} --for=condition=Programmed --timeout=10m"
        ));
        step(&format!(
            "     kubectl get -n {namespace} gateway/{name} -o jsonpath='{{.status.addresses[0].value}}'"
        ));
    }
    step("3. Ask the new load balancers under the names of your users, before any of them does:");
    step("     curl --connect-to HOST:443:NEW-ADDRESS:443 https://HOST/");
    step(
        "4. Move traffic by DNS, with weights 0, 5, 25, 50, 100 for the new address, and as long as the time to live of the records between",
    );
    step("   steps. Route 53: two weighted alias records for each name. ExternalDNS: the annotations");
    step(
        "   external-dns.alpha.kubernetes.io/set-identifier and .../aws-weight, other identifiers on Ingress and Gateway or routes.",
    );
    step(
        "5. Watch, for both load balancers: RequestCount, HTTPCode_ELB_5XX_Count, HTTPCode_Target_5XX_Count, TargetResponseTime,",
    );
    step(
        "   UnHealthyHostCount, RejectedConnectionCount; of NLBs ActiveFlowCount, TCP_Target_Reset_Count, UnHealthyHostCount.",
    );
    step("6. To go back, give the new address weight 0. Nothing of the old side has been changed.");
    step("7. When no requests have come to an old load balancer for a day, delete what it is built from:");
    for (_, source) in &migration.sources {
        for line in deletions(source) {
            step(&format!("     {line}"));
        }
    }
    step("   The old load balancer is deleted with it, unless deletion protection is on.");
    step("");
    step("What moves:");
    for (gateway, source) in &migration.sources {
        step(&format!("  {} -> Gateway {gateway}", name_of(source)));
        let hosts = hosts_of(migration, gateway);
        if !hosts.is_empty() {
            let shown: Vec<&str> = hosts.iter().take(MOST_HOSTS).map(String::as_str).collect();
            let more = hosts.len().saturating_sub(MOST_HOSTS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            step(&format!("    names to move: {}{more}", shown.join(", ")));
        }
        for caution in cautions(migration, gateway, source) {
            step(&format!("    take care: {caution}"));
        }
    }
    text
}

fn name_of(source: &Source) -> String {
    match source {
        Source::Group(group) if group.is_named => format!("Ingress group {}", group.name),
        Source::Group(group) => format!("Ingress {}/{}", group.namespace, group.name),
        Source::Service(service) => format!("Service {}", ObjectKey::of(&**service)),
    }
}

fn deletions(source: &Source) -> Vec<String> {
    match source {
        Source::Group(group) => {
            let delete = |member: &super::Member| {
                format!("kubectl delete -n {} ingress/{}", member.key.namespace(), member.key.name())
            };
            group.members.iter().map(delete).collect()
        }
        Source::Service(service) => {
            let key = ObjectKey::of(&**service);
            let patch = r#"'{"spec":{"type":"NodePort","loadBalancerClass":null}}'"#;
            vec![format!(
                "kubectl patch -n {} service/{} -p {patch}  # its pods and ports stay",
                key.namespace(),
                key.name()
            )]
        }
    }
}

/// The hosts of the routes of a Gateway.
fn hosts_of(migration: &Migration, gateway: &ObjectKey) -> BTreeSet<String> {
    let routes = migration.routes.iter().filter(|route| names_gateway(route, gateway));
    let hosts = routes
        .flat_map(|route| route.pointer("/spec/hostnames").and_then(Value::as_array).into_iter().flatten());
    hosts.filter_map(|host| host.as_str().map(str::to_owned)).collect()
}

fn names_gateway(route: &Value, gateway: &ObjectKey) -> bool {
    let own = route.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    let parents = route.pointer("/spec/parentRefs").and_then(Value::as_array);
    parents.into_iter().flatten().any(|parent| {
        let text = |key: &str| parent.get(key).and_then(Value::as_str);
        text("name") == Some(gateway.name()) && text("namespace").unwrap_or(own) == gateway.namespace()
    })
}

/// What goes wrong if nobody thinks of it.
fn cautions(migration: &Migration, gateway: &ObjectKey, source: &Source) -> Vec<String> {
    let mut cautions = Vec::new();
    let is_of_gateway = |object: &&Value| {
        let named = migration.gateways.iter().find(|found| {
            found.pointer("/metadata/name").and_then(Value::as_str) == Some(gateway.name())
                && found.pointer("/metadata/namespace").and_then(Value::as_str) == Some(gateway.namespace())
        });
        let named = named.and_then(|found| found.pointer("/spec/infrastructure/parametersRef/name"));
        object.pointer("/metadata/name") == named
            && object.pointer("/metadata/namespace").and_then(Value::as_str) == Some(gateway.namespace())
    };
    let configuration = migration.load_balancers.iter().find(is_of_gateway);
    let field = |name: &str| configuration.and_then(|found| found.pointer(&format!("/spec/{name}")));
    if let Some(name) = field("loadBalancerName").and_then(Value::as_str) {
        cautions.push(format!(
            "the name {name} is the old load balancer's until that is deleted; give the new one another loadBalancerName, or none"
        ));
    }
    let fixed = ["eipAllocation", "privateIPv4Allocation", "ipv6Allocation"];
    let subnets = field("loadBalancerSubnets").and_then(Value::as_array);
    if subnets.into_iter().flatten().any(|subnet| fixed.iter().any(|field| subnet.get(field).is_some())) {
        cautions.push("its addresses are the old load balancer's until that is deleted; the new one needs others, or a gap in service".to_owned());
    }
    let routes = migration.routes.iter().filter(|route| names_gateway(route, gateway));
    let is_external = |route: &&Value| route.to_string().contains("\"TargetGroupName\"");
    if routes.clone().any(|route| is_external(&route)) {
        cautions.push("a target group made outside of the cluster serves one load balancer at a time; make a second one for the new load balancer".to_owned());
    }
    let is_named = |key: &str| key.contains("external-dns");
    let annotations = match source {
        Source::Group(group) => group
            .members
            .iter()
            .flat_map(|member| member.ingress.metadata.annotations.iter().flatten())
            .collect::<Vec<_>>(),
        Source::Service(service) => service.metadata.annotations.iter().flatten().collect(),
    };
    if annotations.iter().any(|(key, _)| is_named(key)) {
        cautions.push("ExternalDNS annotations were not carried over; add them to the Gateway or its routes in step 4, with weights".to_owned());
    }
    cautions
}
