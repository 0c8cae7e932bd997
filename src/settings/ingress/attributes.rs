//! Attributes that several members give key by key, under those that the first member's class fixes.

use super::context::{GroupContext, MemberView};
use super::merge::contradicts;
use crate::api::ingress_class_params::Attribute;
use crate::aws_api::Attributes;
use crate::facts::BuildError;
use crate::settings::Diagnostics;
use std::collections::BTreeMap;

/// Attributes of the ALB.
pub(super) fn of_load_balancer(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Attributes, BuildError> {
    let first = group.members.first().and_then(|member| member.params);
    let fixed = fixed(first.and_then(|params| params.load_balancer_attributes.as_deref()));
    let everyone: Vec<usize> = group.members.iter().map(|member| member.index).collect();
    fold(group, diagnostics, &everyone, "load-balancer-attributes", fixed)
}

/// Attributes of the listener on a port that these members have.
pub(super) fn of_listener(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    (protocol, port): (&str, i32),
    sharers: &[usize],
) -> Result<Attributes, BuildError> {
    let first = sharers.first().and_then(|index| group.members.get(*index)).and_then(|member| member.params);
    let listeners = first.and_then(|params| params.listeners.as_deref()).unwrap_or_default();
    let entry = listeners
        .iter()
        .find(|entry| entry.protocol.as_deref() == Some(protocol) && entry.port == Some(port));
    let fixed = fixed(entry.and_then(|entry| entry.listener_attributes.as_deref()));
    // why: what AWS has just refused must not be asked for again
    let sharers: Vec<usize> = sharers.iter().copied().filter(|index| !group.is_refused(*index)).collect();
    fold(group, diagnostics, &sharers, &format!("listener-attributes.{protocol}-{port}"), fixed)
}

fn fixed(listed: Option<&[Attribute]>) -> Attributes {
    listed.into_iter().flatten().map(|Attribute { key, value }| (key.clone(), value.clone())).collect()
}

fn fold(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    sharers: &[usize],
    suffix: &str,
    fixed: Attributes,
) -> Result<Attributes, BuildError> {
    let mut union: BTreeMap<String, (String, &MemberView<'_>)> = BTreeMap::new();
    let sharers = sharers.iter().filter_map(|index| group.members.get(*index));
    for member in sharers.filter(|member| member.defect.is_none()) {
        let given = member.annotations.map(suffix).map_err(|error| member.blame(error).into());
        let given = diagnostics.catch_setting(member.index, given)?.flatten().unwrap_or_default();
        for (key, value) in given {
            match union.get(&key) {
                Some((first, winner)) if *first != value && !fixed.contains_key(&key) => {
                    let (mine, theirs) = (format!("{key}={value}"), format!("{key}={first}"));
                    let winner = winner.key.to_string();
                    diagnostics
                        .report(member.index, contradicts(&member.origin(suffix), &mine, &theirs, &winner))?;
                }
                Some(_) => {}
                None => {
                    union.insert(key, (value, member));
                }
            }
        }
    }
    let mut attributes: Attributes = union.into_iter().map(|(key, (value, _))| (key, value)).collect();
    attributes.extend(fixed);
    Ok(attributes)
}
