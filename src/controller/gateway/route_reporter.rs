//! Report: the status of the routes that name a Gateway, or did.

use super::error_attribution::RefusedRoutes;
use super::resolved::Resolved;
use crate::api::ObjectMeta;
use crate::api::gateway::{GrpcRoute, HttpRoute, RouteStatus, TcpRoute, TlsRoute, UdpRoute};
use crate::clock::now;
use crate::cluster::events::Regarding;
use crate::cluster::gateway_stores::RouteObject;
use crate::cluster::{ApiError, Objects};
use crate::controller::reconcile_error::ReconcileError;
use crate::gateway::Controller;
use crate::gateway::attachment::ParentOutcome;
use crate::gateway::route::RouteProblem;
use crate::gateway::status::{Knowledge, StatusTime, report, route_status};
use crate::settings::gateway::GatewayReport;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// When to look again at a route that somebody else has written to meanwhile.
const AFTER_OTHERS: Duration = Duration::from_secs(1);

/// Tells the routes of a Gateway what is known of them, each time that more is known.
pub(super) struct RouteReporter<'a> {
    objects: &'a Objects,
    controller: Controller,
    resolved: &'a Resolved<'a>,
    /// What was written in this pass, by the number of the route: the caches need not show it yet. `None`: not to be written to
    /// any more, since the route is gone or somebody else was faster.
    written: BTreeMap<usize, Option<WrittenStatus>>,
    result: Result<(), ReconcileError>,
}

struct WrittenStatus {
    status: RouteStatus,
    /// The `resourceVersion` since.
    version: String,
}

impl<'a> RouteReporter<'a> {
    /// Nothing is told yet.
    pub fn new(objects: &'a Objects, controller: Controller, resolved: &'a Resolved<'a>) -> Self {
        Self { objects, controller, resolved, written: BTreeMap::new(), result: Ok(()) }
    }

    /// Writes the status of every route where it is news. One that cannot be written does not keep the others from it.
    pub async fn tell(&mut self, built: &GatewayReport, refused: &RefusedRoutes, knowledge: Knowledge) {
        for (number, outcomes) in self.resolved.outcomes.iter().enumerate() {
            let Some(object) = self.resolved.route_object(number) else { continue };
            let problems = self.problems(number, built, refused);
            let status = match self.written.get(&number) {
                Some(None) => continue,
                Some(Some(written)) => {
                    self.status(object, Some(&written.status), outcomes, &problems, knowledge)
                }
                None => self.status(object, object.route().status, outcomes, &problems, knowledge),
            };
            if let Some(status) = status {
                self.write(number, object, status).await;
            }
        }
    }

    /// Whether everything could be told.
    pub fn finish(self) -> Result<(), ReconcileError> {
        self.result
    }

    /// What is wrong with the rules of a route: with what they refer to, to build, and to AWS.
    fn problems(&self, number: usize, built: &GatewayReport, refused: &RefusedRoutes) -> Vec<RouteProblem> {
        let of_references = self.resolved.loaded(number).iter().flat_map(|rule| &rule.problems);
        let of_build = built.routes.get(&number).into_iter().flatten();
        of_references.chain(of_build).chain(refused.problems_of(self.resolved, number)).cloned().collect()
    }

    fn status(
        &self,
        object: &RouteObject,
        old: Option<&RouteStatus>,
        outcomes: &[ParentOutcome],
        problems: &[RouteProblem],
        knowledge: Knowledge,
    ) -> Option<RouteStatus> {
        let mut route = object.route();
        route.status = old;
        let reports = report(&self.resolved.offer, outcomes, problems);
        let moment = StatusTime { generation: route.generation, now: now() };
        route_status(&route, self.controller, &reports, knowledge, moment)
    }

    async fn write(&mut self, number: usize, object: &RouteObject, status: RouteStatus) {
        let known = self.written.get(&number).and_then(Option::as_ref).map(|written| written.version.clone());
        let version = match self.replace(object, known, &status).await {
            Ok(version) => version,
            Err(error) if error.is_conflict() => {
                self.fail(ReconcileError::Requeue(AFTER_OTHERS));
                None
            }
            Err(error) => {
                let key = object.route().id.key;
                self.fail(ReconcileError::Log(format!("status of {key} not written: {error}")));
                None
            }
        };
        self.written.insert(number, version.map(|version| WrittenStatus { status, version }));
    }

    fn fail(&mut self, error: ReconcileError) {
        // why: one is handed on, and the first says as much as those after it
        if self.result.is_ok() {
            self.result = Err(error);
        }
    }

    /// `known`: the version that this pass wrote; else that of the caches counts.
    ///
    /// why the version: routes have several parents, and every Gateway writes the whole list
    async fn replace(
        &self,
        object: &RouteObject,
        known: Option<String>,
        status: &RouteStatus,
    ) -> Result<Option<String>, ApiError> {
        let (key, status) = (object.route().id.key, json!(status));
        let objects = self.objects;
        let version = |meta: &ObjectMeta| known.or_else(|| meta.resource_version.clone());
        match object {
            RouteObject::Http(route) => {
                objects.replace_status::<HttpRoute>(&key, version(&route.metadata), &status).await
            }
            RouteObject::Grpc(route) => {
                objects.replace_status::<GrpcRoute>(&key, version(&route.metadata), &status).await
            }
            RouteObject::Tcp(route) => {
                objects.replace_status::<TcpRoute>(&key, version(&route.metadata), &status).await
            }
            RouteObject::Udp(route) => {
                objects.replace_status::<UdpRoute>(&key, version(&route.metadata), &status).await
            }
            RouteObject::Tls(route) => {
                objects.replace_status::<TlsRoute>(&key, version(&route.metadata), &status).await
            }
        }
    }
}

/// A route, for events.
pub(super) fn regarding(object: &RouteObject) -> Regarding {
    const VERSION: &str = "gateway.networking.k8s.io/v1";
    match object {
        RouteObject::Http(route) => Regarding::of(VERSION, "HTTPRoute", &**route),
        RouteObject::Grpc(route) => Regarding::of(VERSION, "GRPCRoute", &**route),
        RouteObject::Tcp(route) => Regarding::of(VERSION, "TCPRoute", &**route),
        RouteObject::Udp(route) => Regarding::of(VERSION, "UDPRoute", &**route),
        RouteObject::Tls(route) => Regarding::of(VERSION, "TLSRoute", &**route),
    }
}
