//! The world as the data plane needs it: one value, so that what is known can be kept back for a while.

use crate::{World, elb::TargetKey, imports::ImportedBody};
use aws_load_balancer_controller::aws_api::{
    Attributes,
    elbv2::{Listener, LoadBalancer, LoadBalancerType, Rule, TargetGroup},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Load balancers, listeners and target groups, by ARN.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    pub(super) listeners: BTreeMap<String, Arc<ListenerView>>,
    pub(super) groups: BTreeMap<String, Arc<GroupView>>,
}

/// A load balancer that is active.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BalancerView {
    pub(super) described: LoadBalancer,
    pub(super) attributes: Attributes,
}

/// A listener with its rules.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListenerView {
    pub(super) balancer: Arc<BalancerView>,
    pub(super) described: Listener,
    pub(super) attributes: Attributes,
    /// Certificate ARNs and the names each is for, the default one first.
    pub(super) certificates: Vec<(String, Vec<String>)>,
    /// What was imported of them, by ARN.
    pub(super) imported: BTreeMap<String, Arc<ImportedBody>>,
    /// By priority, the default rule last.
    pub(super) rules: Vec<Rule>,
}

/// A target group with its targets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GroupView {
    pub(super) described: TargetGroup,
    pub(super) attributes: Attributes,
    /// Registered targets and the zone each is in; `None` for all zones.
    pub(super) targets: BTreeMap<TargetKey, Option<String>>,
    pub(super) draining: BTreeSet<TargetKey>,
}

/// The text of an attribute; empty if there is none.
pub(super) fn attribute<'a>(attributes: &'a Attributes, key: &str) -> &'a str {
    attributes.get(key).map_or("", String::as_str)
}

/// Whether an attribute says `true`.
pub(super) fn is_on(attributes: &Attributes, key: &str) -> bool {
    attribute(attributes, key) == "true"
}

impl View {
    /// What the world holds now.
    pub(super) fn of(world: &World) -> Self {
        let now = world.now();
        let active = world.elb.load_balancers.iter().filter(|(_, lb)| lb.ready <= now);
        let mut listeners = BTreeMap::new();
        for (arn, lb) in active {
            let balancer =
                Arc::new(BalancerView { described: lb.described.clone(), attributes: lb.attributes.clone() });
            for (listener, _) in world.elb.listeners_of(arn) {
                if let Some(view) = ListenerView::of(world, listener, &balancer) {
                    listeners.insert(listener.clone(), Arc::new(view));
                }
            }
        }
        let groups = world.elb.target_groups.keys();
        let groups = groups.filter_map(|arn| Some((arn.clone(), Arc::new(GroupView::of(world, arn)?))));
        Self { listeners, groups: groups.collect() }
    }
}

impl BalancerView {
    pub(super) fn is_application(&self) -> bool {
        self.described.kind == LoadBalancerType::Application
    }
}

impl ListenerView {
    fn of(world: &World, arn: &str, balancer: &Arc<BalancerView>) -> Option<Self> {
        let state = world.elb.listeners.get(arn)?;
        let mut rules: Vec<_> = world.elb.rules_of(arn).map(|(_, rule)| rule.described.clone()).collect();
        rules.sort_by_key(|rule| rule.priority);
        rules.push(Rule {
            arn: state.default_rule_arn.clone(),
            priority: None,
            conditions: Vec::new(),
            actions: state.described.default_actions.clone(),
            transforms: Vec::new(),
        });
        let names = |arn: &String| {
            let certificate = world.acm.certificates.get(arn);
            (arn.clone(), certificate.map(|known| known.domains.clone()).unwrap_or_default())
        };
        let certificates = state.described.certificates.iter().chain(&state.extra_certificates);
        let imported = certificates
            .clone()
            .filter_map(|arn| Some((arn.clone(), Arc::clone(world.acm.imported.bodies.get(arn)?))));
        let imported = imported.collect();
        Some(Self {
            balancer: Arc::clone(balancer),
            described: state.described.clone(),
            attributes: state.attributes.clone(),
            certificates: certificates.map(names).collect(),
            imported,
            rules,
        })
    }
}

impl GroupView {
    fn of(world: &World, arn: &str) -> Option<Self> {
        let state = world.elb.target_groups.get(arn)?;
        let zone_of = |key: &TargetKey, known: Option<&str>| {
            let node = world.landmarks.nodes.iter().find(|node| node.instance_id == key.id);
            let zone = known.or(node.map(|node| node.zone.as_str()));
            zone.filter(|zone| *zone != "all").map(str::to_owned)
        };
        let targets = state.targets.iter();
        let targets = targets.map(|(key, known)| (key.clone(), zone_of(key, known.zone.as_deref())));
        let now = world.now();
        let draining = state.draining.iter().filter(|(_, (_, until))| *until > now);
        Some(Self {
            described: state.shown(),
            attributes: state.attributes.clone(),
            targets: targets.collect(),
            draining: draining.map(|(key, _)| key.clone()).collect(),
        })
    }

    /// Whether its load balancer sends what arrives in one zone to targets in others.
    pub(super) fn crosses_zones(&self, balancer: &BalancerView) -> bool {
        const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";
        match attribute(&self.attributes, CROSS_ZONE) {
            "true" => true,
            "false" => false,
            _ => is_on(&balancer.attributes, CROSS_ZONE),
        }
    }
}
