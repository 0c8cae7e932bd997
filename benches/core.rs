//! The pure parts of a reconcile: how long each takes on its own.
#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc, reason = "a benchmark")]

use aws_load_balancer_controller::{
    admission::{permissive_facts, validate as admission, validate::KnownClass},
    annotations::{Annotations, NLB_PREFIX},
    api::{Ingress, Service},
    builder,
    config::Config,
    facts::{
        BuildError, Facts,
        group::{ClassView, IngressGroup, load_group},
    },
    model::Stack,
    plan::{Actual, AppliedSecrets, ExhaustedQuotas, PlanContext, diff},
};
use divan::{Bencher, black_box};
use rig::{fixtures, rig::group};
use serde_json::from_value;
use std::sync::Arc;

fn main() {
    divan::main();
}

fn config() -> Config {
    Config {
        cluster_name: "demo".to_owned(),
        region: "us-west-2".to_owned(),
        vpc_id: "vpc-1".to_owned(),
        ..Config::default()
    }
}

fn service() -> Service {
    let annotations = [
        ("aws-load-balancer-nlb-target-type", "ip"),
        ("aws-load-balancer-scheme", "internet-facing"),
        ("aws-load-balancer-attributes", "load_balancing.cross_zone.enabled=true"),
        ("aws-load-balancer-healthcheck-protocol", "http"),
        ("aws-load-balancer-healthcheck-path", "/healthz"),
        ("aws-load-balancer-additional-resource-tags", "team=shop,cost-center=42"),
        ("aws-load-balancer-target-group-attributes", "deregistration_delay.timeout_seconds=30"),
        ("load-balancer-source-ranges", "10.0.0.0/8,192.0.2.0/24"),
    ];
    from_value(fixtures::load_balancer("web", &[80, 443], &annotations)).unwrap()
}

fn ingress(number: usize, paths: usize) -> Ingress {
    let (name, host) = (format!("web-{number}"), format!("web-{number}.example.com"));
    let order = number.to_string();
    let annotations = [("group.name", "many"), ("group.order", order.as_str()), ("target-type", "ip")];
    let paths: Vec<String> = (0..paths).map(|path| format!("/path-{path}")).collect();
    let rules: Vec<_> = paths.iter().map(|path| (host.as_str(), path.as_str(), "web")).collect();
    from_value(fixtures::ingress(&name, &annotations, &rules)).unwrap()
}

fn members(count: usize) -> IngressGroup {
    let ingresses: Vec<Arc<Ingress>> = (0..count).map(|number| Arc::new(ingress(number, 2))).collect();
    let class =
        serde_json::json!({"metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb"}});
    let classes = [Arc::new(from_value(class).unwrap())];
    let view = ClassView { classes: &classes, params: &[], namespaces: None };
    load_group(&group("many"), &ingresses, &view, &config())
}

/// Answers of an AWS that has everything.
fn facts<T>(
    build: impl Fn(&Facts) -> Result<T, BuildError>,
    world: &permissive_facts::PermissiveAws,
) -> Facts {
    let (config, mut facts) = (config(), Facts::default());
    while let Err(BuildError::MissingFacts(queries)) = build(&facts) {
        for query in queries {
            world.answer(query, &mut facts, &config);
        }
    }
    facts
}

fn service_stack() -> Stack {
    let (service, config) = (service(), config());
    let build = |facts: &Facts| builder::service::build(&service, facts, &config);
    build(&facts(build, &permissive_facts::PermissiveAws::for_service(&service))).unwrap().stack
}

#[divan::bench]
fn parse_annotations(bencher: Bencher) {
    let service = service();
    bencher.bench_local(|| {
        let annotations = Annotations::new(NLB_PREFIX, black_box(&service).metadata.annotations.as_ref());
        (annotations.map("aws-load-balancer-attributes"), annotations.list("load-balancer-source-ranges"))
    });
}

#[divan::bench]
fn build_service(bencher: Bencher) {
    let (service, config) = (service(), config());
    let build = |facts: &Facts| builder::service::build(&service, facts, &config);
    let facts = facts(build, &permissive_facts::PermissiveAws::for_service(&service));
    bencher.bench_local(|| build(black_box(&facts)));
}

#[divan::bench(args = [1, 10, 50])]
fn build_group(bencher: Bencher, count: usize) {
    let (group, config) = (members(count), config());
    let build = |facts: &Facts| builder::ingress::build(&group, facts, &config);
    let facts = facts(build, &permissive_facts::PermissiveAws::for_ingress(&ingress(0, 2)));
    assert!(build(&facts).unwrap().stack.is_some());
    bencher.bench_local(|| build(black_box(&facts)));
}

#[divan::bench]
fn diff_new_service(bencher: Bencher) {
    let (stack, config) = (service_stack(), config());
    let (actual, exhausted_quotas) = (Actual::default(), ExhaustedQuotas::default());
    bencher.bench_local(|| {
        let secrets = AppliedSecrets::default();
        diff(
            black_box(&stack),
            &actual,
            PlanContext { config: &config, exhausted_quotas: &exhausted_quotas, secrets: &secrets },
        )
    });
}

#[divan::bench]
fn admit_service(bencher: Bencher) {
    let (service, config) = (service(), config());
    bencher.bench_local(|| admission::check_service(&config, black_box(&service), None));
}

#[divan::bench]
fn admit_ingress(bencher: Bencher) {
    let (ingress, config) = (ingress(0, 2), config());
    bencher.bench_local(|| admission::check_ingress(&config, black_box(&ingress), &KnownClass::Plain, None));
}
