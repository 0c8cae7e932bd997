//! What reaches AWS, or the cluster, without an edit of an Ingress: a client secret that changes, and the plan annotation.

use crate::services::run;
use aws_load_balancer_controller::aws_api::elbv2::{ListenerAction, Rule};
use aws_load_balancer_controller::aws_api::{Action, Request};
use rig::{Options, Rig, fixtures};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::Mutex;

const PROVIDER: &str = r#"{"issuer": "https://a.example.com", "authorizationEndpoint": "https://a.example.com/a", "tokenEndpoint": "https://a.example.com/t", "userInfoEndpoint": "https://a.example.com/u", "secretName": "login"}"#;

fn put_secret(rig: &Rig, name: &str, client_secret: &str) {
    let text =
        |text: &str| Value::from(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text));
    rig.api.put(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": fixtures::NAMESPACE},
        "data": {"clientID": text("shop"), "clientSecret": text(client_secret)},
    }));
}

fn serve(rig: &Rig, names: &[&str]) {
    for (number, name) in names.iter().enumerate() {
        rig.api.put(fixtures::cluster_service(name, &[80]));
        rig.serve(name, &[number]);
    }
}

/// The client secrets that were sent since the log was cleared.
fn sent(rig: &Rig) -> Vec<String> {
    let actions = |request: &Request| match request {
        Request::CreateRule(create) => create.actions.clone(),
        Request::ModifyRule(modify) => modify.actions.clone(),
        _ => Vec::new(),
    };
    let actions = rig.aws.writes().into_iter().flat_map(|call| actions(&call.request));
    let secrets = actions.filter_map(|action| match action {
        ListenerAction::AuthenticateOidc(oidc) => oidc.client_secret.map(|secret| secret.reveal().to_owned()),
        _ => None,
    });
    secrets.collect()
}

#[test]
fn a_client_secret_that_changes_reaches_its_rule_and_secrets_are_watched_by_name() {
    run(async {
        let mut rig = Rig::new(Options { audit: rig::rig::seldom(), ..Options::default() });
        rig.seed();
        serve(&rig, &["web", "plain"]);
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = asked.clone();
        rig.api.refuse(move |method, uri| {
            if method == "GET" && uri.contains("/secrets") {
                log.lock().unwrap().push(uri.to_owned());
            }
            false
        });
        put_secret(&rig, "login", "first");
        put_secret(&rig, "other", "first");
        let certificate = rig.aws.world(|world| world.id("CERT_1").to_owned());
        let annotations = [
            ("target-type", "ip"),
            ("certificate-arn", &certificate),
            ("auth-type", "oidc"),
            ("auth-idp-oidc", PROVIDER),
        ];
        rig.api.put(fixtures::ingress("web", &annotations, &[("web.example.com", "/", "web")]));
        rig.api.put(fixtures::ingress(
            "plain",
            &[("target-type", "ip")],
            &[("plain.example.com", "/", "plain")],
        ));
        rig.start().await;
        rig.run_until_idle().await;
        assert_eq!(sent(&rig), ["first"]);

        rig.aws.clear_calls();
        put_secret(&rig, "other", "second");
        rig.run_until_idle().await;
        assert_eq!(rig.writes(), [], "nobody reads this one");
        put_secret(&rig, "login", "second");
        rig.run_until_idle().await;
        assert_eq!((rig.writes(), sent(&rig)), (vec![Action::ModifyRule], vec!["second".to_owned()]));
        let asked = asked.lock().unwrap().clone();
        let is_single =
            |uri: &String| uri.contains("/secrets/login") || uri.contains("metadata.name%3Dlogin");
        assert!(asked.iter().any(|uri| uri.contains("watch=true")), "{asked:?}");
        assert!(asked.iter().all(is_single), "{asked:?}");

        // A group that does not read it any more does not hear of it any more.
        rig.api.put(fixtures::ingress("web", &annotations[..2], &[("web.example.com", "/", "web")]));
        rig.run_until_idle().await;
        rig.aws.clear_calls();
        put_secret(&rig, "login", "third");
        rig.run_until_idle().await;
        assert_eq!(rig.calls(), []);
    });
}

#[test]
fn the_plan_annotation_stands_on_the_first_member_and_the_plan_is_carried_out() {
    run(async {
        let mut options = Options::default();
        options.config.features.ingress_plan_annotation = true;
        let mut rig = Rig::new(options);
        rig.seed();
        serve(&rig, &["one", "two"]);
        for (order, name) in ["1", "2"].into_iter().zip(["one", "two"]) {
            let annotations = [("group.name", "both"), ("group.order", order), ("target-type", "ip")];
            rig.api.put(fixtures::ingress(
                name,
                &annotations,
                &[(&format!("{name}.example.com"), "/", name)],
            ));
        }
        rig.start().await;
        rig.run_until_idle().await;
        let plan = |rig: &Rig, name: &str| {
            let ingress = rig.api.get("ingresses", fixtures::NAMESPACE, name).unwrap();
            let text = ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/dry-run-plan"].as_str();
            text.map(|text| serde_json::from_str::<Value>(text).unwrap())
        };
        let written = plan(&rig, "one").unwrap();
        assert!(written.to_string().contains("two.example.com"), "{written:#}");
        assert_eq!(plan(&rig, "two"), None);
        let rules: Vec<Rule> = rig.owned_resources().rules.into_values().flatten().collect();
        assert_eq!(rules.len(), 2, "nothing is dry about it");

        rig.aws.clear_calls();
        let before = rig.api.revision();
        tokio::time::sleep(std::time::Duration::from_mins(20)).await;
        rig.run_until_idle().await;
        assert_eq!((rig.writes(), rig.api.revision()), (vec![], before), "its own annotation is no news");

        // Whoever comes first carries it.
        let annotations = [("group.name", "both"), ("group.order", "3"), ("target-type", "ip")];
        rig.api.put(fixtures::ingress("one", &annotations, &[("one.example.com", "/", "one")]));
        rig.run_until_idle().await;
        assert_eq!((plan(&rig, "one").is_some(), plan(&rig, "two").is_some()), (false, true));
    });
}
