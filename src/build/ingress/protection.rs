//! Web ACLs and Shield (upstream's `pkg/ingress/model_build_load_balancer_addons.go`).

use super::doubt::Doubt;
use super::load_balancer::claim;
use super::scope::{Ledger, MemberView, Scope};
use super::settle::{Claim, Settled, settle_plain};
use crate::config::Config;
use crate::finding::Finding;
use crate::inputs::Halt;
use crate::model::Protection;

/// Whether Shield protects.
const SHIELD: &str = "shield-advanced-protection";
/// What users write to have no web ACL.
const NO_ACL: &str = "none";

/// What shall protect the ALB.
pub(super) fn build(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Protection, Halt> {
    for member in scope.settlers() {
        for finding in idle_settings(member, scope.config) {
            ledger.doubt(member.index, Doubt::without_effect(finding));
        }
    }
    Ok(Protection {
        wafv2_web_acl_arn: wafv2(scope, ledger)?,
        waf_regional_web_acl_id: waf_regional(scope, ledger)?,
        shield: shield(scope, ledger)?,
    })
}

/// Names win over ARNs, wherever in the group they are given.
fn wafv2(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Option<String>, Halt> {
    let by_name = settle_plain(scope, ledger, |member| {
        let by_params = member.params.and_then(|params| params.wafv2_acl_name.as_deref());
        let by_params = by_params.filter(|name| !name.is_empty());
        let named = claim(member, by_params, "wafv2AclName", "wafv2-acl-name");
        let Some(Claim { value, origin }) = named.filter(|claim| !claim.value.is_empty()) else {
            return Ok(None);
        };
        if value == NO_ACL {
            return Ok(Some(Claim::new(String::new(), origin)));
        }
        match scope.facts.web_acl_by_name(&value)?? {
            Some(arn) => Ok(Some(Claim::new(arn.clone(), origin))),
            None => Err(origin.error(format!("there is no regional web ACL named {value:?}")).into()),
        }
    })?;
    match by_name {
        Settled::Given(arn) => return Ok(Some(arn)),
        Settled::Unknown => return Ok(None),
        Settled::Absent => {}
    }
    let by_arn = settle_plain(scope, ledger, |member| {
        let by_params = member.params.and_then(|params| params.wafv2_acl_arn.as_deref());
        let by_params = by_params.filter(|arn| !arn.is_empty());
        let claim = claim(member, by_params, "wafv2AclArn", "wafv2-acl-arn");
        Ok(claim.map(|Claim { value, origin }| Claim::new(without_none(value), origin)))
    })?;
    Ok(by_arn.given())
}

fn waf_regional(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Option<String>, Halt> {
    let settled = settle_plain(scope, ledger, |member| {
        let given = ["waf-acl-id", "web-acl-id"]
            .iter()
            .find_map(|suffix| member.annotations.string(suffix).map(|id| (id, member.origin(suffix))));
        let given = given.filter(|(id, _)| !id.is_empty());
        Ok(given.map(|(id, origin)| Claim::new(without_none(id.to_owned()), origin)))
    })?;
    Ok(settled.given())
}

fn shield(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Option<bool>, Halt> {
    let settled = settle_plain(scope, ledger, |member| {
        let flag = member.annotations.boolean(SHIELD).map_err(|error| member.blame(error))?;
        Ok(flag.map(|flag| Claim::new(flag, member.origin(SHIELD))))
    })?;
    Ok(settled.given())
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
    let shielded = shield.then(|| Claim::new("true".to_owned(), member.origin(SHIELD)));
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
