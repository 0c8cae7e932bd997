//! Load balancers (upstream: `load_balancer_*.go`).
//!
//! A load balancer that must be replaced goes after its successor is there, unless the successor needs its name, its
//! addresses or its place in a quota.

use super::matching::{Match, match_resources};
use super::plan_builder::Phase;
use super::target_groups::changed_attributes;
use super::{Diff, DiffError, symbol};
use crate::aws_api::elbv2::{
    self, CreateLoadBalancer, DeleteLoadBalancer, IpAddressType, LoadBalancerType, ModifyCapacityReservation,
    ModifyIpPools, ModifyLoadBalancerAttributes, SetIpAddressType, SetSecurityGroups, SetSubnets,
    SubnetMapping,
};
use crate::aws_api::{Ref, SymbolKind};
use crate::model::{LoadBalancer, ResourceId, Resources};
use crate::plan::{Quota, Stage, Step, StepId, actual};
use std::collections::BTreeSet;
use std::time::Duration;

/// When to look whether a new load balancer is active already; after that, upstream's interval counts.
const FIRST_LOOK: Duration = Duration::from_secs(1);

const STAGE: Stage = Stage::LoadBalancers;
const PHASE: Phase = Phase::LoadBalancers;

impl<'a> Diff<'a> {
    pub(super) fn load_balancers(&mut self, desired: &'a Resources<LoadBalancer>) -> Result<(), DiffError> {
        let found =
            match_resources(&self.stack.id, desired, &self.actual.load_balancers, |desired, actual| {
                desired.kind != actual.entity.kind || desired.scheme != actual.entity.scheme
            })?;
        let (missing, existing): (Vec<_>, Vec<_>) =
            found.matches.into_iter().partition(|one| one.kept.is_empty());
        let may_create_first = !self.context.exhausted_quotas.is_exhausted(&Quota::LoadBalancers);
        if !may_create_first {
            self.delete_load_balancers(&found.surplus, &[], "nobody asked for it");
        }
        for Match { id, desired, replaced, .. } in missing {
            if may_create_first && can_live_side_by_side(desired, &replaced) {
                let created = self.create_load_balancer(id, desired, None, &replaced);
                let gone = self.delete_load_balancers(&replaced, &[created], "is replaced");
                self.replacing.insert(id, gone);
            } else {
                let gone = self.delete_load_balancers(&replaced, &[], "its successor needs its place");
                self.create_load_balancer(id, desired, Some(gone), &replaced);
            }
        }
        for Match { id, desired, kept, replaced } in existing {
            for actual in &kept {
                self.know_load_balancer(id, actual);
                self.update_load_balancer(id, desired, actual);
            }
            let gone = self.delete_load_balancers(&replaced, &[], "is replaced");
            self.replacing.insert(id, gone);
        }
        if may_create_first {
            self.delete_load_balancers(&found.surplus, &[], "nobody asked for it");
        }
        Ok(())
    }

    fn know_load_balancer(&mut self, id: &'a ResourceId, actual: &'a actual::LoadBalancer) {
        self.know(SymbolKind::LoadBalancerArn, id, &actual.entity.arn);
        self.know(SymbolKind::LoadBalancerDnsName, id, &actual.entity.dns_name);
        self.load_balancers.insert(id, actual);
    }

    fn create_load_balancer(
        &mut self,
        id: &ResourceId,
        desired: &LoadBalancer,
        after: Option<Vec<StepId>>,
        replaced: &[&actual::LoadBalancer],
    ) -> StepId {
        let LoadBalancer {
            name,
            kind,
            scheme,
            ip_address_type,
            enable_prefix_for_ipv6_source_nat,
            subnet_mappings,
            security_groups,
            enforce_inbound_rules_on_private_link,
            customer_owned_ipv4_pool,
            ipv4_ipam_pool_id,
            attributes,
            minimum_capacity_units,
            tags,
        } = desired;
        let why = if replaced.is_empty() { "does not exist" } else { "its kind or scheme changes" };
        let request = CreateLoadBalancer {
            name: name.clone(),
            kind: kind.clone(),
            scheme: scheme.clone(),
            ip_address_type: ip_address_type.clone(),
            subnet_mappings: subnet_mappings.clone(),
            security_groups: security_groups.iter().map(|group| self.bound(group)).collect(),
            enable_prefix_for_ipv6_source_nat: enable_prefix_for_ipv6_source_nat.clone(),
            ipv4_ipam_pool_id: ipv4_ipam_pool_id.clone(),
            customer_owned_ipv4_pool: customer_owned_ipv4_pool.clone(),
            tags: self.resource_tags(id, tags),
        };
        let step = Step::aws(STAGE, id.as_str(), request, why)
            .binding([symbol(SymbolKind::LoadBalancerArn, id), symbol(SymbolKind::LoadBalancerDnsName, id)])
            .after(after.into_iter().flatten());
        // why: a load balancer costs money and serves nobody while AWS refuses its target groups; of several routes of a Gateway, one
        // must not keep the others from it
        let is_of_several = self.stack.id.owner.is_gateway() && self.stack.target_groups.len() > 1;
        let target_groups: Vec<StepId> = match replaced {
            [] if !is_of_several => self.builder.in_phase(Phase::TargetGroups).collect(),
            _ => Vec::new(),
        };
        let created = self.builder.emit(PHASE, step.after(target_groups));
        let arn = id.pending(SymbolKind::LoadBalancerArn);
        if !attributes.is_empty() {
            let request = ModifyLoadBalancerAttributes { arn: arn.clone(), attributes: attributes.clone() };
            self.builder.emit(PHASE, Step::aws(STAGE, id.as_str(), request, "attributes differ"));
        }
        if let Some(enforce) = enforce_inbound_rules_on_private_link
            && *kind == LoadBalancerType::Network
        {
            self.set_security_groups(id, &arn, security_groups, Some(enforce.clone()));
        }
        if minimum_capacity_units.is_some() && self.config().features.lb_capacity_reservation {
            self.await_activity(id, FIRST_LOOK);
        }
        created
    }

    fn update_load_balancer(
        &mut self,
        id: &ResourceId,
        desired: &LoadBalancer,
        actual: &actual::LoadBalancer,
    ) {
        let actual::LoadBalancer {
            entity,
            tags: observed_tags,
            attributes: observed,
            capacity: _,
            listeners: _,
        } = actual;
        let LoadBalancer {
            name: _,
            kind: _,
            scheme: _,
            ip_address_type,
            enable_prefix_for_ipv6_source_nat: _,
            subnet_mappings: _,
            security_groups: _,
            enforce_inbound_rules_on_private_link: _,
            customer_owned_ipv4_pool,
            ipv4_ipam_pool_id,
            attributes,
            minimum_capacity_units,
            tags,
        } = desired;
        let arn = Ref::from(entity.arn.as_str());
        if entity.ipv4_ipam_pool_id.is_some() && ipv4_ipam_pool_id.is_none() {
            self.set_ipam_pool(id, &arn, None);
        }
        let tags = self.resource_tags(id, tags);
        self.elbv2_tags((PHASE, STAGE), id.as_str(), &arn, (&tags, observed_tags), true);
        self.update_security_groups(id, desired, entity);
        self.update_subnets(id, desired, entity);
        if *ip_address_type != entity.ip_address_type {
            let request = SetIpAddressType { arn: arn.clone(), ip_address_type: ip_address_type.clone() };
            self.builder.emit(PHASE, Step::aws(STAGE, id.as_str(), request, "address type differs"));
        }
        let attributes = changed_attributes(attributes, observed);
        if !attributes.is_empty() {
            let request = ModifyLoadBalancerAttributes { arn: arn.clone(), attributes };
            self.builder.emit(PHASE, Step::aws(STAGE, id.as_str(), request, "attributes differ"));
        }
        if *customer_owned_ipv4_pool != entity.customer_owned_ipv4_pool {
            self.builder.notice(format!(
                "{id}: the customer-owned IPv4 pool of a load balancer cannot be changed: it stays {:?}",
                entity.customer_owned_ipv4_pool.as_deref().unwrap_or("none")
            ));
        }
        if ipv4_ipam_pool_id.is_some() && *ipv4_ipam_pool_id != entity.ipv4_ipam_pool_id {
            self.set_ipam_pool(id, &arn, ipv4_ipam_pool_id.clone());
        }
        if let Some(units) = minimum_capacity_units {
            self.update_capacity(id, *units, actual);
        }
    }

    fn set_ipam_pool(&mut self, id: &ResourceId, arn: &Ref, pool: Option<String>) {
        let request = ModifyIpPools { arn: arn.clone(), ipv4_ipam_pool_id: pool };
        self.builder.emit(PHASE, Step::aws(STAGE, id.as_str(), request, "IPAM pool differs"));
    }

    fn update_security_groups(
        &mut self,
        id: &ResourceId,
        desired: &LoadBalancer,
        entity: &elbv2::LoadBalancer,
    ) {
        let wanted: BTreeSet<Ref> = desired.security_groups.iter().map(|group| self.bound(group)).collect();
        let observed: BTreeSet<Ref> = entity.security_groups.iter().map(|id| id.as_str().into()).collect();
        let enforce = desired
            .enforce_inbound_rules_on_private_link
            .clone()
            .filter(|_| desired.kind == LoadBalancerType::Network)
            .filter(|wanted| Some(wanted) != entity.enforce_inbound_rules_on_private_link.as_ref());
        if wanted == observed && enforce.is_none() {
            return;
        }
        let arn = Ref::from(entity.arn.as_str());
        let step = self.set_security_groups(id, &arn, &desired.security_groups, enforce);
        self.release(entity.security_groups.iter().map(String::as_str), step);
    }

    fn set_security_groups(
        &mut self,
        id: &ResourceId,
        arn: &Ref,
        groups: &[Ref],
        enforce_inbound_rules_on_private_link: Option<String>,
    ) -> StepId {
        let security_groups = groups.iter().map(|group| self.bound(group)).collect();
        let request =
            SetSecurityGroups { arn: arn.clone(), security_groups, enforce_inbound_rules_on_private_link };
        self.builder.emit(PHASE, Step::aws(STAGE, id.as_str(), request, "security groups differ"))
    }

    fn update_subnets(&mut self, id: &ResourceId, desired: &LoadBalancer, entity: &elbv2::LoadBalancer) {
        if !subnets_differ(desired, entity) {
            return;
        }
        let prefix = desired.enable_prefix_for_ipv6_source_nat.clone();
        let request = SetSubnets {
            arn: entity.arn.as_str().into(),
            subnet_mappings: desired.subnet_mappings.clone(),
            enable_prefix_for_ipv6_source_nat: prefix.filter(|_| desired.kind == LoadBalancerType::Network),
        };
        self.builder.emit(PHASE, Step::aws(STAGE, id.as_str(), request, "subnets differ"));
    }

    /// A capacity of zero means none. Capacity can only be set once the load balancer is active; everything else goes on
    /// meanwhile.
    fn update_capacity(&mut self, id: &ResourceId, units: i32, actual: &actual::LoadBalancer) {
        if !self.config().features.lb_capacity_reservation {
            return;
        }
        if actual.entity.state == "provisioning" {
            return self.await_activity(id, self.config().lb_stabilization_monitor_interval);
        }
        let wanted = Some(units).filter(|units| *units != 0);
        let observed = actual.capacity.as_ref().and_then(|capacity| capacity.capacity_units);
        if wanted != observed {
            let request =
                ModifyCapacityReservation { arn: actual.entity.arn.as_str().into(), capacity_units: wanted };
            let step = Step::aws(STAGE, id.as_str(), request, "reserved capacity differs");
            self.builder.emit(Phase::Capacity, step);
        }
    }

    fn await_activity(&mut self, id: &ResourceId, after: Duration) {
        self.builder.revisit(after, format!("{id} must be active before its capacity can be reserved"));
    }

    fn delete_load_balancers(
        &mut self,
        leaving: &[&'a actual::LoadBalancer],
        after: &[StepId],
        why: &str,
    ) -> Vec<StepId> {
        leaving.iter().map(|actual| self.delete_load_balancer(&actual.entity, after, why)).collect()
    }

    fn delete_load_balancer(
        &mut self,
        entity: &'a elbv2::LoadBalancer,
        after: &[StepId],
        why: &str,
    ) -> StepId {
        self.deleted_load_balancers.insert(&entity.arn);
        let detached = self.detach_alb_everywhere(&entity.arn);
        let request = DeleteLoadBalancer { arn: entity.arn.as_str().into() };
        let step = Step::aws(STAGE, entity.arn.as_str(), request, why)
            .after(detached.into_iter().chain(after.iter().copied()));
        let step = self.builder.emit(PHASE, step);
        let groups = &self.actual.target_groups;
        let uses = |group: &&actual::TargetGroup| group.entity.load_balancer_arns.contains(&entity.arn);
        let used: Vec<&str> = groups.iter().filter(uses).map(|group| group.entity.arn.as_str()).collect();
        self.release(used, step);
        self.release(entity.security_groups.iter().map(String::as_str), step);
        step
    }
}

/// Whether the new load balancer can be made while those it replaces are still there.
fn can_live_side_by_side(desired: &LoadBalancer, replaced: &[&actual::LoadBalancer]) -> bool {
    let claims_address = |mapping: &SubnetMapping| {
        let SubnetMapping {
            allocation_id,
            private_ipv4_address,
            ipv6_address,
            source_nat_ipv6_prefix: _,
            subnet_id: _,
        } = mapping;
        allocation_id.is_some() || private_ipv4_address.is_some() || ipv6_address.is_some()
    };
    let needs_name = replaced.iter().any(|actual| actual.entity.name == desired.name);
    !needs_name && !desired.subnet_mappings.iter().any(claims_address)
}

/// Upstream's test, except that a prefix that AWS shall choose is content with any.
fn subnets_differ(desired: &LoadBalancer, entity: &elbv2::LoadBalancer) -> bool {
    let wanted: BTreeSet<&str> =
        desired.subnet_mappings.iter().map(|mapping| mapping.subnet_id.as_str()).collect();
    let observed: BTreeSet<&str> = entity.zones.iter().map(|zone| zone.subnet_id.as_str()).collect();
    let switch = desired.enable_prefix_for_ipv6_source_nat.as_ref().filter(|switch| !switch.is_empty());
    wanted != observed
        || prefixes_differ(desired, entity)
        || (switch.is_some() && switch != entity.enable_prefix_for_ipv6_source_nat.as_ref())
        || gains_ipv6_addresses(desired, entity)
}

fn prefixes_differ(desired: &LoadBalancer, entity: &elbv2::LoadBalancer) -> bool {
    let wanted: BTreeSet<&str> = desired
        .subnet_mappings
        .iter()
        .filter_map(|mapping| mapping.source_nat_ipv6_prefix.as_deref())
        .collect();
    let observed: BTreeSet<&str> = entity
        .zones
        .iter()
        .filter_map(|zone| zone.source_nat_ipv6_prefixes.first().map(String::as_str))
        .collect();
    let is_on = desired.enable_prefix_for_ipv6_source_nat.as_deref() == Some("on");
    let aws_chooses = wanted.contains("auto_assigned") || (is_on && wanted.is_empty());
    if aws_chooses { observed.is_empty() } else { wanted != observed }
}

/// Going to dual stack for the first time with chosen IPv6 addresses needs them in `SetSubnets`.
fn gains_ipv6_addresses(desired: &LoadBalancer, entity: &elbv2::LoadBalancer) -> bool {
    let becomes_dualstack = desired.kind == LoadBalancerType::Network
        && desired.ip_address_type == IpAddressType::Dualstack
        && entity.ip_address_type != IpAddressType::Dualstack;
    let has_addresses = entity
        .zones
        .iter()
        .any(|zone| zone.addresses.first().is_some_and(|address| address.ipv6_address.is_some()));
    becomes_dualstack
        && !has_addresses
        && desired.subnet_mappings.iter().any(|mapping| mapping.ipv6_address.is_some())
}
