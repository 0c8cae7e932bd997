//! Gateways that take over the load balancers of what they are generated from.

use super::cutover::key_of;
use super::verify::Compared;
use super::{Group, Migration, Source};
use crate::api::ObjectKey;
use crate::facts::object_refs::ingress_ref;
use crate::finding::Finding;
use crate::take_over::request::TAKE_OVER;
use serde_json::{Value, json};

/// Has every Gateway take over the load balancer of its group, if it is proven to serve the same, and tells why others do not.
pub fn mark(migration: &mut Migration, compared: &[Compared]) {
    let mut findings = Vec::new();
    for (key, source) in &migration.sources {
        let Source::Group(group) = source else { continue };
        if let Some(problem) = problem_of(group, compared.iter().find(|one| one.gateway == *key)) {
            let first = group.members.first();
            findings.extend(first.map(|first| {
                let text = format!("Gateway {key} makes a load balancer of its own, because {problem}");
                Finding::warning(&ingress_ref(&first.ingress), text)
            }));
            continue;
        }
        let is_it = |object: &&mut Value| key_of(object) == *key;
        if let Some(gateway) = migration.gateways.iter_mut().find(is_it) {
            annotate(gateway, name_of(group));
        }
    }
    for finding in findings {
        migration.notes.add(finding);
    }
}

/// Why a Gateway cannot take over the load balancer of a group.
fn problem_of(group: &Group, compared: Option<&Compared>) -> Option<String> {
    let Some(compared) = compared else { return Some("it was not compared with it".to_owned()) };
    if group.spans_namespaces() {
        return Some("its Ingresses are in several namespaces".to_owned());
    }
    if compared.obstacle.is_some() {
        return Some("they could not be compared".to_owned());
    }
    let differences = compared.differences.len();
    (differences > 0).then(|| format!("they are not the same: {differences} differences are listed"))
}

fn name_of(group: &Group) -> String {
    if group.is_named { group.name.clone() } else { format!("{}/{}", group.namespace, group.name) }
}

fn annotate(gateway: &mut Value, group: String) {
    let metadata = gateway.get_mut("metadata").and_then(Value::as_object_mut);
    let annotations = metadata.map(|fields| fields.entry("annotations").or_insert_with(|| json!({})));
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.insert(TAKE_OVER.to_owned(), group.into());
    }
}

/// Takes the Gateways that take over load balancers out of a migration. Answers them with their sources.
pub fn split(migration: &Migration) -> (Migration, Vec<(ObjectKey, Source)>) {
    let is_marked = |key: &ObjectKey| {
        let mut gateways = migration.gateways.iter().filter(|gateway| key_of(gateway) == *key);
        gateways.any(|gateway| {
            gateway.pointer("/metadata/annotations").is_some_and(|found| found.get(TAKE_OVER).is_some())
        })
    };
    let (marked, others): (Vec<_>, Vec<_>) =
        migration.sources.iter().cloned().partition(|(key, _)| is_marked(key));
    let mut rest = migration.clone();
    rest.gateways.retain(|gateway| !is_marked(&key_of(gateway)));
    rest.sources = others;
    (rest, marked)
}

/// The steps of a take-over, as text; empty if there is none.
pub fn guide(marked: &[(ObjectKey, Source)], is_dry_run: bool) -> String {
    if marked.is_empty() {
        return String::new();
    }
    let mut lines: Vec<String> = FIRST.map(str::to_owned).into();
    if is_dry_run {
        lines.push("   Their Gateways are only planned (annotation gateway.k8s.aws/dry-run): take that annotation off then.".to_owned());
    }
    lines.push("3. Wait until every Gateway is programmed. If it is not, its condition Accepted says what would not stay as it is:".to_owned());
    for (gateway, _) in marked {
        let (namespace, name) = (gateway.namespace(), gateway.name());
        lines.push(format!(
            "     kubectl wait -n {namespace} gateway/{name} --for=condition=Programmed --timeout=10m"
        ));
    }
    lines.push("4. Delete the Ingresses. Nothing in AWS goes with them:".to_owned());
    for (_, source) in marked {
        let Source::Group(group) = source else { continue };
        let delete = |member: &super::GroupMember| {
            format!("     kubectl delete -n {} ingress/{}", member.key.namespace(), member.key.name())
        };
        lines.extend(group.members.iter().map(delete));
    }
    lines.extend(LAST.map(str::to_owned));
    lines.into_iter().fold(String::new(), |text, line| text + &line + "\n")
}

const FIRST: [&str; 6] = [
    "In place. The Gateways take over the load balancers that there are, with their DNS names, listeners, rules, target groups and targets.",
    "",
    "1. See beforehand what would change: tags, and attributes that differ.",
    "     aws-load-balancer-controller plan -f FILES",
    "2. Apply the generated files. As long as anything is missing or would not stay as it is, the Gateway says so, and the Ingresses serve",
    "   as before.",
];

const LAST: [&str; 2] = [
    "To go back before step 3 is done, take the annotation gateway.k8s.aws/take-over-ingress-group away. Afterwards an Ingress with another",
    "group.name makes a load balancer of its own, to which DNS moves traffic; then delete the Gateway.",
];
