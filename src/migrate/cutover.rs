//! How to move traffic: the steps, for the objects at hand.

use super::{Migration, Source};
use crate::api::ObjectKey;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The most hosts that are listed of one load balancer.
const MOST_HOSTS: usize = 20;

/// The steps from both load balancers side by side to the new one alone, as text; empty if there is nothing to move.
pub fn guide(migration: &Migration, is_dry_run: bool) -> String {
    if migration.gateways.is_empty() {
        return String::new();
    }
    let mut lines = vec![
        "Cut-over. Old and new load balancers run side by side until the last step; Services and pods stay as they are.".to_owned(),
        String::new(),
    ];
    lines.extend(steps_of_applying(migration, is_dry_run));
    lines.extend(STEPS_OF_MOVING.map(str::to_owned));
    lines.extend(steps_of_deleting(migration));
    lines.push(String::new());
    lines.extend(moves(migration));
    lines.into_iter().fold(String::new(), |text, line| text + &line + "\n")
}

/// Steps 1 and 2: until the new load balancers are there.
fn steps_of_applying(migration: &Migration, is_dry_run: bool) -> Vec<String> {
    let mut lines = vec!["1. Apply the generated files.".to_owned()];
    if is_dry_run {
        let planned = [
            "   Their Gateways are only planned (annotation gateway.k8s.aws/dry-run). Once you agree with the plans, take the annotation off, or",
            "   generate again with --dry-run=false.",
        ];
        lines.extend(planned.map(str::to_owned));
    }
    lines.push("2. Wait until every Gateway is programmed, and take down its address:".to_owned());
    for (gateway, _) in &migration.sources {
        let (namespace, name) = (gateway.namespace(), gateway.name());
        lines.push(format!(
            "     kubectl wait -n {namespace} gateway/{name} --for=condition=Programmed --timeout=10m"
        ));
        lines.push(format!(
            "     kubectl get -n {namespace} gateway/{name} -o jsonpath='{{.status.addresses[0].value}}'"
        ));
    }
    lines
}

/// Steps 3 to 6, which are the same for all objects.
const STEPS_OF_MOVING: [&str; 9] = [
    "3. Ask the new load balancers under the names of your users, before any of them does:",
    "     curl --connect-to HOST:443:NEW-ADDRESS:443 https://HOST/",
    "4. Move traffic by DNS, with weights 0, 5, 25, 50, 100 for the new address, and as long as the time to live of the records between",
    "   steps. Route 53: two weighted alias records for each name. ExternalDNS: the annotations",
    "   external-dns.alpha.kubernetes.io/set-identifier and .../aws-weight, other identifiers on Ingress and Gateway or routes.",
    "5. Watch, for both load balancers: RequestCount, HTTPCode_ELB_5XX_Count, HTTPCode_Target_5XX_Count, TargetResponseTime,",
    "   UnHealthyHostCount, RejectedConnectionCount; of NLBs ActiveFlowCount, TCP_Target_Reset_Count, UnHealthyHostCount.",
    "6. To go back, give the new address weight 0. Nothing of the old side has been changed.",
    "7. When no requests have come to an old load balancer for a day, delete what it is built from:",
];

/// Step 7: what the old load balancers are built from.
fn steps_of_deleting(migration: &Migration) -> Vec<String> {
    let all = migration.sources.iter().flat_map(|(_, source)| deletions(source));
    let last = "   The old load balancer is deleted with it, unless deletion protection is on.";
    all.map(|line| format!("     {line}")).chain([last.to_owned()]).collect()
}

/// Which names move from where to where, and what to take care of.
fn moves(migration: &Migration) -> Vec<String> {
    let generated = Generated::of(migration);
    let mut lines = vec!["What moves:".to_owned()];
    for (gateway, source) in &migration.sources {
        lines.push(format!("  {} -> Gateway {gateway}", name_of(source)));
        let hosts = hosts_of(generated.routes_of(gateway));
        if !hosts.is_empty() {
            let shown: Vec<&str> = hosts.iter().take(MOST_HOSTS).map(String::as_str).collect();
            let more = hosts.len().saturating_sub(MOST_HOSTS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            lines.push(format!("    names to move: {}{more}", shown.join(", ")));
        }
        let cautions = cautions(&generated, gateway, source);
        lines.extend(cautions.into_iter().map(|caution| format!("    take care: {caution}")));
    }
    lines
}

/// Generated objects by the Gateway that they belong to.
struct Generated<'a> {
    routes: BTreeMap<ObjectKey, Vec<&'a Value>>,
    configurations: BTreeMap<ObjectKey, &'a Value>,
}

impl<'a> Generated<'a> {
    fn of(migration: &'a Migration) -> Self {
        let mut routes: BTreeMap<ObjectKey, Vec<&Value>> = BTreeMap::new();
        for route in &migration.routes {
            for gateway in gateways_of(route) {
                routes.entry(gateway).or_default().push(route);
            }
        }
        let by_name: BTreeMap<ObjectKey, &Value> =
            migration.load_balancers.iter().map(|found| (key_of(found), found)).collect();
        let of_gateway = |gateway: &Value| {
            let key = key_of(gateway);
            let name = gateway.pointer("/spec/infrastructure/parametersRef/name").and_then(Value::as_str)?;
            by_name.get(&key.sibling(name)).map(|found| (key, *found))
        };
        Self { routes, configurations: migration.gateways.iter().filter_map(of_gateway).collect() }
    }

    fn routes_of(&self, gateway: &ObjectKey) -> &[&'a Value] {
        self.routes.get(gateway).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Namespace and name of a generated object.
pub(super) fn key_of(object: &Value) -> ObjectKey {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    ObjectKey::namespaced(text("/metadata/namespace"), text("/metadata/name"))
}

/// The Gateways that a route names, each once.
fn gateways_of(route: &Value) -> BTreeSet<ObjectKey> {
    let own = key_of(route);
    let parents = route.pointer("/spec/parentRefs").and_then(Value::as_array);
    let gateway = |parent: &Value| {
        let text = |key: &str| parent.get(key).and_then(Value::as_str);
        Some(ObjectKey::namespaced(text("namespace").unwrap_or(own.namespace()), text("name")?))
    };
    parents.into_iter().flatten().filter_map(gateway).collect()
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
            let delete = |member: &super::GroupMember| {
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

/// The hosts of routes.
fn hosts_of(routes: &[&Value]) -> BTreeSet<String> {
    let hosts = routes
        .iter()
        .flat_map(|route| route.pointer("/spec/hostnames").and_then(Value::as_array).into_iter().flatten());
    hosts.filter_map(|host| host.as_str().map(str::to_owned)).collect()
}

/// What goes wrong if nobody thinks of it.
fn cautions(generated: &Generated<'_>, gateway: &ObjectKey, source: &Source) -> Vec<String> {
    let mut cautions = Vec::new();
    let configuration = generated.configurations.get(gateway);
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
    let is_external = |route: &&Value| route.to_string().contains("\"TargetGroupName\"");
    if generated.routes_of(gateway).iter().any(is_external) {
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
