//! Secrets that listeners of Gateways and ListenerSets name.

use super::*;
use rig::fixtures::NAMESPACE;

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";

async fn cluster(change: impl FnOnce(&mut Options)) -> Rig {
    let mut options = options();
    change(&mut options);
    let mut rig = Rig::new(options);
    rig.api.install_gateway_api();
    rig.seed();
    for (name, controller) in [("alb", "gateway.k8s.aws/alb"), ("nlb", "gateway.k8s.aws/nlb")] {
        rig.api.put(json!({
            "apiVersion": GATEWAY_API, "kind": "GatewayClass", "metadata": {"name": name},
            "spec": {"controllerName": controller},
        }));
    }
    rig.api.put(fixtures::cluster_service("one", &[80]));
    rig.serve("one", &[0]);
    rig.api.put(json!({
        "apiVersion": "gateway.k8s.aws/v1", "kind": "TargetGroupConfiguration",
        "metadata": {"name": "one", "namespace": NAMESPACE},
        "spec": {"targetReference": {"name": "one"}, "defaultConfiguration": {"targetType": "ip"}},
    }));
    rig.start().await;
    rig
}

fn gateway(class: &str, listeners: &Value) -> Value {
    json!({
        "apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": {"name": "edge", "namespace": NAMESPACE},
        "spec": {"gatewayClassName": class, "listeners": listeners, "allowedListeners": {"namespaces": {"from": "All"}}},
    })
}

fn https(name: &str, port: i32, host: &str, refs: &Value) -> Value {
    json!({
        "name": name, "port": port, "protocol": "HTTPS", "hostname": host,
        "tls": {"mode": "Terminate", "certificateRefs": refs},
    })
}

fn route(hosts: &Value) -> Value {
    json!({
        "apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": {"name": "one", "namespace": NAMESPACE},
        "spec": {"parentRefs": [{"name": "edge"}], "hostnames": hosts, "rules": [{
            "backendRefs": [{"name": "one", "port": 80}],
        }]},
    })
}

/// `ResolvedRefs`, with its reason, and `Programmed` of every listener.
fn conditions(rig: &Rig, plural: &str, name: &str) -> Vec<String> {
    let object = rig.api.get(plural, NAMESPACE, name).unwrap();
    let shown = |listener: &Value| {
        let condition = |kind: &str| {
            let all = listener["conditions"].as_array().unwrap();
            let found = all.iter().find(|one| one["type"] == kind).unwrap();
            format!("{}/{}", found["status"].as_str().unwrap(), found["reason"].as_str().unwrap())
        };
        format!(
            "{} {} {}",
            listener["name"].as_str().unwrap(),
            condition("ResolvedRefs"),
            condition("Programmed")
        )
    };
    object["status"]["listeners"].as_array().unwrap().iter().map(shown).collect()
}

const FINE: &str = "True/ResolvedRefs True/Programmed";
const UNUSABLE: &str = "False/InvalidCertificateRef False/InvalidCertificateRef";
const FORBIDDEN: &str = "False/RefNotPermitted False/RefNotPermitted";

#[test]
fn listeners_have_the_certificates_of_their_secrets() {
    run(async {
        let mut rig = cluster(|_| ()).await;
        put_secret(&rig, "web", &pair("one.example.com"));
        put_secret(&rig, "api", &pair("two.example.com"));
        let listeners = json!([
            https("a", 443, "one.example.com", &json!([{"name": "web"}])),
            https("b", 443, "two.example.com", &json!([{"name": "api"}, {"name": "missing"}])),
            https("c", 8443, "one.example.com", &json!([{"name": "missing"}])),
            https("d", 9443, "one.example.com", &json!([{"name": "web", "kind": "ConfigMap"}])),
        ]);
        rig.api.put(gateway("alb", &listeners));
        rig.api.put(route(&json!(["one.example.com", "two.example.com"])));
        rig.run_until_idle().await;
        assert_eq!(attached(&rig), BTreeSet::from([shop("api"), shop("web")]), "{:?}", warnings(&rig));
        let ports: Vec<i32> = rig.owned_resources().listeners.iter().map(|one| one.port).collect();
        assert_eq!(ports, [443]);
        let expected = [("a", FINE), ("b", UNUSABLE), ("c", UNUSABLE), ("d", UNUSABLE)];
        assert_eq!(
            conditions(&rig, "gateways", "edge"),
            expected.map(|(name, conditions)| format!("{name} {conditions}"))
        );
        let before = imported(&rig);
        put_secret(&rig, "web", &pair("one.example.com"));
        put_secret(&rig, "missing", &pair("three.example.com"));
        rig.run_until_idle().await;
        assert!(before.iter().all(|one| imported(&rig).contains(one)));
        assert_eq!(attached(&rig), BTreeSet::from([shop("api"), shop("missing"), shop("web")]));
        rig.api.delete("gateways", NAMESPACE, "edge");
        rig.run_until_idle().await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(secrets(&rig), Vec::<String>::new());
    });
}

#[test]
fn listeners_without_routes_are_checked_and_import_nothing() {
    run(async {
        let mut rig = cluster(|_| ()).await;
        put_secret(&rig, "web", &pair("one.example.com"));
        put_secret(&rig, "broken", &("x".to_owned(), "y".to_owned()));
        let listeners = json!([
            https("a", 443, "one.example.com", &json!([{"name": "web"}])),
            https("b", 8443, "one.example.com", &json!([{"name": "broken"}])),
        ]);
        rig.api.put(gateway("alb", &listeners));
        rig.run_until_idle().await;
        assert_eq!(conditions(&rig, "gateways", "edge"), [format!("a {FINE}"), format!("b {UNUSABLE}")]);
        assert_eq!(imports(&rig), 0);
        put_secret(&rig, "broken", &pair("one.example.com"));
        rig.run_until_idle().await;
        assert_eq!(conditions(&rig, "gateways", "edge"), [format!("a {FINE}"), format!("b {FINE}")]);
    });
}

#[test]
fn a_gateway_that_asks_for_a_plan_imports_nothing() {
    run(async {
        let mut rig = cluster(|_| ()).await;
        put_secret(&rig, "web", &pair("one.example.com"));
        let mut asking =
            gateway("alb", &json!([https("a", 443, "one.example.com", &json!([{"name": "web"}]))]));
        asking["metadata"]["annotations"] = json!({"gateway.k8s.aws/dry-run": "true"});
        rig.api.put(asking);
        rig.api.put(route(&json!(["one.example.com"])));
        rig.run_until_idle().await;
        let planned = rig.api.get("gateways", NAMESPACE, "edge").unwrap();
        let plan = planned["metadata"]["annotations"]["gateway.k8s.aws/dry-run-plan"].as_str().unwrap();
        assert!(plan.contains("certificateARN"), "{plan}");
        assert_eq!(imports(&rig), 0);
    });
}

#[test]
fn a_secret_of_another_namespace_needs_a_grant_for_as_long_as_it_is_used() {
    run(async {
        let mut rig = cluster(|_| ()).await;
        put_secret(&rig, "web", &pair("one.example.com"));
        let mut foreign = (*rig.api.get("secrets", NAMESPACE, "web").unwrap()).clone();
        foreign["metadata"] = json!({"name": "far", "namespace": "elsewhere"});
        rig.api.put(foreign);
        let listeners =
            json!([https("a", 443, "one.example.com", &json!([{"name": "far", "namespace": "elsewhere"}]))]);
        rig.api.put(gateway("alb", &listeners));
        rig.api.put(route(&json!(["one.example.com"])));
        rig.run_until_idle().await;
        assert_eq!(
            (conditions(&rig, "gateways", "edge"), imports(&rig)),
            (vec![format!("a {FORBIDDEN}")], 0)
        );
        rig.api.put(json!({
            "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant",
            "metadata": {"name": "edge", "namespace": "elsewhere"},
            "spec": {
                "from": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": NAMESPACE}],
                "to": [{"group": "", "kind": "Secret", "name": "far"}],
            },
        }));
        rig.run_until_idle().await;
        assert_eq!(conditions(&rig, "gateways", "edge"), [format!("a {FINE}")]);
        assert_eq!(attached(&rig), BTreeSet::from(["elsewhere/far".to_owned()]));
        rig.api.delete("referencegrants", "elsewhere", "edge");
        rig.run_until_idle().await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(conditions(&rig, "gateways", "edge"), [format!("a {FORBIDDEN}")]);
        assert_eq!(secrets(&rig), Vec::<String>::new());
    });
}

#[test]
fn listener_sets_and_tls_listeners_of_an_nlb_have_them_too() {
    run(async {
        let mut rig = cluster(|options| options.config.features.gateway_listener_set = true).await;
        put_secret(&rig, "web", &pair("one.example.com"));
        put_secret(&rig, "api", &pair("two.example.com"));
        let listener = https("a", 443, "one.example.com", &json!([{"name": "web"}]));
        rig.api.put(gateway("alb", &json!([listener])));
        rig.api.put(json!({
            "apiVersion": GATEWAY_API, "kind": "ListenerSet", "metadata": {"name": "more", "namespace": NAMESPACE},
            "spec": {
                "parentRef": {"name": "edge"},
                "listeners": [https("b", 8443, "two.example.com", &json!([{"name": "api"}]))],
            },
        }));
        let mut route = route(&json!([]));
        route["spec"]["parentRefs"] = json!([{"name": "edge"}, {"name": "more", "kind": "ListenerSet"}]);
        rig.api.put(route);
        rig.run_until_idle().await;
        assert_eq!(attached(&rig), BTreeSet::from([shop("api"), shop("web")]), "{:?}", warnings(&rig));
        assert_eq!(conditions(&rig, "listenersets", "more"), [format!("b {FINE}")]);
    });
    run(async {
        let mut rig = cluster(|_| ()).await;
        put_secret(&rig, "web", &pair("one.example.com"));
        let listeners = json!([{
            "name": "a", "port": 443, "protocol": "TLS", "tls": {"mode": "Terminate", "certificateRefs": [{"name": "web"}]},
        }]);
        rig.api.put(gateway("nlb", &listeners));
        rig.api.put(json!({
            "apiVersion": "gateway.networking.k8s.io/v1alpha2", "kind": "TCPRoute",
            "metadata": {"name": "one", "namespace": NAMESPACE},
            "spec": {"parentRefs": [{"name": "edge"}], "rules": [{"backendRefs": [{"name": "one", "port": 80}]}]},
        }));
        rig.run_until_idle().await;
        assert_eq!(attached(&rig), BTreeSet::from([shop("web")]), "{:?}", warnings(&rig));
        assert_eq!(conditions(&rig, "gateways", "edge"), [format!("a {FINE}")]);
    });
}
