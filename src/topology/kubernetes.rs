//! Services, Ingresses, Gateways, routes and TargetGroupBindings: what their status and events tell.

use super::sources::{Events, GatewayWithRoutes, RouteSource};
use super::state_reason::{Said, StateReason, failed, of_conditions, of_object};
use super::tree::{Tree, object_item};
use super::{Item, PlanSource, State, TopologyKind};
use crate::api::gateway::Gateway;
use crate::api::{GlobalAccelerator, Ingress, ObjectKey, Service, TargetGroupBinding};
use crate::facts::group::{IngressGroup, Member};
use crate::finding::Finding;
use crate::gateway::Controller;
use crate::gateway::route::RouteKind;
use crate::settings::gateway::stack_id as gateway_stack_id;
use crate::settings::service::stack_id;
use crate::status::event::Reason;

impl<'a> Tree<'a> {
    pub(super) fn services(&mut self) {
        let sources = self.sources;
        for service in &sources.services {
            let (key, id) = (ObjectKey::of(&**service), stack_id(service));
            let addresses = service_addresses(service);
            let said = Said::of(&sources.events, "Service", &key, &service.metadata);
            let plan = sources.plans.get(&id);
            let mut item = object_item(TopologyKind::Service, &key);
            of_object(&service.metadata, &said, !addresses.is_empty(), plan, |_| true).give(&mut item);
            item.hosts.clone_from(&addresses);
            self.add_root(item, &id, &addresses);
        }
    }

    pub(super) fn groups(&mut self) {
        let sources = self.sources;
        for group in &sources.groups {
            self.group(group);
        }
        for (ingress, finding) in &sources.misplaced {
            let mut item = ingress_item(ingress);
            if !self.has(&item.id) {
                StateReason::of_finding(finding).give(&mut item);
                self.add_root(item, &crate::facts::group::implicit_group(&ObjectKey::of(&**ingress)), &[]);
            }
        }
    }

    fn group(&mut self, group: &'a IngressGroup) {
        let plan = self.sources.plans.get(&group.id);
        let addresses = addresses_of(group);
        let mut members: Vec<Item> = group.members.iter().map(|member| self.member(member, plan)).collect();
        members.extend(group.departing.iter().map(|ingress| self.departing(ingress)));
        // An Ingress on its own is no group, unless it is about to join another.
        if !group.id.namespace.is_empty() && !group.members.is_empty() {
            if let Some(item) = members.pop() {
                self.add_root(item, &group.id, &addresses);
            }
            return;
        }
        if members.is_empty() {
            return;
        }
        let mut item = Item {
            id: format!("ingressgroup/{}", group.id),
            kind: TopologyKind::IngressGroup,
            name: group.id.name.clone(),
            hosts: addresses.clone(),
            ..Item::default()
        };
        // What is outstanding for the group is told of its members.
        item.children = members.into_iter().map(|member| self.add(member)).collect();
        self.add_root(item, &group.id, &addresses);
    }

    fn member(&self, member: &Member, plan: Option<&PlanSource>) -> Item {
        let mut item = ingress_item(&member.ingress);
        let meta = &member.ingress.metadata;
        let said = Said::of(&self.sources.events, "Ingress", &member.key, meta);
        let is_about = |finding: &Finding| {
            let object = &finding.object;
            object.namespace == member.key.namespace() && object.name == member.key.name()
        };
        let has_address = !ingress_addresses(&member.ingress).is_empty();
        let judged = of_object(meta, &said, has_address, plan, is_about);
        let judged = match &member.defect {
            Some(defect) => StateReason::of_finding(defect).event(judged.event),
            None => judged,
        };
        judged.give(&mut item);
        item
    }

    fn departing(&self, ingress: &Ingress) -> Item {
        let mut item = ingress_item(ingress);
        let key = ObjectKey::of(ingress);
        let said = Said::of(&self.sources.events, "Ingress", &key, &ingress.metadata);
        let judged = of_object(&ingress.metadata, &said, true, None, |_| true);
        let leaving =
            StateReason::new(State::Pending, "Leaving", "It leaves the group").event(judged.event.clone());
        judged.or_worse(leaving).give(&mut item);
        item
    }

    pub(super) fn gateways(&mut self) {
        let sources = self.sources;
        for source in &sources.gateways {
            let GatewayWithRoutes { gateway, controller, routes } = source;
            let key = ObjectKey::of(&**gateway);
            let id = gateway_stack_id(&key, *controller);
            let mut item = object_item(TopologyKind::Gateway, &key);
            item.label.clone_from(&gateway.spec.gateway_class_name);
            gateway_state(gateway, &sources.events, sources.plans.get(&id)).give(&mut item);
            let status = gateway.status.as_ref();
            let addresses: Vec<String> = status
                .iter()
                .flat_map(|status| &status.addresses)
                .map(|address| address.value.clone())
                .collect();
            item.hosts.clone_from(&addresses);
            item.children = routes.iter().map(|route| self.route(route, *controller)).collect();
            self.add_root(item, &id, &addresses);
        }
    }

    /// why the first entry of the status that is not well: a route of several parents is as good as its worst
    fn route(&mut self, route: &RouteSource, controller: Controller) -> String {
        let mut item = object_item(route_kind(route.kind), &route.key);
        item.hosts.clone_from(&route.hostnames);
        let ours = route.status.parents.iter().filter(|entry| entry.controller_name == controller.name());
        let all_judged = ours.map(|entry| {
            of_conditions(&entry.conditions, &["Accepted", "ResolvedRefs"], Some(route.generation))
        });
        let judged = all_judged.reduce(StateReason::or_worse);
        let untold =
            || StateReason::new(State::Pending, "NoStatus", "Its status tells nothing of its parents yet");
        let event = self.sources.events.of(item.kind.as_str(), &route.key, None).next().cloned();
        judged.unwrap_or_else(untold).event(event).give(&mut item);
        self.add(item)
    }
}

fn ingress_item(ingress: &Ingress) -> Item {
    let mut item = object_item(TopologyKind::Ingress, &ObjectKey::of(ingress));
    let rules = ingress.spec.as_ref().and_then(|spec| spec.rules.as_ref());
    item.hosts = rules.into_iter().flatten().filter_map(|rule| rule.host.clone()).collect();
    item.hosts.sort_unstable();
    item.hosts.dedup();
    item.hosts.extend(ingress_addresses(ingress));
    item
}

fn gateway_state(gateway: &Gateway, events: &Events, plan: Option<&PlanSource>) -> StateReason {
    let key = ObjectKey::of(gateway);
    let said = Said::of(events, "Gateway", &key, &gateway.metadata);
    let status = gateway.status.clone().unwrap_or_default();
    let generation = gateway.metadata.generation;
    let mut judged = of_object(&gateway.metadata, &said, true, plan, |_| true);
    if gateway.metadata.deletion_timestamp.is_none() {
        let event = judged.event.clone();
        judged = judged.or_worse(of_conditions(&status.conditions, &["Programmed", "Accepted"], generation));
        for listener in &status.listeners {
            let mut of_listener = of_conditions(&listener.conditions, &["Programmed"], generation);
            of_listener.message = format!("Listener {}: {}", listener.name, of_listener.message);
            judged = judged.or_worse(of_listener);
        }
        judged = judged.event(event);
    }
    judged
}

/// What the status and the events of a GlobalAccelerator tell.
pub(super) fn accelerator_state(accelerator: &GlobalAccelerator, events: &Events) -> StateReason {
    let (key, meta) = (ObjectKey::of(accelerator), &accelerator.metadata);
    let said = Said::of(events, "GlobalAccelerator", &key, meta);
    let judged = of_object(meta, &said, true, None, |_| true);
    if meta.deletion_timestamp.is_some() {
        return judged;
    }
    let event = judged.event.clone();
    let conditions = accelerator.status.as_ref().map(|status| status.conditions.as_slice());
    let of_status = of_conditions(conditions.unwrap_or_default(), &["Ready"], meta.generation);
    judged.or_worse(of_status).event(event)
}

/// What the status and the events of a TargetGroupBinding tell.
pub(super) fn binding_state(binding: &TargetGroupBinding, events: &Events) -> StateReason {
    let key = ObjectKey::of(binding);
    let said = Said::of(events, "TargetGroupBinding", &key, &binding.metadata);
    let last = said.last.cloned();
    let status = binding.status.clone().unwrap_or_default();
    let ready = status.conditions.iter().flatten().find(|condition| condition.type_ == "Ready");
    let is_deleted = binding.metadata.deletion_timestamp.is_some();
    let failure = said.outcome.filter(|event| event.warning);
    let judged = if let Some(failure) = failure {
        failed(failure)
    } else if let Some(ready) = ready.filter(|ready| ready.status == "False") {
        let state = match ready.reason.as_str() {
            reason if is_deleted || reason.starts_with("Failed") => State::Failed,
            reason if reason == Reason::BackendNotFound.as_str() => State::Unhealthy,
            _ => State::Pending,
        };
        StateReason::new(state, &ready.reason, ready.message.as_str())
            .remedies(super::remedy::of_event(&ready.reason))
    } else if is_deleted {
        StateReason::new(State::Pending, "Deleting", "Its targets are being deregistered")
    } else if said.last.is_some_and(|event| event.reason == Reason::BackendNotFound.as_str()) {
        let event = said.last.cloned().unwrap_or_default();
        StateReason::new(State::Unhealthy, &event.reason, event.message)
            .remedies(super::remedy::of_event(&event.reason))
    } else if status.observed_generation.unwrap_or_default() < binding.metadata.generation.unwrap_or_default()
    {
        StateReason::new(State::Pending, "OutOfDate", "Its targets have not been brought in line yet")
    } else {
        StateReason::default()
    };
    judged.event(last)
}

fn route_kind(kind: RouteKind) -> TopologyKind {
    match kind {
        RouteKind::Http => TopologyKind::HttpRoute,
        RouteKind::Grpc => TopologyKind::GrpcRoute,
        RouteKind::Tcp => TopologyKind::TcpRoute,
        RouteKind::Udp => TopologyKind::UdpRoute,
        RouteKind::Tls => TopologyKind::TlsRoute,
    }
}

fn service_addresses(service: &Service) -> Vec<String> {
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let entries = status.and_then(|status| status.ingress.as_deref()).unwrap_or_default();
    entries.iter().filter_map(|entry| entry.hostname.clone()).collect()
}

fn ingress_addresses(ingress: &Ingress) -> Vec<String> {
    let status = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let entries = status.and_then(|status| status.ingress.as_deref()).unwrap_or_default();
    entries.iter().filter_map(|entry| entry.hostname.clone()).collect()
}

fn addresses_of(group: &IngressGroup) -> Vec<String> {
    let members = group.members.iter().map(|member| ingress_addresses(&member.ingress));
    members.into_iter().find(|addresses| !addresses.is_empty()).unwrap_or_default()
}
