use super::super::fixture::{LENIENT, STRICT, World};
use super::*;

const WORLD: &str = r"
kind: Service
name: team/web
spec: {ports: [{port: 80, name: http}, {port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}
---
kind: Service
name: other/api
spec: {ports: [{port: 8080}]}
---
kind: Service
name: open/api
spec: {ports: [{port: 8080}]}
---
kind: ReferenceGrant
name: open/grant
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: team}]
  to: [{group: '', kind: Service}]
---
kind: Gateway
name: team/ready
status: {conditions: [{type: Programmed, status: 'True', reason: Programmed, message: 'arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/x/y', lastTransitionTime: '2026-01-01T00:00:00Z'}]}
---
kind: Gateway
name: team/network
status: {conditions: [{type: Programmed, status: 'True', reason: Programmed, message: 'arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/x/y', lastTransitionTime: '2026-01-01T00:00:00Z'}]}
---
kind: Gateway
name: team/new
status: {conditions: [{type: Programmed, status: Unknown, reason: Pending, message: 'arn', lastTransitionTime: '2026-01-01T00:00:00Z'}]}
---
kind: TargetGroupConfiguration
name: team/of-web
spec: {targetReference: {name: web}, defaultConfiguration: {targetType: ip}}
---
kind: ListenerRuleConfiguration
name: team/fine
status: {accepted: true}
---
kind: ListenerRuleConfiguration
name: team/refused
status: {accepted: false, message: 'secret [team/x] not found'}
---
kind: ListenerRuleConfiguration
name: team/new
---
kind: ListenerRuleConfiguration
name: other/foreign
status: {accepted: true}
";

fn load_rule(rule: &str, options: GatewayOptions) -> LoadedRule {
    let route = format!("---\nkind: HTTPRoute\nname: team/route\nspec: {{rules: [{rule}]}}\n");
    let world = World::read(&format!("{WORLD}{route}"));
    load(&world.routes()[0], None, &world, options).remove(0)
}

fn describe(rule: &LoadedRule) -> (Vec<String>, Vec<String>) {
    let backend = |weighted: &Weighted| {
        let backend = match &weighted.backend {
            RouteBackend::Service { service, port, props } => {
                let type_ = props
                    .as_ref()
                    .and_then(|props| props.target_type)
                    .map_or("-".to_owned(), |type_| type_.to_string());
                format!("{}:{} {type_}", ObjectKey::of(&**service), port.port)
            }
            RouteBackend::TargetGroup { name } => format!("group {name}"),
            RouteBackend::Gateway { gateway, arn, port, .. } => {
                format!("gateway {gateway}:{port} {}", arn.rsplit(':').next().unwrap())
            }
        };
        format!("{backend} {}", weighted.weight)
    };
    let problem = |problem: &RouteProblem| format!("{}: {}", problem.reason, problem.message);
    (rule.backends.iter().map(backend).collect(), rule.problems.iter().map(problem).collect())
}

#[test]
fn backends_are_looked_up() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("", &[], &[]),
        ("{name: web, port: 80}", &["team/web:80 ip 1"], &[]),
        (
            "{name: web, port: 80, weight: 0}, {name: web, port: 80, weight: 999}",
            &["team/web:80 ip 0", "team/web:80 ip 999"],
            &[],
        ),
        ("{name: web, port: 53, kind: Service, group: x}", &["team/web:53 ip 1"], &[]),
        ("{name: web}", &[], &["UnsupportedValue: Port is required"]),
        ("{name: web, port: 81}", &[], &["BackendNotFound: Unable to find service port for port 81"]),
        (
            "{name: gone, port: 80}, {name: web, port: 80}",
            &["team/web:80 ip 1"],
            &["BackendNotFound: Service (team:gone) not found)"],
        ),
        ("{name: api, namespace: open, port: 8080}", &["open/api:8080 - 1"], &[]),
        (
            "{name: api, namespace: other, port: 8080}",
            &[],
            &["RefNotPermitted: No explicit ReferenceGrant exists to allow the reference."],
        ),
        (
            "{name: none, namespace: other, port: 8080}",
            &[],
            &["RefNotPermitted: No explicit ReferenceGrant exists to allow the reference."],
        ),
        ("{name: shared, kind: TargetGroupName}", &["group shared 1"], &[]),
        ("{name: x, kind: ConfigMap}", &[], &["InvalidKind: Unknown backend reference kind"]),
        ("{name: ready, kind: Gateway, port: 443}", &["gateway team/ready:443 loadbalancer/app/x/y 1"], &[]),
        ("{name: ready, kind: Gateway}", &[], &["UnsupportedValue: Port is required"]),
        ("{name: gone, kind: Gateway, port: 443}", &[], &["BackendNotFound: Gateway (team:gone) not found)"]),
        (
            "{name: network, kind: Gateway, port: 443}",
            &[],
            &[
                "BackendNotFound: invalid gateway ARN: arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/x/y, the resource type must be application load balancer",
            ],
        ),
        (
            "{name: new, kind: Gateway, port: 443}",
            &[],
            &["BackendNotFound: Gateway (team:new) is not usable yet, LB ARN is not provisioned)"],
        ),
        (
            "{name: web, port: 80}, {name: web, port: 80, weight: 1000}",
            &["team/web:80 ip 1", "team/web:80 ip 1000"],
            &["UnsupportedValue: Weight [1000] must be less than or equal to 999"],
        ),
    ];
    for (backends, found, problems) in cases {
        let rule = load_rule(&format!("{{backendRefs: [{backends}]}}"), LENIENT);
        let (loaded, told) = describe(&rule);
        assert_eq!(
            (
                loaded.iter().map(String::as_str).collect::<Vec<_>>(),
                told.iter().map(String::as_str).collect::<Vec<_>>()
            ),
            (found.to_vec(), problems.to_vec()),
            "{backends}"
        );
    }
}

#[test]
fn what_cannot_be_shared_out_or_is_not_ready_is_told() {
    let heavy = load_rule("{backendRefs: [{name: web, port: 80, weight: 1000}]}", LENIENT);
    assert!(heavy.kept_shares.is_some() && heavy.refusal.is_none());
    let group = |number: usize| format!("{{name: g{number}, kind: TargetGroupName}}");
    let groups = |count: usize| (0..count).map(group).collect::<Vec<_>>().join(", ");
    assert_eq!(load_rule(&format!("{{backendRefs: [{}]}}", groups(5)), LENIENT).kept_shares, None);
    let many = load_rule(&format!("{{backendRefs: [{}]}}", groups(6)), LENIENT);
    let problem = RouteProblem::unsupported("forwards to 6 target groups, expected 1 to 5");
    assert_eq!(
        (many.kept_shares.as_ref(), many.problems.as_slice()),
        (Some(&problem), [problem.clone()].as_slice())
    );
    let waiting = load_rule("{backendRefs: [{name: new, kind: Gateway, port: 443}]}", LENIENT);
    assert_eq!(waiting.waits_for, [ObjectKey::namespaced("team", "new")]);
    assert!(waiting.refusal.is_none());
}

#[test]
fn a_rule_has_one_configuration_at_most() {
    let filter = |name: &str| {
        format!(
            "{{type: ExtensionRef, extensionRef: {{group: gateway.k8s.aws, kind: ListenerRuleConfiguration, name: {name}}}}}"
        )
    };
    let other = "{type: ExtensionRef, extensionRef: {group: other.io, kind: Thing, name: x}}".to_owned();
    let cases: &[(Vec<String>, Option<&str>)] = &[
        (vec![filter("fine"), other], None),
        (
            vec![filter("fine"), filter("fine")],
            Some("Only one listener rule config can be referenced per route rule, found multiple"),
        ),
        (vec![filter("gone")], Some("ListenerRuleConfiguration [team/gone] not found)")),
        (vec![filter("foreign")], Some("ListenerRuleConfiguration [team/foreign] not found)")),
        (
            vec![filter("new")],
            Some("ListenerRuleConfiguration [team/new] is not accepted. Reason:  status unknown)"),
        ),
        (
            vec![filter("refused")],
            Some(
                "ListenerRuleConfiguration [team/refused] is not accepted. Reason:  secret [team/x] not found)",
            ),
        ),
    ];
    for (filters, problem) in cases {
        let rule = load_rule(
            &format!("{{filters: [{}], backendRefs: [{{name: web, port: 80}}]}}", filters.join(", ")),
            LENIENT,
        );
        assert_eq!(rule.refusal.as_ref().map(|problem| problem.message.as_str()), *problem);
        assert_eq!(
            rule.backends.is_empty(),
            problem.is_some(),
            "without its configuration a rule has no backends"
        );
        assert_eq!(rule.configuration.is_some(), problem.is_none());
        assert!(rule.problems.iter().all(|problem| problem.reason == RouteReason::IncompatibleFilters));
    }
}

#[test]
fn strictly_filters_of_backends_are_refused() {
    let rule = "{backendRefs: [{name: web, port: 80, filters: [{type: RequestHeaderModifier}]}]}";
    assert_eq!(load_rule(rule, LENIENT).refusal, None);
    assert_eq!(load_rule(rule, STRICT).refusal.unwrap().reason, RouteReason::UnsupportedValue);
}
