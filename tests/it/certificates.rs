//! The webhooks' certificates on a real API server, with the permissions that the chart grants.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_load_balancer_controller::api::{ObjectKey, Service};
use aws_load_balancer_controller::cluster::webhook_certs::{WebhookCertsSettings, run};
use aws_load_balancer_controller::metrics::Metrics;
use aws_load_balancer_controller::serve::certificate::{CertificateFiles, ServingCertificate, server_config};
use aws_load_balancer_controller::serve::listener::serve_tls;
use axum::routing::post;
use axum::{Json, Router};
use futures::{StreamExt as _, TryStreamExt as _};
use harness::assets::chart;
use harness::{Cluster, eventually};
use jiff::SignedDuration;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, interval};
use webhook_certs::{Decision, IssueReason, RotationPolicy, advance, service_names};

const NAMESPACE: &str = "kube-system";
/// What every installation is given.
const SETS: &str = "clusterName=test,image.repository=registry.example.com/controller";
const NAME: &str = "aws-load-balancer-controller";
const SERVICE: &str = "aws-load-balancer-webhook-service";
const SECRET: &str = "aws-load-balancer-webhook-certs";

/// Replicas that keep certificates and allow everything, behind the Service of an installed chart.
struct Installation {
    cluster: Cluster,
    calls: Arc<AtomicUsize>,
    service: String,
    replicas: Vec<Replica>,
    tasks: JoinSet<()>,
}

/// One replica: what it serves, and the task that keeps its certificates.
struct Replica {
    serving: Arc<ServingCertificate>,
    /// The certificates that it was given to serve.
    served: Arc<Mutex<BTreeSet<String>>>,
    rotator: AbortHandle,
    endpoint: SocketAddr,
    leave: oneshot::Sender<()>,
}

/// Authorities of the webhooks, in PEM.
#[derive(Default)]
struct Trusted {
    /// All there have been.
    seen: BTreeSet<String>,
    /// How many there are.
    now: usize,
}

impl Installation {
    async fn start(policy: RotationPolicy, replicas: usize) -> Self {
        let cluster = Cluster::start().await.unwrap();
        let chart = chart().display().to_string();
        let install = ["install", NAME, &chart, "-n", NAMESPACE, "--set", SETS];
        cluster.helm(&install).await.unwrap().expect_ok().unwrap();
        let query = ["get", "service", SERVICE, "-n", NAMESPACE, "-o", "jsonpath={.spec.clusterIP}"];
        let address = cluster.kubectl(&query).await.unwrap().expect_ok().unwrap();
        let service = format!("{address}:443");
        let (calls, tasks) = (Arc::default(), JoinSet::new());
        let mut installation = Self { cluster, calls, service, replicas: Vec::new(), tasks };
        for _ in 0..replicas {
            installation.start_replica(policy.clone()).await;
        }
        installation
    }

    async fn start_replica(&mut self, policy: RotationPolicy) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap();
        self.cluster.tunnel().add(&self.service, endpoint);

        let serving = Arc::new(ServingCertificate::default());
        let tls = Arc::new(server_config(Arc::clone(&serving), None).unwrap());
        let (leave, told) = oneshot::channel();
        let told = async { drop(told.await) };
        self.tasks.spawn(serve_tls(listener, tls, allow_everything(&self.calls), told));
        let served = Arc::default();
        let rotator = self.keep_certificates(&serving, &served, policy).await;
        self.replicas.push(Replica { serving, served, rotator, endpoint, leave });
    }

    /// Has another replica come and the oldest one go. It leaves its Service a little later, as in a cluster.
    async fn replace_replica(&mut self, calls: &mut Calls) {
        self.start_replica(policy()).await;
        let newest = &self.replicas.last().unwrap().serving;
        eventually("the new replica is ready", Duration::from_mins(1), || {
            std::future::ready(newest.is_ready().then_some(()).ok_or_else(|| anyhow::anyhow!("it is not")))
        })
        .await
        .unwrap();
        let oldest = self.replicas.remove(0);
        oldest.leave.send(()).unwrap();
        oldest.rotator.abort();
        calls.make(50, self).await;
        self.cluster.tunnel().remove(oldest.endpoint);
        calls.make(150, self).await;
    }

    async fn keep_certificates(
        &mut self,
        serving: &Arc<ServingCertificate>,
        served: &Arc<Mutex<BTreeSet<String>>>,
        policy: RotationPolicy,
    ) -> AbortHandle {
        let settings = WebhookCertsSettings {
            secret: ObjectKey::namespaced(NAMESPACE, SECRET),
            configurations: vec!["aws-load-balancer-webhook".to_string()],
            policy,
        };
        let client = self.controller_client().await;
        let (serving, served) = (Arc::clone(serving), Arc::clone(served));
        self.tasks.spawn(async move {
            let publish = |bundle: &webhook_certs::Bundle| {
                serving.publish(bundle.cert_pem.as_bytes(), bundle.key_pem.as_bytes()).unwrap();
                served.lock().unwrap().insert(bundle.cert_pem.clone());
            };
            run(client, settings, publish, |_| {}).await;
        })
    }

    /// Goes on with another policy, and with what is served, as after a change of it.
    async fn change_policy(&mut self, policy: &RotationPolicy) {
        for mut replica in std::mem::take(&mut self.replicas) {
            replica.rotator.abort();
            replica.rotator = self.keep_certificates(&replica.serving, &replica.served, policy.clone()).await;
            self.replicas.push(replica);
        }
    }

    /// A client with the rights of the chart's ServiceAccount.
    async fn controller_client(&self) -> Client {
        let token = ["create", "token", NAME, "-n", NAMESPACE];
        let token = self.cluster.kubectl(&token).await.unwrap().expect_ok().unwrap();
        let kubeconfig = Kubeconfig::from_yaml(&self.cluster.kubeconfig_for(token.trim())).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        Client::try_from(config).unwrap()
    }

    /// Asks the API server to create a Service, without effect. The webhook that gives it a class may not fail.
    async fn try_service(&self, kind: &str) -> Result<Service, kube::Error> {
        try_service(&Api::namespaced(self.cluster.client(), "default"), kind).await
    }

    /// What API servers are told to trust, from now on.
    fn watch_trusted(&mut self) -> Arc<Mutex<Trusted>> {
        let trusted: Arc<Mutex<Trusted>> = Arc::default();
        let configurations: Api<MutatingWebhookConfiguration> = Api::all(self.cluster.client());
        let only = watcher::Config::default().fields("metadata.name=aws-load-balancer-webhook");
        let mut changes = watcher(configurations, only).applied_objects().boxed();
        let noted = Arc::clone(&trusted);
        self.tasks.spawn(async move {
            while let Ok(Some(configuration)) = changes.try_next().await {
                let webhooks = configuration.webhooks.unwrap();
                let bundle = webhooks[0].client_config.ca_bundle.clone().unwrap();
                let bundle = String::from_utf8(bundle.0).unwrap();
                let each: BTreeSet<_> = bundle.split_inclusive("-----END CERTIFICATE-----\n").collect();
                let mut trusted = noted.lock().unwrap();
                trusted.now = each.len();
                trusted.seen.extend(each.into_iter().map(str::to_owned));
            }
        });
        trusted
    }

    async fn webhooks_answer(&self) {
        eventually("the webhooks answer", Duration::from_mins(1), || async {
            Ok(self.try_service("LoadBalancer").await?)
        })
        .await
        .unwrap();
    }
}

async fn try_service(api: &Api<Service>, kind: &str) -> Result<Service, kube::Error> {
    let service = json!({
        "metadata": {"name": "probe"},
        "spec": {"type": kind, "ports": [{"port": 80}]},
    });
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    api.create(&dry_run, &serde_json::from_value(service).unwrap()).await
}

fn allow_everything(calls: &Arc<AtomicUsize>) -> Router {
    let calls = Arc::clone(calls);
    let allow = move |Json(review): Json<Value>| async move {
        calls.fetch_add(1, Ordering::Relaxed);
        let response = json!({"uid": review["request"]["uid"], "allowed": true});
        Json(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}))
    };
    Router::new().route("/{path}", post(allow))
}

fn policy() -> RotationPolicy {
    RotationPolicy::new(service_names(SERVICE, NAMESPACE, "cluster.local"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_gives_what_certificates_need_and_asks_webhooks_only_where_they_matter() {
    let installation = Installation::start(policy(), 2).await;
    installation.webhooks_answer().await;

    let before = installation.calls.load(Ordering::Relaxed);
    installation.try_service("ClusterIP").await.unwrap();
    installation.try_service("NodePort").await.unwrap();
    assert_eq!(installation.calls.load(Ordering::Relaxed), before, "these are none of ours");

    let annotated = r#"
        {"apiVersion": "v1", "kind": "Service",
         "metadata": {"name": "ours", "namespace": "default",
                      "annotations": {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}},
         "spec": {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb", "ports": [{"port": 80}]}}"#;
    installation.cluster.apply(annotated).await.unwrap();
    let checked = installation.calls.load(Ordering::Relaxed);
    assert_eq!(checked, before + 1, "its annotations are checked, and it has a class already");
    let finalizer = r#"{"metadata": {"finalizers": ["example.com/a"], "labels": {"a": "b"}}}"#;
    let patch = ["patch", "service", "ours", "--type=merge", "-p", finalizer];
    installation.cluster.kubectl(&patch).await.unwrap().expect_ok().unwrap();
    assert_eq!(installation.calls.load(Ordering::Relaxed), checked, "nothing to check has changed");

    let account = format!("--as=system:serviceaccount:{NAMESPACE}:{NAME}");
    for (allowed, verb, what) in [
        (true, "update", format!("secrets/{SECRET}")),
        (false, "get", "secrets/another".to_string()),
        (false, "list", "secrets".to_string()),
        (true, "patch", "mutatingwebhookconfigurations/aws-load-balancer-webhook".to_string()),
        (false, "patch", "mutatingwebhookconfigurations/another".to_string()),
        (false, "delete", "validatingwebhookconfigurations/aws-load-balancer-webhook".to_string()),
    ] {
        let question = ["auth", "can-i", verb, &what, "-n", NAMESPACE, &account];
        let answer = installation.cluster.kubectl(&question).await.unwrap();
        assert_eq!(answer.stdout.trim() == "yes", allowed, "{verb} {what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_leave_the_certificates_alone_and_a_deleted_secret_comes_back_as_it_was() {
    let installation = Installation::start(policy(), 2).await;
    installation.webhooks_answer().await;
    let cluster = &installation.cluster;
    let secret = ["get", "secret", SECRET, "-n", NAMESPACE, "-o", r"jsonpath={.data.tls\.crt}"];
    let before = cluster.kubectl(&secret).await.unwrap().expect_ok().unwrap();

    let chart = chart().display().to_string();
    let sets = "clusterName=test,image.repository=registry.example.com/controller,logLevel=debug,additionalLabels.team=a";
    let upgrade = ["upgrade", NAME, &chart, "-n", NAMESPACE, "--set", sets];
    cluster.helm(&upgrade).await.unwrap().expect_ok().unwrap();
    installation.try_service("LoadBalancer").await.unwrap();
    assert_eq!(cluster.kubectl(&secret).await.unwrap().expect_ok().unwrap(), before);

    let marks = [
        "get",
        "secret",
        SECRET,
        "-n",
        NAMESPACE,
        "-o",
        "jsonpath={.metadata.labels}{.metadata.annotations}",
    ];
    let of_helm = cluster.kubectl(&marks).await.unwrap().expect_ok().unwrap();
    assert!(of_helm.contains("meta.helm.sh/release-name"), "{of_helm}");
    let delete = ["delete", "secret", SECRET, "-n", NAMESPACE];
    cluster.kubectl(&delete).await.unwrap().expect_ok().unwrap();
    installation.try_service("LoadBalancer").await.unwrap();
    eventually("the Secret is back", Duration::from_secs(30), || async {
        cluster.kubectl(&secret).await?.expect_ok()
    })
    .await
    .unwrap();
    installation.try_service("LoadBalancer").await.unwrap();
    // why: Helm takes nothing over that does not bear its marks
    assert_eq!(cluster.kubectl(&marks).await.unwrap().expect_ok().unwrap(), of_helm);

    let uninstall = ["uninstall", NAME, "-n", NAMESPACE, "--wait", "--timeout=60s"];
    cluster.helm(&uninstall).await.unwrap().expect_ok().unwrap();
}

/// Calls all the time, while a new authority is made as soon as the last one is in use, and then while all of them but the last are
/// forgotten. How fast that goes depends on the machine; how often it happens does not.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_while_the_authority_is_replaced_again_and_again() {
    let second = SignedDuration::from_secs(1);
    let hour = SignedDuration::from_hours(1);
    let hurried = RotationPolicy {
        ca_lifetime: hour,
        ca_renew_before: hour,
        leaf_lifetime: hour,
        leaf_renew_before: hour / 2,
        propagation_time: second / 2,
        overlap: second * 3,
        ..policy()
    };
    let mut installation = Installation::start(hurried.clone(), 3).await;
    installation.webhooks_answer().await;
    let trusted = installation.watch_trusted();

    let mut calls = Calls::default();
    let fewest =
        |replicas: &[Replica]| replicas.iter().map(|replica| replica.served.lock().unwrap().len()).min();
    let deadline = Instant::now() + Duration::from_mins(10);
    while fewest(&installation.replicas) < Some(60) || calls.count < 2900 {
        assert!(
            Instant::now() < deadline,
            "{:?} certificates, {} calls",
            fewest(&installation.replicas),
            calls.count
        );
        calls.make(50, &installation).await;
    }
    let (authorities, made) = (trusted.lock().unwrap().seen.len(), calls.count);

    installation.change_policy(&RotationPolicy { ca_renew_before: hour / 2, ..hurried }).await;
    let deadline = Instant::now() + Duration::from_mins(5);
    while trusted.lock().unwrap().now > 1 {
        assert!(Instant::now() < deadline, "there are still {} authorities", trusted.lock().unwrap().now);
        calls.make(50, &installation).await;
    }
    calls.make(150, &installation).await;
    println!("{authorities} authorities; {made} calls meanwhile, {} in all", calls.count);
    calls.none_has_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_while_replicas_are_replaced() {
    let mut installation = Installation::start(policy(), 3).await;
    installation.webhooks_answer().await;
    let mut calls = Calls::default();
    for _ in 0..3 {
        installation.replace_replica(&mut calls).await;
    }
    calls.none_has_failed().await;
}

/// Calls at a time at most: what a busy machine answers within the time that the API server waits for a webhook.
const AT_A_TIME: usize = 20;

/// Calls that are made at a pace, fifty a second, or as fast as the machine answers them.
#[derive(Default)]
struct Calls {
    count: usize,
    answers: JoinSet<Result<(), kube::Error>>,
    failures: Vec<kube::Error>,
}

impl Calls {
    async fn make(&mut self, count: usize, installation: &Installation) {
        let mut ticks = interval(Duration::from_millis(20));
        for _ in 0..count {
            ticks.tick().await;
            while self.answers.len() >= AT_A_TIME {
                self.take_answer().await;
            }
            let api = Api::namespaced(installation.cluster.client(), "default");
            self.answers.spawn(async move { try_service(&api, "LoadBalancer").await.map(drop) });
            self.count += 1;
        }
    }

    async fn take_answer(&mut self) {
        if let Some(answer) = self.answers.join_next().await {
            self.failures.extend(answer.unwrap().err());
        }
    }

    async fn none_has_failed(mut self) {
        while !self.answers.is_empty() {
            self.take_answer().await;
        }
        let Self { count, failures, .. } = self;
        assert!(failures.is_empty(), "{} of {count} failed: {:?}", failures.len(), failures.first());
    }
}

#[test]
fn it_is_known_when_the_certificate_that_is_served_expires() {
    let serving = ServingCertificate::default();
    assert_eq!(serving.expiry(), None);
    let bundle = issue();
    serving.publish(bundle.cert_pem.as_bytes(), bundle.key_pem.as_bytes()).unwrap();
    let left = serving.expiry().unwrap() - jiff::Timestamp::now().as_second();
    let lifetime = policy().leaf_lifetime.as_secs();
    assert!((lifetime - 600..=lifetime).contains(&left), "{left} s of {lifetime} s");
}

fn issue() -> webhook_certs::Bundle {
    let issued = advance(Decision::IssueAll(IssueReason::Missing), jiff::Timestamp::now(), None, &policy());
    issued.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_look_at_the_files_of_a_certificate_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let files = CertificateFiles { cert: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
    let write = |bundle: &webhook_certs::Bundle| {
        std::fs::write(&files.cert, &bundle.cert_pem).unwrap();
        std::fs::write(&files.key, &bundle.key_pem).unwrap();
    };
    write(&issue());
    let (serving, metrics) = (ServingCertificate::default(), Metrics::new());
    let served = files.load(&serving).await.unwrap();
    let count = || (metrics.certificate_reads.get(), metrics.certificate_read_errors.get());
    let follow = files.follow(&serving, &metrics, served);
    // Two looks more; answers how many failed.
    let look = async || {
        let (before, failed) = count();
        while count().0 < before + 2 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        count().1 - failed
    };
    let steps = async {
        assert_eq!(look().await, 0, "they are as they were");
        write(&issue());
        assert_eq!(look().await, 0, "they are new");
        std::fs::write(&files.key, "nonsense").unwrap();
        assert_eq!(look().await, 2, "they cannot be used");
        std::fs::remove_file(&files.key).unwrap();
        assert_eq!(look().await, 2, "they cannot be read");
        write(&issue());
        assert_eq!(look().await, 0, "they are fine again");
    };
    tokio::select! {
        () = follow => unreachable!("it is followed for ever"),
        () = steps => {}
    }
}

const EARLIER_SECRET: &str = r"
apiVersion: v1
kind: Secret
metadata:
  name: aws-load-balancer-tls
  namespace: kube-system
  labels: {app.kubernetes.io/managed-by: Helm}
  annotations:
    meta.helm.sh/release-name: aws-load-balancer-controller
    meta.helm.sh/release-namespace: kube-system
type: kubernetes.io/tls
stringData: {ca.crt: CA, tls.crt: CERT, tls.key: KEY}
";

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_an_earlier_installation_is_kept_where_asked_and_taken_over_later() {
    let cluster = Cluster::start().await.unwrap();
    let bundle = issue();
    let earlier = [("CA", &bundle.ca_pem), ("CERT", &bundle.cert_pem), ("KEY", &bundle.key_pem)];
    let earlier = earlier.iter().fold(EARLIER_SECRET.to_string(), |text, (name, pem)| {
        text.replace(&format!(": {name}"), &format!(": {}", json!(pem)))
    });
    cluster.apply(&earlier).await.unwrap();

    let chart = chart().display().to_string();
    let install = |keep: &'static str| {
        ["upgrade", "--install", NAME, &chart, "-n", NAMESPACE, "--set", SETS, "--set", keep]
    };
    cluster.helm(&install("keepTLSSecret=true")).await.unwrap().expect_ok().unwrap();
    let mounted =
        ["get", "deployment", NAME, "-n", NAMESPACE, "-o", "jsonpath={..volumes[*].secret.secretName}"];
    assert_eq!(cluster.kubectl(&mounted).await.unwrap().stdout, "aws-load-balancer-tls");
    let configuration = "mutatingwebhookconfiguration/aws-load-balancer-webhook";
    let trusted = ["get", configuration, "-o", "jsonpath={.webhooks[0].clientConfig.caBundle}"];
    let ca_bundle = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &bundle.ca_pem);
    assert_eq!(cluster.kubectl(&trusted).await.unwrap().stdout, ca_bundle);

    cluster.helm(&install("keepTLSSecret=false")).await.unwrap().expect_ok().unwrap();
    assert_eq!(cluster.kubectl(&mounted).await.unwrap().stdout, "");
    let secrets = ["get", "secrets", "-n", NAMESPACE, "-l", "app.kubernetes.io/name", "-o", "name"];
    assert_eq!(cluster.kubectl(&secrets).await.unwrap().stdout.trim(), format!("secret/{SECRET}"));
}
