//! Metrics with upstream's names and labels, those of its framework (controller-runtime) included, because dashboards use
//! both. Every metric is one row of the table below. Matches upstream's `pkg/metrics` and `pkg/aws/metrics`.
//!
//! What only the moment of asking can tell, such as the age of the oldest key of a queue, is read when metrics are rendered.
//!
//! On purpose different: EC2's `RequestLimitExceeded` counts as throttled, not as a service limit; and
//! `awslbc_quic_target_missing_server_id`, which upstream creates but never exposes, is exposed.

mod process;
mod server;
mod work;

pub use server::{BodyMeter, ConnectionMeter, LookupMeter, PoolMeter};
pub use work::{Active, QueueMeter, WorkMeter};

use crate::aws::interceptors::{CallOutcome, Observer};
use crate::aws_api::Action;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Declares label sets.
macro_rules! labels {
    ($($(#[$meta:meta])* $name:ident { $($field:ident),* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
        #[allow(missing_docs, reason = "a label's name says what it holds")]
        pub struct $name { $(pub $field: String,)* }

        impl $name {
            #[doc = "Names of the labels."]
            pub const NAMES: &[&str] = &[$(stringify!($field)),*];

            #[doc = "The labels, in the order of the fields."]
            pub fn new($($field: impl Into<String>),*) -> Self {
                Self { $($field: $field.into(),)* }
            }
        }
    )*};
}

labels! {
    /// How an AWS call ended.
    CallLabels { service, operation, status_code, error_code }
    /// An AWS operation.
    OperationLabels { service, operation }
    /// A target group and whose it is.
    TargetGroupLabels { namespace, service, target_group }
    /// An object.
    ObjectLabels { namespace, name }
    /// A kind of failure of a controller.
    ErrorLabels { controller, error_category }
    /// A step of a controller.
    StageLabels { controller, reconcile_stage }
    /// A kind of failure of a webhook.
    WebhookErrorLabels { webhook_name, error_category }
    /// A kind of object.
    ResourceLabels { resource }
    /// An object and its controller.
    TalkerLabels { controller, namespace, name }
    /// A controller.
    ControllerLabels { controller }
    /// How a reconcile ended: `success`, `error`, `requeue` or `requeue_after`.
    ResultLabels { controller, result }
    /// A webhook by path.
    WebhookLabels { webhook }
    /// A webhook by path and the HTTP status of its answer.
    WebhookCodeLabels { webhook, code }
    /// A work queue.
    QueueLabels { name, controller }
    /// A lease.
    LeaseLabels { name }
    /// An object, its controller and the state it is in.
    ObjectStateLabels { controller, namespace, name, state }
    /// A client-side rate limit.
    LimitLabels { service, operations }
    /// Targets of a binding: `desired`, `registered` or `healthy`.
    TargetLabels { namespace, name, target_group, state }
    /// A request to the API server.
    ApiRequestLabels { code, host, method }
    /// A listener: `webhooks`, `metrics` or `probes`.
    ListenerLabels { listener }
    /// A listener and why it closed a connection.
    ClosedLabels { listener, reason }
    /// Why something was refused.
    ReasonLabels { reason }
    /// What a pool of threads works on: `reviews` or `builds`.
    PoolLabels { pool }
    /// A certificate, by its ARN.
    CertificateLabels { certificate }
    /// There is one of it.
    NoLabels { }
}

/// Go's default buckets, in seconds.
const DEFAULT: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Numbers of retries.
const RETRIES: &[f64] = &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];
/// Time until a pod serves, in seconds.
const READINESS: &[f64] = &[10.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0, 420.0, 480.0, 540.0, 600.0];
/// Time of a reconcile as controller-runtime has it, in seconds.
const RECONCILE: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25,
    1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0,
    50.0, 60.0,
];
/// Time in a work queue as controller-runtime has it, in seconds.
const QUEUE: &[f64] = &[1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1000.0];

/// The buckets of a family of histograms.
#[derive(Clone, Copy, Debug)]
pub struct HistogramBuckets(&'static [f64]);

impl MetricConstructor<Histogram> for HistogramBuckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// Histograms with the same buckets.
pub type Histograms<L> = Family<L, Histogram, HistogramBuckets>;

/// A gauge of fractions.
pub type Level = Gauge<f64, AtomicU64>;

/// Sets what only the moment of asking can tell.
type Reading = Box<dyn Fn(&Metrics) + Send + Sync>;

/// The type of a family of metrics, and an empty one.
macro_rules! family {
    (type total $labels:ty) => { Counter };
    (type counter $labels:ty) => { Family<$labels, Counter> };
    (type gauge $labels:ty) => { Family<$labels, Gauge> };
    (type level $labels:ty) => { Family<$labels, Level> };
    (type histogram($buckets:ident) $labels:ty) => { Histograms<$labels> };
    (new histogram($buckets:ident)) => { Family::new_with_constructor(HistogramBuckets($buckets)) };
    (new total) => { Counter::default() };
    (new $kind:ident) => { Family::default() };
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricRow {
    /// Name, of a counter without its `_total`.
    pub name: &'static str,
    /// `counter`, `total` (a counter without labels), `gauge`, `level` (a gauge of fractions) or `histogram`.
    pub kind: &'static str,
    /// Names of the labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

/// Declares the metrics: field, kind, labels, name, help. A counter's name is written without its `_total`.
macro_rules! metrics {
    ($($field:ident: $kind:ident $(($buckets:ident))? $labels:ident $name:literal $help:literal;)*) => {
        /// Every metric of the process.
        pub struct Metrics {
            registry: Mutex<Registry>,
            readings: Mutex<Vec<Reading>>,
            $(#[doc = concat!("`", $name, "`: ", $help, ".")] pub $field: family!(type $kind $(($buckets))? $labels),)*
        }

        impl Metrics {
            /// Metrics of which none has a value yet.
            pub fn new() -> Self {
                let mut registry = Registry::default();
                $(
                    let $field: family!(type $kind $(($buckets))? $labels) = family!(new $kind $(($buckets))?);
                    registry.register($name, $help, $field.clone());
                )*
                process::register(&mut registry);
                Self { registry: Mutex::new(registry), readings: Mutex::default(), $($field,)* }
            }
        }

        /// The names of all metrics, counters without their `_total`.
        pub const NAMES: &[&str] = &[$($name),*];

        /// Every metric: name, kind, labels and help, in the order of the table.
        pub const ROWS: &[MetricRow] = &[$(MetricRow {
            name: $name,
            kind: stringify!($kind),
            labels: $labels::NAMES,
            help: $help,
        }),*];
    };
}

metrics! {
    aws_calls: counter CallLabels "aws_api_calls" "AWS API calls, by how they ended";
    aws_call_duration: histogram(DEFAULT) OperationLabels "aws_api_call_duration_seconds" "Time of a call with all its attempts and the wait for a throttle";
    aws_call_retries: histogram(RETRIES) OperationLabels "aws_api_call_retries" "Retries of a call";
    aws_requests: counter CallLabels "aws_api_requests" "HTTP requests to AWS, by how they ended";
    aws_request_duration: histogram(DEFAULT) OperationLabels "aws_api_request_duration_seconds" "Time of one HTTP request";
    aws_permission_errors: counter CallLabels "aws_api_call_permission_errors" "Calls that failed for lack of permission";
    aws_service_limit_errors: counter CallLabels "aws_api_call_service_limit_exceeded_errors" "Calls that failed at a service limit";
    aws_throttled_errors: counter CallLabels "aws_api_call_throttled_errors" "Calls that AWS throttled";
    aws_validation_errors: counter CallLabels "aws_api_call_validation_errors" "Calls that AWS found invalid";
    target_group_info: gauge TargetGroupLabels "aws_target_group_info" "Target groups of the controller and whose they are";
    readiness_gate_ready: histogram(READINESS) ObjectLabels "awslbc_readiness_gate_ready_seconds" "Time until a pod's target is healthy";
    reconcile_errors: counter ErrorLabels "awslbc_controller_reconcile_errors" "Failures of controllers, by category";
    reconcile_stage_duration: histogram(DEFAULT) StageLabels "awslbc_controller_reconcile_stage_duration" "Time of a step of a controller, in seconds";
    webhook_validation_failures: counter WebhookErrorLabels "awslbc_webhook_validation_failure" "Refusals of validating webhooks, by check";
    webhook_mutation_failures: counter WebhookErrorLabels "awslbc_webhook_mutation_failure" "Failures of mutating webhooks, by step";
    cache_objects: gauge ResourceLabels "awslbc_controller_cache_object_total" "Objects in the cache";
    top_talkers: gauge TalkerLabels "awslbc_controller_top_talkers" "Objects reconciled most often since the last look";
    quic_target_missing_server_id: counter ObjectLabels "awslbc_quic_target_missing_server_id" "Targets without the QUIC server id they need";
    reconciles: counter ResultLabels "controller_runtime_reconcile" "Reconciles, by result";
    controller_errors: counter ControllerLabels "controller_runtime_reconcile_errors" "Reconciles that failed";
    terminal_errors: counter ControllerLabels "controller_runtime_terminal_reconcile_errors" "Reconciles that fail until somebody changes something";
    reconcile_panics: counter ControllerLabels "controller_runtime_reconcile_panics" "Always 0: a panic ends the process";
    reconcile_timeouts: counter ControllerLabels "controller_runtime_reconcile_timeouts" "Always 0: no reconcile is given up for taking long";
    reconcile_time: histogram(RECONCILE) ControllerLabels "controller_runtime_reconcile_time_seconds" "Time of a reconcile";
    max_concurrent_reconciles: gauge ControllerLabels "controller_runtime_max_concurrent_reconciles" "Workers of a controller";
    active_workers: gauge ControllerLabels "controller_runtime_active_workers" "Workers of a controller at work";
    webhook_requests: counter WebhookCodeLabels "controller_runtime_webhook_requests" "Admission requests, by HTTP status";
    webhook_latency: histogram(DEFAULT) WebhookLabels "controller_runtime_webhook_latency_seconds" "Time of an admission request";
    webhook_in_flight: gauge WebhookLabels "controller_runtime_webhook_requests_in_flight" "Admission requests being answered";
    webhook_panics: total NoLabels "controller_runtime_webhook_panics" "Always 0: a panic ends the process";
    conversion_panics: total NoLabels "controller_runtime_conversion_webhook_panics" "Always 0: no resource has versions to convert between";
    certificate_reads: total NoLabels "certwatcher_read_certificate" "Looks at the webhooks' certificate: at its files every five seconds, at its Secret when that changes";
    certificate_read_errors: total NoLabels "certwatcher_read_certificate_errors" "Looks after which the webhooks' certificate is not as it should be";
    certificate_expiry: gauge NoLabels "awslbc_webhook_certificate_expiry_timestamp_seconds" "When the webhooks' certificate expires, in seconds since 1970";
    queue_depth: gauge QueueLabels "workqueue_depth" "Keys that wait in a work queue";
    queue_adds: counter QueueLabels "workqueue_adds" "Keys added to a work queue";
    queue_retries: counter QueueLabels "workqueue_retries" "Keys added to a work queue for later: after a failure, or to look again";
    queue_duration: histogram(QUEUE) QueueLabels "workqueue_queue_duration_seconds" "Time of a key in a work queue";
    work_duration: histogram(QUEUE) QueueLabels "workqueue_work_duration_seconds" "Time of the work on a key";
    queue_unfinished: level QueueLabels "workqueue_unfinished_work_seconds" "Time so far of all the work under way";
    queue_longest_running: level QueueLabels "workqueue_longest_running_processor_seconds" "Time so far of the work that is under way for the longest";
    leader: gauge LeaseLabels "leader_election_master_status" "1 on the replica that holds the lease";
    slow_renewals: counter LeaseLabels "leader_election_slowpath" "Renewals of the lease that did not succeed at once";
    api_requests: counter ApiRequestLabels "rest_client_requests" "Requests to the API server, by HTTP status";
    object_state: gauge ObjectStateLabels "awslbc_object_state" "1 for the state an object is in: synced, waiting, failing or invalid";
    object_success_age: level TalkerLabels "awslbc_object_last_success_age_seconds" "Time since an object was last brought to what it wants, or first seen";
    queue_age: level ControllerLabels "awslbc_queue_age_seconds" "How long the key that waits the longest has been ready";
    aws_tokens: level LimitLabels "awslbc_aws_tokens" "Calls that a client-side rate limit would let through at once; negative: calls that wait";
    targets: gauge TargetLabels "awslbc_targets" "Targets of a binding: desired, registered, healthy as far as AWS was asked, and kept although they are no endpoints";
    connections: gauge ListenerLabels "awslbc_connections" "Open connections of a listener";
    connections_closed: counter ClosedLabels "awslbc_connections_closed" "Connections that a listener closed to make room (opening, sending, idle) or could not take (refused)";
    request_body_bytes: gauge ListenerLabels "awslbc_request_body_bytes" "Bytes of request bodies in memory";
    request_bodies_dropped: counter ListenerLabels "awslbc_request_bodies_dropped" "Requests given up because they were sent slowly while memory for bodies was short";
    pool_waiting: gauge PoolLabels "awslbc_pool_waiting" "Costly reviews or builds that wait for a thread";
    pool_jobs: counter PoolLabels "awslbc_pool_jobs" "Costly reviews or builds that ran on a thread of their own";
    reviews_too_costly: counter WebhookLabels "awslbc_webhook_too_costly" "Reviews of objects that are too costly to check";
    webhook_lookups_refused: counter ReasonLabels "awslbc_webhook_lookups_refused" "Questions of reviews that AWS was not asked: too many (rate), or in the name of a role that no binding names (role)";
    objects_put_aside: counter ControllerLabels "awslbc_objects_put_aside" "Objects that are too costly to build and wait until they change";
    certificates: gauge CertificateLabels "awslbc_certificate_expiry_timestamp_seconds" "When a certificate that listeners use expires, in seconds since 1970; with feature gate SecretCertificates";
    orphans: gauge ResourceLabels "awslbc_orphans" "AWS resources with the tags of this cluster that belong to no Service, Ingress or Gateway";
}

/// Error codes by which AWS asks to slow down, as the SDKs list them.
const THROTTLE_CODES: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Has something read, and set, whenever metrics are asked for.
    pub fn read_when_asked(&self, reading: impl Fn(&Self) + Send + Sync + 'static) {
        self.readings.lock().push(Box::new(reading));
    }

    /// All metrics in the OpenMetrics text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // why: held until the end, so that of two who ask at once neither sees what the other is about to set
        let readings = self.readings.lock();
        readings.iter().for_each(|read| read(self));
        if encode(&mut text, &self.registry.lock()).is_err() {
            tracing::error!(target: "controller_metrics", "metrics cannot be written as text");
        }
        text
    }

    /// A target group exists and belongs to this Service. `arn` is the target group's ARN.
    pub fn set_target_group(&self, namespace: &str, service: &str, arn: &str) {
        self.target_group_info.get_or_create(&target_group_labels(namespace, service, arn)).set(1);
    }

    /// A target group is gone.
    pub fn remove_target_group(&self, namespace: &str, service: &str, arn: &str) {
        self.target_group_info.remove(&target_group_labels(namespace, service, arn));
    }

    /// A step of a controller has ended after this time.
    pub fn observe_stage(&self, controller: &str, stage: &str, took: Duration) {
        let labels = StageLabels::new(controller, stage);
        self.reconcile_stage_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// A controller has failed.
    pub fn count_error(&self, controller: &str, category: &str) {
        self.reconcile_errors.get_or_create(&ErrorLabels::new(controller, category)).inc();
    }

    /// A webhook has refused an object: its path, and the check that refused.
    pub fn count_denial(&self, path: &str, check: &str) {
        let failures = if path.starts_with("/mutate") {
            &self.webhook_mutation_failures
        } else {
            &self.webhook_validation_failures
        };
        failures.get_or_create(&WebhookErrorLabels::new(path, check)).inc();
    }

    /// A pod's readiness gate has opened after waiting this long for a binding's target group.
    pub fn observe_gate(&self, namespace: &str, binding: &str, waited: Duration) {
        let labels = ObjectLabels::new(namespace, binding);
        self.readiness_gate_ready.get_or_create(&labels).observe(waited.as_secs_f64());
    }

    fn class(&self, outcome: &CallOutcome) -> Option<&Family<CallLabels, Counter>> {
        let code = outcome.error_code.as_str();
        if matches!(outcome.status, 401 | 403) || matches!(code, "AccessDeniedException" | "AuthFailure") {
            return Some(&self.aws_permission_errors);
        }
        // why: these two say "limit" but mean "slow down"
        let slow_down = matches!(code, "RequestLimitExceeded" | "BandwidthLimitExceeded");
        if code.contains("LimitExceeded") && !slow_down {
            return Some(&self.aws_service_limit_errors);
        }
        if THROTTLE_CODES.contains(&code) {
            return Some(&self.aws_throttled_errors);
        }
        (code == "ValidationError").then_some(&self.aws_validation_errors)
    }
}

impl Observer for Metrics {
    fn attempt(&self, outcome: &CallOutcome) {
        self.aws_requests.get_or_create(&call_labels(outcome)).inc();
        self.aws_request_duration
            .get_or_create(&operation_labels(outcome))
            .observe(outcome.took.as_secs_f64());
    }

    fn call(&self, outcome: &CallOutcome) {
        let labels = call_labels(outcome);
        self.aws_calls.get_or_create(&labels).inc();
        self.aws_call_retries.get_or_create(&operation_labels(outcome)).observe(outcome.retries.into());
        if let Some(class) = self.class(outcome) {
            class.get_or_create(&labels).inc();
        }
    }

    fn duration(&self, action: Action, took: Duration) {
        let labels = OperationLabels::new(action.service().as_str(), action.name());
        self.aws_call_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

fn call_labels(outcome: &CallOutcome) -> CallLabels {
    let CallOutcome { service, operation, status, error_code, .. } = outcome;
    CallLabels::new(service, operation, status.to_string(), error_code)
}

fn operation_labels(outcome: &CallOutcome) -> OperationLabels {
    OperationLabels::new(&outcome.service, &outcome.operation)
}

fn target_group_labels(namespace: &str, service: &str, arn: &str) -> TargetGroupLabels {
    TargetGroupLabels::new(namespace, service, name_target_group(arn))
}

/// A target group as CloudWatch names it: what follows the last colon of its ARN.
pub fn name_target_group(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests;
