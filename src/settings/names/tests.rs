#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::gateway::route::RouteKind;
use crate::model::Owner;

const CLUSTER: &str = "prod-1";
const GATEWAY: ObjectIdentity<'_> = ObjectIdentity {
    namespace: "web-team",
    name: "edge-gateway",
    uid: "11111111-2222-3333-4444-555555555555",
};
const CANARY: ObjectIdentity<'_> =
    ObjectIdentity { namespace: "web-team", name: "canary", uid: "66666666-7777-8888-9999-000000000000" };

fn group(namespace: &str, name: &str) -> StackId {
    StackId { owner: Owner::Ingress, namespace: namespace.into(), name: name.into() }
}

fn service_tg() -> ServiceTargetGroup<'static> {
    ServiceTargetGroup {
        service: GATEWAY,
        base_uid: None,
        port: 8443,
        service_port: 443,
        target_type: &TargetType::Ip,
        protocol: &Protocol::Tcp,
        health_check_protocol: &Protocol::Tcp,
        health_check_interval: 10,
    }
}

#[test]
fn service_resources_have_upstreams_names() {
    assert_eq!(load_balancer(CLUSTER, GATEWAY, &Scheme::Internal), "k8s-webteam-edgegate-b20b176645");
    assert_eq!(load_balancer(CLUSTER, GATEWAY, &Scheme::InternetFacing), "k8s-webteam-edgegate-744b9c00bf");
    assert_eq!(security_group(CLUSTER, GATEWAY), "k8s-webteam-edgegate-36271df927");
    assert_eq!(backend_security_group(CLUSTER), "k8s-traffic-prod1-6d7d57e991");
}

#[test]
fn service_target_groups_have_upstreams_names() {
    let instance = ServiceTargetGroup { port: 31443, target_type: &TargetType::Instance, ..service_tg() };
    let http = ServiceTargetGroup { health_check_protocol: &Protocol::Http, ..service_tg() };
    let cases = [
        (service_tg(), "k8s-webteam-edgegate-fd373447f8"),
        (ServiceTargetGroup { port: 1, ..service_tg() }, "k8s-webteam-edgegate-8a2d79bd18"),
        (ServiceTargetGroup { protocol: &Protocol::Tls, ..service_tg() }, "k8s-webteam-edgegate-23778e9fdb"),
        (ServiceTargetGroup { health_check_interval: 30, ..http }, "k8s-webteam-edgegate-428d34d4e9"),
        (instance.clone(), "k8s-webteam-edgegate-83e934633f"),
        (
            ServiceTargetGroup { health_check_protocol: &Protocol::Http, ..instance.clone() },
            "k8s-webteam-edgegate-27003557d1",
        ),
        (ServiceTargetGroup { protocol: &Protocol::TcpUdp, ..instance }, "k8s-webteam-edgegate-6c090f02b0"),
        (
            ServiceTargetGroup {
                service: CANARY,
                base_uid: Some(GATEWAY.uid),
                port: 8080,
                service_port: 81,
                ..service_tg()
            },
            "k8s-webteam-canary-ed463f6d93",
        ),
    ];
    for (target_group, name) in cases {
        assert_eq!(service_target_group(CLUSTER, &target_group), name);
    }
}

#[test]
fn ingress_resources_have_upstreams_names() {
    let implicit = group("shop", "web-frontend");
    let explicit = group("", "platform.shared-public-edge");
    let alb = |cluster, group: &StackId, scheme| ingress_load_balancer(cluster, group, &scheme);
    let cases = [
        (alb("prod-east", &implicit, Scheme::Internal), "k8s-shop-webfront-f81084de68"),
        (alb("prod-east", &implicit, Scheme::InternetFacing), "k8s-shop-webfront-3f22949d94"),
        (alb("prod-east", &explicit, Scheme::InternetFacing), "k8s-platformsharedpub-0994a1a8db"),
        (alb("cluster-dummy", &group("ns-1", "ing-1"), Scheme::Internal), "k8s-ns1-ing1-b7e914000d"),
        (alb("", &group("awesome-ns", "ing-1"), Scheme::InternetFacing), "k8s-awesomen-ing1-43b698093c"),
        (alb("", &group("", "explicit-group"), Scheme::Internal), "k8s-explicitgroup-5bf9e53c23"),
        (ingress_security_group("prod-east", &implicit), "k8s-shop-webfront-a671df8b12"),
        (ingress_security_group("prod-east", &explicit), "k8s-platformsharedpub-553745ad7c"),
        (backend_security_group("prod-east"), "k8s-traffic-prodeast-5fb8fce783"),
    ];
    for (actual, expected) in cases {
        assert_eq!(actual, expected);
    }
}

#[test]
fn ingress_target_groups_have_upstreams_names() {
    let implicit = group("shop", "web-frontend");
    let explicit = group("", "platform.shared-public-edge");
    let cart = IngressTargetGroup {
        group: &implicit,
        ingress_namespace: "shop",
        ingress_name: "web-frontend",
        service: ObjectIdentity { namespace: "shop", name: "cart-api", uid: GATEWAY.uid },
        service_port: "80",
        port: 8080,
        target_type: &TargetType::Ip,
        protocol: &Protocol::Http,
        protocol_version: "HTTP1",
        target_control_port: None,
    };
    let cases = [
        (
            IngressTargetGroup { port: 30080, target_type: &TargetType::Instance, ..cart.clone() },
            "k8s-shop-cartapi-f603284b89",
        ),
        (cart.clone(), "k8s-shop-cartapi-957b75fcfd"),
        (
            IngressTargetGroup { target_control_port: Some(3000), ..cart.clone() },
            "k8s-shop-cartapi-865dc1a411",
        ),
        (
            IngressTargetGroup {
                group: &explicit,
                service_port: "http",
                port: 1,
                protocol_version: "GRPC",
                ..cart
            },
            "k8s-shop-cartapi-e45d6a2701",
        ),
    ];
    for (target_group, name) in cases {
        assert_eq!(ingress_target_group("prod-east", &target_group), name);
    }
}

#[test]
fn frontend_nlbs_are_named_after_their_alb() {
    let implicit = group("shop", "web-frontend");
    for (alb, nlb) in [
        ("k8s-shop-webfront-f81084de68", "k8s-shop-webfront-f81084de68-nlb"),
        ("k8s-platformsharedpub-0994a1a8db", "k8s-platformsharedpub-0994a1-nlb"),
        ("edge", "edge-nlb"),
    ] {
        assert_eq!(frontend_nlb("prod-east", &implicit, &Scheme::Internal, alb), nlb);
    }
    let nameless = frontend_nlb("prod-east", &implicit, &Scheme::Internal, "");
    assert_eq!(nameless, "k8s-shop-webfront-f81084-nlb");
    let http = FrontendNlbTargetGroup {
        group: &implicit,
        port: 80,
        health_check_port: "traffic-port",
        health_check_protocol: &Protocol::Http,
    };
    assert_eq!(frontend_nlb_target_group("prod-east", &http), "k8s-shop-webfront-ee4b94cf05");
    let explicit = group("", "platform.shared-public-edge");
    let https = FrontendNlbTargetGroup {
        group: &explicit,
        port: 443,
        health_check_protocol: &Protocol::Https,
        ..http
    };
    assert_eq!(frontend_nlb_target_group("prod-east", &https), "k8s-platformsharedpub-2f7f93d94f");
}

/// The examples of the contract: what upstream calls the resources of one Gateway.
#[test]
fn gateways() {
    let public = ObjectKey::namespaced("web-apps", "public-gateway");
    let owner = ObjectIdentity {
        namespace: public.namespace(),
        name: public.name(),
        uid: "11111111-2222-3333-4444-555555555555",
    };
    assert_eq!(load_balancer("my-cluster", owner, &Scheme::Internal), "k8s-webapps-publicga-ee651d1028");
    assert_eq!(
        load_balancer("my-cluster", owner, &Scheme::InternetFacing),
        "k8s-webapps-publicga-5b8ee7e858"
    );
    assert_eq!(security_group("my-cluster", owner), "k8s-webapps-publicga-e688087013");
    let checkout = RouteId { key: public.sibling("checkout-route"), kind: RouteKind::Http };
    let service = public.sibling("checkout");
    let http = |target_control_port| {
        gateway_target_group(
            "my-cluster",
            &GatewayTargetGroup {
                gateway: &public,
                route: &checkout,
                backend: &service,
                port: 8080,
                target_type: &TargetType::Ip,
                protocol: &Protocol::Http,
                protocol_version: Some("HTTP1"),
                target_control_port,
            },
        )
    };
    assert_eq!(http(None), "k8s-webapps-checkout-f1f275b858");
    assert_eq!(http(Some(3000)), "k8s-webapps-checkout-478a906341");
    let tcp = |gateway: &ObjectKey, route: &str, backend: &ObjectKey, port, target_type: &TargetType| {
        let route = RouteId { key: public.sibling(route), kind: RouteKind::Tcp };
        gateway_target_group(
            "my-cluster",
            &GatewayTargetGroup {
                gateway,
                route: &route,
                backend,
                port,
                target_type,
                protocol: &Protocol::Tcp,
                protocol_version: None,
                target_control_port: None,
            },
        )
    };
    let database = tcp(&public, "db-route", &public.sibling("db"), 30432, &TargetType::Instance);
    assert_eq!(database, "k8s-webapps-dbroute-9d04673ed0");
    let chained = tcp(&public.sibling("edge-nlb"), "chain", &public, 443, &TargetType::Alb);
    assert_eq!(chained, "k8s-webapps-chain-b86fe94de7");
}
