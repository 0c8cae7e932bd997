//! Certificates of HTTPS listeners: discovery by host, and merging what members bring.

use super::context::{GroupContext, MemberView};
use crate::facts::BuildError;
use crate::settings::{Origin, certificates};
use std::collections::BTreeSet;

/// ARNs of the certificates that cover the hosts of an Ingress, sorted; none without hosts.
pub(super) fn discover(group: &GroupContext<'_>, member: &MemberView<'_>) -> Result<Vec<String>, BuildError> {
    let known = group.facts.certificates()??;
    let origin = Origin::field(&member.object, "spec.tls");
    certificates::discover(hosts(member), known, &origin, group.config)
}

/// The hosts of an Ingress: those of its rules, and those it wants TLS for.
pub(super) fn hosts<'a>(member: &MemberView<'a>) -> BTreeSet<&'a str> {
    let Some(spec) = member.spec else { return BTreeSet::new() };
    let of_rules = spec.rules.iter().flatten().filter_map(|rule| rule.host.as_deref());
    let of_tls = spec.tls.iter().flatten().flat_map(|tls| tls.hosts.iter().flatten().map(String::as_str));
    of_rules.filter(|host| !host.is_empty()).chain(of_tls).collect()
}

/// One list of all members' certificates, the default one first.
///
/// The default certificate is taken out once; when it is mentioned again it is listed again, as upstream does, which makes
/// it both the default and one of the others.
pub(super) fn merge(lists: &[&[String]]) -> Vec<String> {
    let mut all = lists.iter().flat_map(|list| list.iter());
    let Some(default) = all.next() else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let others = all.filter(|arn| seen.insert(*arn)).cloned();
    let mut merged = vec![default.clone()];
    merged.extend(others);
    merged
}
