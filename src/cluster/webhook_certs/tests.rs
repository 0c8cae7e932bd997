#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use kube::client::Body;
use serde_json::Value;
use webhook_certs::service_names;

use super::*;

const SECRET: &str = "/api/v1/namespaces/kube-system/secrets/certs";
const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/hooks";
const VALIDATING: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/hooks";

/// The few API server calls that the rotator makes, on objects by path.
#[derive(Clone, Default)]
struct ApiServer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    writes: Vec<String>,
    forbidden: Vec<Method>,
}

impl ApiServer {
    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let (status, answer) = server.answer(&parts.method, parts.uri.path(), body);
                let answer = Body::from(serde_json::to_vec(&answer).unwrap());
                Ok::<_, Infallible>(Response::builder().status(status).body(answer).unwrap())
            }
        });
        Client::new(service, "default")
    }

    fn answer(&self, method: &Method, path: &str, body: Value) -> (StatusCode, Value) {
        let mut state = self.0.lock().unwrap();
        if state.forbidden.contains(method) {
            return failure(StatusCode::FORBIDDEN);
        }
        if *method != Method::GET {
            state.writes.push(format!("{method} {path}"));
        }
        let path = match method.as_str() {
            "POST" => format!("{path}/{}", body["metadata"]["name"].as_str().unwrap()),
            _ => path.to_string(),
        };
        let found = state.objects.get(&path).cloned();
        let next = match (method.as_str(), found) {
            ("GET", Some(found)) => return (StatusCode::OK, found),
            ("GET" | "PUT" | "PATCH", None) => return failure(StatusCode::NOT_FOUND),
            ("POST", Some(_)) => return failure(StatusCode::CONFLICT),
            ("PUT", Some(found))
                if found["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"] =>
            {
                return failure(StatusCode::CONFLICT);
            }
            ("PATCH", Some(mut found)) => {
                json_patch::patch(&mut found, &serde_json::from_value::<json_patch::Patch>(body).unwrap())
                    .unwrap();
                found
            }
            _ => body,
        };
        (StatusCode::OK, state.store(path, next))
    }

    fn put(&self, path: &str, object: Value) {
        self.0.lock().unwrap().store(path.to_string(), object);
    }

    fn delete(&self, path: &str) {
        self.0.lock().unwrap().objects.remove(path);
    }

    fn get(&self, path: &str) -> Value {
        self.0.lock().unwrap().objects.get(path).cloned().unwrap_or_default()
    }

    fn forbid(&self, methods: &[Method]) {
        self.0.lock().unwrap().forbidden = methods.to_vec();
    }

    fn take_writes(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().writes)
    }

    fn bundle(&self) -> Bundle {
        bundle_in(&serde_json::from_value(self.get(SECRET)).unwrap()).unwrap()
    }

    /// What each webhook trusts.
    fn trusts(&self, path: &str) -> Vec<String> {
        let configuration: ValidatingWebhookConfiguration = serde_json::from_value(self.get(path)).unwrap();
        let configs = configuration.client_configs();
        let bundles = configs.iter().map(|(_, config)| config.ca_bundle.clone().unwrap_or_default().0);
        bundles.map(|bundle| String::from_utf8(bundle).unwrap()).collect()
    }
}

impl State {
    fn store(&mut self, path: String, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path, object.clone());
        object
    }
}

fn failure(status: StatusCode) -> (StatusCode, Value) {
    let reason = match status {
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        _ => "Forbidden",
    };
    let answer = json!({
        "kind": "Status",
        "status": "Failure",
        "code": status.as_u16(),
        "reason": reason,
        "message": reason,
    });
    (status, answer)
}

fn installed() -> ApiServer {
    let server = ApiServer::default();
    server.put(SECRET, json!({"metadata": {"name": "certs", "namespace": "kube-system"}, "type": "Opaque"}));
    for path in [MUTATING, VALIDATING] {
        let webhooks: Vec<_> = ["a.example", "b.example"]
            .iter()
            .map(|name| {
                json!({"name": name, "sideEffects": "None", "admissionReviewVersions": ["v1"],
                    "clientConfig": {"service": {"name": "hook", "namespace": "kube-system"}}})
            })
            .collect();
        server.put(path, json!({"metadata": {"name": "hooks"}, "webhooks": webhooks}));
    }
    server
}

fn settings() -> WebhookCertsSettings {
    WebhookCertsSettings {
        secret: ObjectKey::namespaced("kube-system", "certs"),
        configurations: vec!["hooks".to_string()],
        policy: RotationPolicy::new(service_names("hook", "kube-system", "cluster.local")),
    }
}

fn replica(server: &ApiServer) -> CertificateRotator {
    CertificateRotator::new(server.client(), settings())
}

fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn after(time: Timestamp, hours: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_hours(hours)).unwrap()
}

/// Steps until there is nothing to do at this time; returns the certificates that were published.
async fn run_until_idle(rotator: &mut CertificateRotator, now: Timestamp) -> Vec<String> {
    let published = Mutex::new(Vec::new());
    for _ in 0..8 {
        let publish = |bundle: &Bundle| published.lock().unwrap().push(bundle.cert_pem.clone());
        if !rotator.step(now, &publish).await.unwrap().is_zero() {
            return published.into_inner().unwrap();
        }
    }
    panic!("still stepping");
}

/// Has the rotator see that the Secret is gone, and lets the time pass in which it does nothing about it.
async fn wait_for_recreation(rotator: &mut CertificateRotator) {
    assert_eq!(run_until_idle(rotator, start()).await, Vec::<String>::new());
    tokio::time::advance(RECREATE_DELAY).await;
}

#[tokio::test(start_paused = true)]
async fn a_fresh_installation_gets_certificates_that_every_webhook_trusts() {
    let server = installed();
    let published = run_until_idle(&mut replica(&server), start()).await;
    let bundle = server.bundle();
    assert_eq!(published, [bundle.cert_pem]);
    for path in [MUTATING, VALIDATING] {
        assert_eq!(server.trusts(path), [bundle.ca_pem.clone(), bundle.ca_pem.clone()], "{path}");
    }
    assert_eq!(server.get(SECRET)["type"], "Opaque");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_where_all_is_well() {
    let server = installed();
    run_until_idle(&mut replica(&server), start()).await;
    server.take_writes();
    run_until_idle(&mut replica(&server), start()).await;
    assert_eq!(server.take_writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn replicas_that_start_together_agree() {
    let server = installed();
    let (mut one, mut two) = (replica(&server), replica(&server));
    let nothing = |_: &Bundle| {};
    let stored = one.read().await.unwrap();
    two.step(start(), &nothing).await.unwrap();
    let next = advance(Decision::IssueAll(IssueReason::Missing), start(), None, &one.settings.policy)
        .unwrap()
        .unwrap();
    assert!(!one.write(stored, &next).await.unwrap(), "the slower replica must not overwrite");
    assert_eq!(run_until_idle(&mut one, start()).await, run_until_idle(&mut two, start()).await);
}

#[tokio::test(start_paused = true)]
async fn an_overwritten_ca_bundle_is_written_again() {
    let server = installed();
    let mut rotator = replica(&server);
    run_until_idle(&mut rotator, start()).await;
    let mut overwritten = server.get(MUTATING);
    overwritten["webhooks"][1]["clientConfig"]["caBundle"] = json!("eA==");
    server.put(MUTATING, overwritten);
    server.take_writes();
    run_until_idle(&mut rotator, start()).await;
    assert_eq!(server.take_writes(), [format!("PATCH {MUTATING}")]);
    assert_eq!(server.trusts(MUTATING)[1], server.bundle().ca_pem);
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_appears_later_is_written_then() {
    let server = installed();
    let late = server.get(VALIDATING);
    server.delete(VALIDATING);
    let mut rotator = replica(&server);
    run_until_idle(&mut rotator, start()).await;
    server.put(VALIDATING, late);
    run_until_idle(&mut rotator, start()).await;
    assert_eq!(server.trusts(VALIDATING)[0], server.bundle().ca_pem);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_deleted_or_broken_is_replaced_without_cutting_off_who_serves_the_old_one() {
    for broken in [None, Some(json!({"tls.crt": "eA==", "tls.key": "eA==", "ca.crt": "eA=="}))] {
        let server = installed();
        let mut rotator = replica(&server);
        run_until_idle(&mut rotator, start()).await;
        let before = server.bundle();
        match broken {
            None => {
                server.delete(SECRET);
                wait_for_recreation(&mut rotator).await;
            }
            Some(data) => server.put(SECRET, json!({"metadata": {"name": "certs"}, "data": data})),
        }
        let published = run_until_idle(&mut rotator, start()).await;
        let bundle = server.bundle();
        assert_eq!(bundle.cert_pem, before.cert_pem);
        assert!(bundle.ca_pem.starts_with(&before.ca_pem) && bundle.ca_pem != before.ca_pem);
        assert_eq!(server.trusts(MUTATING)[0], bundle.ca_pem);
        assert_eq!(published, [before.cert_pem]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_helm_deletes_is_not_brought_back_while_it_works_and_bears_its_marks_if_it_is() {
    let server = installed();
    let mut marked = server.get(SECRET);
    marked["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    marked["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "lbc"});
    server.put(SECRET, marked.clone());
    let mut rotator = replica(&server);
    run_until_idle(&mut rotator, start()).await;

    server.delete(SECRET);
    server.take_writes();
    run_until_idle(&mut rotator, start()).await;
    tokio::time::advance(RECREATE_DELAY.checked_sub(Duration::from_millis(1)).unwrap()).await;
    run_until_idle(&mut rotator, start()).await;
    assert_eq!(server.take_writes(), Vec::<String>::new());

    tokio::time::advance(Duration::from_millis(1)).await;
    run_until_idle(&mut rotator, start()).await;
    for marks in ["labels", "annotations"] {
        assert_eq!(server.get(SECRET)["metadata"][marks], marked["metadata"][marks]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_authority_is_used_only_after_every_webhook_trusts_it_for_a_while() {
    let server = installed();
    let mut rotator = replica(&server);
    run_until_idle(&mut rotator, start()).await;
    let before = server.bundle();
    server.delete(SECRET);
    wait_for_recreation(&mut rotator).await;
    run_until_idle(&mut rotator, start()).await;

    let later = after(start(), 1);
    let mut overwritten = server.get(MUTATING);
    overwritten["webhooks"][0]["clientConfig"]["caBundle"] = json!("eA==");
    server.put(MUTATING, overwritten);
    run_until_idle(&mut rotator, later).await;
    assert_eq!(server.bundle().cert_pem, before.cert_pem, "the trust was only just repaired");

    tokio::time::advance(Duration::from_secs(31)).await;
    run_until_idle(&mut rotator, later).await;
    assert_ne!(server.bundle().cert_pem, before.cert_pem);

    run_until_idle(&mut rotator, after(later, 2)).await;
    assert_eq!(server.bundle().ca_pem.matches("BEGIN").count(), 1);
    assert_eq!(server.trusts(VALIDATING)[0], server.bundle().ca_pem);
}

#[tokio::test(start_paused = true)]
async fn certificates_that_may_not_be_changed_are_served_nevertheless() {
    let server = installed();
    run_until_idle(&mut replica(&server), start()).await;
    server.forbid(&[Method::PUT, Method::POST, Method::PATCH]);
    let mut rotator = replica(&server);
    assert_eq!(run_until_idle(&mut rotator, start()).await, [server.bundle().cert_pem]);

    let due = after(start(), 24 * 61);
    let error = rotator.step(due, &|_: &Bundle| {}).await.unwrap_err();
    assert!(error.to_string().contains("Secret kube-system/certs"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_may_not_be_changed_does_not_stop_renewals() {
    let server = installed();
    server.forbid(&[Method::PATCH]);
    let mut rotator = replica(&server);
    let nothing = |_: &Bundle| {};
    rotator.step(start(), &nothing).await.unwrap();
    let error = rotator.step(start(), &nothing).await.unwrap_err();
    assert!(error.to_string().contains("caBundle of MutatingWebhookConfiguration hooks"), "{error}");

    let before = server.bundle();
    rotator.step(after(start(), 24 * 61), &nothing).await.unwrap_err();
    assert_ne!(server.bundle().cert_pem, before.cert_pem);
}
