//! Meters of one controller: its queue and its workers.

use super::{
    ApiRequestLabels, ControllerLabels, LimitLabels, Metrics, NoLabels, QueueLabels, ResultLabels,
    WebhookCodeLabels, WebhookLabels,
};
use crate::aws::throttle::RemainingTokens;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use std::time::Duration;

/// Counts what happens in one work queue.
#[derive(Clone, Debug)]
pub struct QueueMeter {
    /// Keys that are ready.
    pub depth: Gauge,
    /// Keys that became ready.
    pub adds: Counter,
    /// Keys that are to be tried again.
    pub retries: Counter,
    /// How long keys are ready before they are taken, in seconds.
    pub waited: Histogram,
}

impl Default for QueueMeter {
    /// A meter that nobody reads.
    fn default() -> Self {
        let waited = Histogram::new([]);
        Self { depth: Gauge::default(), adds: Counter::default(), retries: Counter::default(), waited }
    }
}

/// Counts what the workers of one controller do.
#[derive(Clone)]
pub struct WorkMeter {
    controller: &'static str,
    results: Family<ResultLabels, Counter>,
    errors: Counter,
    terminal_errors: Counter,
    time: Histogram,
    work: Histogram,
    active: Gauge,
}

/// A worker at work, until it is dropped.
pub struct Active(Gauge);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl WorkMeter {
    /// Counts a worker as being at work for as long as the answer lives.
    pub fn active(&self) -> Active {
        self.active.inc();
        Active(self.active.clone())
    }

    /// A reconcile has ended: controller-runtime's label of the result, whether trying again is of no use, and how long it
    /// took.
    pub fn observe(&self, result: &str, is_terminal: bool, took: Duration) {
        self.results.get_or_create(&ResultLabels::new(self.controller, result)).inc();
        if result == "error" {
            self.errors.inc();
        }
        if is_terminal {
            self.terminal_errors.inc();
        }
        self.time.observe(took.as_secs_f64());
        self.work.observe(took.as_secs_f64());
    }
}

impl Metrics {
    /// The meter of a controller's queue.
    pub fn queue(&self, controller: &str) -> QueueMeter {
        let labels = QueueLabels::new(controller, controller);
        QueueMeter {
            depth: self.queue_depth.get_or_create(&labels).clone(),
            adds: self.queue_adds.get_or_create(&labels).clone(),
            retries: self.queue_retries.get_or_create(&labels).clone(),
            waited: self.queue_duration.get_or_create(&labels).clone(),
        }
    }

    /// The meter of a controller with so many workers.
    pub fn work(&self, controller: &'static str, workers: usize) -> WorkMeter {
        let labels = ControllerLabels::new(controller);
        let workers = i64::try_from(workers).unwrap_or(i64::MAX);
        self.max_concurrent_reconciles.get_or_create(&labels).set(workers);
        for result in ["success", "error", "requeue", "requeue_after"] {
            drop(self.reconciles.get_or_create(&ResultLabels::new(controller, result)));
        }
        for never in [&self.reconcile_panics, &self.reconcile_timeouts] {
            drop(never.get_or_create(&labels));
        }
        WorkMeter {
            controller,
            results: self.reconciles.clone(),
            errors: self.controller_errors.get_or_create(&labels).clone(),
            terminal_errors: self.terminal_errors.get_or_create(&labels).clone(),
            time: self.reconcile_time.get_or_create(&labels).clone(),
            work: self.work_duration.get_or_create(&QueueLabels::new(controller, controller)).clone(),
            active: self.active_workers.get_or_create(&labels).clone(),
        }
    }

    /// What is left of the client-side rate limits.
    pub fn set_tokens(&self, left: Vec<RemainingTokens>) {
        for RemainingTokens { service, operations, tokens } in left {
            self.aws_tokens.get_or_create(&LimitLabels::new(service, operations)).set(tokens);
        }
    }

    /// The API server has answered a request of ours: HTTP status, its host, and the method.
    pub fn count_api_request(&self, code: &str, host: &str, method: &str) {
        self.api_requests.get_or_create(&ApiRequestLabels::new(code, host, method)).inc();
    }

    /// An admission request has been answered: webhook path, HTTP status, and how long it took.
    pub fn observe_admission(&self, path: &str, status: u16, took: Duration) {
        self.webhook_requests.get_or_create(&WebhookCodeLabels::new(path, status.to_string())).inc();
        self.webhook_latency.get_or_create(&WebhookLabels::new(path)).observe(took.as_secs_f64());
    }

    /// Starts the counts of a webhook at nothing, as controller-runtime does.
    pub fn expect_admissions(&self, path: &str) {
        for code in ["200", "500"] {
            drop(self.webhook_requests.get_or_create(&WebhookCodeLabels::new(path, code)));
        }
        drop(self.webhook_in_flight.get_or_create(&WebhookLabels::new(path)));
    }

    /// Somebody has looked at the webhooks' certificate; whether it is as it should be.
    pub fn count_certificate_read(&self, is_fine: bool) {
        self.certificate_reads.inc();
        if !is_fine {
            self.certificate_read_errors.inc();
        }
    }

    /// When the webhooks' certificate expires, in seconds since 1970.
    pub fn set_certificate_expiry(&self, time: i64) {
        self.certificate_expiry.get_or_create(&NoLabels::new()).set(time);
    }

    /// Counts an admission request as being answered for as long as the answer lives.
    pub fn admission(&self, path: &str) -> Active {
        let in_flight = self.webhook_in_flight.get_or_create(&WebhookLabels::new(path)).clone();
        in_flight.inc();
        Active(in_flight)
    }
}
