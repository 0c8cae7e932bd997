//! TargetGroups: what Ingresses and Services say about target groups.

use super::Notes;
use super::group::GroupMember;
use super::names::Names;
use super::objects::{MIGRATED_FROM, attributes, configured, put};
use super::values::Values;
use crate::api::ObjectKey;
use serde_json::{Map as Fields, Value, json};
use std::collections::BTreeMap;

const KIND: &str = "TargetGroupConfiguration";

/// What one Ingress says about one Service.
#[derive(Clone, Debug)]
struct Entry {
    props: Fields<String, Value>,
    /// Whether anything is said.
    is_set: bool,
    /// Routes of the Ingress that have the Service as a backend.
    routes: Vec<ObjectKey>,
    origin: String,
}

/// The Services that routes have as backends.
#[derive(Clone, Debug, Default)]
pub struct TargetGroupConfigurations {
    /// Whether health checks are written down in full, because a Gateway has other defaults.
    with_defaults: bool,
    /// By Service, then by place in which Ingresses came.
    entries: BTreeMap<ObjectKey, Vec<Entry>>,
}

impl TargetGroupConfigurations {
    /// None yet. `with_defaults`: health checks are written down in full.
    pub fn new(with_defaults: bool) -> Self {
        Self { with_defaults, entries: BTreeMap::new() }
    }

    /// Notes that routes of a member have a port of a Service as a backend.
    pub fn add(
        &mut self,
        member: &GroupMember,
        service: (&ObjectKey, i32),
        of_service: Option<&Values>,
        routes: &[ObjectKey],
        notes: &mut Notes,
    ) {
        let values =
            of_service.map_or_else(|| member.values.clone(), |upper| member.values.overlaid_by(upper));
        let mut props = props(&values, service, notes);
        if self.with_defaults {
            complete(&mut props);
        }
        let mut tags: BTreeMap<String, String> = values.pairs("tags", notes);
        // why of the member alone: members of a group may be of different classes
        if let Some(params) = &member.params {
            put(
                &mut props,
                "targetType",
                params.spec.target_type.map(|kind| json!(kind)).unwrap_or_default(),
            );
            tags.extend(params.spec.tags.iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone())));
        }
        let is_set = !props.is_empty() || !tags.is_empty();
        tags.insert(MIGRATED_FROM.to_owned(), member.origin());
        put(&mut props, "tags", json!(tags));
        let entries = self.entries.entry(service.0.clone()).or_default();
        match entries.iter_mut().find(|entry| entry.origin == member.origin()) {
            Some(known) => {
                for (key, value) in &props {
                    known.props.entry(key.as_str()).or_insert_with(|| value.clone());
                }
                known.is_set |= is_set;
                known.routes.extend(
                    routes.iter().filter(|route| !known.routes.contains(route)).cloned().collect::<Vec<_>>(),
                );
            }
            None => entries.push(Entry { props, is_set, routes: routes.to_vec(), origin: member.origin() }),
        }
    }

    /// The configurations.
    pub fn objects(&self, names: &mut Names) -> Vec<Value> {
        let all = self.entries.iter().filter_map(|(service, entries)| {
            let mut spec = match entries.as_slice() {
                [] => return None,
                [only] if !only.is_set => return None,
                [only] => Fields::from_iter([(
                    "defaultConfiguration".to_owned(),
                    Value::Object(only.props.clone()),
                )]),
                several => per_route(several),
            };
            put(&mut spec, "targetReference", json!({"name": service.name()}));
            let name =
                names.take(KIND, service.namespace(), (service.name(), "tg-config"), &service.to_string());
            Some(configured(KIND, &service.sibling(name.as_str()), &spec))
        });
        all.collect()
    }
}

fn per_route(entries: &[Entry]) -> Fields<String, Value> {
    let of_entry = |entry: &Entry| {
        let one = |route: &ObjectKey| {
            let identifier =
                json!({"kind": "HTTPRoute", "namespace": route.namespace(), "name": route.name()});
            json!({"routeIdentifier": identifier, "targetGroupProps": entry.props})
        };
        entry.routes.iter().map(one).collect::<Vec<_>>()
    };
    let mut spec = Fields::new();
    spec.insert("defaultConfiguration".to_owned(), json!({}));
    put(&mut spec, "routeConfigurations", entries.iter().flat_map(of_entry).collect::<Vec<_>>());
    spec
}

fn props(values: &Values, (service, port): (&ObjectKey, i32), notes: &mut Notes) -> Fields<String, Value> {
    let mut props = Fields::new();
    put(&mut props, "targetType", values.choice("target-type", notes));
    put(&mut props, "protocol", values.choice("backend-protocol", notes));
    put(&mut props, "protocolVersion", values.choice("backend-protocol-version", notes));
    put(&mut props, "targetGroupAttributes", attributes(&values.pairs("target-group-attributes", notes)));
    let labels = values.pairs("target-node-labels", notes);
    put(
        &mut props,
        "nodeSelector",
        if labels.is_empty() { Value::Null } else { json!({"matchLabels": labels}) },
    );
    put(&mut props, "enableMultiCluster", values.boolean("multi-cluster-target-group", notes));
    let control_port = format!("target-control-port.{}.{port}", service.name());
    put(&mut props, "targetControlPort", values.int32(&control_port, notes));
    put(&mut props, "healthCheckConfig", health_check(values, notes));
    props
}

fn health_check(values: &Values, notes: &mut Notes) -> Fields<String, Value> {
    let mut check = Fields::new();
    put(&mut check, "healthCheckPort", values.text("healthcheck-port"));
    put(&mut check, "healthCheckProtocol", values.choice("healthcheck-protocol", notes));
    put(&mut check, "healthCheckPath", values.text("healthcheck-path"));
    let numbers = [
        ("healthcheck-interval-seconds", "healthCheckInterval"),
        ("healthcheck-timeout-seconds", "healthCheckTimeout"),
        ("healthy-threshold-count", "healthyThresholdCount"),
        ("unhealthy-threshold-count", "unhealthyThresholdCount"),
    ];
    for (suffix, field) in numbers {
        put(&mut check, field, values.int32(suffix, notes));
    }
    let is_grpc = values.text("backend-protocol-version") == Some("GRPC");
    let code = if is_grpc { "grpcCode" } else { "httpCode" };
    put(
        &mut check,
        "matcher",
        values.text("success-codes").map_or(Value::Null, |codes| json!({code: codes})),
    );
    check
}

/// Adds what the health check of an Ingress's target group has without being told.
fn complete(props: &mut Fields<String, Value>) {
    let is_grpc = props.get("protocolVersion").and_then(Value::as_str) == Some("GRPC");
    let (path, matcher) = if is_grpc {
        ("/AWS.ALB/healthcheck", json!({"grpcCode": "12"}))
    } else {
        ("/", json!({"httpCode": "200"}))
    };
    let defaults = [
        ("healthCheckPath", json!(path)),
        ("healthCheckInterval", json!(15)),
        ("healthCheckTimeout", json!(5)),
        ("healthyThresholdCount", json!(2)),
        ("unhealthyThresholdCount", json!(2)),
        ("matcher", matcher),
    ];
    let check = props.entry("healthCheckConfig").or_insert_with(|| json!({}));
    if let Some(check) = check.as_object_mut() {
        for (field, value) in defaults {
            check.entry(field).or_insert(value);
        }
    }
}
