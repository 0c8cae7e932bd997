//! Load balancers, their listeners and rules, as AWS describes them.

use super::sources::{ListenerInAws, LoadBalancerInAws};
use super::state_reason::{StateReason, unread};
use super::tree::{Tree, load_balancer_id};
use super::{Item, State, TopologyKind, label};
use crate::aws_api::elbv2::{self, ListenerAction, LoadBalancerType, Rule};
use std::collections::BTreeSet;

impl Tree<'_> {
    /// The item of a load balancer; what hangs on it is added.
    pub fn load_balancer_item(&mut self, root: &str, found: &LoadBalancerInAws) -> Item {
        let elbv2::LoadBalancer { arn, dns_name, name, kind, scheme, zones, .. } = &found.entity;
        let id = load_balancer_id(root, &found.resource);
        let mut item =
            Item { id: id.clone(), kind: TopologyKind::LoadBalancer, name: name.clone(), ..Item::default() };
        item.label = format!("{}, {scheme}", short_type(kind));
        item.hosts = vec![dns_name.to_lowercase()];
        let zones: Vec<&str> = zones.iter().map(|zone| zone.zone_name.as_str()).collect();
        item.details.extend([
            ("arn", arn.clone()),
            ("dnsName", dns_name.clone()),
            ("type", kind.to_string()),
            ("scheme", scheme.to_string()),
            ("zones", zones.join(", ")),
        ]);
        let judged = load_balancer_state(&found.entity.state);
        match &found.listeners {
            Ok(listeners) => {
                judged.give(&mut item);
                item.children = listeners.iter().map(|listener| self.listener(&id, kind, listener)).collect();
            }
            Err(error) => judged.or_worse(unread("listeners", error)).give(&mut item),
        }
        item
    }

    fn listener(&mut self, load_balancer: &str, kind: &LoadBalancerType, found: &ListenerInAws) -> String {
        let elbv2::Listener { arn, port, protocol, default_actions, certificates, ssl_policy, .. } =
            &found.entity;
        let place = load_balancer.strip_prefix("loadbalancer/").unwrap_or(load_balancer);
        let mut item = Item {
            id: format!("listener/{place}/{port}"),
            kind: TopologyKind::Listener,
            name: format!("{protocol}:{port}"),
            ..Item::default()
        };
        item.details.insert("arn", arn.clone());
        item.details.extend(certificates.first().map(|certificate| ("certificate", certificate.clone())));
        item.details.extend(ssl_policy.iter().map(|policy| ("sslPolicy", policy.clone())));
        if *kind != LoadBalancerType::Application {
            item.children = self.forwarded(default_actions);
            return self.add(item);
        }
        match &found.rules {
            Ok(rules) => item.children = rules.iter().map(|rule| self.rule(&item.id, rule)).collect(),
            Err(error) => unread("rules", error).give(&mut item),
        }
        let default = self.default_rule(&item.id, default_actions);
        item.children.push(default);
        self.add(item)
    }

    fn rule(&mut self, listener: &str, rule: &Rule) -> String {
        let place = listener.strip_prefix("listener/").unwrap_or(listener);
        let tail = rule.arn.rsplit('/').next().unwrap_or_default();
        let mut item = Item {
            id: format!("rule/{place}/{tail}"),
            kind: TopologyKind::Rule,
            name: rule.priority.map_or_else(|| "default".to_owned(), |priority| priority.to_string()),
            label: label::rule(rule),
            hosts: label::hosts(rule),
            ..Item::default()
        };
        item.details.insert("arn", rule.arn.clone());
        item.details.extend(weights(&rule.actions).map(|weights| ("weights", weights)));
        item.children = self.forwarded(&rule.actions);
        self.add(item)
    }

    fn default_rule(&mut self, listener: &str, actions: &[ListenerAction]) -> String {
        let place = listener.strip_prefix("listener/").unwrap_or(listener);
        let mut item = Item {
            id: format!("rule/{place}/default"),
            kind: TopologyKind::Rule,
            name: "default".to_owned(),
            label: format!("→ {}", label::actions(actions)),
            ..Item::default()
        };
        item.details.extend(weights(actions).map(|weights| ("weights", weights)));
        item.children = self.forwarded(actions);
        self.add(item)
    }

    /// The target groups that actions forward to, each once.
    fn forwarded(&mut self, actions: &[ListenerAction]) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let arns = forwards(actions).map(|(arn, _)| arn).filter(|arn| seen.insert(*arn));
        arns.collect::<Vec<_>>().into_iter().map(|arn| self.target_group(arn)).collect()
    }
}

fn forwards(actions: &[ListenerAction]) -> impl Iterator<Item = (&str, Option<i32>)> {
    let groups = actions.iter().filter_map(|action| match action {
        ListenerAction::Forward(forward) => Some(&forward.target_groups),
        _ => None,
    });
    groups.flatten().filter_map(|group| Some((group.target_group.known()?, group.weight)))
}

/// `name 80, name 20`, where more than one group is forwarded to.
fn weights(actions: &[ListenerAction]) -> Option<String> {
    let groups: Vec<String> = forwards(actions)
        .map(|(arn, weight)| {
            let name = super::target_group::name_of_arn(arn);
            weight.map_or_else(|| name.to_owned(), |weight| format!("{name} {weight}"))
        })
        .collect();
    (groups.len() > 1).then(|| groups.join(", "))
}

fn short_type(kind: &LoadBalancerType) -> &str {
    match kind {
        LoadBalancerType::Application => "ALB",
        LoadBalancerType::Network => "NLB",
        other => other.as_str(),
    }
}

fn load_balancer_state(state: &str) -> StateReason {
    match state {
        "active" => StateReason::default(),
        "provisioning" => {
            StateReason::new(State::Pending, state, "AWS is making it, which takes a few minutes")
        }
        "active_impaired" => {
            StateReason::new(State::Unhealthy, state, "AWS has not enough capacity or addresses for it")
                .remedies(vec!["See that each of its subnets has eight free addresses.".to_owned()])
        }
        "failed" => StateReason::new(State::Failed, state, "AWS could not make it")
            .remedies(vec!["See in the AWS console why; delete the object and create it again.".to_owned()]),
        other => StateReason::new(State::Unknown, other, ""),
    }
}
