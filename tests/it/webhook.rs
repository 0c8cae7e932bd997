//! The webhook server's router: what it makes of AdmissionReviews, and of what is none.

use aws_load_balancer_controller::api::TargetGroupBinding;
use aws_load_balancer_controller::aws::Cloud;
use aws_load_balancer_controller::aws::assume_role::{AssumedRole, CloudFor};
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::cluster::stores::Stores;
use aws_load_balancer_controller::config::{AnnotationValidation, Config};
use aws_load_balancer_controller::metrics::{LookupMeter, Metrics, WebhookErrorLabels};
use aws_load_balancer_controller::serve::bodies::LARGEST;
use aws_load_balancer_controller::serve::listener::serve_plain;
use aws_load_balancer_controller::serve::lookups::Lookups;
use aws_load_balancer_controller::serve::webhook::{paths, router};
use aws_load_balancer_controller::serve::webhooks::Webhooks;
use aws_sim::{Calls, Effect, Fault, Sim};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures::StreamExt;
use http_body_util::BodyExt;
use proptest::prelude::*;
use rig::rig::OneName;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

const SERVICE: &str = "/validate-v1-service";
const INGRESS: &str = "/validate-networking-v1-ingress";
const SCHEME: &str = "service.beta.kubernetes.io/aws-load-balancer-scheme";

/// An AWS that nobody may ask.
struct OutOfReach;

impl CloudFor for OutOfReach {
    fn cloud_for(&self, _: Option<&AssumedRole>) -> Arc<dyn Cloud> {
        panic!("a check that AWS is not needed for asks AWS")
    }
}

struct Server {
    router: Router,
    stores: Arc<Stores>,
    metrics: Arc<Metrics>,
}

fn server(mode: AnnotationValidation) -> Server {
    let config = Config { annotation_validation: mode, ..Config::default() };
    let lookups = Lookups::new(Arc::new(OutOfReach), LookupMeter::default());
    let hooks = Webhooks { lookups, ..rig::webhooks(config) };
    let (stores, metrics) = (hooks.stores.clone(), hooks.metrics.clone());
    Server { router: router(Arc::new(hooks)), stores, metrics }
}

impl Server {
    async fn send(&self, request: Request<Body>) -> (StatusCode, Vec<u8>) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    async fn post(&self, path: &str, content_type: &str, body: impl Into<Body>) -> (StatusCode, Vec<u8>) {
        let request = Request::post(path).header("content-type", content_type).body(body.into()).unwrap();
        self.send(request).await
    }

    async fn review(&self, path: &str, operation: &str, object: &Value, old: &Value) -> Value {
        let review = review(operation, object, old);
        let (status, body) = self.post(path, "application/json", review.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(answer["response"]["uid"], "705ab4f5");
        answer["response"].clone()
    }
}

fn review(operation: &str, object: &Value, old: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5", "operation": operation, "namespace": "shop", "name": "web",
            "kind": {"group": "", "version": "v1", "kind": "Service"},
            "userInfo": {"username": "jane"}, "object": object, "oldObject": old, "dryRun": true, "options": null
        }
    })
}

fn service(scheme: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "annotations": {SCHEME: scheme}},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb", "ports": [{"port": 80}]}
    })
}

#[tokio::test]
async fn a_service_that_cannot_be_built_is_refused_with_help() {
    let server = server(AnnotationValidation::Enforce);
    let response = server.review(SERVICE, "CREATE", &service("internet-facng"), &Value::Null).await;
    assert_eq!(response["allowed"], false);
    assert_eq!(response["status"]["code"], 403);
    let message = response["status"]["message"].as_str().unwrap();
    for part in ["service/shop/web", SCHEME, "internal or internet-facing", "did you mean `internet-facing`?"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    let refusals = &server.metrics.webhook_validation_failures;
    assert_eq!(refusals.get_or_create(&WebhookErrorLabels::new(SERVICE, "annotations")).get(), 1);
    let response = server.review(SERVICE, "CREATE", &service("internal"), &Value::Null).await;
    assert_eq!(response, json!({"uid": "705ab4f5", "allowed": true}));
}

#[tokio::test]
async fn warn_admits_and_off_is_silent() {
    let wrong = service("internet-facng");
    let response = server(AnnotationValidation::Warn).review(SERVICE, "CREATE", &wrong, &Value::Null).await;
    assert_eq!(response["allowed"], true);
    assert!(response["warnings"][0].as_str().unwrap().contains("did you mean"));
    let response = server(AnnotationValidation::Off).review(SERVICE, "CREATE", &wrong, &Value::Null).await;
    assert_eq!(response, json!({"uid": "705ab4f5", "allowed": true}));
}

#[tokio::test]
async fn a_target_group_that_aws_was_not_asked_about_is_not_taken_for_missing() {
    let cases = [
        ("TargetGroupNotFound", 403, "TargetGroupNotFound"),
        ("AccessDenied", 403, "AWS does not let the controller look, so it is not known whether it exists"),
        ("Throttling", 503, "AWS could not be asked, so it is not known whether it exists"),
    ];
    let path = "/validate-elbv2-k8s-aws-v1beta1-targetgroupbinding";
    let binding = json!({
        "apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"targetGroupName": "web", "targetType": "ip", "serviceRef": {"name": "web", "port": 80}}
    });
    for (code, status, words) in cases {
        let aws = Sim::default();
        aws.arm(Fault::on(Calls::Of(Action::DescribeTargetGroups), Effect::fail(code)));
        let lookups = Lookups::new(Arc::new(OneName(Arc::new(aws))), LookupMeter::default());
        let hooks = Webhooks { lookups, ..rig::webhooks(Config::default()) };
        let (stores, metrics) = (hooks.stores.clone(), hooks.metrics.clone());
        let server = Server { router: router(Arc::new(hooks)), stores, metrics };
        let answer = server.review(path, "CREATE", &binding, &Value::Null).await;
        assert_eq!(
            (&answer["allowed"], &answer["status"]["code"]),
            (&json!(false), &json!(status)),
            "{answer}"
        );
        assert!(answer["status"]["message"].as_str().unwrap().contains(words), "{answer}");
    }
}

#[tokio::test]
async fn a_dangerous_update_is_admitted_with_a_warning() {
    let server = server(AnnotationValidation::Enforce);
    let response = server.review(SERVICE, "UPDATE", &service("internet-facing"), &service("internal")).await;
    assert_eq!(response["allowed"], true);
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(warning.contains("the load balancer is replaced and its hostname changes"), "{warning}");
}

#[tokio::test]
async fn ingresses_are_judged_by_their_class() {
    let server = server(AnnotationValidation::Enforce);
    for (name, controller) in [("alb", "ingress.k8s.aws/alb"), ("nginx", "k8s.io/ingress-nginx")] {
        let class = json!({"metadata": {"name": name}, "spec": {"controller": controller}});
        let key = aws_load_balancer_controller::api::ObjectKey::cluster(name);
        server.stores.ingress_classes.apply(key, serde_json::from_value(class).unwrap());
    }
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    for (class, allowed) in [("alb", false), ("nginx", true), ("missing", false)] {
        let ingress = json!({
            "metadata": {"name": "web", "annotations": {"alb.ingress.kubernetes.io/target-type": "pod"}},
            "spec": {"ingressClassName": class, "defaultBackend": backend}
        });
        let response = server.review(INGRESS, "CREATE", &ingress, &Value::Null).await;
        assert_eq!(response["allowed"], allowed, "{class}: {response}");
    }
}

#[tokio::test]
async fn duplicates_of_a_target_group_are_found_among_many_bindings() {
    let server = server(AnnotationValidation::Enforce);
    let arn = |at: usize| {
        format!("arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/tg-{at}/0123456789abcdef")
    };
    let binding = |at: usize, name: &str| {
        json!({
            "metadata": {"namespace": "shop", "name": name, "uid": name},
            "spec": {"targetGroupARN": arn(at), "targetType": "ip", "serviceRef": {"name": "web", "port": 80}}
        })
    };
    for at in 0..50 {
        let name = format!("tgb-{at}");
        let parsed: TargetGroupBinding = serde_json::from_value(binding(at, &name)).unwrap();
        let key = aws_load_balancer_controller::api::ObjectKey::namespaced("shop", name.as_str());
        server.stores.bindings.apply(key, parsed);
    }
    let path = "/validate-elbv2-k8s-aws-v1beta1-targetgroupbinding";
    let mut old = binding(77, "new");
    old["spec"]["serviceRef"]["port"] = json!(81);
    let response = server.review(path, "UPDATE", &binding(77, "new"), &old).await;
    assert_eq!(response["allowed"], true, "{response}");
    let mut old = binding(7, "new");
    old["spec"]["serviceRef"]["port"] = json!(81);
    let response = server.review(path, "UPDATE", &binding(7, "new"), &old).await;
    assert_eq!(response["allowed"], false, "{response}");
}

#[tokio::test]
async fn what_is_no_admission_review_gets_the_right_status() {
    let server = server(AnnotationValidation::Enforce);
    let good = review("CREATE", &service("internal"), &Value::Null);
    let with = |pointer: &str, value: Value| {
        let mut review = good.clone();
        *review.pointer_mut(pointer).unwrap() = value;
        review.to_string()
    };
    let json = "application/json";
    let cases = [
        (json, good.to_string(), StatusCode::OK),
        ("application/json; charset=utf-8", good.to_string(), StatusCode::OK),
        ("text/plain", good.to_string(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("", good.to_string(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (json, String::new(), StatusCode::BAD_REQUEST),
        (json, "[]".to_owned(), StatusCode::BAD_REQUEST),
        (json, "{".to_owned(), StatusCode::BAD_REQUEST),
        (json, with("/apiVersion", json!("admission.k8s.io/v1beta1")), StatusCode::BAD_REQUEST),
        (json, with("/kind", json!("Review")), StatusCode::BAD_REQUEST),
        (json, with("/request", Value::Null), StatusCode::BAD_REQUEST),
        (json, with("/request", json!(["705ab4f5", "CREATE", "shop"])), StatusCode::BAD_REQUEST),
        (json, with("/request/uid", json!(7)), StatusCode::BAD_REQUEST),
        (json, " ".repeat(LARGEST + 1), StatusCode::PAYLOAD_TOO_LARGE),
        (json, "[".repeat(100_000), StatusCode::BAD_REQUEST),
    ];
    for (content_type, body, expected) in cases {
        let begin: String = body.chars().take(80).collect();
        let (status, _) = server.post(SERVICE, content_type, body).await;
        assert_eq!(status, expected, "{content_type} {begin}");
    }
    let get = Request::get(SERVICE).body(Body::empty()).unwrap();
    assert_eq!(server.send(get).await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.post("/validate-nothing", json, "{}").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_given_up() {
    let begin = futures::stream::once(async { Ok::<_, std::io::Error>("{\"apiVersion\":") });
    let body = Body::from_stream(begin.chain(futures::stream::pending()));
    let (status, _) = server(AnnotationValidation::Enforce).post(SERVICE, "application/json", body).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn every_path_survives_objects_of_any_shape() {
    let server = server(AnnotationValidation::Enforce);
    let shapes = [
        Value::Null,
        json!([]),
        json!("text"),
        json!({}),
        json!({"metadata": 1, "spec": 1}),
        json!({"metadata": {"annotations": [1]}, "spec": {"ports": {}, "rules": 1}}),
        json!({"metadata": {"annotations": {SCHEME: 1}}, "spec": {"type": "LoadBalancer"}}),
        json!({"metadata": {"labels": {"elbv2.k8s.aws/alb-target-control-agent-inject": "true"}}, "spec": null}),
    ];
    for path in paths() {
        for operation in ["CREATE", "UPDATE", "DELETE", "CONNECT", ""] {
            for shape in &shapes {
                let response = server.review(path, operation, shape, shape).await;
                assert!(response["allowed"].is_boolean(), "{path} {operation} {shape}: {response}");
            }
        }
    }
}

#[tokio::test]
async fn a_half_sent_request_holds_up_nobody() {
    let server = server(AnnotationValidation::Enforce);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = server.router.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await });
    let head = |length: usize| {
        format!(
            "POST {SERVICE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        )
    };
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(head(1000).as_bytes()).await.unwrap();
    half.write_all(b"{\"apiVersion\":").await.unwrap();

    let body = review("CREATE", &service("internal"), &Value::Null).to_string();
    let mut whole = TcpStream::connect(address).await.unwrap();
    whole.write_all((head(body.len()) + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    whole.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"allowed\":true"), "{answer}");

    half.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // why: the server may answer 400 or just hang up; it must let go of the connection
    let _ = half.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
}

/// Asks over a connection that is kept, and reads the answer.
async fn ask(stream: &mut TcpStream) -> String {
    let body = review("CREATE", &service("internal"), &Value::Null).to_string();
    let head = format!(
        "POST {SERVICE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.contains("\"allowed\":true") {
        let mut part = [0; 1024];
        let length = stream.read(&mut part).await.unwrap();
        assert_ne!(length, 0, "the connection was closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    answer
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_longer_than_an_api_server_keeps_it() {
    let router = server(AnnotationValidation::Enforce).router;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve_plain(listener, router, std::future::pending()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(95)).await;
        ask(&mut stream).await;
    }
    tokio::time::sleep(Duration::from_secs(105)).await;
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "it is not kept for ever");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_answers_each_connection_once_more_and_new_ones_too() {
    let router = server(AnnotationValidation::Enforce).router;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (leave, told) = tokio::sync::oneshot::channel::<()>();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serve_plain(listener, router, async { drop(told.await) }));
    let mut kept = TcpStream::connect(address).await.unwrap();
    let has_closed = |answer: &str| answer.to_lowercase().contains("connection: close");
    assert!(!has_closed(&ask(&mut kept).await));

    leave.send(()).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for mut stream in [kept, TcpStream::connect(address).await.unwrap()] {
        assert!(has_closed(&ask(&mut stream).await));
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    }
    tasks.join_next().await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "it has left");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_body_makes_the_router_fail(body in proptest::collection::vec(any::<u8>(), 0..512), path in prop::sample::select(paths().collect::<Vec<_>>())) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let status = runtime.block_on(async {
            server(AnnotationValidation::Enforce).post(path, "application/json", body).await.0
        });
        prop_assert_eq!(status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn no_mangled_review_makes_the_router_fail(
        path in prop::sample::select(paths().collect::<Vec<_>>()),
        places in proptest::collection::vec((any::<prop::sample::Index>(), any_json()), 0..4),
    ) {
        let mut review = complete_review(path);
        for (place, value) in places {
            let pointers = pointers_of(&review);
            let pointer: &String = place.get(&pointers);
            *review.pointer_mut(pointer).unwrap() = value;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (status, body) = runtime.block_on(async {
            server(AnnotationValidation::Enforce).post(path, "application/json", review.to_string()).await
        });
        match status {
            StatusCode::OK => {
                let answer: Value = serde_json::from_slice(&body).unwrap();
                prop_assert!(answer["response"]["allowed"].is_boolean(), "{}", answer);
                prop_assert_eq!(&answer["response"]["uid"], &review["request"]["uid"]);
            }
            other => prop_assert_eq!(other, StatusCode::BAD_REQUEST, "{}", review),
        }
    }
}

/// Any JSON of a few levels.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec!["UPDATE", "LoadBalancer", "alb", "true", "http", "80", "use-annotation"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The pointers of all parts of a document.
fn pointers_of(document: &Value) -> Vec<String> {
    let parts: Vec<(String, &Value)> = match document {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    let below = parts.into_iter().flat_map(|(part, value)| {
        pointers_of(value).into_iter().map(move |rest| format!("/{part}{rest}")).collect::<Vec<_>>()
    });
    std::iter::once(String::new()).chain(below).collect()
}

/// An update that every check of a path has something to say to.
fn complete_review(path: &str) -> Value {
    let pod = json!({
        "metadata": {
            "labels": {"elbv2.k8s.aws/alb-target-control-agent-inject": "true"},
            "annotations": {"service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers": "web"}
        },
        "spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "B"}]}]}
    });
    let ingress = json!({
        "metadata": {"name": "web", "annotations": {
            "alb.ingress.kubernetes.io/target-type": "ip",
            "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTP\": 80}]",
            "alb.ingress.kubernetes.io/actions.web": "{\"type\": \"fixed-response\", \"fixedResponseConfig\": {\"statusCode\": \"200\"}}",
            "alb.ingress.kubernetes.io/conditions.web": "[{\"field\": \"source-ip\", \"sourceIpConfig\": {\"values\": [\"10.0.0.0/8\"]}}]"
        }},
        "spec": {"rules": [{"host": "a.example.com", "http": {"paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": "web", "port": {"name": "use-annotation"}}}
        }]}}]}
    });
    let binding = json!({
        "metadata": {"name": "web", "uid": "1"},
        "spec": {"targetType": "ip", "serviceRef": {"name": "web", "port": 80}}
    });
    let params = json!({"metadata": {"name": "alb"}, "spec": {"inboundCIDRs": ["10.0.0.0/8"], "subnets": {"ids": ["subnet-1"]}}});
    match path {
        INGRESS => review("UPDATE", &ingress, &json!({"spec": {}})),
        path if path.contains("pod") => review("CREATE", &pod, &Value::Null),
        path if path.contains("binding") => {
            review("UPDATE", &binding, &json!({"spec": {"targetType": "ip"}}))
        }
        path if path.contains("params") => review("CREATE", &params, &Value::Null),
        path if path.contains("gateway") => review("CREATE", &gateway_object(path), &Value::Null),
        _ => review("UPDATE", &service("internal"), &service("internet-facing")),
    }
}

/// A complete object of the kind of Gateway API that a path is for.
fn gateway_object(path: &str) -> Value {
    let (version, kind, spec) = match path {
        "/validate-gateway-k8s-aws-v1-loadbalancerconfiguration" => (
            "gateway.k8s.aws/v1",
            "LoadBalancerConfiguration",
            json!({
                "loadBalancerName": "edge", "scheme": "internal", "tags": {"team": "web"}, "sourceRanges": ["10.0.0.0/8"],
                "loadBalancerSubnets": [{"identifier": "subnet-01234567"}],
                "loadBalancerAttributes": [{"key": "idle_timeout.timeout_seconds", "value": "60"}],
                "listenerConfigurations": [{"protocolPort": "HTTPS:443", "mutualAuthentication": {"mode": "off"}}]
            }),
        ),
        "/validate-gateway-k8s-aws-v1-targetgroupconfiguration" => (
            "gateway.k8s.aws/v1",
            "TargetGroupConfiguration",
            json!({
                "targetReference": {"name": "web"},
                "defaultConfiguration": {"targetType": "ip", "healthCheckConfig": {"healthCheckInterval": 10}},
                "routeConfigurations": [{
                    "routeIdentifier": {"routeKind": "HTTPRoute", "routeName": "web"},
                    "targetGroupProps": {"targetGroupAttributes": [{"key": "stickiness.enabled", "value": "true"}]}
                }]
            }),
        ),
        "/validate-gateway-k8s-aws-v1-listenerruleconfiguration" => (
            "gateway.k8s.aws/v1",
            "ListenerRuleConfiguration",
            json!({
                "conditions": [{"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8"]}, "matchIndexes": [0]}],
                "actions": [{"type": "fixed-response", "fixedResponseConfig": {"statusCode": 404}}]
            }),
        ),
        _ => (
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            json!({
                "parentRefs": [{"name": "edge", "sectionName": "http"}], "hostnames": ["a.example.com"],
                "rules": [{
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "a", "value": "b"}]}],
                    "filters": [{"type": "RequestRedirect", "requestRedirect": {"statusCode": 301}}],
                    "backendRefs": [{"name": "web", "port": 80, "weight": 1}]
                }]
            }),
        ),
    };
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
}
