//! WAFv2, WAF Classic (regional) and Shield: what protects a load balancer.

use crate::{
    World,
    page::page,
    refusal::{CallResult, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::{Ref, protection::*};
use std::collections::BTreeMap;

/// Web ACLs, protections, and the load balancers they guard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protection {
    /// WAFv2 web ACLs: name by ARN.
    pub(crate) web_acls: BTreeMap<String, String>,
    /// WAFv2 web ACL ARN by load balancer ARN.
    pub(crate) wafv2: BTreeMap<String, String>,
    /// WAF Classic web ACL ids.
    pub(crate) classic_acls: Vec<String>,
    /// WAF Classic web ACL id by load balancer ARN.
    pub(crate) classic: BTreeMap<String, String>,
    /// Whether the account is subscribed to Shield Advanced.
    pub(crate) subscribed: bool,
    /// Shield protection by load balancer ARN.
    pub(crate) shield: BTreeMap<String, ShieldProtection>,
}

impl Protection {
    /// Forgets a load balancer that is gone.
    pub(crate) fn forget(&mut self, load_balancer_arn: &str) {
        self.wafv2.remove(load_balancer_arn);
        self.classic.remove(load_balancer_arn);
        self.shield.remove(load_balancer_arn);
    }
}

impl World {
    pub(crate) fn get_wafv2_web_acl(&self, request: &GetWafv2WebAcl) -> CallResult<Option<String>> {
        let arn = self.guarded(&request.resource_arn)?;
        Ok(self.protection.wafv2.get(&arn).cloned())
    }

    pub(crate) fn list_wafv2_web_acls(&self, request: &ListWafv2WebAcls) -> CallResult<WebAclPage> {
        let acls = self.protection.web_acls.iter();
        let items = acls.map(|(arn, name)| (arn.clone(), (name.clone(), arn.clone())));
        let bad_marker = || refuse("WAFInvalidParameterException", "The marker is not valid");
        let (web_acls, next_marker) =
            page(items, request.next_marker.as_deref(), self.settings.page_size, bad_marker)?;
        Ok(WebAclPage { web_acls, next_marker })
    }

    pub(crate) fn associate_wafv2_web_acl(&mut self, request: &AssociateWafv2WebAcl) -> CallResult<()> {
        ensure(self.protection.web_acls.contains_key(&request.web_acl_arn), no_such_item)?;
        let arn = self.guarded(&request.resource_arn)?;
        self.ensure_protectable(&arn)?;
        self.protection.wafv2.insert(arn, request.web_acl_arn.clone());
        Ok(())
    }

    pub(crate) fn disassociate_wafv2_web_acl(&mut self, request: &DisassociateWafv2WebAcl) -> CallResult<()> {
        let arn = self.guarded(&request.resource_arn)?;
        self.protection.wafv2.remove(&arn);
        Ok(())
    }

    pub(crate) fn get_waf_regional_web_acl(
        &self,
        request: &GetWafRegionalWebAcl,
    ) -> CallResult<Option<String>> {
        let arn = self.guarded(&request.resource_arn)?;
        Ok(self.protection.classic.get(&arn).cloned())
    }

    pub(crate) fn associate_waf_regional_web_acl(
        &mut self,
        request: &AssociateWafRegionalWebAcl,
    ) -> CallResult<()> {
        ensure(self.protection.classic_acls.contains(&request.web_acl_id), no_such_item)?;
        let arn = self.guarded(&request.resource_arn)?;
        self.ensure_protectable(&arn)?;
        self.protection.classic.insert(arn, request.web_acl_id.clone());
        Ok(())
    }

    pub(crate) fn disassociate_waf_regional_web_acl(
        &mut self,
        request: &DisassociateWafRegionalWebAcl,
    ) -> CallResult<()> {
        let arn = self.guarded(&request.resource_arn)?;
        self.protection.classic.remove(&arn);
        Ok(())
    }

    pub(crate) fn get_shield_subscription(&self, _: &GetShieldSubscription) -> bool {
        self.protection.subscribed
    }

    pub(crate) fn describe_shield_protection(
        &self,
        request: &DescribeShieldProtection,
    ) -> CallResult<Option<ShieldProtection>> {
        Ok(self.protection.shield.get(request.resource_arn.resolved()?).cloned())
    }

    pub(crate) fn create_shield_protection(&mut self, request: &CreateShieldProtection) -> CallResult<()> {
        let arn = request.resource_arn.resolved()?.to_owned();
        let not_found =
            || refuse("ResourceNotFoundException", "The resource or the subscription does not exist");
        ensure(self.protection.subscribed && self.elb.load_balancers.contains_key(&arn), not_found)?;
        ensure(!self.protection.shield.contains_key(&arn), || {
            refuse("ResourceAlreadyExistsException", "The referenced protection already exists")
        })?;
        let protection = ShieldProtection { id: self.ids.uuid(), name: request.name.clone() };
        self.protection.shield.insert(arn, protection);
        Ok(())
    }

    pub(crate) fn delete_shield_protection(&mut self, request: &DeleteShieldProtection) -> CallResult<()> {
        let before = self.protection.shield.len();
        self.protection.shield.retain(|_, protection| protection.id != request.protection_id);
        ensure(self.protection.shield.len() < before, || {
            refuse("ResourceNotFoundException", "The referenced protection does not exist")
        })
    }

    /// The ARN of an existing load balancer.
    fn guarded(&self, arn: &Ref) -> CallResult<String> {
        let arn = arn.resolved()?;
        ensure(self.elb.load_balancers.contains_key(arn), no_such_item)?;
        Ok(arn.to_owned())
    }

    /// WAF cannot attach to a load balancer before it is active, and only to an ALB.
    fn ensure_protectable(&self, arn: &str) -> CallResult<()> {
        ensure(arn.contains(":loadbalancer/app/"), || {
            refuse("WAFInvalidParameterException", "The resource ARN is not of a protectable resource")
        })?;
        let active = self.elb.load_balancers.get(arn).is_some_and(|lb| lb.ready <= self.now());
        ensure(active, || {
            refuse(
                "WAFUnavailableEntityException",
                "AWS WAF couldn't retrieve the resource that you requested. Retry your request.",
            )
        })
    }
}

fn no_such_item() -> crate::refusal::Refusal {
    refuse(
        "WAFNonexistentItemException",
        "AWS WAF couldn't perform the operation because your resource doesn't exist.",
    )
}
