//! Reads what is there of one stack, in the detail that the comparison needs and no more.
//!
//! Details are read only of what the stack wants to keep; what goes need not be looked at. Calls that do not depend on one
//! another run side by side.

use super::Deployer;
use super::resource_cache::{Depth, StackResources, WithTags};
use crate::api::TargetGroupBinding;
use crate::aws::{Cloud, pages, send};
use crate::aws_api::elbv2::{
    self, DescribeCapacityReservation, DescribeListenerAttributes, DescribeListenerCertificates,
    DescribeListeners, DescribeLoadBalancerAttributes, DescribeRules, DescribeTargetGroupAttributes,
    DescribeTargetHealth, LoadBalancerType, Protocol, TargetType,
};
use crate::aws_api::protection::{
    DescribeShieldProtection, GetShieldSubscription, GetWafRegionalWebAcl, GetWafv2WebAcl,
};
use crate::aws_api::{Attributes, CloudError, Ref, Tags};
use crate::model::{self, Owner, ResourceId, Stack};
use crate::plan::actual::{
    Actual, Listener, LoadBalancer, ObservedCertificates, Protection, Rule, Shield, TargetGroup,
};
use futures::future::try_join_all;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// How long the answer whether the account is subscribed to Shield is kept.
const SUBSCRIPTION_KEPT: Duration = Duration::from_hours(2);

/// Whether the account is subscribed to Shield, and when that was asked.
#[derive(Default)]
pub struct ShieldSubscription(Mutex<Option<(bool, Instant)>>);

impl ShieldSubscription {
    /// Whether Shield can be used; `None`: it could not be asked.
    async fn is_active(&self, cloud: &dyn Cloud) -> Option<bool> {
        let known = *self.0.lock();
        if let Some((is_active, asked)) = known
            && asked.elapsed() < SUBSCRIPTION_KEPT
        {
            return Some(is_active);
        }
        match send(cloud, GetShieldSubscription {}).await {
            Ok(is_active) => {
                *self.0.lock() = Some((is_active, Instant::now()));
                Some(is_active)
            }
            Err(error) => {
                tracing::warn!(%error, "cannot tell whether Shield is subscribed to; Shield is left alone");
                None
            }
        }
    }
}

impl Deployer {
    /// What is there of a stack that holds this. What does not stop traffic is read for a full comparison only, and taken for
    /// as wanted otherwise.
    pub(super) async fn observe(
        &self,
        stack: &Stack,
        stack_resources: StackResources,
        depth: Depth,
    ) -> Result<Actual, CloudError> {
        let StackResources { load_balancers, target_groups, security_groups, .. } = stack_resources;
        let certificates = self.observe_certificates(stack).await;
        let (load_balancers, target_groups) = futures::try_join!(
            try_join_all(load_balancers.into_values().map(|held| self.load_balancer(stack, *held, depth))),
            try_join_all(target_groups.into_values().map(|held| self.target_group(stack, *held, depth))),
        )?;
        let protection = self.protection(stack, &load_balancers).await?;
        let mut bindings: Vec<TargetGroupBinding> = self.bindings.of_stack(&stack.id);
        if stack.id.owner == Owner::Ingress {
            // why: its labels follow, or somebody has set them who may not take it away from its Gateway
            bindings.retain(|binding| !self.is_bound_for_gateway(binding, &target_groups));
        }
        let security_groups = security_groups.into_values().map(|group| *group).collect();
        Ok(Actual { security_groups, load_balancers, target_groups, bindings, protection, certificates })
    }

    /// Whether the target group of a binding is a Gateway's, and none of these.
    fn is_bound_for_gateway(&self, binding: &TargetGroupBinding, own: &[TargetGroup]) -> bool {
        let Some(arn) = &binding.spec.target_group_arn else { return false };
        let is_own = own.iter().any(|group| group.entity.arn == *arn);
        !is_own && self.resource_cache.is_of_gateway(arn)
    }

    /// What cannot be read of certificates keeps nothing from being deployed or deleted that needs none.
    async fn observe_certificates(&self, stack: &Stack) -> ObservedCertificates {
        let Some(known) = self.certificates.as_ref().filter(|_| stack.id.owner == Owner::Ingress) else {
            return ObservedCertificates::default();
        };
        Box::pin(known.of_stack(stack, &*self.cloud)).await
    }

    async fn load_balancer(
        &self,
        stack: &Stack,
        WithTags { entity, tags }: WithTags<elbv2::LoadBalancer>,
        depth: Depth,
    ) -> Result<LoadBalancer, CloudError> {
        let id = resource_id(stack, &tags);
        let desired = stack.load_balancers.get(&id);
        let keeps =
            |desired: &&model::LoadBalancer| desired.kind == entity.kind && desired.scheme == entity.scheme;
        let Some(desired) = desired.filter(keeps) else {
            let (attributes, capacity, listeners) = (Attributes::new(), None, Vec::new());
            return Ok(LoadBalancer { entity, tags, attributes, capacity, listeners });
        };
        let (attributes, capacity, listeners) = futures::try_join!(
            self.load_balancer_attributes(desired, &entity.arn, depth),
            self.capacity(desired, &entity, depth),
            self.listeners(stack, &id, &entity, depth),
        )?;
        Ok(LoadBalancer { entity, tags, attributes, capacity, listeners })
    }

    async fn load_balancer_attributes(
        &self,
        desired: &model::LoadBalancer,
        arn: &str,
        depth: Depth,
    ) -> Result<Attributes, CloudError> {
        if desired.attributes.is_empty() || depth == Depth::Traffic {
            return Ok(desired.attributes.clone());
        }
        send(&*self.cloud, DescribeLoadBalancerAttributes { arn: arn.into() }).await
    }

    async fn capacity(
        &self,
        desired: &model::LoadBalancer,
        entity: &elbv2::LoadBalancer,
        depth: Depth,
    ) -> Result<Option<elbv2::CapacityReservation>, CloudError> {
        let is_asked =
            desired.minimum_capacity_units.is_some() && self.config.features.lb_capacity_reservation;
        if depth == Depth::Traffic {
            let capacity_units = desired.minimum_capacity_units;
            return Ok(is_asked.then_some(elbv2::CapacityReservation { capacity_units }));
        }
        if !is_asked || entity.state == "provisioning" {
            return Ok(None);
        }
        send(&*self.cloud, DescribeCapacityReservation { arn: entity.arn.as_str().into() }).await.map(Some)
    }

    async fn listeners(
        &self,
        stack: &Stack,
        load_balancer: &ResourceId,
        entity: &elbv2::LoadBalancer,
        depth: Depth,
    ) -> Result<Vec<Listener>, CloudError> {
        let load_balancer_arn = Ref::from(entity.arn.as_str());
        let request = DescribeListeners { load_balancer_arn, ..DescribeListeners::default() };
        let listeners = pages::all(&*self.cloud, request).await?;
        let with_details = listeners.into_iter().map(|listener| {
            let mut desired =
                stack.listeners.values().filter(|desired| desired.load_balancer == *load_balancer);
            let desired = desired.find(|desired| desired.port == listener.port);
            self.listener(desired, entity.kind.clone(), listener, depth)
        });
        let mut listeners = try_join_all(with_details).await?;
        if depth == Depth::Full {
            self.tag(&mut listeners).await?;
        }
        Ok(listeners)
    }

    async fn listener(
        &self,
        desired: Option<&model::Listener>,
        kind: LoadBalancerType,
        entity: elbv2::Listener,
        depth: Depth,
    ) -> Result<Listener, CloudError> {
        let (attributes, extra_certificates, rules) = futures::try_join!(
            self.listener_attributes(desired, &entity, depth),
            self.extra_certificates(desired, &entity),
            self.rules(kind, &entity.arn),
        )?;
        Ok(Listener { entity, tags: Tags::new(), attributes, extra_certificates, rules })
    }

    /// Fills in the tags of listeners and their rules, all asked for together, if those are tagged at all.
    async fn tag(&self, listeners: &mut [Listener]) -> Result<(), CloudError> {
        if !self.config.features.listener_rules_tagging {
            return Ok(());
        }
        let of_rules = |listener: &Listener| {
            listener.rules.iter().map(|rule| rule.entity.arn.clone()).collect::<Vec<_>>()
        };
        let arns: Vec<String> = listeners
            .iter()
            .flat_map(|listener| [vec![listener.entity.arn.clone()], of_rules(listener)].concat())
            .collect();
        let mut tags = pages::tags(&*self.cloud, &arns).await?;
        for listener in listeners {
            listener.tags = tags.remove(&listener.entity.arn).unwrap_or_default();
            for rule in &mut listener.rules {
                rule.tags = tags.remove(&rule.entity.arn).unwrap_or_default();
            }
        }
        Ok(())
    }

    async fn listener_attributes(
        &self,
        desired: Option<&model::Listener>,
        entity: &elbv2::Listener,
        depth: Depth,
    ) -> Result<Attributes, CloudError> {
        if depth == Depth::Traffic {
            return Ok(desired.map(|desired| desired.attributes.clone()).unwrap_or_default());
        }
        let is_asked = desired.is_some_and(|desired| !desired.attributes.is_empty());
        // why: TLS listeners have no attributes, and AWS refuses to be asked
        if !is_asked || entity.protocol == Protocol::Tls {
            return Ok(Attributes::new());
        }
        send(&*self.cloud, DescribeListenerAttributes { arn: entity.arn.as_str().into() }).await
    }

    async fn extra_certificates(
        &self,
        desired: Option<&model::Listener>,
        entity: &elbv2::Listener,
    ) -> Result<Vec<String>, CloudError> {
        let has_tls =
            desired.is_some_and(|desired| desired.ssl_policy.is_some() || entity.ssl_policy.is_some());
        if !has_tls {
            return Ok(Vec::new());
        }
        let listener_arn = Ref::from(entity.arn.as_str());
        let request =
            DescribeListenerCertificates { listener_arn, ..DescribeListenerCertificates::default() };
        let certificates = pages::all(&*self.cloud, request).await?;
        let extra = certificates.into_iter().filter(|certificate| !certificate.is_default);
        Ok(extra.map(|certificate| certificate.arn).collect())
    }

    async fn rules(&self, kind: LoadBalancerType, listener: &str) -> Result<Vec<Rule>, CloudError> {
        // why: only application load balancers have rules beside the default one
        if kind != LoadBalancerType::Application {
            return Ok(Vec::new());
        }
        let request = DescribeRules { listener_arn: listener.into(), ..DescribeRules::default() };
        let rules = pages::all(&*self.cloud, request).await?;
        let numbered = rules.into_iter().filter(|rule| rule.priority.is_some());
        Ok(numbered.map(|entity| Rule { entity, tags: Tags::new() }).collect())
    }

    pub(super) async fn target_group(
        &self,
        stack: &Stack,
        WithTags { entity, tags }: WithTags<elbv2::TargetGroup>,
        depth: Depth,
    ) -> Result<TargetGroup, CloudError> {
        let desired = stack.target_groups.get(&resource_id(stack, &tags));
        let wants_attributes = desired.is_some_and(|desired| !desired.attributes.is_empty());
        let arn = Ref::from(entity.arn.as_str());
        let attributes = async {
            if !wants_attributes || depth == Depth::Traffic {
                return Ok(desired.map(|desired| desired.attributes.clone()).unwrap_or_default());
            }
            send(&*self.cloud, DescribeTargetGroupAttributes { arn: arn.clone() }).await
        };
        let targets = async {
            if entity.target_type != TargetType::Alb {
                return Ok(Vec::new());
            }
            send(&*self.cloud, DescribeTargetHealth { arn: arn.clone(), targets: Vec::new() }).await
        };
        let (attributes, health) = futures::try_join!(attributes, targets)?;
        let targets = health.into_iter().map(|health| health.target).collect();
        Ok(TargetGroup { entity, tags, attributes, targets })
    }

    async fn protection(&self, stack: &Stack, found: &[LoadBalancer]) -> Result<Protection, CloudError> {
        let model::Protection { wafv2_web_acl_arn, waf_regional_web_acl_id, shield } = &stack.protection;
        let alb = found.iter().find(|one| {
            let desired = stack.load_balancers.get(&resource_id(stack, &one.tags));
            let is_alb = one.entity.kind == LoadBalancerType::Application;
            is_alb && desired.is_some_and(|desired| desired.scheme == one.entity.scheme)
        });
        let resource_arn = alb.map(|alb| Ref::from(alb.entity.arn.as_str()));
        let config = &self.config;
        let mut protection = Protection::default();
        if let Some(resource_arn) =
            resource_arn.clone().filter(|_| wafv2_web_acl_arn.is_some() && config.enable_wafv2)
        {
            protection.wafv2_web_acl_arn = send(&*self.cloud, GetWafv2WebAcl { resource_arn }).await?;
        }
        if let Some(resource_arn) =
            resource_arn.clone().filter(|_| waf_regional_web_acl_id.is_some() && config.enable_waf)
        {
            protection.waf_regional_web_acl_id =
                send(&*self.cloud, GetWafRegionalWebAcl { resource_arn }).await?;
        }
        if shield.is_some() && config.enable_shield {
            protection.shield = Some(self.shield(resource_arn).await?);
        }
        Ok(protection)
    }

    async fn shield(&self, resource_arn: Option<Ref>) -> Result<Shield, CloudError> {
        match self.shield.is_active(&*self.cloud).await {
            Some(true) => {}
            Some(false) => return Ok(Shield::NotSubscribed),
            None => return Ok(Shield::Unknown),
        }
        let Some(resource_arn) = resource_arn else { return Ok(Shield::Unprotected) };
        let protection = send(&*self.cloud, DescribeShieldProtection { resource_arn }).await?;
        Ok(protection.map_or(Shield::Unprotected, Shield::Protected))
    }
}

fn resource_id(stack: &Stack, tags: &Tags) -> ResourceId {
    ResourceId::from(tags.get(&stack.id.resource_tag_key()).cloned().unwrap_or_default())
}
