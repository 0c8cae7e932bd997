//! Load balancers: creation, description, deletion.

use super::{attributes, check_name, placement::Placement};
use crate::{
    World,
    elb::Kind,
    refusal::{CallResult, bad_value, bad_word, ensure, refuse},
    tags,
};
use aws_load_balancer_controller::aws_api::{
    Attributes, Ref, Tags,
    elbv2::{
        CreateLoadBalancer, DeleteLoadBalancer, DescribeLoadBalancers, LoadBalancer, LoadBalancerType, Page,
        Scheme, ZoneMapping,
    },
};
use std::{collections::BTreeSet, time::Duration};

/// A load balancer and what `DescribeLoadBalancers` does not show of it.
#[derive(Clone, Debug)]
pub(crate) struct LoadBalancerState {
    /// As described once it is active.
    pub(crate) described: LoadBalancer,
    pub(crate) attributes: Attributes,
    pub(crate) tags: Tags,
    /// Reserved capacity units.
    pub(crate) capacity: Option<i32>,
    /// When it becomes active.
    pub(crate) ready: Duration,
}

impl LoadBalancerState {
    /// As described at a time.
    pub(crate) fn at(&self, now: Duration) -> LoadBalancer {
        let state = if now < self.ready { "provisioning" } else { "active" };
        LoadBalancer { state: state.to_owned(), ..self.described.clone() }
    }

    fn is_protected(&self) -> bool {
        self.attributes.get("deletion_protection.enabled").is_some_and(|value| value == "true")
    }
}

impl World {
    pub(crate) fn create_load_balancer(&mut self, request: &CreateLoadBalancer) -> CallResult<LoadBalancer> {
        check_request(request)?;
        let placement = Placement::of_creation(request);
        placement.check_family()?;
        let (vpc_id, zones) = self.place(&placement)?;
        let security_groups = self.initial_groups(request, &vpc_id)?;
        let wanted = new_load_balancer(request, vpc_id, zones, security_groups);
        if let Some(existing) = self.elb.load_balancers.values().find(|lb| lb.described.name == request.name)
        {
            let same = settings_of(&existing.described) == settings_of(&wanted);
            ensure(same, || duplicate_name(&request.name))?;
            return Ok(existing.at(self.now()));
        }
        self.check_load_balancer_quota(&request.kind)?;
        Ok(self.admit_load_balancer(wanted, request.tags.clone()))
    }

    pub(crate) fn describe_load_balancers(
        &self,
        request: &DescribeLoadBalancers,
    ) -> CallResult<Page<LoadBalancer>> {
        let DescribeLoadBalancers { arns, names, marker } = request;
        ensure(arns.is_empty() || names.is_empty(), || {
            bad_value("Load balancer names and load balancer ARNs cannot be specified at the same time")
        })?;
        ensure(arns.len() <= 20 && names.len() <= 20, || {
            bad_value("You can specify up to '20' load balancers in a single call")
        })?;
        self.check_all_exist(arns, names)?;
        let wanted = self.elb.load_balancers.iter().filter(|(arn, lb)| {
            let all = arns.is_empty() && names.is_empty();
            all || arns.contains(arn) || names.contains(&lb.described.name)
        });
        let now = self.now();
        self.elb_page(wanted.map(|(arn, lb)| (arn.clone(), lb.at(now))), marker.as_deref())
    }

    /// Deletes a load balancer with its listeners and rules; succeeds if it is gone already.
    pub(crate) fn delete_load_balancer(&mut self, request: &DeleteLoadBalancer) -> CallResult<()> {
        let arn = request.arn.resolved()?;
        let Some(lb) = self.elb.load_balancers.get(arn) else {
            return ensure(Kind::of(arn) == Some(Kind::LoadBalancer), || Kind::LoadBalancer.not_found(arn));
        };
        ensure(!lb.is_protected(), || {
            refuse(
                "OperationNotPermitted",
                format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled"),
            )
        })?;
        let listeners: Vec<_> = self.elb.listeners_of(arn).map(|(arn, _)| arn.clone()).collect();
        for listener in listeners {
            self.drop_listener(&listener);
        }
        if let Some(lb) = self.elb.load_balancers.remove(arn) {
            self.hold_groups(&lb.described.security_groups);
        }
        self.protection.forget(arn);
        Ok(())
    }

    fn check_all_exist(&self, arns: &[String], names: &[String]) -> CallResult<()> {
        for arn in arns {
            self.elb.load_balancer(&Ref::from(arn.as_str()))?;
        }
        let known: BTreeSet<_> = self.elb.load_balancers.values().map(|lb| &lb.described.name).collect();
        let missing: Vec<_> = names.iter().filter(|name| !known.contains(name)).cloned().collect();
        ensure(missing.is_empty(), || {
            refuse("LoadBalancerNotFound", format!("Load balancers '[{}]' not found", missing.join(", ")))
        })
    }

    fn check_load_balancer_quota(&self, kind: &LoadBalancerType) -> CallResult<()> {
        let quotas = &self.settings.quotas;
        let most = match kind {
            LoadBalancerType::Application => quotas.application_load_balancers,
            _ => quotas.network_load_balancers,
        };
        let count = self.elb.load_balancers.values().filter(|lb| lb.described.kind == *kind).count();
        ensure(count < most, || {
            refuse("TooManyLoadBalancers", "The maximum number of load balancers has been reached")
        })
    }

    /// Gives a new load balancer its ARN and DNS name and lets it begin.
    fn admit_load_balancer(&mut self, mut described: LoadBalancer, tags: Tags) -> LoadBalancer {
        let id = self.ids.hex(16);
        let (name, region) = (&described.name, &self.account.region);
        if described.kind == LoadBalancerType::Network {
            described.arn =
                self.account.arn("elasticloadbalancing", &format!("loadbalancer/net/{name}/{id}"));
            described.dns_name = format!("{name}-{id}.elb.{region}.amazonaws.com");
        } else {
            let number = 100_000_000 + self.ids.number() % 1_900_000_000;
            let prefix = if described.scheme == Scheme::Internal { "internal-" } else { "" };
            described.arn =
                self.account.arn("elasticloadbalancing", &format!("loadbalancer/app/{name}/{id}"));
            described.dns_name = format!("{prefix}{name}-{number}.{region}.elb.amazonaws.com");
        }
        let now = self.now();
        let state = LoadBalancerState {
            attributes: attributes::load_balancer_defaults(&described),
            tags,
            capacity: None,
            ready: now + self.settings.delays.provisioning,
            described,
        };
        let shown = state.at(now);
        self.elb.load_balancers.insert(shown.arn.clone(), state);
        shown
    }
}

fn check_request(request: &CreateLoadBalancer) -> CallResult<()> {
    let CreateLoadBalancer { name, kind, scheme, tags, .. } = request;
    check_name("Load balancer", name)?;
    ensure(!matches!(kind, LoadBalancerType::Other(_)), || bad_word("type", kind))?;
    ensure(!matches!(scheme, Scheme::Other(_)), || bad_word("scheme", scheme))?;
    ensure(!name.starts_with("internal-"), || {
        bad_value(format!("Load balancer name '{name}' cannot begin with 'internal-'"))
    })?;
    ensure(matches!(kind, LoadBalancerType::Application | LoadBalancerType::Network), || {
        bad_value(format!("Load balancers of type '{kind}' are not simulated"))
    })?;
    tags::check(tags, &Tags::new(), bad_value, super::tagging::too_many)?;
    ensure(request.ipv4_ipam_pool_id.is_none() || *kind == LoadBalancerType::Application, || {
        super::placement::ipam_is_for_applications()
    })
}

/// What the request describes, still without an ARN.
fn new_load_balancer(
    request: &CreateLoadBalancer,
    vpc_id: String,
    zones: Vec<ZoneMapping>,
    security_groups: Vec<String>,
) -> LoadBalancer {
    let is_network = request.kind == LoadBalancerType::Network;
    let enforces = is_network && !security_groups.is_empty();
    LoadBalancer {
        arn: String::new(),
        dns_name: String::new(),
        name: request.name.clone(),
        kind: request.kind.clone(),
        scheme: request.scheme.clone(),
        vpc_id,
        state: "active".to_owned(),
        ip_address_type: request.ip_address_type.clone(),
        zones,
        security_groups,
        customer_owned_ipv4_pool: request.customer_owned_ipv4_pool.clone(),
        enforce_inbound_rules_on_private_link: enforces.then(|| "on".to_owned()),
        enable_prefix_for_ipv6_source_nat: request
            .enable_prefix_for_ipv6_source_nat
            .clone()
            .or_else(|| Some("off".to_owned())),
        ipv4_ipam_pool_id: request.ipv4_ipam_pool_id.clone(),
    }
}

/// What makes two requests for the same name the same request.
fn settings_of(lb: &LoadBalancer) -> impl PartialEq {
    let subnets: BTreeSet<_> = lb.zones.iter().map(|zone| zone.subnet_id.clone()).collect();
    let groups: BTreeSet<_> = lb.security_groups.iter().cloned().collect();
    (lb.kind.clone(), lb.scheme.clone(), lb.ip_address_type.clone(), lb.vpc_id.clone(), subnets, groups)
}

fn duplicate_name(name: &str) -> crate::refusal::Refusal {
    refuse(
        "DuplicateLoadBalancerName",
        format!("A load balancer with the same name '{name}' exists, but with different settings"),
    )
}
