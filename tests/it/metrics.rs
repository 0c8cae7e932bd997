//! The names and labels of metrics, which other people's dashboards and alerts are written for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::services::run;
use aws_load_balancer_controller::aws::interceptors::{CallOutcome, Observer as _};
use aws_load_balancer_controller::aws::throttle::RemainingTokens;
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::finding::Part;
use aws_load_balancer_controller::metrics::{
    ControllerLabels, LeaseLabels, Metrics, ObjectLabels, ObjectStateLabels, QueueLabels, ResourceLabels,
    TalkerLabels, TargetLabels,
};
use rig::{Options, Rig, fixtures};
use strum::VariantArray as _;

const CALL: &[&str] = &["service", "operation", "status_code", "error_code"];
const OPERATION: &[&str] = &["service", "operation"];
const QUEUE: &[&str] = &["name", "controller"];

/// Metrics of the Go controller, of its framework and of its client, with their labels.
const UPSTREAM: &[(&str, &str, &[&str])] = &[
    ("aws_api_calls_total", "counter", CALL),
    ("aws_api_call_duration_seconds", "histogram", OPERATION),
    ("aws_api_call_retries", "histogram", OPERATION),
    ("aws_api_requests_total", "counter", CALL),
    ("aws_api_request_duration_seconds", "histogram", OPERATION),
    ("aws_api_call_permission_errors_total", "counter", CALL),
    ("aws_api_call_service_limit_exceeded_errors_total", "counter", CALL),
    ("aws_api_call_throttled_errors_total", "counter", CALL),
    ("aws_api_call_validation_errors_total", "counter", CALL),
    ("aws_target_group_info", "gauge", &["namespace", "service", "target_group"]),
    ("awslbc_readiness_gate_ready_seconds", "histogram", &["namespace", "name"]),
    ("awslbc_controller_reconcile_errors_total", "counter", &["controller", "error_category"]),
    ("awslbc_controller_reconcile_stage_duration", "histogram", &["controller", "reconcile_stage"]),
    ("awslbc_webhook_validation_failure_total", "counter", &["webhook_name", "error_category"]),
    ("awslbc_webhook_mutation_failure_total", "counter", &["webhook_name", "error_category"]),
    ("awslbc_controller_cache_object_total", "gauge", &["resource"]),
    ("awslbc_controller_top_talkers", "gauge", &["controller", "namespace", "name"]),
    ("controller_runtime_reconcile_total", "counter", &["controller", "result"]),
    ("controller_runtime_reconcile_errors_total", "counter", &["controller"]),
    ("controller_runtime_terminal_reconcile_errors_total", "counter", &["controller"]),
    ("controller_runtime_reconcile_panics_total", "counter", &["controller"]),
    ("controller_runtime_reconcile_timeouts_total", "counter", &["controller"]),
    ("controller_runtime_reconcile_time_seconds", "histogram", &["controller"]),
    ("controller_runtime_max_concurrent_reconciles", "gauge", &["controller"]),
    ("controller_runtime_active_workers", "gauge", &["controller"]),
    ("controller_runtime_webhook_requests_total", "counter", &["webhook", "code"]),
    ("controller_runtime_webhook_latency_seconds", "histogram", &["webhook"]),
    ("controller_runtime_webhook_requests_in_flight", "gauge", &["webhook"]),
    ("controller_runtime_webhook_panics_total", "counter", &[]),
    ("controller_runtime_conversion_webhook_panics_total", "counter", &[]),
    ("certwatcher_read_certificate_total", "counter", &[]),
    ("certwatcher_read_certificate_errors_total", "counter", &[]),
    ("workqueue_depth", "gauge", QUEUE),
    ("workqueue_adds_total", "counter", QUEUE),
    ("workqueue_retries_total", "counter", QUEUE),
    ("workqueue_queue_duration_seconds", "histogram", QUEUE),
    ("workqueue_work_duration_seconds", "histogram", QUEUE),
    ("workqueue_unfinished_work_seconds", "gauge", QUEUE),
    ("workqueue_longest_running_processor_seconds", "gauge", QUEUE),
    ("leader_election_master_status", "gauge", &["name"]),
    ("leader_election_slowpath_total", "counter", &["name"]),
    ("rest_client_requests_total", "counter", &["code", "host", "method"]),
    ("process_cpu_seconds_total", "counter", &[]),
    ("process_network_receive_bytes_total", "counter", &[]),
    ("process_network_transmit_bytes_total", "counter", &[]),
    ("process_open_fds", "gauge", &[]),
    ("process_max_fds", "gauge", &[]),
    ("process_virtual_memory_bytes", "gauge", &[]),
    ("process_virtual_memory_max_bytes", "gauge", &[]),
    ("process_resident_memory_bytes", "gauge", &[]),
    ("process_start_time_seconds", "gauge", &[]),
];

/// Metrics that only this controller has.
const OURS: &[(&str, &str, &[&str])] = &[
    ("awslbc_quic_target_missing_server_id_total", "counter", &["namespace", "name"]),
    ("awslbc_object_state", "gauge", &["controller", "namespace", "name", "state"]),
    ("awslbc_object_last_success_age_seconds", "gauge", &["controller", "namespace", "name"]),
    ("awslbc_queue_age_seconds", "gauge", &["controller"]),
    ("awslbc_aws_tokens", "gauge", &["service", "operations"]),
    ("awslbc_targets", "gauge", &["namespace", "name", "target_group", "state"]),
    ("awslbc_orphans", "gauge", &["resource"]),
    ("awslbc_webhook_certificate_expiry_timestamp_seconds", "gauge", &[]),
];

/// The steps of upstream's controllers, as far as we have the controller.
const STAGES: &[(&str, &[&str])] = &[
    (
        "ingress",
        &[
            "fetch_ingress",
            "add_group_finalizer",
            "build_model",
            "deploy_model",
            "dns_resolve_and_update_status",
            "remove_group_finalizer",
            "*ec2.securityGroupSynthesizer",
            "*elbv2.targetGroupSynthesizer",
            "*elbv2.loadBalancerSynthesizer",
            "*elbv2.listenerSynthesizer",
            "*elbv2.listenerRuleSynthesizer",
            "*elbv2.targetGroupBindingSynthesizer",
        ],
    ),
    (
        "service",
        &[
            "fetch_service",
            "build_model",
            "cleanup_load_balancer",
            "add_finalizers",
            "deploy_model",
            "DNS_resolve",
            "update_status",
            "*ec2.securityGroupSynthesizer",
            "*elbv2.targetGroupSynthesizer",
            "*elbv2.loadBalancerSynthesizer",
            "*elbv2.listenerSynthesizer",
            "*elbv2.targetGroupBindingSynthesizer",
        ],
    ),
    (
        "targetGroupBinding",
        &["fetch_targetGroupBinding", "add_finalizers", "reconcile_targetgroupbinding", "update_status"],
    ),
];

/// What a text of metrics says: the type of each, and the samples by metric, labels and value.
struct Scrape<'a> {
    types: BTreeMap<&'a str, &'a str>,
    samples: Vec<Sample<'a>>,
}

/// Name, labels and value.
type Sample<'a> = (&'a str, Vec<(&'a str, &'a str)>, f64);

impl<'a> Scrape<'a> {
    fn read(text: &'a str) -> Self {
        let described = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let samples = text.lines().filter(|line| !line.starts_with('#')).map(read_sample);
        Self { types: described.collect(), samples: samples.collect() }
    }

    /// The names of the labels that a metric has in this text; nothing if there is no sample of it.
    fn labels(&self, name: &str, kind: &str) -> Option<BTreeSet<&str>> {
        let sample = if kind == "histogram" { format!("{name}_count") } else { name.to_owned() };
        let (_, labels, _) = self.samples.iter().find(|(found, ..)| *found == sample)?;
        Some(labels.iter().map(|(name, _)| *name).collect())
    }

    /// The sum of the samples of a metric that have these labels.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fitting = self
            .samples
            .iter()
            .filter(|(found, has, _)| *found == name && labels.iter().all(|label| has.contains(label)));
        fitting.map(|(.., value)| value).sum()
    }
}

fn read_sample(line: &str) -> Sample<'_> {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels.trim_end_matches('}').split("\",").filter_map(|label| {
        let (name, value) = label.split_once("=\"")?;
        Some((name, value.trim_end_matches('"')))
    });
    (name, labels.collect(), value.parse().unwrap())
}

/// The metrics of a life: objects that can be built and one that cannot, changes, ends, calls that fail, and the webhooks.
async fn live() -> String {
    let mut rig = Rig::new(Options::default());
    rig.seed();
    rig.api.put(fixtures::load_balancer("edge", &[80], &[("aws-load-balancer-nlb-target-type", "ip")]));
    let gate = "target-health.elbv2.k8s.aws/edge".to_owned();
    rig.serve_gated("edge", &[1, 2], &[gate]);
    rig.api.put(fixtures::load_balancer("wrong", &[80], &[("aws-load-balancer-scheme", "sideways")]));
    rig.api.put(fixtures::cluster_service("web", &[80]));
    rig.serve("web", &[3, 4]);
    rig.api.put(fixtures::ingress("web", &[("target-type", "ip")], &[("www.example.com", "/", "web")]));
    rig.start().await;
    rig.run_until_idle().await;
    rig.api.delete("services", fixtures::NAMESPACE, "edge");
    rig.api.delete("ingresses", fixtures::NAMESPACE, "web");
    rig.run_until_idle().await;
    rig.metrics()
}

#[test]
fn health_that_nobody_asked_about_is_no_number() {
    run(async {
        let mut rig = Rig::new(Options::default());
        rig.seed();
        for (name, pods, gates) in [
            ("gated", [1, 2], vec!["target-health.elbv2.k8s.aws/gated".to_owned()]),
            ("plain", [3, 4], vec![]),
        ] {
            rig.api.put(fixtures::load_balancer(name, &[80], &[("aws-load-balancer-nlb-target-type", "ip")]));
            rig.serve_gated(name, &pods, &gates);
        }
        rig.start().await;
        rig.run_until_idle().await;
        let text = rig.metrics();
        let scrape = Scrape::read(&text);
        let targets = |state: &'static str| {
            let samples = scrape.samples.iter();
            let fitting = samples.filter(move |(name, labels, _)| {
                *name == "awslbc_targets" && labels.contains(&("state", state))
            });
            fitting.map(|(.., value)| format!("{value}")).collect::<Vec<_>>()
        };
        assert_eq!(targets("registered"), ["2", "2"]);
        assert!(targets("healthy").iter().all(|healthy| healthy == "2"), "{:?}", targets("healthy"));
        assert!(targets("kept").is_empty());
    });
}

#[test]
fn each_step_of_upstreams_controllers_is_observed() {
    run(async {
        let text = live().await;
        let scrape = Scrape::read(&text);
        for (controller, stages) in STAGES {
            for stage in *stages {
                let labels = [("controller", *controller), ("reconcile_stage", *stage)];
                let count = scrape.sum("awslbc_controller_reconcile_stage_duration_count", &labels);
                assert!(count > 0.0, "{controller} {stage}");
            }
        }
    });
}

#[test]
fn what_fails_until_somebody_changes_it_is_terminal_and_nothing_else_is() {
    run(async {
        let text = live().await;
        let scrape = Scrape::read(&text);
        let terminal = "controller_runtime_terminal_reconcile_errors_total";
        let errors = "controller_runtime_reconcile_errors_total";
        for (controller, fails) in [("service", true), ("ingress", false), ("targetGroupBinding", false)] {
            let labels = [("controller", controller)];
            assert_eq!(scrape.sum(terminal, &labels) > 0.0, fails, "{controller}");
            assert!(scrape.sum(errors, &labels) >= scrape.sum(terminal, &labels), "{controller}");
            for never in
                ["controller_runtime_reconcile_panics_total", "controller_runtime_reconcile_timeouts_total"]
            {
                assert!(scrape.labels(never, "counter").is_some(), "{never}");
                assert_eq!(scrape.sum(never, &labels).to_bits(), 0, "{never} {controller}");
            }
        }
    });
}

/// Everything that is counted, once.
fn all() -> String {
    let metrics = Metrics::new();
    metrics.attempt(&CallOutcome::default());
    metrics.duration(Action::CreateTags, Duration::from_secs(1));
    for (status, code) in [(403, ""), (400, "LimitExceeded"), (503, "Throttling"), (400, "ValidationError")] {
        metrics.call(&CallOutcome { status, error_code: code.to_owned(), ..CallOutcome::default() });
    }
    drop((metrics.queue("service"), metrics.work("service", 3)));
    let queue = QueueLabels::new("service", "service");
    drop((
        metrics.queue_unfinished.get_or_create(&queue),
        metrics.queue_longest_running.get_or_create(&queue),
    ));
    let lease = LeaseLabels::new("lease");
    drop((metrics.leader.get_or_create(&lease), metrics.slow_renewals.get_or_create(&lease)));
    metrics.count_api_request("200", "10.96.0.1:443", "GET");
    let path = "/validate-v1-service";
    metrics.expect_admissions(path);
    metrics.observe_admission(path, 200, Duration::from_millis(1));
    metrics.count_denial(path, "annotations");
    metrics.count_denial("/mutate-v1-pod", "podReadinessGateInjector");
    metrics.observe_gate("shop", "edge", Duration::from_secs(20));
    metrics.set_target_group("shop", "edge", "arn:aws:elasticloadbalancing:us-west-2:1:targetgroup/a/b");
    metrics.count_error("service", "build_model_error");
    metrics.observe_stage("service", "build_model", Duration::from_millis(1));
    metrics.set_tokens(vec![RemainingTokens {
        service: "EC2".into(),
        operations: "^Describe".into(),
        tokens: 1.0,
    }]);
    let (resource, object) = (ResourceLabels::new("service"), ObjectLabels::new("shop", "edge"));
    let talker = TalkerLabels::new("service", "shop", "edge");
    drop((metrics.cache_objects.get_or_create(&resource), metrics.orphans.get_or_create(&resource)));
    drop((metrics.top_talkers.get_or_create(&talker), metrics.object_success_age.get_or_create(&talker)));
    drop(metrics.quic_target_missing_server_id.get_or_create(&object));
    drop(metrics.object_state.get_or_create(&ObjectStateLabels::new("service", "shop", "edge", "synced")));
    metrics.set_certificate_expiry(1);
    drop(metrics.queue_age.get_or_create(&ControllerLabels::new("targets")));
    drop(metrics.targets.get_or_create(&TargetLabels::new("shop", "edge", "targetgroup/a/b", "desired")));
    metrics.render()
}

#[test]
fn metrics_are_scraped_as_dashboards_call_them() {
    let text = all();
    let scrape = Scrape::read(&text);
    let known = UPSTREAM.iter().chain(OURS);
    for (name, kind, labels) in known.clone() {
        // why: the type stands beside the name without the suffix of counters
        let family = if *kind == "counter" { name.trim_end_matches("_total") } else { name };
        assert_eq!(scrape.types.get(family), Some(kind), "{name}");
        assert_eq!(scrape.labels(name, kind), Some(labels.iter().copied().collect()), "{name}");
    }
    let known: BTreeSet<_> = known.map(|(name, kind, _)| (*name, *kind)).collect();
    let scraped: BTreeSet<_> = scrape.types.keys().copied().collect();
    let expected: BTreeSet<_> = known
        .iter()
        .map(|(name, kind)| if *kind == "counter" { name.trim_end_matches("_total") } else { name })
        .collect();
    assert_eq!(scraped, expected, "what is scraped beside these");
}

#[test]
fn failures_of_builds_are_called_as_dashboards_call_them() {
    let labels: Vec<_> = Part::VARIANTS.iter().map(|part| part.label()).collect();
    let of_services = [
        "build_load_balancer_scheme_error",
        "build_load_balancer_ip_address_type_error",
        "build_load_balancer_subnets_error",
        "build_load_balancer_error",
        "build_listeners_error",
    ];
    let of_ingresses = [
        "build_certificate_error",
        "build_ssl_redirct_config_error",
        "build_listener_error",
        "build_listener_rule_error",
        "build_load_balancer_addons",
        "build_frontend_nlb",
    ];
    assert_eq!(labels, [&of_services[..], &of_ingresses[..]].concat());
}
