//! The webhook server with full caches and without a cluster or AWS.

use anyhow::{Context, Result};
use aws_load_balancer_controller::api::ObjectKey;
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::serve::certificate::{ServingCertificate, server_config};
use aws_load_balancer_controller::serve::listener::serve_tls;
use aws_load_balancer_controller::serve::webhook::router;
use aws_load_balancer_controller::serve::webhooks::Webhooks;
use serde_json::{Value, json};
use std::io::Read;
use std::sync::Arc;
use tokio::net::TcpListener;
use webhook_certs::{Decision, IssueReason, RotationPolicy, advance};

/// Objects of each kind in the caches.
const OBJECTS: usize = 2000;

/// Says its port and its authority, and serves until standard input ends.
pub fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let policy = RotationPolicy::new(vec!["localhost".to_owned()]);
        let now = jiff::Timestamp::now();
        let bundle =
            advance(Decision::IssueAll(IssueReason::Missing), now, None, &policy)?.context("no bundle")?;
        let certificate = Arc::new(ServingCertificate::default());
        certificate.publish(bundle.cert_pem.as_bytes(), bundle.key_pem.as_bytes())?;
        let tls = Arc::new(server_config(certificate, None)?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", json!({"port": listener.local_addr()?.port(), "authority": bundle.ca_pem}));
        let end = async {
            let wait = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
            let _ = wait.await;
        };
        serve_tls(listener, tls, router(Arc::new(webhooks()?)), end).await;
        Ok(())
    })
}

fn webhooks() -> Result<Webhooks> {
    let hooks = rig::webhooks(Config::default());
    let stores = &hooks.stores;
    let class = json!({"metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb"}});
    stores.ingress_classes.apply(ObjectKey::cluster("alb"), serde_json::from_value(class)?);
    for number in 0..OBJECTS {
        let name = format!("web-{number}");
        let key = || ObjectKey::namespaced("shop", name.as_str());
        stores.services.apply(key(), serde_json::from_value(named(&name, super::load::service("internal")))?);
        stores.ingresses.apply(key(), serde_json::from_value(named(&name, super::load::ingress("ip")))?);
        let binding = json!({"metadata": {}, "spec": {
            "targetGroupARN": format!("arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/{name}/1"),
            "targetType": "ip", "serviceRef": {"name": name, "port": 80}
        }});
        stores.bindings.apply(key(), serde_json::from_value(named(&name, binding))?);
    }
    Ok(hooks)
}

fn named(name: &str, mut object: Value) -> Value {
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.insert("namespace".to_owned(), json!("shop"));
        meta.insert("name".to_owned(), json!(name));
    }
    object
}
