//! The page of a running controller: what it made is on it, and looking changes nothing.

use super::estate::TopologyShown;
use crate::services::run;
use aws_load_balancer_controller::cli::console::of_controller;
use aws_load_balancer_controller::cluster::lease::Leadership;
use aws_load_balancer_controller::controller::process::ConsoleParts;
use aws_load_balancer_controller::serve::console::ConsoleSource;
use rig::{Options, Rig, fixtures};
use serde_json::Value;
use std::sync::Arc;

async fn estate() -> Rig {
    let mut rig = Rig::new(Options::default());
    rig.seed();
    rig.api.put(fixtures::load_balancer("tcp", &[443], &[("aws-load-balancer-nlb-target-type", "ip")]));
    rig.serve("tcp", &[1]);
    rig.api.put(fixtures::cluster_service("web", &[80]));
    rig.serve("web", &[2, 3]);
    for name in ["shop", "pay"] {
        let paths = [("shop.example.com", "/", "web")];
        rig.api.put(fixtures::ingress(name, &[("target-type", "ip")], &paths));
    }
    rig.start().await;
    rig.run_until_idle().await;
    rig
}

fn source(rig: &Rig) -> Arc<dyn ConsoleSource> {
    let work = rig.engine().unwrap().work();
    of_controller(ConsoleParts {
        client: rig.api.client(),
        cloud: Arc::new(rig.aws.clone()),
        config: rig.config().clone(),
        stores: work.context.stores.clone(),
        leadership: Leadership::permanent(),
    })
}

fn kinds<'a>(topology: &'a TopologyShown, kind: &str) -> Vec<&'a Value> {
    topology.items.values().filter(|item| item["kind"] == kind).collect()
}

#[test]
fn what_the_controller_made_is_on_its_page() {
    run(async {
        let rig = estate().await;
        let (source, writes) = (source(&rig), rig.writes().len());
        let first = TopologyShown::of(&*source).await.unwrap();
        assert!(first.head["withoutAws"].is_string(), "the first look waits for nobody");
        assert_eq!(kinds(&first, "Ingress").len(), 2);
        let mut seen = first;
        for _ in 0..100 {
            source.changed().await;
            seen = TopologyShown::of(&*source).await.unwrap();
            if seen.head.get("withoutAws").is_none() {
                break;
            }
        }
        assert_eq!(kinds(&seen, "LoadBalancer").len(), 3, "{:?}", seen.head);
        let targets = kinds(&seen, "Target");
        assert!(targets.iter().any(|target| target["related"][0].as_str().is_some()), "{targets:?}");
        source.rest().await;
        let after = TopologyShown::of(&*source).await.unwrap();
        assert!(after.head["withoutAws"].is_string(), "what was read long ago is shown to nobody");
        assert_eq!(source.about().await["leads"], true);
        assert_eq!(rig.writes().len(), writes);
    });
}

#[test]
fn the_page_plans_and_counts_and_changes_nothing() {
    run(async {
        let rig = estate().await;
        let (source, writes) = (source(&rig), rig.writes().len());
        let plan = source.plan(None).await.unwrap();
        assert_eq!(plan["changes"], 0, "{plan}");
        let usage = source.usage().await.unwrap();
        assert_eq!(
            (&usage["namespaces"][0]["application"], &usage["namespaces"][0]["network"]),
            (&2.into(), &1.into())
        );
        assert_eq!(usage["shareable"][0]["saved"], 1, "{usage}");
        assert!(usage["quotas"].as_array().unwrap().iter().any(|quota| quota["name"] == "Rules"), "{usage}");
        let manifest = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: bad\n  annotations: {alb.ingress.kubernetes.io/scheme: sideways}\nspec: {ingressClassName: alb}\n";
        let linted = source.plan(Some(manifest.to_owned())).await.unwrap();
        assert_eq!(linted["lint"][0]["severity"], "error", "{linted}");
        assert!(linted["failure"].is_string() && linted.get("stacks").is_none(), "{linted}");
        assert_eq!(rig.writes().len(), writes);
    });
}
