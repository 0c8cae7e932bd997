//! Web ACLs and Shield (upstream's `pkg/ingress/model_build_load_balancer_addons.go`).

use super::load_balancer::claim;
use super::scope::{Ledger, Scope};
use super::settle::{Claim, Settled, settle_plain};
use crate::inputs::Halt;
use crate::model::Protection;

/// What users write to have no web ACL.
const NO_ACL: &str = "none";

/// What shall protect the ALB.
pub(super) fn build(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Protection, Halt> {
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
    const SUFFIX: &str = "shield-advanced-protection";
    let settled = settle_plain(scope, ledger, |member| {
        let flag = member.annotations.boolean(SUFFIX).map_err(|error| member.blame(error))?;
        Ok(flag.map(|flag| Claim::new(flag, member.origin(SUFFIX))))
    })?;
    Ok(settled.given())
}

fn without_none(acl: String) -> String {
    if acl == NO_ACL { String::new() } else { acl }
}
