//! What the tree is made of: what the cluster says, and what AWS answered.

use super::LastEvent;
use crate::api::gateway::{ALB_CONTROLLER, Gateway, NLB_CONTROLLER, RouteStatus};
use crate::api::{Event, GlobalAccelerator, Ingress, ObjectKey, Service};
use crate::aws_api::elbv2;
use crate::config::Config;
use crate::facts::group::IngressGroup;
use crate::finding::Finding;
use crate::gateway::Controller;
use crate::gateway::route::{Route, RouteKind};
use crate::model::StackId;
use crate::settings::gateway::stack_id as gateway_stack_id;
use crate::settings::service::stack_id as service_stack_id;
use crate::targets::view::ClusterView;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that [`super::build()`] looks at.
pub struct TopologySources<'a> {
    /// The controller's settings.
    pub config: &'a Config,
    /// Services, endpoints, pods, nodes and TargetGroupBindings.
    pub cluster: &'a dyn ClusterView,
    /// Services that are the controller's.
    pub services: Vec<Arc<Service>>,
    /// Ingress groups with their members.
    pub groups: Vec<IngressGroup>,
    /// Ingresses that belong to no group, and why.
    pub misplaced: Vec<(Arc<Ingress>, Finding)>,
    /// Gateways that are the controller's.
    pub gateways: Vec<GatewayWithRoutes>,
    /// GlobalAccelerators that are the controller's.
    pub accelerators: Vec<Arc<GlobalAccelerator>>,
    /// What the controller said of objects.
    pub events: Arc<Events>,
    /// What AWS answered, or why it was not asked.
    pub aws: Result<Arc<AwsSource>, String>,
    /// What `plan` says of stacks, where it was asked: then it decides whether they are synced.
    pub plans: BTreeMap<StackId, PlanSource>,
}

impl TopologySources<'_> {
    /// The stacks of all that stands at the top.
    pub fn stacks(&self) -> impl Iterator<Item = StackId> {
        let services = self.services.iter().map(|service| service_stack_id(service));
        let groups = self.groups.iter().map(|group| group.id.clone());
        let gateways = self
            .gateways
            .iter()
            .map(|source| gateway_stack_id(&ObjectKey::of(&*source.gateway), source.controller));
        services.chain(groups).chain(gateways)
    }
}

/// A Gateway with its routes.
#[derive(Clone, Debug)]
pub struct GatewayWithRoutes {
    /// The Gateway as the API server has it.
    pub gateway: Arc<Gateway>,
    /// Whose it is.
    pub controller: Controller,
    /// The routes that name it, or a ListenerSet of it.
    pub routes: Vec<RouteSource>,
}

/// A route of a Gateway, as far as it is shown.
#[derive(Clone, Debug)]
pub struct RouteSource {
    /// Kind of the route.
    pub kind: RouteKind,
    /// Its namespace and name.
    pub key: ObjectKey,
    /// Which state of the route it is: `metadata.generation`.
    pub generation: i64,
    /// Hosts that it is for.
    pub hostnames: Vec<String>,
    /// What its controllers say of it.
    pub status: RouteStatus,
}

impl From<&Route<'_>> for RouteSource {
    fn from(route: &Route<'_>) -> Self {
        Self {
            kind: route.id.kind,
            key: route.id.key.clone(),
            generation: route.generation,
            hostnames: route.hostnames.to_vec(),
            status: route.status.cloned().unwrap_or_default(),
        }
    }
}

/// What `plan` says of one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanSource {
    /// How many changes of AWS are outstanding.
    pub steps: usize,
    /// What cannot be built, each with its object.
    pub mistakes: Vec<Finding>,
    /// Why nothing is planned.
    pub failure: Option<String>,
}

/// What AWS has of this cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AwsSource {
    /// What AWS has, by stack.
    pub stacks: BTreeMap<StackId, Arc<StackInAws>>,
    /// Target groups of TargetGroupBindings that belong to no stack.
    pub other_target_groups: Vec<TargetGroupInAws>,
}

/// What AWS has of one stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackInAws {
    /// Load balancers with their listeners.
    pub load_balancers: Vec<LoadBalancerInAws>,
    /// Target groups with their targets.
    pub target_groups: Vec<TargetGroupInAws>,
}

impl StackInAws {
    /// It, or what was known before if that is the same.
    ///
    /// why: most of what is read again is as it was, and would be in memory twice
    pub fn or_known(self, known: Option<&Arc<Self>>) -> Arc<Self> {
        known.filter(|known| ***known == self).cloned().unwrap_or_else(|| Arc::new(self))
    }
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancerInAws {
    /// Its id in the stack.
    pub resource: String,
    /// As AWS describes it.
    pub entity: elbv2::LoadBalancer,
    /// Its listeners, or why they cannot be read.
    pub listeners: Result<Vec<ListenerInAws>, String>,
}

/// A listener of a load balancer, with its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerInAws {
    /// As AWS describes it.
    pub entity: elbv2::Listener,
    /// Its rules in the order of their priorities, without the default rule, or why they cannot be read.
    pub rules: Result<Vec<elbv2::Rule>, String>,
}

/// A target group.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetGroupInAws {
    /// As AWS describes it.
    pub entity: elbv2::TargetGroup,
    /// Its targets with their health, or why they cannot be read.
    pub targets: Result<Vec<elbv2::TargetHealth>, String>,
}

/// The components that the controller reports events as.
pub const COMPONENTS: [&str; 6] =
    ["service", "ingress", "targetGroupBinding", "globalAccelerator", ALB_CONTROLLER, NLB_CONTROLLER];

/// What the controller said of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEvent {
    /// Kind of the object.
    pub kind: String,
    /// The object that the event is about.
    pub key: ObjectKey,
    /// UID of the object; may be empty.
    pub uid: String,
    /// What was said.
    pub event: LastEvent,
}

impl ObjectEvent {
    /// An event, if it is the controller's.
    pub fn of(event: &Event) -> Option<Self> {
        let component = event.source.as_ref()?.component.as_deref()?;
        if !COMPONENTS.contains(&component) {
            return None;
        }
        let object = &event.involved_object;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let time = event.last_timestamp.as_ref().or(event.first_timestamp.as_ref()).map(|time| time.0);
        Some(Self {
            kind: text(&object.kind),
            key: ObjectKey::namespaced(text(&object.namespace), text(&object.name)),
            uid: text(&object.uid),
            event: LastEvent {
                warning: event.type_.as_deref() == Some("Warning"),
                reason: text(&event.reason),
                message: text(&event.message),
                count: event.count.unwrap_or(1),
                time,
            },
        })
    }
}

/// What the controller said of objects: of each the newest event, and the newest that tells of a success or a failure. Nobody asks for more.
#[derive(Clone, Debug, Default)]
pub struct Events {
    by_object: BTreeMap<(String, ObjectKey), Vec<SaidOfObject>>,
    /// Whether there are more than were read.
    pub is_cut: bool,
}

/// What was said of one object of a name.
#[derive(Clone, Debug)]
struct SaidOfObject {
    uid: String,
    last: LastEvent,
    outcome: Option<LastEvent>,
}

impl FromIterator<ObjectEvent> for Events {
    fn from_iter<I: IntoIterator<Item = ObjectEvent>>(events: I) -> Self {
        let mut found = Self::default();
        events.into_iter().for_each(|event| found.add(event));
        found
    }
}

impl Events {
    /// One more event.
    pub fn add(&mut self, said: ObjectEvent) {
        let ObjectEvent { kind, key, uid, event } = said;
        let outcome = event.is_outcome().then(|| event.clone());
        let of_name = self.by_object.entry((kind, key)).or_default();
        let Some(known) = of_name.iter_mut().find(|known| known.uid == uid) else {
            of_name.push(SaidOfObject { uid, last: event, outcome });
            return;
        };
        let is_newer = |known: &Option<LastEvent>| known.as_ref().is_none_or(|known| event.time > known.time);
        if outcome.is_some() && is_newer(&known.outcome) {
            known.outcome = outcome;
        }
        if event.time > known.last.time {
            known.last = event;
        }
    }

    /// Those of an object, the newest first. What was said of another object of its name does not count.
    pub fn of(&self, kind: &str, key: &ObjectKey, uid: Option<&str>) -> impl Iterator<Item = &LastEvent> {
        let of_name = self.by_object.get(&(kind.to_owned(), key.clone()));
        let is_about = |said: &&SaidOfObject| {
            said.uid.is_empty() || uid.is_none_or(|uid| uid.is_empty() || uid == said.uid)
        };
        let about = of_name.into_iter().flatten().filter(is_about);
        let mut events: Vec<&LastEvent> =
            about.flat_map(|said| std::iter::once(&said.last).chain(&said.outcome)).collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.time));
        events.into_iter()
    }
}
