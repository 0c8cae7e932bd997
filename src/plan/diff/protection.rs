//! Web ACLs and Shield on the stack's ALB (upstream: `pkg/deploy/{wafv2,wafregional,shield}`).

use super::Diff;
use super::plan_builder::Phase;
use crate::aws_api::elbv2::LoadBalancerType;
use crate::aws_api::protection::{
    AssociateWafRegionalWebAcl, AssociateWafv2WebAcl, CreateShieldProtection, DeleteShieldProtection,
    DisassociateWafRegionalWebAcl, DisassociateWafv2WebAcl,
};
use crate::aws_api::{Ref, Request, SymbolKind};
use crate::model::Protection;
use crate::plan::actual::Shield;
use crate::plan::{Stage, Step};
use std::time::Duration;

/// When Shield is asked again after it could not be asked.
const SHIELD_AGAIN: Duration = Duration::from_mins(1);
/// Name of the Shield protections we make.
const SHIELD_NAME: &str = "managed by aws-load-balancer-controller";
/// Name of the Shield protections that the controller's first version made.
const LEGACY_SHIELD_NAME: &str = "managed by aws-alb-ingress-controller";

impl Diff<'_> {
    pub(super) fn protection(&mut self, desired: &Protection) {
        let Protection { wafv2_web_acl_arn, waf_regional_web_acl_id, shield } = desired;
        let mut albs = self.stack.load_balancers.iter();
        let Some((alb, _)) = albs.find(|(_, one)| one.kind == LoadBalancerType::Application) else { return };
        let id = alb.as_str();
        let arn = self.reference(SymbolKind::LoadBalancerArn, alb);
        if let Some(wanted) = wafv2_web_acl_arn.as_ref().filter(|_| self.config().enable_wafv2) {
            let observed = self.actual.protection.wafv2_web_acl_arn.clone();
            let associate = |resource_arn| AssociateWafv2WebAcl { web_acl_arn: wanted.clone(), resource_arn };
            let disassociate = |resource_arn| DisassociateWafv2WebAcl { resource_arn };
            self.web_acl(Stage::Wafv2, (id, &arn), (wanted, observed), associate, disassociate);
        }
        if let Some(wanted) = waf_regional_web_acl_id.as_ref().filter(|_| self.config().enable_waf) {
            let observed = self.actual.protection.waf_regional_web_acl_id.clone();
            let associate =
                |resource_arn| AssociateWafRegionalWebAcl { web_acl_id: wanted.clone(), resource_arn };
            let disassociate = |resource_arn| DisassociateWafRegionalWebAcl { resource_arn };
            self.web_acl(Stage::WafRegional, (id, &arn), (wanted, observed), associate, disassociate);
        }
        if let Some(wanted) = shield.filter(|_| self.config().enable_shield) {
            self.shield(id, &arn, wanted);
        }
    }

    fn web_acl<A: Into<Request>, D: Into<Request>>(
        &mut self,
        stage: Stage,
        (id, arn): (&str, &Ref),
        (wanted, observed): (&str, Option<String>),
        associate: impl FnOnce(Ref) -> A,
        disassociate: impl FnOnce(Ref) -> D,
    ) {
        let observed = observed.filter(|_| arn.known().is_some()).unwrap_or_default();
        let request: Request = match (wanted.is_empty(), observed.is_empty()) {
            (true, true) => return,
            (true, false) => disassociate(arn.clone()).into(),
            (false, _) if wanted == observed => return,
            (false, _) => associate(arn.clone()).into(),
        };
        self.builder.emit(Phase::Protection, Step::aws(stage, id, request, "web ACL differs"));
    }

    fn shield(&mut self, id: &str, arn: &Ref, wanted: bool) {
        let request: Request = match (&self.actual.protection.shield, wanted) {
            (Some(Shield::Unknown), _) => {
                return self.builder.revisit(SHIELD_AGAIN, format!("{id}: Shield could not be asked"));
            }
            (Some(Shield::NotSubscribed) | None, _) | (Some(Shield::Unprotected), false) => return,
            (Some(Shield::Protected(_)), true) if arn.known().is_some() => return,
            (Some(Shield::Protected(_) | Shield::Unprotected), true) => {
                CreateShieldProtection { resource_arn: arn.clone(), name: SHIELD_NAME.to_owned() }.into()
            }
            (Some(Shield::Protected(protection)), false) => {
                if ![SHIELD_NAME, LEGACY_SHIELD_NAME].contains(&protection.name.as_str()) {
                    let name = &protection.name;
                    return self
                        .builder
                        .notice(format!("{id}: the Shield protection {name:?} is not ours: it stays"));
                }
                DeleteShieldProtection { protection_id: protection.id.clone() }.into()
            }
        };
        self.builder.emit(Phase::Protection, Step::aws(Stage::Shield, id, request, "protection differs"));
    }
}
