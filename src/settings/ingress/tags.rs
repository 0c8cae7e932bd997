//! Tags that users give through Ingresses, Services and class parameters (upstream's `pkg/ingress/model_build_tags.go`).

use super::context::{GroupContext, MemberView, Overlay};
use super::merge::contradicts;
use crate::api::Service;
use crate::api::ingress_class_params::Tag;
use crate::aws_api::Tags;
use crate::config::Config;
use crate::facts::BuildError;
use crate::settings::Diagnostics;
use crate::settings::{Origin, tags};
use std::collections::BTreeMap;

const SUFFIX: &str = "tags";

/// Tags of something that belongs to one Ingress, default tags included.
pub(super) fn of_member(member: &MemberView<'_>, config: &Config) -> Result<Tags, BuildError> {
    Ok(tags::merge(&given_by(member, config)?, config))
}

/// Tags of a target group, default tags included.
pub(super) fn of_backend(
    member: &MemberView<'_>,
    service: &Service,
    overlay: &Overlay<'_>,
    config: &Config,
) -> Result<Tags, BuildError> {
    let by_service = crate::annotations::ingress::of(service.metadata.annotations.as_ref());
    let given = by_service.map(SUFFIX).map_err(|error| overlay.blame(error))?.unwrap_or_default();
    tags::check(&given, &Origin::field(overlay.service(), by_service.key(SUFFIX)), config)?;
    let by_ingress = annotated(member, config)?;
    let by_params = by_params(member, config)?;
    let given = tags::overlay(&by_params, &tags::overlay(&given, &by_ingress));
    Ok(tags::merge(&given, config))
}

/// Tags of something that several members share, default tags included, and whether all of them could be made out.
pub(super) fn of_shared(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    sharers: &[usize],
) -> Result<(Tags, bool), BuildError> {
    let mut union: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut complete = true;
    for member in sharers.iter().filter_map(|index| group.members.get(*index)) {
        if member.defect.is_some() {
            complete = false;
            continue;
        }
        let given = diagnostics.catch_setting(member.index, given_by(member, group.config))?;
        complete &= given.is_some();
        for (key, value) in given.into_iter().flatten() {
            match union.get(&key) {
                Some((first, winner)) if *first != value => {
                    let (mine, theirs) = (format!("{key}={value}"), format!("{key}={first}"));
                    let finding = contradicts(&member.origin(SUFFIX), &mine, &theirs, winner);
                    diagnostics.report(member.index, finding)?;
                }
                Some(_) => {}
                None => {
                    union.insert(key, (value, member.key.to_string()));
                }
            }
        }
    }
    let union = union.into_iter().map(|(key, (value, _))| (key, value)).collect();
    Ok((tags::merge(&union, group.config), complete))
}

fn given_by(member: &MemberView<'_>, config: &Config) -> Result<Tags, BuildError> {
    Ok(tags::overlay(&by_params(member, config)?, &annotated(member, config)?))
}

fn annotated(member: &MemberView<'_>, config: &Config) -> Result<Tags, BuildError> {
    let given = member.annotations.map(SUFFIX).map_err(|error| member.blame(error))?.unwrap_or_default();
    tags::check(&given, &member.origin(SUFFIX), config)?;
    Ok(given)
}

fn by_params(member: &MemberView<'_>, config: &Config) -> Result<Tags, BuildError> {
    let listed = member.params.and_then(|params| params.tags.as_ref());
    let given = listed.into_iter().flatten().map(|Tag { key, value }| (key.clone(), value.clone())).collect();
    tags::check(&given, &member.params_origin(SUFFIX), config)?;
    Ok(given)
}
