//! What a user of kubectl reads when a manifest is refused or gives a warning, and what is never refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{fmt::Write, time::Duration};

use anyhow::{Result, ensure};
use harness::{
    assets::repository,
    eventually,
    walkthrough::{Walkthrough, progress::Progress},
};
use serde_json::{Value, json};

const VALIDATORS: &str = "aws-load-balancer-webhook";
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_shows_what_is_wrong_and_old_mistakes_stop_nothing_else() {
    let mut walk = Walkthrough::start(Progress::silent()).await.unwrap();
    if let Err(error) = run(&mut walk).await {
        walk.cluster.keep_logs();
        panic!("{error:#}; logs are kept in {}", walk.cluster.logs().display());
    }
}

async fn run(walk: &mut Walkthrough) -> Result<()> {
    walk.install().await?;
    compare(&transcribe(walk).await?);
    let saved = take_validators_away(walk).await?;
    store_mistakes(walk).await?;
    bring_validators_back(walk, &saved).await?;
    update_around_mistakes(walk).await?;
    classes_have_any_name(walk).await?;
    stay_out_of_the_way(walk).await
}

fn manifest(name: &str) -> String {
    std::fs::read_to_string(repository().join("tests/cases/admission").join(name)).unwrap()
}

/// What a user types and reads.
async fn transcribe(walk: &Walkthrough) -> Result<String> {
    let doubtful = manifest("service-doubtful.yaml");
    let public = doubtful.replace("internal: \"true\"", "internal: \"false\"");
    ensure!(public != doubtful);
    let steps: [(&str, &[&str], String); 7] = [
        ("service-wrong.yaml", &[], manifest("service-wrong.yaml")),
        ("service-wrong.yaml", &["--dry-run=server"], manifest("service-wrong.yaml")),
        ("ingress-wrong.yaml", &["--dry-run=server"], manifest("ingress-wrong.yaml")),
        ("class-wrong.yaml", &[], manifest("class-wrong.yaml")),
        ("service-doubtful.yaml", &["--dry-run=server"], doubtful.clone()),
        ("service-doubtful.yaml", &[], doubtful),
        ("service-doubtful.yaml with internal: \"false\"", &[], public),
    ];
    let mut transcript = String::new();
    for (name, options, input) in steps {
        let said = walk.cluster.pipe(&[&["apply", "-f", "-"], options].concat(), &input).await?;
        let command = ["$ kubectl apply -f -", &options.join(" "), "<", name].join(" ").replace("  ", " ");
        write!(transcript, "{command}\n{}{}\n", said.stdout, said.stderr)?;
    }
    Ok(transcript)
}

/// Compares with what is recorded; `UPDATE_GOLDEN=1` records anew.
fn compare(transcript: &str) {
    let path = repository().join("tests/cases/admission/kubectl.txt");
    #[expect(clippy::disallowed_methods, reason = "the switch that regenerates golden files")]
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, transcript).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).ok().unwrap_or_default();
    assert!(
        recorded == transcript,
        "{} differs; UPDATE_GOLDEN=1 writes it anew:\n{transcript}",
        path.display()
    );
}

/// Mistakes from before these checks: the same as in the manifests, stored while nobody looks.
async fn store_mistakes(walk: &Walkthrough) -> Result<()> {
    for name in ["service-wrong.yaml", "ingress-wrong.yaml"] {
        let finalizers = "old\n  finalizers: [example.com/hold, example.com/once]\n  annotations";
        let held = manifest(name).replace("edge\n  annotations", finalizers);
        let held = held.replace("shop\n  annotations", finalizers);
        eventually("nobody looks", PATIENCE, || walk.cluster.apply(&held)).await?;
    }
    Ok(())
}

async fn take_validators_away(walk: &Walkthrough) -> Result<String> {
    let get = ["get", "validatingwebhookconfiguration", VALIDATORS, "-o", "json"];
    let saved: Value = serde_json::from_str(&walk.cluster.kubectl(&get).await?.expect_ok()?)?;
    walk.cluster.kubectl(&["delete", "validatingwebhookconfiguration", VALIDATORS]).await?.expect_ok()?;
    let meta = json!({"name": VALIDATORS, "labels": saved["metadata"]["labels"]});
    let bare = json!({
        "apiVersion": saved["apiVersion"], "kind": saved["kind"], "metadata": meta, "webhooks": saved["webhooks"]
    });
    Ok(bare.to_string())
}

async fn bring_validators_back(walk: &Walkthrough, saved: &str) -> Result<()> {
    walk.cluster.pipe(&["create", "-f", "-"], saved).await?.expect_ok()?;
    for name in ["service-wrong.yaml", "ingress-wrong.yaml"] {
        eventually("mistakes are refused again", PATIENCE, || async {
            let dry = ["apply", "--dry-run=server", "-f", "-"];
            walk.cluster.pipe(&dry, &manifest(name)).await?.expect_refusal()
        })
        .await?;
    }
    Ok(())
}

/// Only what makes a new mistake is refused.
async fn update_around_mistakes(walk: &Walkthrough) -> Result<()> {
    let (ports, path) = (
        r#"{"spec":{"ports":[{"name":"http","port":81,"targetPort":8080,"protocol":"TCP"}]}}"#,
        r#"{"spec":{"ingressClassName":"alb","rules":[{"host":"a.example.com"}]}}"#,
    );
    let prefixes =
        ["service.beta.kubernetes.io/aws-load-balancer", "alb.ingress.kubernetes.io/load-balancer"];
    for ((object, touching), prefix) in
        [("service/old", ports), ("ingress/old", path)].into_iter().zip(prefixes)
    {
        let patch =
            async |patch: &str| walk.cluster.kubectl(&["patch", object, "--type=merge", "-p", patch]).await;
        patch(r#"{"metadata":{"labels":{"team":"shop"}}}"#).await?.expect_ok()?;
        patch(r#"{"metadata":{"annotations":{"example.com/note":"x"}}}"#).await?.expect_ok()?;
        patch(r#"{"metadata":{"finalizers":["example.com/hold"]}}"#).await?.expect_ok()?;
        patch(touching).await?.expect_refusal()?;
        let attributes = json!({"metadata": {"annotations": {format!("{prefix}-attributes"): "nonsense"}}});
        patch(&attributes.to_string()).await?.expect_refusal()?;
        walk.cluster.kubectl(&["delete", object, "--wait=false"]).await?.expect_ok()?;
        patch(r#"{"metadata":{"finalizers":null}}"#).await?.expect_ok()?;
        eventually("it is gone", PATIENCE, || async {
            let left = walk
                .cluster
                .kubectl(&["get", object, "--ignore-not-found", "-o", "name"])
                .await?
                .expect_ok()?;
            ensure!(left.is_empty(), "{left}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// An Ingress without annotations of ours is checked if its class is ours, whatever the class is called.
async fn classes_have_any_name(walk: &Walkthrough) -> Result<()> {
    let class = |name: &str, controller: &str| json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name}, "spec": {"controller": controller}});
    walk.cluster.apply(&class("edge", "ingress.k8s.aws/alb").to_string()).await?;
    walk.cluster.apply(&class("foreign", "example.com/other").to_string()).await?;
    let ingress = |name: &str, class: &str| {
        let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
        let paths = [json!({"path": "/*", "pathType": "Prefix", "backend": backend})];
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name}, "spec": {"ingressClassName": class, "rules": [{"http": {"paths": paths}}]}}).to_string()
    };
    eventually("a class of ours is known by its controller", PATIENCE, || async {
        let refusal = walk.cluster.try_apply(&ingress("own", "edge")).await?.expect_refusal()?;
        ensure!(refusal.contains("path type Prefix does not allow"), "{refusal}");
        Ok(())
    })
    .await?;
    eventually("a class of others is known by its controller", PATIENCE, || async {
        walk.cluster.apply(&ingress("others", "foreign")).await.map(drop)
    })
    .await?;
    let refusal = walk.cluster.try_apply(&ingress("nobodys", "nowhere")).await?.expect_refusal()?;
    ensure!(refusal.contains("not found"), "{refusal}");
    Ok(())
}

/// With the controller gone, what is none of its business goes on, and Services too.
async fn stay_out_of_the_way(walk: &mut Walkthrough) -> Result<()> {
    let controller = walk.controller.take().expect("it was installed");
    controller.lock().await.kill9().await?;
    let ingress = |class: &str| {
        manifest("ingress-wrong.yaml")
            .replace("alb.ingress", "other.ingress")
            .replace(": alb", &format!(": {class}"))
    };
    walk.cluster.apply(&ingress("nginx")).await?;
    walk.cluster
        .apply("{apiVersion: v1, kind: Service, metadata: {name: plain}, spec: {ports: [{port: 80}]}}")
        .await?;
    walk.cluster.apply(&manifest("service-wrong.yaml").replace("name: edge", "name: unchecked")).await?;
    walk.cluster.try_apply(&ingress("alb")).await?.expect_refusal()?;
    Ok(())
}
