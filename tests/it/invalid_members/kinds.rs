//! The ways in which an Ingress can be broken.

use rig::{Rig, fixtures};
use serde_json::{Value, json};

/// One way.
pub(super) struct InvalidEdit {
    pub name: &'static str,
    /// What its event must name.
    pub cause: &'static str,
    how: How,
}

/// What is wrong with the Ingress, or with what it refers to.
enum How {
    /// These annotations.
    Annotations(&'static [(&'static str, &'static str)]),
    /// These annotations, and its path leads to an action of this name.
    Action(&'static str, &'static str),
    /// This is done to it.
    Edit(fn(&mut Value)),
    /// This is done to its Service, and undone.
    Service(fn(&mut Value)),
    /// Its Service does not exist.
    NoService,
}

const fn annotations(
    name: &'static str,
    annotations: &'static [(&'static str, &'static str)],
    cause: &'static str,
) -> InvalidEdit {
    InvalidEdit { name, cause, how: How::Annotations(annotations) }
}

const fn action(name: &'static str, value: &'static str, cause: &'static str) -> InvalidEdit {
    InvalidEdit { name, cause, how: How::Action("x", value) }
}

const fn edit(name: &'static str, edit: fn(&mut Value), cause: &'static str) -> InvalidEdit {
    InvalidEdit { name, cause, how: How::Edit(edit) }
}

fn first_path(ingress: &mut Value) -> &mut Value {
    &mut ingress["spec"]["rules"][0]["http"]["paths"][0]
}

/// All ways.
pub(super) const KINDS: &[InvalidEdit] = &[
    // ---- actions
    action("action that is not JSON", "{", "actions.x"),
    action("action of an unknown type", r#"{"type": "teleport"}"#, "teleport"),
    action(
        "fixed response without a status code",
        r#"{"type": "fixed-response", "fixedResponseConfig": {"contentType": "text/plain"}}"#,
        "actions.x",
    ),
    action(
        "forward to a Service that does not exist",
        r#"{"type": "forward", "forwardConfig": {"targetGroups": [{"serviceName": "nobody", "servicePort": 80}]}}"#,
        "nobody",
    ),
    edit(
        "no such action",
        |ingress| {
            first_path(ingress)["backend"] =
                json!({"service": {"name": "y", "port": {"name": "use-annotation"}}});
        },
        "actions.y",
    ),
    // ---- conditions and transforms
    annotations("conditions that are not JSON", &[("conditions.web-25", "[")], "conditions.web-25"),
    annotations(
        "condition that does not say on what",
        &[("conditions.web-25", r#"[{"field": "host-header"}]"#)],
        "hostHeaderConfig",
    ),
    annotations(
        "transform of an unknown type",
        &[("transforms.web-25", r#"[{"type": "uppercase"}]"#)],
        "transforms.web-25",
    ),
    // ---- backends
    InvalidEdit { name: "its Service does not exist", cause: "web-25", how: How::NoService },
    edit(
        "port that its Service does not have",
        |ingress| first_path(ingress)["backend"]["service"]["port"] = json!({"number": 81}),
        "81",
    ),
    edit(
        "named port that its Service does not have",
        |ingress| first_path(ingress)["backend"]["service"]["port"] = json!({"name": "grpc"}),
        "grpc",
    ),
    edit(
        "backend that is no Service",
        |ingress| first_path(ingress)["backend"] = json!({"resource": {"kind": "Bucket", "name": "b"}}),
        "backend",
    ),
    InvalidEdit {
        name: "Service with a broken annotation of its own",
        cause: "healthcheck-interval-seconds",
        how: How::Service(|service| {
            service["metadata"]["annotations"] =
                json!({"alb.ingress.kubernetes.io/healthcheck-interval-seconds": "often"});
        }),
    },
    annotations("target type that does not exist", &[("target-type", "lambda")], "target-type"),
    annotations("instances behind a Service without node ports", &[("target-type", "instance")], "web-25"),
    annotations("backend protocol", &[("backend-protocol", "GOPHER")], "GOPHER"),
    annotations("backend protocol version", &[("backend-protocol-version", "HTTP9")], "HTTP9"),
    annotations(
        "health check interval that is no number",
        &[("healthcheck-interval-seconds", "often")],
        "healthcheck-interval-seconds",
    ),
    annotations("health check port that does not exist", &[("healthcheck-port", "nowhere")], "nowhere"),
    annotations(
        "target group attributes without a value",
        &[("target-group-attributes", "stickiness.enabled")],
        "target-group-attributes",
    ),
    // ---- paths
    edit(
        "exact path with a wildcard",
        |ingress| {
            first_path(ingress)["pathType"] = json!("Exact");
            first_path(ingress)["path"] = json!("/a*");
        },
        "/a*",
    ),
    edit("prefix with a wildcard", |ingress| first_path(ingress)["path"] = json!("/a?"), "/a?"),
    // ---- listeners
    annotations("listen-ports that are not JSON", &[("listen-ports", "80")], "listen-ports"),
    annotations("listener of an unknown protocol", &[("listen-ports", r#"[{"UDP": 80}]"#)], "UDP"),
    annotations(
        "listener on an impossible port",
        &[("listen-ports", r#"[{"HTTP": 80}, {"HTTP": 99999}]"#)],
        "99999",
    ),
    annotations(
        "HTTPS without a certificate",
        &[("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#)],
        "certificate",
    ),
    annotations(
        "client certificates that are not JSON",
        &[("mutual-authentication", "{")],
        "mutual-authentication",
    ),
    annotations("clients that are no CIDRs", &[("inbound-cidrs", "everybody")], "everybody"),
    annotations(
        "listener attributes without a value",
        &[("listener-attributes.HTTP-80", "x")],
        "listener-attributes.HTTP-80",
    ),
    // ---- log-in
    annotations("log-in of an unknown kind", &[("auth-type", "riddle")], "riddle"),
    annotations(
        "log-in without an identity provider",
        &[("auth-type", "oidc"), ("listen-ports", r#"[{"HTTPS": 8443}]"#), ("certificate-arn", "CERT_1")],
        "auth-idp-oidc",
    ),
    annotations(
        "log-in with a Secret that does not exist",
        &[
            ("auth-type", "oidc"),
            ("listen-ports", r#"[{"HTTPS": 8443}]"#),
            ("certificate-arn", "CERT_1"),
            (
                "auth-idp-oidc",
                r#"{"issuer": "https://a.example.com", "authorizationEndpoint": "https://a.example.com/a", "tokenEndpoint": "https://a.example.com/t", "userInfoEndpoint": "https://a.example.com/u", "secretName": "nobody"}"#,
            ),
        ],
        "nobody",
    ),
    // ---- what only AWS refuses
    action(
        "redirect with a wrong status code",
        r#"{"type": "redirect", "redirectConfig": {"host": "elsewhere.example.com", "statusCode": "HTTP_200"}}"#,
        "HTTP_200",
    ),
    action(
        "forward to no target group",
        r#"{"type": "forward", "forwardConfig": {"targetGroups": []}}"#,
        "target group must be specified",
    ),
    action(
        "target group that AWS does not know",
        r#"{"type": "forward", "targetGroupARN": "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/gone/0123456789abcdef"}"#,
        "TargetGroupNotFound",
    ),
    annotations(
        "health check interval that AWS refuses",
        &[("healthcheck-interval-seconds", "4000")],
        "interval",
    ),
    annotations("attribute that AWS does not know", &[("target-group-attributes", "speed=high")], "speed"),
    edit(
        "more hosts than AWS takes in a rule",
        |ingress| {
            ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/conditions.web-25"] = json!(
                r#"[{"field": "host-header", "hostHeaderConfig": {"values": ["a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com", "f.example.com"]}}]"#
            );
        },
        "ondition",
    ),
    // ---- the whole group
    annotations("order that is no number", &[("group.order", "first")], "first"),
    annotations("order out of range", &[("group.order", "5000")], "5000"),
    annotations("scheme", &[("scheme", "outside")], "outside"),
    annotations("address type", &[("ip-address-type", "ipv9")], "ipv9"),
    annotations("security group that does not exist", &[("security-groups", "nobody")], "nobody"),
    annotations(
        "subnet that does not exist",
        &[("subnets", "subnet-00000000000000000")],
        "subnet-00000000000000000",
    ),
    annotations(
        "load balancer attributes without a value",
        &[("load-balancer-attributes", "idle")],
        "load-balancer-attributes",
    ),
    annotations("tags without a value", &[("tags", "team")], "tags"),
    annotations("web ACL that does not exist", &[("wafv2-acl-name", "nobody")], "nobody"),
    annotations(
        "capacity that is no number",
        &[("minimum-load-balancer-capacity", "CapacityUnits=much")],
        "minimum-load-balancer-capacity",
    ),
    annotations("Shield that is neither on nor off", &[("shield-advanced-protection", "perhaps")], "perhaps"),
    edit(
        "class that does not exist",
        |ingress| ingress["spec"]["ingressClassName"] = json!("nobody"),
        "nobody",
    ),
];

impl InvalidEdit {
    /// The Ingress, broken in this way.
    pub fn broken(&self, rig: &Rig, mut ingress: Value) -> Value {
        let mut annotate = |key: &str, value: &str| {
            ingress["metadata"]["annotations"][format!("alb.ingress.kubernetes.io/{key}")] =
                json!(landmark(rig, value));
        };
        match &self.how {
            How::Annotations(annotations) => annotations.iter().for_each(|(key, value)| annotate(key, value)),
            How::Action(action, value) => {
                annotate(&format!("actions.{action}"), value);
                let backend = json!({"service": {"name": action, "port": {"name": "use-annotation"}}});
                first_path(&mut ingress)["backend"] = backend;
            }
            How::Edit(edit) => edit(&mut ingress),
            How::Service(_) | How::NoService => {}
        }
        ingress
    }

    /// Breaks what the Ingress refers to.
    pub fn prepare(&self, rig: &Rig) {
        let mut service = fixtures::cluster_service("web-25", &[80]);
        match &self.how {
            How::Service(edit) => {
                edit(&mut service);
                rig.api.put(service);
            }
            How::NoService => drop(rig.api.delete("services", fixtures::NAMESPACE, "web-25")),
            _ => {}
        }
    }
}

/// The ARN that a name of the simulated account stands for, or the text itself.
fn landmark(rig: &Rig, text: &str) -> String {
    let id = rig.aws.world(|world| world.id(text).to_owned());
    if id.is_empty() { text.to_owned() } else { id }
}
