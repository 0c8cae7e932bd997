//! Gathering for the tree of what there is: what of the caches belongs to it.

use super::event_handlers::Classes;
use super::gateway::concerned::controller_of;
use super::gateway::options;
use super::gateway::resolved::NamingObjects;
use crate::api::{GlobalAccelerator, Ingress, ObjectKey, Service};
use crate::cluster::accelerator_store;
use crate::cluster::stores::Stores;
use crate::config::Config;
use crate::facts::group::{Concerned, IngressGroup, concerned_groups, load_group};
use crate::finding::Finding;
use crate::model::StackId;
use crate::settings::service::{is_pending_finalization, is_selected};
use crate::topology::{AwsSource, Events, GatewayWithRoutes, PlanSource, RouteSource, TopologySources};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything in the caches that the tree is made of, with what AWS answered and what `plan` says.
pub fn sources<'a>(
    stores: &'a Stores,
    config: &'a Config,
    events: Arc<Events>,
    aws: Result<Arc<AwsSource>, String>,
    plans: BTreeMap<StackId, PlanSource>,
) -> TopologySources<'a> {
    let (groups, misplaced) = ingresses(stores, config);
    TopologySources {
        config,
        cluster: stores,
        services: services(stores, config),
        groups,
        misplaced,
        gateways: gateways(stores, config),
        accelerators: accelerators(stores, config),
        events,
        aws,
        plans,
    }
}

/// ARNs of the target groups of bindings that users made.
pub fn other_target_groups(
    stores: &Stores,
    bindings: impl IntoIterator<Item = ObjectKey>,
) -> BTreeSet<String> {
    let keys = bindings.into_iter();
    keys.filter_map(|key| stores.bindings.get(&key)?.spec.target_group_arn.clone()).collect()
}

fn services(stores: &Stores, config: &Config) -> Vec<Arc<Service>> {
    if !config.features.enable_service_controller {
        return Vec::new();
    }
    let mut services = stores.services.list();
    services.retain(|service| is_selected(service, config) || is_pending_finalization(service));
    services
}

/// Groups, and Ingresses that belong to none.
type Ingresses = (Vec<IngressGroup>, Vec<(Arc<Ingress>, Finding)>);

fn ingresses(stores: &Stores, config: &Config) -> Ingresses {
    let classes = Classes::of(stores);
    let (mut ids, mut misplaced) = (BTreeSet::new(), Vec::new());
    for ingress in stores.ingresses.list() {
        let Concerned { groups, problem } = concerned_groups(&ingress, &classes.view(), config);
        ids.extend(groups);
        misplaced.extend(problem.map(|problem| (ingress, problem)));
    }
    let load = |id: &StackId| load_group(id, &classes.candidates(stores, id), &classes.view(), config);
    (ids.iter().map(load).collect(), misplaced)
}

fn gateways(stores: &Stores, config: &Config) -> Vec<GatewayWithRoutes> {
    let (stores, options) = (&stores.gateways, options(&config.features));
    let mut found = Vec::new();
    for gateway in stores.gateways.list() {
        let Some(controller) = controller_of(stores, &config.features, &gateway) else { continue };
        let naming = NamingObjects::of(stores, &ObjectKey::of(&*gateway), options);
        let routes = naming.routes.iter().map(|route| RouteSource::from(&route.route())).collect();
        found.push(GatewayWithRoutes { gateway, controller, routes });
    }
    found
}

fn accelerators(stores: &Stores, config: &Config) -> Vec<Arc<GlobalAccelerator>> {
    if accelerator_store::is_on(config) { stores.accelerators.objects.list() } else { Vec::new() }
}
