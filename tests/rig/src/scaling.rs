//! Objects that grow: one family for every annotation, and for rules, ports, ranges, keys and the lists of our own kinds; and the
//! whole way of an object through admission, build, diff, digest and rendering.
//!
//! What takes twice as much may take twice as long, not longer. The benchmark `scaling` measures that in time, the test of the
//! same name in memory.

mod gateways;

use aws_load_balancer_controller::admission::ingress::ClassSource;
use aws_load_balancer_controller::admission::permissive_facts::PermissiveAws;
use aws_load_balancer_controller::admission::{
    Change, ingress, ingress_class_params, service, target_group_binding,
};
use aws_load_balancer_controller::annotations::table::{Row, Suffix, rows};
use aws_load_balancer_controller::annotations::value::{ItemKind, MapKind, ValueKind};
use aws_load_balancer_controller::api::{Ingress, IngressClass, IngressClassParams, ObjectKey, Service};
use aws_load_balancer_controller::builder;
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::facts::group::{IngressGroup, Member, implicit_group};
use aws_load_balancer_controller::facts::{BuildError, Facts};
use aws_load_balancer_controller::model::Stack;
use aws_load_balancer_controller::plan::{
    Actual, AppliedSecrets, Digest, ExhaustedQuotas, PlanContext, Seal, diff,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Bytes of all annotations of an object, as the API server limits them.
pub const ANNOTATIONS: usize = 256 * 1024;

type Make = Box<dyn Fn(usize) -> Value + Send + Sync>;

/// Objects of one kind that differ in the size of one part.
pub struct Family {
    /// What grows.
    pub name: String,
    /// The largest size.
    pub full: usize,
    make: Make,
}

impl Family {
    fn new(
        name: impl Into<String>,
        full: usize,
        make: impl Fn(usize) -> Value + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), full, make: Box::new(make) }
    }

    /// The object of a size.
    pub fn object(&self, size: usize) -> Value {
        (self.make)(size)
    }
}

/// All of them.
pub fn families() -> Vec<Family> {
    let mut all: Vec<Family> = rows().flat_map(of_row).collect();
    all.extend(of_services());
    all.extend(of_ingresses());
    all.extend(of_own_kinds());
    all.extend(gateways::families());
    all
}

// ---- annotations ----------------------------------------------------------------------------------------------------

/// Values of an annotation on each kind of object that it is read from: such as are right but for their number, and such as
/// make a parser look far ahead.
fn of_row(row: &'static Row) -> Vec<Family> {
    const SHAPES: [&str; 3] = ["items", "commas", "brackets"];
    let kinds = row.on.iter().copied().filter(|kind| matches!(*kind, "Service" | "Ingress"));
    let all = kinds.flat_map(|kind| SHAPES.into_iter().map(move |shape| (kind, shape)));
    all.map(|(kind, shape)| {
        let name = format!("{kind} {} of {shape}", row.key());
        Family::new(name, ANNOTATIONS - 1024, move |size| {
            let key = format!("{}/{}", row.prefix, row.suffix.example());
            annotated(kind, [(key, value_of(row, shape, size))])
        })
    })
    .chain(family_keys(row))
    .collect()
}

/// Many keys of one family.
fn family_keys(row: &'static Row) -> Option<Family> {
    let Suffix::Family { stem, .. } = row.suffix else { return None };
    let kind = *row.on.first()?;
    let value = row.examples.first().copied().unwrap_or_default();
    let most = ANNOTATIONS / (row.prefix.len() + stem.len() + value.len() + 12);
    Some(Family::new(format!("{kind} keys of {}", row.key()), most, move |size| {
        annotated(kind, (0..size).map(|at| (format!("{}/{stem}.x-{at}.80", row.prefix), value.to_owned())))
    }))
}

fn annotated(kind: &str, annotations: impl IntoIterator<Item = (String, String)>) -> Value {
    let annotations: Map<String, Value> =
        annotations.into_iter().map(|(key, value)| (key, value.into())).collect();
    let mut object = if kind == "Service" { service_object() } else { ingress_object() };
    object["metadata"]["annotations"] = annotations.into();
    object
}

fn value_of(row: &Row, shape: &str, size: usize) -> String {
    match shape {
        "commas" => format!("{}a=1", ", ".repeat(size / 2)),
        "brackets" => "[{\"a\":".repeat(size / 6),
        _ => match row.value {
            ValueKind::List(items) => filled(size, ",", |at| item(items, at)),
            ValueKind::Map(pairs) => filled(size, ",", |at| pair(pairs, at)),
            ValueKind::Json(_) => format!("[{}]", filled(size, ",", |at| format!("{{\"HTTP\": {at}}}"))),
            _ => row.examples.first().copied().unwrap_or("x").repeat(size).chars().take(size).collect(),
        },
    }
}

/// Parts until a text is so long.
fn filled(size: usize, between: &str, part: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(size + 64);
    for at in 0.. {
        if text.len() >= size {
            break;
        }
        if at > 0 {
            text.push_str(between);
        }
        text.push_str(&part(at));
    }
    text
}

fn item(kind: ItemKind, at: usize) -> String {
    match kind {
        ItemKind::Subnet => format!("subnet-{at:017x}"),
        ItemKind::SecurityGroup => format!("sg-{at:017x}"),
        ItemKind::Allocation => format!("eipalloc-{at:017x}"),
        ItemKind::PrefixList => format!("pl-{at:017x}"),
        ItemKind::Ipv4 => range(at).replace("/32", ""),
        ItemKind::Ipv6 => format!("2001:db8::{at:x}"),
        ItemKind::SourceNatPrefix => format!("2001:db8::{at:x}/80"),
        ItemKind::Cidr => range(at),
        ItemKind::Certificate => format!("arn:aws:acm:us-west-2:123456789012:certificate/{at}"),
        ItemKind::Port | ItemKind::PortNumber => at.to_string(),
        ItemKind::Container => format!("c{at}"),
        ItemKind::SecretName => format!("s{at}"),
    }
}

fn pair(kind: MapKind, at: usize) -> String {
    match kind {
        MapKind::Attributes(_) => format!("load_balancing.cross_zon.{at}=true"),
        MapKind::Capacity => format!("CapacityUnit{at}=5"),
        MapKind::PortMapping => format!("{}={}", at + 1, at + 1),
        MapKind::Tags | MapKind::Labels => format!("key-{at}=value"),
    }
}

fn range(at: usize) -> String {
    format!("10.{}.{}.{}/32", at >> 8 & 255, at & 255, at >> 16)
}

// ---- other parts ----------------------------------------------------------------------------------------------------

fn service_object() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb", "ports": [{"port": 80, "protocol": "TCP"}]},
    })
}

fn ingress_object() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"ingressClassName": "alb", "rules": [{"http": {"paths": [path("/", "web")]}}]},
    })
}

fn path(path: &str, service: &str) -> Value {
    let backend = json!({"service": {"name": service, "port": {"number": 80}}});
    json!({"path": path, "pathType": "Prefix", "backend": backend})
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    if let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(parent) = object.pointer_mut(parent)
    {
        parent[key] = value;
    }
    object
}

fn list(size: usize, item: impl Fn(usize) -> Value) -> Value {
    (0..size).map(item).collect()
}

fn of_services() -> Vec<Family> {
    const NLB: &str = "service.beta.kubernetes.io";
    let spec = |field: &str, value| with(service_object(), &format!("/spec/{field}"), value);
    vec![
        Family::new("Service ports", 8000, move |size| {
            spec("ports", list(size, |at| json!({"port": at + 1, "name": format!("p{at}"), "targetPort": 1})))
        }),
        Family::new("Service ports of one number", 8000, move |size| {
            spec("ports", list(size, |at| json!({"port": 80, "name": format!("p{at}"), "targetPort": 1})))
        }),
        Family::new("Service source ranges", 50_000, move |size| {
            spec("loadBalancerSourceRanges", list(size, |at| range(at).into()))
        }),
        Family::new("Service source ranges that are none", 50_000, move |size| {
            spec("loadBalancerSourceRanges", list(size, |at| format!("x{at}").into()))
        }),
        Family::new("Service ports and ports with TLS", 4000, |size| {
            let ports = list(size, |at| json!({"port": at + 1, "name": format!("p{at}")}));
            let listed = filled(size * 6, ",", |at| format!("p{at}"));
            let key = |suffix: &str| format!("{NLB}/aws-load-balancer-{suffix}");
            let object = annotated(
                "Service",
                [
                    (key("ssl-ports"), listed.clone()),
                    (key("quic-enabled-ports"), listed),
                    (key("ssl-cert"), item(ItemKind::Certificate, 1)),
                    (key("healthcheck-port"), format!("p{}", size - 1)),
                ],
            );
            with(object, "/spec/ports", ports)
        }),
        keys("Service", "unknown keys", 4800, |at| format!("{NLB}/aws-load-balancer-x{at}")),
        keys("Service", "unknown keys of others", 4800, |at| format!("{NLB}/load-balancer-sourc-{at}")),
        keys("Service", "keys under a prefix like ours", 4800, |at| format!("{NLB}x/aws-load-balancer-{at}")),
        keys("Service", "long unknown keys", 800, |at| format!("{NLB}/{at:04}{}", "s".repeat(250))),
        Family::new("Service an unknown key for strangers", 200_000, |size| {
            annotated("Service", [(format!("{NLB}/aws-load-balancer-{}", "s".repeat(size)), "y".to_owned())])
        }),
    ]
}

fn keys(kind: &'static str, name: &str, full: usize, key: fn(usize) -> String) -> Family {
    Family::new(format!("{kind} {name}"), full, move |size| {
        annotated(kind, (0..size).map(|at| (key(at), "y".to_owned())))
    })
}

fn of_ingresses() -> Vec<Family> {
    const ALB: &str = "alb.ingress.kubernetes.io";
    let rules = |rules| with(ingress_object(), "/spec/rules", rules);
    let host = |at: usize, paths: Vec<Value>| json!({"host": format!("h{at}.example.com"), "http": {"paths": paths}});
    let action =
        r#"{"type": "redirect", "redirectConfig": {"host": "other.example.com", "statusCode": "HTTP_301"}}"#;
    let by_annotation = |path: String, name: String| {
        let backend = json!({"service": {"name": name, "port": {"name": "use-annotation"}}});
        json!({"path": path, "pathType": "Exact", "backend": backend})
    };
    vec![
        Family::new("Ingress rules", 1500, move |size| {
            let paths = |at| (0..4).map(|path_at| path(&format!("/p{path_at}"), &format!("a{at}"))).collect();
            rules(list(size, |at| host(at, paths(at))))
        }),
        Family::new("Ingress paths of as many Services", 4000, move |size| {
            let paths = (0..size).map(|at| path(&format!("/p{at}"), &format!("a{at}"))).collect();
            rules(json!([host(0, paths)]))
        }),
        Family::new("Ingress paths of as many ports", 4000, move |size| {
            let paths = (0..size).map(|at| {
                let backend = json!({"service": {"name": "a", "port": {"number": at + 1}}});
                json!({"path": format!("/p{at}"), "pathType": "Prefix", "backend": backend})
            });
            rules(json!([host(0, paths.collect())]))
        }),
        Family::new("Ingress paths that are the same", 4000, move |size| {
            rules(json!([host(0, (0..size).map(|_| path("/", "a")).collect())]))
        }),
        Family::new("Ingress redirects", 4000, move |size| {
            let paths = (0..size).map(|at| by_annotation(format!("/p{at}"), "away".to_owned())).collect();
            let object = annotated("Ingress", [(format!("{ALB}/actions.away"), action.to_owned())]);
            with(object, "/spec/rules", json!([host(0, paths)]))
        }),
        Family::new("Ingress actions that are missing", 1500, move |size| {
            let paths = (0..size).map(|at| by_annotation(format!("/p{at}"), format!("gone-{at}"))).collect();
            let given = (0..size).map(|at| (format!("{ALB}/actions.other-{at}"), action.to_owned()));
            with(annotated("Ingress", given), "/spec/rules", json!([host(0, paths)]))
        }),
        Family::new("Ingress target groups by name", 1000, move |size| {
            let paths = (0..size).map(|at| by_annotation(format!("/p{at}"), format!("tg-{at}"))).collect();
            let forward = |at| format!(r#"{{"type": "forward", "targetGroupName": "group-{at}"}}"#);
            let given = (0..size).map(|at| (format!("{ALB}/actions.tg-{at}"), forward(at)));
            with(annotated("Ingress", given), "/spec/rules", json!([host(0, paths)]))
        }),
        Family::new("Ingress paths with conditions", 4000, move |size| {
            let values = filled(size, ",", |at| format!("\"v{at}\""));
            let conditions =
                format!(r#"[{{"field": "source-ip", "sourceIpConfig": {{"values": [{values}]}}}}]"#);
            let object = annotated("Ingress", [(format!("{ALB}/conditions.a"), conditions)]);
            let paths = (0..size).map(|at| path(&format!("/p{at}"), "a")).collect();
            with(object, "/spec/rules", json!([host(0, paths)]))
        }),
        Family::new("Ingress hosts with TLS", 4000, move |size| {
            let object =
                annotated("Ingress", [(format!("{ALB}/listen-ports"), r#"[{"HTTPS": 443}]"#.to_owned())]);
            let hosts = list(size, |at| format!("h{at}.example.com").into());
            with(object, "/spec/tls", json!([{"hosts": hosts}]))
        }),
        Family::new("Ingress wrong values that nothing reads", 1500, move |size| {
            annotated("Ingress", (0..size).map(|at| (format!("{ALB}/actions.idle-{at}"), "{".to_owned())))
        }),
        Family::new("Ingress wrong values that are read", 1500, move |size| {
            let paths = (0..size).map(|at| by_annotation(format!("/p{at}"), format!("bad-{at}"))).collect();
            let given = (0..size).map(|at| (format!("{ALB}/actions.bad-{at}"), "{".to_owned()));
            with(annotated("Ingress", given), "/spec/rules", json!([host(0, paths)]))
        }),
        keys("Ingress", "unknown keys", 4800, |at| format!("{ALB}/x{at}")),
        keys("Ingress", "ports of agents for Services that are none", 4800, |at| {
            format!("{ALB}/target-control-port.x{at}.80")
        }),
    ]
}

fn of_own_kinds() -> Vec<Family> {
    let params = |field: &str, value| {
        let object = json!({"apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "IngressClassParams", "metadata": {"name": "web"}, "spec": {}});
        with(object, &format!("/spec/{field}"), value)
    };
    let binding = |rules: Value| {
        json!({"apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding", "metadata": {"name": "web", "namespace": "shop"}, "spec": {
            "targetGroupARN": "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/web/1", "targetType": "ip",
            "serviceRef": {"name": "web", "port": 80}, "networking": {"ingress": rules}}})
    };
    let tag = |at: usize| json!({"key": format!("key-{at}"), "value": "x"});
    let cidr = |at: usize| json!({"ipBlock": {"cidr": range(at)}});
    let port = |at: usize| json!({"port": at % 65_535 + 1, "protocol": "TCP"});
    vec![
        Family::new("IngressClassParams inboundCIDRs", 30_000, move |size| {
            params("inboundCIDRs", list(size, |at| range(at).into()))
        }),
        Family::new("IngressClassParams inboundCIDRs that are none", 30_000, move |size| {
            params("inboundCIDRs", list(size, |at| format!("x{at}").into()))
        }),
        Family::new("IngressClassParams subnets", 20_000, move |size| {
            params("subnets", json!({"ids": list(size, |at| item(ItemKind::Subnet, at).into())}))
        }),
        Family::new("IngressClassParams tags", 20_000, move |size| params("tags", list(size, tag))),
        Family::new("IngressClassParams attributes", 10_000, move |size| {
            params(
                "loadBalancerAttributes",
                list(size, |at| json!({"key": format!("idle_timout.{at}"), "value": "1"})),
            )
        }),
        Family::new("IngressClassParams listeners", 10_000, move |size| {
            params("listeners", list(size, |at| json!({"protocol": "HTTP", "port": at % 65_535 + 1})))
        }),
        Family::new("IngressClassParams certificates", 10_000, move |size| {
            params("certificateArn", list(size, |at| item(ItemKind::Certificate, at).into()))
        }),
        Family::new("IngressClassParams prefix lists", 20_000, move |size| {
            params("prefixListsIDs", list(size, |at| item(ItemKind::PrefixList, at).into()))
        }),
        Family::new("TargetGroupBinding peers", 20_000, move |size| {
            binding(json!([{"from": list(size, cidr), "ports": [{"port": 80}]}]))
        }),
        Family::new("TargetGroupBinding ports", 20_000, move |size| {
            binding(
                json!([{"from": [{"securityGroup": {"groupID": "sg-01234567"}}], "ports": list(size, port)}]),
            )
        }),
        Family::new("TargetGroupBinding rules", 10_000, move |size| {
            binding(list(size, |at| json!({"from": [cidr(at)], "ports": [port(at)]})))
        }),
    ]
}

// ---- the way --------------------------------------------------------------------------------------------------------

/// A cluster with one class and nothing else.
struct Cluster;

impl ClassSource for Cluster {
    fn ingress_classes(&self) -> Vec<Arc<IngressClass>> {
        let class = json!({"metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb"}});
        serde_json::from_value(class).map(Arc::new).into_iter().collect()
    }

    fn ingress_class_params(&self, _: &str) -> Option<Arc<IngressClassParams>> {
        None
    }
}

fn config() -> Config {
    Config { cluster_name: "demo".to_owned(), vpc_id: "vpc-1".to_owned(), ..Config::default() }
}

/// What an object went through came to, in bytes of what is said of it.
pub fn go_all_the_way(object: &Value) -> usize {
    let config = config();
    let bare = match object["kind"].as_str() {
        Some("Service") => service_object(),
        Some("Ingress") => ingress_object(),
        _ if gateways::is_of(object) => json!({"metadata": {"name": "old", "namespace": "shop"}, "spec": {}}),
        _ => Value::Null,
    };
    let changes = [Change::create("shop", object), Change::update("shop", object, &bare)];
    let said: usize = changes.iter().map(|change| admit(&config, change)).sum();
    said + built(object, &config).map_or(0, |stack| planned(&stack, &config))
}

/// Admits an object.
pub fn admit(config: &Config, change: &Change<'_>) -> usize {
    let outcome = match change.object["kind"].as_str() {
        Some("Service") => service::check(config, change),
        Some("Ingress") => ingress::check(config, change, &Cluster),
        Some("TargetGroupBinding") => target_group_binding::check_fields(config, change),
        _ if gateways::is_of(change.object) => gateways::admit(config, change),
        _ => ingress_class_params::check(config, change),
    };
    match outcome {
        Ok(admitted) => admitted.warnings.iter().map(String::len).sum(),
        Err(denial) => denial.message.len() + denial.warnings.iter().map(String::len).sum::<usize>(),
    }
}

fn built(object: &Value, config: &Config) -> Option<Stack> {
    match object["kind"].as_str() {
        Some("Service") => {
            let service: Service = serde_json::from_value(object.clone()).ok()?;
            let world = PermissiveAws::for_service(&service);
            Some(answered(&world, config, |facts| builder::service::build(&service, facts, config))?.stack)
        }
        Some("Ingress") => {
            let ingress: Ingress = serde_json::from_value(object.clone()).ok()?;
            let (world, key) = (PermissiveAws::for_ingress(&ingress), ObjectKey::of(&ingress));
            let ingress = Arc::new(ingress);
            let id = implicit_group(&key);
            let member = Member { key, ingress, params: None, defect: None, refusal: None };
            let group = IngressGroup { id, members: vec![member], departing: Vec::new() };
            answered(&world, config, |facts| builder::ingress::build(&group, facts, config))?.stack
        }
        _ if gateways::is_of(object) => gateways::built(object, config),
        _ => None,
    }
}

fn answered<B>(
    world: &PermissiveAws,
    config: &Config,
    build: impl Fn(&Facts) -> Result<B, BuildError>,
) -> Option<B> {
    let mut facts = Facts::default();
    loop {
        match build(&facts) {
            Ok(built) => return Some(built),
            Err(BuildError::MissingFacts(queries)) => {
                for query in queries {
                    world.answer(query, &mut facts, config);
                }
            }
            Err(BuildError::Invalid(_) | BuildError::LookupFailed(_)) => return None,
        }
    }
}

fn planned(stack: &Stack, config: &Config) -> usize {
    let (actual, exhausted_quotas, secrets) =
        (Actual::default(), ExhaustedQuotas::default(), AppliedSecrets::default());
    let plan =
        diff(stack, &actual, PlanContext { config, exhausted_quotas: &exhausted_quotas, secrets: &secrets });
    let digest = Digest::of_desired(stack, config, Seal::default()).to_string();
    digest.len() + plan.map_or(0, |plan| plan.to_string().len())
}
