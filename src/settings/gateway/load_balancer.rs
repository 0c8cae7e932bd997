//! The load balancer of a Gateway: scheme, addresses, attributes, capacity, name, tags.

use super::{AddOn, AddOns, GatewayContext, addresses, attributes, security_groups};
use crate::api::ingress_class_params::{LoadBalancerIpAddressType, SubnetSelector};
use crate::aws_api::ec2::Subnet;
use crate::aws_api::elbv2::{IpAddressType, LoadBalancerType, Scheme};
use crate::aws_api::{Attributes, Tags};
use crate::facts::{BuildError, ExistingLoadBalancer};
use crate::finding::Part;
use crate::gateway::Controller;
use crate::model::LOAD_BALANCER_ID;
use crate::settings::load_balancer::{check_name, check_nlb_attributes};
use crate::settings::names::{self, ObjectIdentity};
use crate::settings::subnets::Placement;
use crate::settings::{LoadBalancerSettings, Origin, tags};

/// Attribute of an ALB that hands the Host header on as it is.
const PRESERVE_HOST: &str = "routing.http.preserve_host_header.enabled";

impl<'a> GatewayContext<'a> {
    /// The load balancer, and its subnets in order.
    pub(super) fn load_balancer(
        &self,
        add_ons: AddOns,
    ) -> Result<(LoadBalancerSettings, Vec<&'a Subnet>), BuildError> {
        let read = || {
            let scheme = self.scheme();
            let ip_address_type = self.ip_address_type();
            let subnets = self.subnets(&scheme, &ip_address_type)?;
            let tags = self.tags()?;
            let subnet_mappings = addresses::read(self, &scheme, &ip_address_type, &subnets)?;
            let spec = self.view.load_balancer();
            let is_nlb = self.view.controller == Controller::Nlb;
            let has_prefixes = subnet_mappings.iter().any(|one| one.source_nat_ipv6_prefix.is_some());
            let settings = LoadBalancerSettings {
                id: LOAD_BALANCER_ID.into(),
                name: self.name(&scheme)?,
                kind: self.kind(),
                security_groups: security_groups::read(self, &ip_address_type, &tags)?,
                enable_prefix_for_ipv6_source_nat: is_nlb.then_some(if has_prefixes { "on" } else { "off" }),
                enforce_inbound_rules_on_private_link: self.private_link()?,
                customer_owned_ipv4_pool: spec.customer_owned_ipv4_pool.clone().filter(|_| !is_nlb),
                ipv4_ipam_pool_id: spec.ipv4_ipam_pool_id.clone().filter(|_| !is_nlb),
                attributes: self.attributes()?,
                minimum_capacity_units: self.capacity(add_ons),
                scheme,
                ip_address_type,
                subnet_mappings,
                tags,
            };
            Ok((settings, subnets))
        };
        read().map_err(|error: BuildError| error.within(Part::LoadBalancer))
    }

    fn kind(&self) -> LoadBalancerType {
        match self.view.controller {
            Controller::Alb => LoadBalancerType::Application,
            Controller::Nlb => LoadBalancerType::Network,
        }
    }

    fn scheme(&self) -> Scheme {
        let given = self.view.load_balancer().scheme.map(<&str>::from);
        given.map_or_else(|| self.config.default_load_balancer_scheme.clone(), Scheme::from)
    }

    fn ip_address_type(&self) -> IpAddressType {
        let given: Option<LoadBalancerIpAddressType> = self.view.load_balancer().ip_address_type;
        given.map(<&str>::from).map_or(IpAddressType::Ipv4, IpAddressType::from)
    }

    fn name(&self, scheme: &Scheme) -> Result<String, BuildError> {
        let given = self.view.load_balancer().load_balancer_name.as_ref().filter(|name| !name.is_empty());
        let Some(name) = given else {
            return Ok(names::load_balancer(&self.config.cluster_name, self.identity(), scheme));
        };
        check_name(name, &self.view.origin("loadBalancerName", |spec| spec.load_balancer_name.is_some()))?;
        Ok(name.clone())
    }

    /// The Gateway, as names depend on it.
    pub(super) fn identity(&self) -> ObjectIdentity<'_> {
        let uid = self.view.gateway.metadata.uid.as_deref().unwrap_or_default();
        ObjectIdentity { namespace: self.view.key.namespace(), name: self.view.key.name(), uid }
    }

    fn tags(&self) -> Result<Tags, BuildError> {
        let given = self.view.load_balancer().tags.clone().unwrap_or_default();
        tags::check(&given, &self.view.origin("tags", |spec| spec.tags.is_some()), self.config)?;
        Ok(tags::merge(&given, self.config))
    }

    fn attributes(&self) -> Result<Attributes, BuildError> {
        let mut given = attributes(self.view.load_balancer().load_balancer_attributes.as_deref());
        if self.view.controller == Controller::Nlb {
            let origin =
                self.view.origin("loadBalancerAttributes", |spec| spec.load_balancer_attributes.is_some());
            check_nlb_attributes(&given, &origin)?;
        } else if self.view.options.strict {
            // why: ELB takes the port out of a Host header that it does not keep
            given.entry(PRESERVE_HOST.to_owned()).or_insert_with(|| "true".to_owned());
        }
        Ok(given)
    }

    fn private_link(&self) -> Result<Option<&'static str>, BuildError> {
        let given = &self.view.load_balancer().enforce_security_group_inbound_rules_on_private_link_traffic;
        let Some(given) = given.as_deref().filter(|_| self.view.controller == Controller::Nlb) else {
            return Ok(None);
        };
        let allowed = ["on", "off"];
        if let Some(known) = allowed.into_iter().find(|known| *known == given) {
            return Ok(Some(known));
        }
        let origin = self.view.origin("enforceSecurityGroupInboundRulesOnPrivateLinkTraffic", |spec| {
            spec.enforce_security_group_inbound_rules_on_private_link_traffic.is_some()
        });
        Err(origin.not_one_of(given, &allowed).into())
    }

    /// Units that are reserved; 0 gives up what was reserved before.
    fn capacity(&self, add_ons: AddOns) -> Option<i32> {
        if !self.config.features.lb_capacity_reservation {
            return None;
        }
        let wanted = self.view.load_balancer().minimum_load_balancer_capacity.as_ref();
        let units = wanted.map(|wanted| wanted.capacity_units).filter(|units| *units != 0);
        units.or_else(|| add_ons.contains(AddOn::ProvisionedCapacity).then_some(0))
    }

    /// The load balancer that there is.
    fn existing(&self) -> Result<Option<&'a ExistingLoadBalancer>, BuildError> {
        let existing = self.facts.existing_load_balancers(&self.stack)??;
        Ok(existing.iter().find(|found| found.resource_id.as_deref() == Some(LOAD_BALANCER_ID)))
    }

    /// Those that the configuration names; else those that it selects; else those that the load balancer has; else discovered
    /// ones.
    fn subnets(
        &self,
        scheme: &Scheme,
        ip_address_type: &IpAddressType,
    ) -> Result<Vec<&'a Subnet>, BuildError> {
        let spec = self.view.load_balancer();
        let mut placement = Placement {
            kind: self.kind(),
            scheme: scheme.clone(),
            ip_address_type: ip_address_type.clone(),
            origin: self.view.origin("loadBalancerSubnets", |spec| spec.load_balancer_subnets.is_some()),
            facts: self.facts,
            config: self.config,
        };
        let identifiers = addresses::identifiers(self)?;
        if !identifiers.is_empty() {
            return placement.resolve_listed(&identifiers);
        }
        if let Some(tags) = spec.load_balancer_subnets_selector.as_ref().filter(|tags| !tags.is_empty()) {
            placement.origin = self
                .view
                .origin("loadBalancerSubnetsSelector", |spec| spec.load_balancer_subnets_selector.is_some());
            let selector = SubnetSelector { ids: None, tags: Some(tags.clone()) };
            return placement.resolve_selected(&selector);
        }
        placement.origin = Origin::object(&self.object);
        match self.existing()? {
            Some(existing) if existing.scheme == *scheme => placement.resolve_listed(&existing.subnet_ids),
            _ => placement.discover(),
        }
    }
}
