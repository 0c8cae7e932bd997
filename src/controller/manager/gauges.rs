//! What is read only when metrics are asked for.

use super::CurrentControllers;
use super::components::{BINDINGS, INGRESSES, SERVICES};
use super::workers::Controllers;
use crate::api::gateway::{ALB_CONTROLLER, NLB_CONTROLLER};
use crate::cluster::accelerator_store;
use crate::cluster::stores::Stores;
use crate::config::Config;
use crate::controller::event_handlers::Classes;
use crate::controller::global_accelerator;
use crate::controller::queue::Queue;
use crate::facts::group::concerned_groups;
use crate::gateway::Controller;
use crate::metrics::{CertificateLabels, ControllerLabels, Metrics, QueueLabels, ResourceLabels};
use crate::model::StackId;
use crate::settings::gateway::stack_id;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Has everything read that only the moment of asking can tell.
pub(super) fn read_when_asked(metrics: &Metrics, work: &Arc<CurrentControllers>) {
    let work = work.clone();
    metrics.read_when_asked(move |metrics| {
        let work = work.load();
        read_queue(metrics, SERVICES, &work.queues.services);
        read_queue(metrics, INGRESSES, &work.queues.groups);
        read_queue(metrics, BINDINGS, &work.queues.bindings);
        read_queue(metrics, ALB_CONTROLLER, &work.queues.gateways.alb_gateways);
        read_queue(metrics, NLB_CONTROLLER, &work.queues.gateways.nlb_gateways);
        if accelerator_store::is_on(&work.context.config) {
            read_queue(metrics, global_accelerator::COMPONENT, &work.queues.accelerators);
        }
        work.object_states.publish(metrics);
        read_orphans(metrics, &work);
        read_certificates(metrics, &work);
    });
}

fn read_queue<K: Ord + Clone>(metrics: &Metrics, controller: &str, queue: &Queue<K>) {
    metrics.queue_age.get_or_create(&ControllerLabels::new(controller)).set(queue.age().as_secs_f64());
    let running = queue.running();
    let labels = QueueLabels::new(controller, controller);
    let (all, longest) = (running.iter().sum::<Duration>(), running.iter().max());
    metrics.queue_unfinished.get_or_create(&labels).set(all.as_secs_f64());
    let longest = longest.copied().unwrap_or_default();
    metrics.queue_longest_running.get_or_create(&labels).set(longest.as_secs_f64());
}

/// When the certificates end that stacks use: those that they name, that were found for them, imported and requested.
fn read_certificates(metrics: &Metrics, work: &Controllers) {
    if !work.context.config.features.secret_certificates {
        return;
    }
    let requested = work.context.deployer.certificates().map(|known| known.arns()).unwrap_or_default();
    metrics.certificates.clear();
    for (arn, end) in work.context.facts.secret_certificates.ends_in_use(&requested) {
        metrics.certificates.get_or_create(&CertificateLabels::new(arn)).set(end);
    }
}

/// Counts what is known to be in AWS for stacks that the cluster does not know (any more). Where one namespace is watched, only its
/// own: another installation may know those of others.
fn read_orphans(metrics: &Metrics, work: &Controllers) {
    let wanted = wanted_stacks(&work.context.stores, &work.context.config);
    let watched = &work.context.config.watch_namespace;
    let is_ours = |stack: &StackId| watched.is_empty() || stack.namespace == *watched;
    let counts = work.context.deployer.resource_cache().count_beyond(&wanted, is_ours);
    for (resource, count) in counts {
        let gauge = metrics.orphans.get_or_create(&ResourceLabels::new(resource));
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// The stacks of everything that exists, whether it is served or not.
fn wanted_stacks(stores: &Stores, config: &Config) -> BTreeSet<StackId> {
    let services = stores.services.list();
    let of_services = services.iter().map(|service| crate::settings::service::stack_id(service));
    let classes = Classes::of(stores);
    let ingresses = stores.ingresses.list();
    let of_ingresses =
        ingresses.iter().flat_map(|ingress| concerned_groups(ingress, &classes.view(), config).groups);
    let gateways = stores.gateways.gateways.keys();
    let controllers = [Controller::Alb, Controller::Nlb];
    let of_gateways = gateways.iter().flat_map(|key| controllers.map(|controller| stack_id(key, controller)));
    of_services.chain(of_ingresses).chain(of_gateways).collect()
}
