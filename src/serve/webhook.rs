//! The admission webhooks: HTTP in front, [`crate::admit`] behind.
//!
//! Paths are upstream's. Requests are capped in size and time; what is not an AdmissionReview gets the right HTTP answer
//! and harms nobody.

use super::review::{self, Request, Review};
use crate::admit::binding::KnownTargetGroups;
use crate::admit::ingress::ClassSource;
use crate::admit::{self, Admitted, Denial, Halt, TargetGroupQuery};
use crate::api::{AlbTargetControlConfigSpec, IngressClass, IngressClassParams, ObjectKey};
use crate::aws::assume_role::{AssumedRole, CloudFor};
use crate::aws::send;
use crate::cloud::elbv2::{DescribeTargetGroups, TargetGroup};
use crate::cluster::stores::Stores;
use crate::cluster::target_control::TargetControlSettings;
use crate::config::Config;
use crate::metrics::Metrics;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use axum::{Json, Router};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The largest AdmissionReview: two objects of etcd's limit.
const MAX_BODY: usize = 3 * 1024 * 1024;
/// The API server gives up after five seconds, so an answer after them is of no use.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(4500);
/// How often a check may ask for one more target group.
const MAX_LOOKUPS: usize = 4;

/// What the webhooks know.
pub struct Webhooks {
    /// Settings.
    pub config: Arc<Config>,
    /// AWS, in the controller's own name or in a role's.
    pub clouds: Arc<dyn CloudFor>,
    /// The cluster as it is.
    pub stores: Arc<Stores>,
    /// Source of QUIC server ids.
    pub quic_ids: Arc<dyn QuicIds>,
    /// Settings of the target-control agent.
    pub target_control: Arc<dyn TargetControlConfigs>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Hands out QUIC server ids, unique in the cluster.
pub trait QuicIds: Send + Sync {
    /// So many new ids, as the environment variable holds them.
    fn take(&self, count: usize) -> BoxFuture<'_, Result<Vec<String>, String>>;
}

/// Reads the settings of the target-control agent.
pub trait TargetControlConfigs: Send + Sync {
    /// The settings that count for pods of a namespace, if there are any.
    fn settings<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Option<AlbTargetControlConfigSpec>, String>>;
}

impl TargetControlConfigs for TargetControlSettings {
    fn settings<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Option<AlbTargetControlConfigSpec>, String>> {
        Box::pin(async move { self.read(namespace).await.map_err(|error| error.to_string()) })
    }
}

type Answer<'a> = BoxFuture<'a, Result<Admitted, Denial>>;
type Webhook = for<'a> fn(&'a Webhooks, &'a Request) -> Answer<'a>;

/// Every webhook by path.
const WEBHOOKS: &[(&str, Webhook)] = &[
    ("/mutate-v1-service", |hooks, request| Box::pin(async move { Ok(default_service(hooks, request)) })),
    ("/mutate-v1-pod", |hooks, request| Box::pin(async move { Ok(inject_gates(hooks, request)) })),
    ("/mutate-v1-pod-server-id", |hooks, request| Box::pin(inject_quic_ids(hooks, request))),
    ("/mutate-elbv2-k8s-aws-v1beta1-targetgroupbinding", |hooks, request| {
        Box::pin(complete_binding(hooks, request))
    }),
    ("/validate-elbv2-k8s-aws-v1beta1-targetgroupbinding", |hooks, request| {
        Box::pin(check_binding(hooks, request))
    }),
    ("/validate-elbv2-k8s-aws-v1beta1-ingressclassparams", |hooks, request| {
        Box::pin(async { check_class_params(hooks, request) })
    }),
    ("/validate-networking-v1-ingress", |hooks, request| Box::pin(async { check_ingress(hooks, request) })),
    ("/validate-v1-service", |hooks, request| Box::pin(async { check_service(hooks, request) })),
    ("/mutate-alb-target-control-namespace-v1-pod", |hooks, request| {
        Box::pin(inject_target_control(hooks, request))
    }),
    ("/mutate-alb-target-control-object-v1-pod", |hooks, request| {
        Box::pin(inject_target_control(hooks, request))
    }),
];

/// The paths of all webhooks.
pub fn paths() -> impl Iterator<Item = &'static str> + Clone {
    WEBHOOKS.iter().map(|(path, _)| *path)
}

/// The webhook server's routes.
pub fn router(hooks: Arc<Webhooks>) -> Router {
    let mut router = Router::new();
    for (path, webhook) in WEBHOOKS {
        hooks.metrics.expect_admissions(path);
        router = router.route(path, route(path, *webhook));
    }
    router.layer(DefaultBodyLimit::max(MAX_BODY)).with_state(hooks)
}

fn route(path: &'static str, webhook: Webhook) -> MethodRouter<Arc<Webhooks>> {
    post(move |State(hooks): State<Arc<Webhooks>>, request: HttpRequest| async move {
        let began = Instant::now();
        let _in_flight = hooks.metrics.admission(path);
        let response = match read(request, began + REQUEST_TIMEOUT).await {
            Ok(request) => {
                let answered = timeout_at(began + REQUEST_TIMEOUT, answer(path, webhook, &hooks, request));
                answered.await.unwrap_or_else(|_| {
                    (StatusCode::GATEWAY_TIMEOUT, "the check took too long").into_response()
                })
            }
            Err(refusal) => refusal,
        };
        hooks.metrics.observe_admission(path, response.status().as_u16(), began.elapsed());
        response
    })
}

/// Reads the whole request. why: a client that stops halfway must not keep a connection for ever.
async fn read(request: HttpRequest, deadline: Instant) -> Result<Request, Response> {
    let headers = request.headers().clone();
    let body = timeout_at(deadline, Bytes::from_request(request, &()))
        .await
        .map_err(|_| (StatusCode::REQUEST_TIMEOUT, "the rest of the request did not come").into_response())?;
    let body = body.map_err(IntoResponse::into_response)?;
    parse(&headers, &body).map_err(IntoResponse::into_response)
}

async fn answer(path: &'static str, webhook: Webhook, hooks: &Webhooks, request: Request) -> Response {
    match webhook(hooks, &request).await {
        Ok(admitted) => Json(review::admitted(&request, admitted)).into_response(),
        Err(denial) => {
            hooks.metrics.count_denial(path, denial.check);
            tracing::info!(
                path,
                namespace = request.namespace,
                name = request.name,
                reason = denial.message,
                "refused"
            );
            Json(review::denied(&request, &denial)).into_response()
        }
    }
}

/// Why a request gets no AdmissionReview in return.
type HttpRefusal = (StatusCode, String);

fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Request, HttpRefusal> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.trim_start().to_ascii_lowercase().starts_with("application/json") {
        let message = format!("content type is {content_type:?}, expected application/json");
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let bad_request = |message: String| (StatusCode::BAD_REQUEST, message);
    let review: Review = serde_json::from_slice(body)
        .map_err(|error| bad_request(format!("not an AdmissionReview: {error}")))?;
    if review.api_version != "admission.k8s.io/v1" || review.kind != "AdmissionReview" {
        let Review { api_version, kind, .. } = review;
        return Err(bad_request(format!(
            "got {api_version} {kind}, expected admission.k8s.io/v1 AdmissionReview"
        )));
    }
    review.request.ok_or_else(|| bad_request("the AdmissionReview holds no request".to_owned()))
}

fn default_service(hooks: &Webhooks, request: &Request) -> Admitted {
    admit::service::default_class(&hooks.config, request.operation(), &request.object, request.old())
}

fn inject_gates(hooks: &Webhooks, request: &Request) -> Admitted {
    let bindings = hooks.stores.bindings.list_namespace(&request.namespace);
    let service =
        |name: &str| hooks.stores.services.get(&ObjectKey::namespaced(request.namespace.as_str(), name));
    let bindings = bindings.iter().map(AsRef::as_ref);
    admit::pod::inject_readiness_gates(&hooks.config, request.operation(), &request.object, bindings, service)
}

async fn inject_quic_ids(hooks: &Webhooks, request: &Request) -> Result<Admitted, Denial> {
    let variable = &hooks.config.quic_environment_variable_name;
    let needed = admit::quic::needed_ids(request.operation(), &request.object, variable);
    let doubted = admit::pod::doubted(&hooks.config, &request.change());
    if needed == 0 {
        return Ok(doubted);
    }
    let ids = hooks.quic_ids.take(needed).await.map_err(|reason| Denial::new("serverIDInjector", reason))?;
    let injected = admit::quic::inject_server_ids(request.operation(), &request.object, variable, ids);
    Ok(Admitted { warnings: doubted.warnings, ..injected })
}

fn check_class_params(hooks: &Webhooks, request: &Request) -> Result<Admitted, Denial> {
    admit::ingress_class_params::check(&hooks.config, &request.change())
}

fn check_service(hooks: &Webhooks, request: &Request) -> Result<Admitted, Denial> {
    admit::service::check(&hooks.config, &request.change())
}

fn check_ingress(hooks: &Webhooks, request: &Request) -> Result<Admitted, Denial> {
    admit::ingress::check(&hooks.config, &request.change(), &*hooks.stores)
}

async fn inject_target_control(hooks: &Webhooks, request: &Request) -> Result<Admitted, Denial> {
    let namespace = || hooks.stores.namespaces.get(&ObjectKey::cluster(request.namespace.as_str()));
    let label = |key: &str| namespace()?.metadata.labels.as_ref()?.get(key).cloned();
    let is_on = hooks.config.features.alb_target_control_agent;
    if !is_on || !admit::target_control::is_wanted(request.operation(), &request.object, label) {
        return Ok(Admitted::unchanged());
    }
    match hooks.target_control.settings(&request.namespace).await {
        Ok(Some(settings)) => admit::target_control::inject_agent(&request.object, &settings),
        Ok(None) => Ok(Admitted::unchanged()),
        Err(error) => {
            let (kind, name) = ("ALBTargetControlConfig", admit::target_control::CONFIG_NAME);
            Err(Denial::new("lookup", format!("{kind} {name:?} cannot be read now, try again: {error}")))
        }
    }
}

impl ClassSource for Stores {
    fn ingress_classes(&self) -> Vec<Arc<IngressClass>> {
        self.ingress_classes.list()
    }

    fn ingress_class_params(&self, name: &str) -> Option<Arc<IngressClassParams>> {
        self.ingress_class_params.get(&ObjectKey::cluster(name))
    }
}

async fn complete_binding(hooks: &Webhooks, request: &Request) -> Result<Admitted, Denial> {
    with_lookups(hooks, request, |known| {
        admit::binding::complete(request.operation(), &request.object, known)
    })
    .await
}

async fn check_binding(hooks: &Webhooks, request: &Request) -> Result<Admitted, Denial> {
    let others = |arn: &str| hooks.stores.bindings.list_group(&ObjectKey::cluster(arn));
    with_lookups(hooks, request, |known| {
        admit::binding::check(&hooks.config, &request.change(), &others, known)
    })
    .await?;
    admit::binding::check_fields(&hooks.config, &request.change())
}

/// Runs a check, looking up the target groups it asks for.
async fn with_lookups(
    hooks: &Webhooks,
    request: &Request,
    check: impl Fn(&KnownTargetGroups) -> Result<Admitted, Halt>,
) -> Result<Admitted, Denial> {
    let mut known = KnownTargetGroups::new();
    for _ in 0..MAX_LOOKUPS {
        match check(&known) {
            Ok(admitted) => return Ok(admitted),
            Err(Halt::Denied(denial)) => return Err(denial),
            Err(Halt::TargetGroup(query)) => {
                let found = look_up(hooks, request, &query).await;
                known.insert(query, found);
            }
        }
    }
    Err(Denial::new("lookup", "the check needs more target groups than a binding can name"))
}

async fn look_up(
    hooks: &Webhooks,
    request: &Request,
    query: &TargetGroupQuery,
) -> Result<Vec<TargetGroup>, String> {
    let field = |pointer| {
        let text = request.object.pointer(pointer).and_then(serde_json::Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let external_id = field("/spec/assumeRoleExternalId");
    let role = field("/spec/iamRoleArnToAssume").map(|arn| AssumedRole { arn, external_id });
    let cloud = hooks.clouds.cloud_for(role.as_ref());
    let describe = match query {
        TargetGroupQuery::Arn(arn) => DescribeTargetGroups { arns: vec![arn.clone()], ..Default::default() },
        TargetGroupQuery::Name(name) => {
            DescribeTargetGroups { names: vec![name.clone()], ..Default::default() }
        }
    };
    send(&*cloud, describe).await.map(|page| page.items).map_err(|error| error.to_string())
}
