use super::super::fixture::World;
use super::*;

const GRANTS: &str = r"
kind: ReferenceGrant
name: backends/all-services
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: routes}]
  to: [{group: '', kind: Service}]
---
kind: ReferenceGrant
name: backends/one
spec:
  from:
  - {group: other.io, kind: TCPRoute, namespace: elsewhere}
  - {group: gateway.networking.k8s.io, kind: TCPRoute, namespace: routes}
  to:
  - {group: '', kind: Secret}
  - {group: '', kind: Service, name: db}
";

#[test]
fn objects_of_other_namespaces_need_a_grant() {
    let world = World::read(GRANTS);
    let cases = [
        ("HTTPRoute", "routes", "", "Service", "backends/web", true),
        ("HTTPRoute", "elsewhere", "", "Service", "backends/web", false),
        ("GRPCRoute", "routes", "", "Service", "backends/web", false),
        ("HTTPRoute", "routes", GROUP, "Gateway", "backends/web", false),
        ("HTTPRoute", "routes", "other.io", "Service", "backends/web", false),
        ("HTTPRoute", "routes", "", "Service", "nobody/web", false),
        ("HTTPRoute", "backends", "", "Service", "backends/web", true),
        ("TCPRoute", "routes", "", "Service", "backends/db", true),
        ("TCPRoute", "routes", "", "Service", "backends/web", false),
        ("TCPRoute", "elsewhere", "", "Service", "backends/db", false),
    ];
    for (kind, namespace, group, to_kind, to, expected) in cases {
        let from = Referrer { kind, namespace };
        let allowed = may_refer(from, group, to_kind, &to.parse().unwrap(), &world);
        assert_eq!(allowed, expected, "{kind} {namespace} {to_kind} {to}");
    }
}
