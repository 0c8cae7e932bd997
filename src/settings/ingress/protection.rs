//! Web ACLs and Shield (upstream's `pkg/ingress/model_build_load_balancer_addons.go`).

use super::context::{GroupContext, MemberView};
use super::load_balancer::claim;
use super::merge::{Merged, merge_plain};
use crate::config::Config;
use crate::facts::BuildError;
use crate::finding::Finding;
use crate::model::Protection;
use crate::settings::ContributorWarning;
use crate::settings::{Diagnostics, Sourced};

/// Whether Shield protects.
const SHIELD: &str = "shield-advanced-protection";
/// What users write to have no web ACL.
const NO_ACL: &str = "none";

/// What shall protect the ALB.
pub(super) fn read(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Protection, BuildError> {
    for member in group.members_with_settings() {
        for finding in idle_settings(member, group.config) {
            diagnostics.warn(member.index, ContributorWarning::without_effect(finding));
        }
    }
    Ok(Protection {
        wafv2_web_acl_arn: wafv2(group, diagnostics)?,
        waf_regional_web_acl_id: waf_regional(group, diagnostics)?,
        shield: shield(group, diagnostics)?,
    })
}

/// Names win over ARNs, wherever in the group they are given.
fn wafv2(group: &GroupContext<'_>, diagnostics: &mut Diagnostics) -> Result<Option<String>, BuildError> {
    let by_name = merge_plain(group, diagnostics, |member| {
        let by_params = member.params.and_then(|params| params.wafv2_acl_name.as_deref());
        let by_params = by_params.filter(|name| !name.is_empty());
        let named = claim(member, by_params, "wafv2AclName", "wafv2-acl-name");
        let Some(Sourced { value, origin }) = named.filter(|claim| !claim.value.is_empty()) else {
            return Ok(None);
        };
        if value == NO_ACL {
            return Ok(Some(Sourced::new(String::new(), origin)));
        }
        match group.facts.web_acl_by_name(&value)?? {
            Some(arn) => Ok(Some(Sourced::new(arn.clone(), origin))),
            None => Err(origin.error(format!("there is no regional web ACL named {value:?}")).into()),
        }
    })?;
    match by_name {
        Merged::Given(arn) => return Ok(Some(arn)),
        Merged::Unknown => return Ok(None),
        Merged::Absent => {}
    }
    let by_arn = merge_plain(group, diagnostics, |member| {
        let by_params = member.params.and_then(|params| params.wafv2_acl_arn.as_deref());
        let by_params = by_params.filter(|arn| !arn.is_empty());
        let claim = claim(member, by_params, "wafv2AclArn", "wafv2-acl-arn");
        Ok(claim.map(|Sourced { value, origin }| Sourced::new(without_none(value), origin)))
    })?;
    Ok(by_arn.given())
}

fn waf_regional(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<String>, BuildError> {
    let merged = merge_plain(group, diagnostics, |member| {
        let given = ["waf-acl-id", "web-acl-id"]
            .iter()
            .find_map(|suffix| member.annotations.string(suffix).map(|id| (id, member.origin(suffix))));
        let given = given.filter(|(id, _)| !id.is_empty());
        Ok(given.map(|(id, origin)| Sourced::new(without_none(id.to_owned()), origin)))
    })?;
    Ok(merged.given())
}

fn shield(group: &GroupContext<'_>, diagnostics: &mut Diagnostics) -> Result<Option<bool>, BuildError> {
    let merged = merge_plain(group, diagnostics, |member| {
        let flag = member.annotations.boolean(SHIELD).map_err(|error| member.blame(error))?;
        Ok(flag.map(|flag| Sourced::new(flag, member.origin(SHIELD))))
    })?;
    Ok(merged.given())
}

/// Settings of what the controller is told to leave alone.
fn idle_settings(member: &MemberView<'_>, config: &Config) -> Vec<Finding> {
    let params = member.params;
    let name = params.and_then(|params| params.wafv2_acl_name.as_deref());
    let arn = params.and_then(|params| params.wafv2_acl_arn.as_deref());
    let shield = member.annotations.boolean(SHIELD).ok().flatten() == Some(true);
    let by_name = claim(member, name, "wafv2AclName", "wafv2-acl-name");
    let by_arn = claim(member, arn, "wafv2AclArn", "wafv2-acl-arn");
    let classic = ["waf-acl-id", "web-acl-id"].map(|suffix| claim(member, None, "", suffix));
    let shielded = shield.then(|| Sourced::new("true".to_owned(), member.origin(SHIELD)));
    let settings =
        [(by_name, config.enable_wafv2, "--enable-wafv2"), (by_arn, config.enable_wafv2, "--enable-wafv2")];
    let settings =
        settings.into_iter().chain(classic.map(|claim| (claim, config.enable_waf, "--enable-waf")));
    let settings = settings.chain([(shielded, config.enable_shield, "--enable-shield")]);
    let idle = settings.filter(|(_, is_on, _)| !is_on).filter_map(|(claim, _, flag)| Some((claim?, flag)));
    let idle = idle.filter(|(claim, _)| !claim.value.is_empty() && claim.value != NO_ACL);
    idle.map(|(claim, flag)| {
        let problem = format!(
            "{:?} has no effect, and does not protect: the controller runs with {flag}=false",
            claim.value
        );
        claim.origin.warning(problem)
    })
    .collect()
}

fn without_none(acl: String) -> String {
    if acl == NO_ACL { String::new() } else { acl }
}
