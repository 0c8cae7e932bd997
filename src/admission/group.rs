//! Groups of Ingresses whose members are known: what they make together, beside what each makes alone.

use super::dry_build;
use super::permissive_facts::{KnownServices, PermissiveAws};
use crate::api::{Ingress, IngressClassParams, ObjectKey};
use crate::config::Config;
use crate::facts::group::{IngressGroup, Member, group_of, parse_order};
use crate::finding::{Finding, Part, Severity};
use crate::model::StackId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is added to a mistake that another member of the group may make good.
const LEFT_TO_GROUP: &str = ", unless another member of the group brings it";

/// An Ingress of ours with the parameters of its class.
pub type Classified = (Arc<Ingress>, Option<Arc<IngressClassParams>>);

/// Makes a warning of a mistake that another member may make good: one of a setting that the build reads from the whole
/// group, whatever annotation or field it stands in.
pub fn leave_to_group(mut finding: Finding) -> Finding {
    let is_of_group = matches!(finding.part, Some(Part::SslRedirect | Part::FrontendNlb));
    if is_of_group && finding.severity == Severity::Error {
        finding.severity = Severity::Warning;
        finding.message.push_str(LEFT_TO_GROUP);
    }
    finding
}

/// What is found when the members of each explicit group are built together, by member. Groups of which one member alone is
/// known are left out.
pub fn together(
    ingresses: &[Classified],
    config: &Config,
    services: &Arc<KnownServices>,
) -> BTreeMap<ObjectKey, Vec<Finding>> {
    let groups = groups(ingresses).into_iter().filter(|(_, members)| members.len() > 1);
    groups.flat_map(|(id, members)| build(id, members, config, services)).collect()
}

fn groups(ingresses: &[Classified]) -> BTreeMap<StackId, Vec<Member>> {
    let mut groups: BTreeMap<StackId, Vec<Member>> = BTreeMap::new();
    for (ingress, params) in ingresses {
        let Ok(id) = group_of(ingress, params.as_deref()) else { continue };
        groups.entry(id).or_default().push(Member {
            key: ObjectKey::of(ingress.as_ref()),
            ingress: ingress.clone(),
            params: params.clone(),
            defect: parse_order(ingress).err().map(|finding| *finding),
            refusal: None,
        });
    }
    groups
}

fn build(
    id: StackId,
    mut members: Vec<Member>,
    config: &Config,
    services: &Arc<KnownServices>,
) -> Vec<(ObjectKey, Vec<Finding>)> {
    members.sort_by_cached_key(|member| (parse_order(&member.ingress).unwrap_or(0), member.key.to_string()));
    let permissive_aws = PermissiveAws::for_group(members.iter().map(|member| member.ingress.as_ref()))
        .with_known_services(services);
    let group = IngressGroup { id, members, departing: Vec::new() };
    let Some(built) = dry_build::build_group(&group, &permissive_aws, config) else { return Vec::new() };
    let told = built.members.into_iter().map(|member| {
        // why: mistakes of a Service stand on the Service
        let own = member.findings.into_iter().filter(|finding| finding.object.kind == "Ingress");
        (member.key, own.map(leave_to_group).collect())
    });
    told.collect()
}

/// The findings of a member, once it is known what the other members bring.
pub fn resolve(alone: Vec<Finding>, together: &[Finding]) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        alone.into_iter().filter(|finding| !finding.message.ends_with(LEFT_TO_GROUP)).collect();
    let is_known = |known: &Finding, found: &Finding| {
        known.field == found.field && (known.message == found.message || known.severity == Severity::Error)
    };
    for found in together {
        if !findings.iter().any(|known| is_known(known, found)) {
            findings.push(found.clone());
        }
    }
    findings
}

#[cfg(test)]
mod tests;
