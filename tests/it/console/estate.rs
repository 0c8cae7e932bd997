//! What the pages show in tests: the tree of the model's own test, a large estate, a plan, quotas.

use aws_load_balancer_controller::serve::console::ConsoleSource;
use harness::assets::repository;
use serde_json::{Map, Value, json};

/// Everything that the console shows.
#[derive(Clone, Debug, Default)]
pub struct TopologyShown {
    /// What is said of the whole.
    pub head: Value,
    /// By id.
    pub items: Map<String, Value>,
}

impl TopologyShown {
    /// What a source shows at this moment.
    pub async fn of(source: &dyn ConsoleSource) -> Result<Self, String> {
        let mut items = Map::new();
        let mut take = |id: &str, json: &[u8]| {
            let again = items.insert(id.to_owned(), serde_json::from_slice(json).unwrap());
            assert_eq!(again, None, "{id} is shown twice");
        };
        let head = source.topology(&mut take).await?;
        Ok(Self { head, items })
    }
}

/// The tree that the model's own test is about.
pub fn small() -> TopologyShown {
    let text = std::fs::read_to_string(repository().join("tests/cases/topology/estate.json")).unwrap();
    let mut tree: Value = serde_json::from_str(&text).unwrap();
    let items = tree["items"].take();
    tree.as_object_mut().unwrap().remove("items");
    snapshot(&tree, items.as_object().unwrap())
}

fn snapshot(head: &Value, items: &Map<String, Value>) -> TopologyShown {
    TopologyShown { head: head.clone(), items: items.clone() }
}

/// 300 load balancers with 5,000 targets, of which some are not healthy. `healed`: all are.
pub fn large(healed: bool) -> TopologyShown {
    const LOAD_BALANCERS: usize = 300;
    let (mut items, mut roots) = (Map::new(), Vec::new());
    let mut put = |item: Value| items.insert(item["id"].as_str().unwrap().to_owned(), item);
    for number in 0..LOAD_BALANCERS {
        let (namespace, is_bad) = (format!("team-{:02}", number % 20), number % 37 == 0 && !healed);
        let count = if number < 200 { 17 } else { 16 };
        let worst = if is_bad { "unhealthy" } else { "synced" };
        let root = format!("ingress/{namespace}/app-{number}");
        let group = format!("targetgroup/k8s-app{number}/1");
        let (load_balancer, listener) =
            (format!("loadbalancer/{root}/LoadBalancer"), format!("listener/{root}/443"));
        let targets = json!({"total": count, "healthy": count - usize::from(is_bad), "unhealthy": usize::from(is_bad), "pending": 0, "unknown": 0, "draining": 0});
        let target = |place: usize| {
            format!("target/k8s-app{number}/1/10.{}.{}.{place}:8080", number / 250, number % 250)
        };
        let ids: Vec<String> = (0..count).map(target).collect();
        let common = |id: &str, kind: &str, name: &str, children: &[String]| json!({"id": id, "kind": kind, "name": name, "state": "synced", "worst": worst, "children": children, "targets": targets});
        let mut ingress =
            common(&root, "Ingress", &format!("app-{number}"), std::slice::from_ref(&load_balancer));
        ingress["namespace"] = namespace.into();
        ingress["hosts"] = json!([format!("app-{number}.example.com")]);
        put(ingress);
        put(common(
            &load_balancer,
            "LoadBalancer",
            &format!("k8s-app{number}"),
            std::slice::from_ref(&listener),
        ));
        put(common(&listener, "Listener", "HTTPS:443", std::slice::from_ref(&group)));
        put(common(&group, "TargetGroup", &format!("k8s-app{number}"), &ids));
        for (place, id) in ids.iter().enumerate() {
            let state = if is_bad && place == 0 { "unhealthy" } else { "synced" };
            let name = id.rsplit('/').next().unwrap();
            let reason = if state == "synced" { "" } else { "Target.Timeout" };
            put(
                json!({"id": id, "kind": "Target", "name": name, "label": format!("pod app-{number}-{place}"), "state": state, "worst": state, "reason": reason}),
            );
        }
        roots.push(root);
    }
    snapshot(&json!({"roots": roots}), &items)
}

/// A plan, with the findings of `lint` if it is of manifests.
pub fn plan(is_of_manifests: bool) -> Value {
    let mut plan = json!({
        "summary": "2 changes, in 1 of 3 stacks; 0 with mistakes", "text": "…", "problems": [], "notPlanned": [], "sharedBackendSecurityGroup": [],
        "stacks": [{"name": "Ingress shop/web", "findings": [], "failure": null, "steps": [
            {"action": "create", "call": "CreateRule", "resource": "443:1", "why": "it is new", "details": {"conditions": "host a.example.com", "actions": "forward to shop/web:80"}, "traffic": {"level": "some", "text": "what this rule matches is no longer answered by a later rule"}},
            {"action": "delete", "call": "DeleteListener", "resource": "80", "why": "nothing wants it", "details": {}, "traffic": {"level": "loss", "text": "connections to its port are refused, and open ones end"}},
        ]}],
    });
    if is_of_manifests {
        plan["lint"] = json!([{"severity": "error", "object": "ingress shop/web", "field": "alb.ingress.kubernetes.io/scheme", "message": "`sideways` is not a scheme", "hint": "internal or internet-facing", "line": 7}]);
    }
    plan
}

/// Load balancers and quotas.
pub fn usage() -> Value {
    json!({
        "namespaces": [{"namespace": "shop", "application": 12, "network": 3, "targetGroups": 42}, {"namespace": "", "application": 1, "network": 0, "targetGroups": 3}],
        "quotas": [{"name": "Rules", "of": "k8s-shop-web", "used": 95, "limit": 100}, {"name": "Target groups", "of": "k8s-shop-web", "used": 75, "limit": 100}, {"name": "Application Load Balancers", "of": "this cluster, in the region", "used": 13, "limit": 50}],
        "shareable": [{"why": "internal, ipv4, in subnet-a, subnet-b", "members": ["shop/cart", "shop/pay", "shop/web"], "saved": 2}],
    })
}
