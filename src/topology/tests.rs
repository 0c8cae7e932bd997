#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::api::gateway::Gateway;
use crate::api::{Event, GlobalAccelerator, Ingress, ObjectKey, Service, TargetGroupBinding};
use crate::aws_api::elbv2::{
    self, FixedResponseAction, ForwardAction, IpAddressType, ListenerAction, LoadBalancerType, Protocol,
    Rule, RuleCondition, Scheme, Target, TargetGroupTuple, TargetHealth, TargetHealthState, TargetType,
    ValuesOrRegexes, ZoneMapping,
};
use crate::config::Config;
use crate::facts::group::{IngressGroup, Member, explicit_group, implicit_group};
use crate::finding::{Finding, ObjectRef};
use crate::gateway::Controller;
use crate::gateway::route::RouteKind;
use crate::model::{Owner, StackId};
use crate::targets::test_support::{NAMESPACE, TestCluster, key, node, pod, slice_entry, yaml};
use crate::targets::view::{AddressFamily, GateCondition, GateView, PodView, SliceView};
use std::path::Path;
use std::sync::Arc;

const ACCOUNT: &str = "arn:aws:elasticloadbalancing:us-west-2:111122223333";

fn arn(kind: &str, rest: &str) -> String {
    format!("{ACCOUNT}:{kind}/{rest}")
}

fn group_arn(name: &str) -> String {
    arn("targetgroup", &format!("k8s-{name}/0123456789abcdef"))
}

fn binding(service: &str, stack: Option<(Owner, &str)>) -> TargetGroupBinding {
    let labels = stack.map(|(owner, name)| {
        let namespace = NAMESPACE.to_owned();
        StackId { owner, namespace, name: name.to_owned() }.labels()
    });
    let mut binding: TargetGroupBinding = yaml(&format!(
        "{{metadata: {{name: k8s-{service}, namespace: shop, generation: 1}}, spec: {{targetGroupARN: '{}', targetType: ip, \
         serviceRef: {{name: {service}, port: 80}}}}, status: {{observedGeneration: 1}}}}",
        group_arn(service)
    ));
    binding.metadata.labels = labels;
    binding
}

fn target_group(name: &str, targets: Vec<TargetHealth>) -> TargetGroupInAws {
    let entity = elbv2::TargetGroup {
        arn: group_arn(name),
        name: format!("k8s-{name}"),
        target_type: TargetType::Ip,
        port: Some(8080),
        protocol: Some(Protocol::Http),
        protocol_version: None,
        ip_address_type: IpAddressType::Ipv4,
        vpc_id: Some("vpc-1".to_owned()),
        health_check: elbv2::HealthCheck {
            port: Some("traffic-port".to_owned()),
            protocol: Some(Protocol::Http),
            path: Some("/healthz".to_owned()),
            ..elbv2::HealthCheck::default()
        },
        target_control_port: None,
        load_balancer_arns: Vec::new(),
    };
    TargetGroupInAws { entity, targets: Ok(targets) }
}

fn health(n: u8, state: TargetHealthState, reason: &str) -> TargetHealth {
    let target = Target { id: format!("10.0.1.{n}").into(), port: Some(8080), ..Target::default() };
    let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    TargetHealth {
        target,
        state,
        reason: told(reason),
        description: told(reason).map(|reason| format!("About {reason}")),
    }
}

fn load_balancer(name: &str, kind: LoadBalancerType, listeners: Vec<ListenerInAws>) -> LoadBalancerInAws {
    let entity = elbv2::LoadBalancer {
        arn: arn("loadbalancer", &format!("app/k8s-{name}/1")),
        dns_name: format!("K8s-{name}.elb.us-west-2.amazonaws.com"),
        name: format!("k8s-{name}"),
        kind,
        scheme: Scheme::InternetFacing,
        vpc_id: "vpc-1".to_owned(),
        state: "active".to_owned(),
        ip_address_type: IpAddressType::Ipv4,
        zones: vec![ZoneMapping { zone_name: "us-west-2a".to_owned(), ..ZoneMapping::default() }],
        security_groups: Vec::new(),
        customer_owned_ipv4_pool: None,
        enforce_inbound_rules_on_private_link: None,
        enable_prefix_for_ipv6_source_nat: None,
        ipv4_ipam_pool_id: None,
    };
    LoadBalancerInAws { resource: "LoadBalancer".to_owned(), entity, listeners: Ok(listeners) }
}

fn forward(groups: &[(&str, Option<i32>)]) -> ListenerAction {
    let tuple = |(name, weight): &(&str, Option<i32>)| TargetGroupTuple {
        target_group: group_arn(name).into(),
        weight: *weight,
    };
    ListenerAction::Forward(ForwardAction {
        target_groups: groups.iter().map(tuple).collect(),
        ..ForwardAction::default()
    })
}

fn rule(priority: i32, path: &str, action: ListenerAction) -> Rule {
    let host = ValuesOrRegexes { values: vec!["shop.example.com".to_owned()], regexes: Vec::new() };
    let path = ValuesOrRegexes { values: vec![path.to_owned()], regexes: Vec::new() };
    Rule {
        arn: arn("listener-rule", &format!("app/k8s-shop/1/2/rule{priority}")),
        priority: Some(priority),
        conditions: vec![RuleCondition::HostHeader(host), RuleCondition::PathPattern(path)],
        actions: vec![action],
        transforms: Vec::new(),
    }
}

fn listener(port: i32, protocol: Protocol, default: ListenerAction, rules: Vec<Rule>) -> ListenerInAws {
    let entity = elbv2::Listener {
        arn: arn("listener", &format!("app/k8s-shop/1/{port}")),
        load_balancer_arn: arn("loadbalancer", "app/k8s-shop/1"),
        port,
        protocol,
        default_actions: vec![default],
        certificates: Vec::new(),
        ssl_policy: None,
        alpn_policy: Vec::new(),
        mutual_authentication: None,
    };
    ListenerInAws { entity, rules: Ok(rules) }
}

fn not_found() -> ListenerAction {
    ListenerAction::FixedResponse(FixedResponseAction {
        status_code: "404".to_owned(),
        ..FixedResponseAction::default()
    })
}

fn event(kind: &str, name: &str, component: &str, type_: &str, reason: &str, message: &str) -> ObjectEvent {
    let event: Event = yaml(&format!(
        "{{metadata: {{name: e}}, involvedObject: {{kind: {kind}, namespace: shop, name: {name}}}, type: {type_}, reason: {reason}, \
         message: '{message}', source: {{component: {component}}}, count: 3, lastTimestamp: '2030-01-02T03:04:05Z'}}"
    ));
    ObjectEvent::of(&event).unwrap()
}

fn ingress(name: &str, host: &str) -> Arc<Ingress> {
    Arc::new(yaml(&format!(
        "{{metadata: {{name: {name}, namespace: shop, uid: u-{name}}}, spec: {{rules: [{{host: {host}}}]}}, \
         status: {{loadBalancer: {{ingress: [{{hostname: k8s-{name}.elb.us-west-2.amazonaws.com}}]}}}}}}"
    )))
}

fn member(ingress: &Arc<Ingress>, defect: Option<Finding>) -> Member {
    Member { key: ObjectKey::of(&**ingress), ingress: ingress.clone(), params: None, defect, refusal: None }
}

fn gated(mut pod: PodView, binding: &str, status: &str, reason: &str) -> PodView {
    let condition = GateCondition {
        status: status.into(),
        reason: reason.into(),
        message: "Health checks failed".into(),
        last_transition: None,
    };
    let condition_type = format!("target-health.elbv2.k8s.aws/{binding}");
    pod.gates = [GateView { condition_type: condition_type.into(), condition: Some(condition) }].into();
    pod
}

/// The Services `web` (pods 1 and 2) and `api` (pod 3), with endpoints; `tcp` has none.
fn cluster() -> TestCluster {
    let mut cluster = TestCluster::default();
    let pods = [
        ("web", gated(pod(1), "k8s-web", "True", "")),
        ("web", gated(pod(2), "k8s-web", "False", "Target.FailedHealthChecks")),
        ("api", pod(3)),
    ];
    for (service, pod) in pods {
        let slice = SliceView {
            service: key(service),
            family: AddressFamily::Ipv4,
            ports: [("".into(), 8080)].into(),
            endpoints: [slice_entry(&pod, true, false)].into(),
        };
        cluster.slices.entry(key(service)).or_default().push(Arc::new(slice));
        cluster.pods.insert(pod.key.clone(), Arc::new(pod));
    }
    for name in ["web", "api", "tcp"] {
        let service: Service = yaml(&format!(
            "{{metadata: {{name: {name}, namespace: shop}}, spec: {{ports: [{{port: 80, targetPort: 8080}}]}}}}"
        ));
        cluster.services.insert(key(name), Arc::new(service));
        cluster.slices.entry(key(name)).or_default();
    }
    cluster.nodes.insert("node-a".to_owned(), Arc::new(node("node-a")));
    let bindings = [
        binding("web", Some((Owner::Ingress, "shop"))),
        binding("api", Some((Owner::Ingress, "shop"))),
        binding("tcp", None),
    ];
    for binding in bindings {
        cluster.bindings.insert(ObjectKey::of(&binding), Arc::new(binding));
    }
    cluster
}

/// Of two listeners: one in front of an Ingress, of a Service without an address and of one that is not there, one of another region.
fn accelerator() -> GlobalAccelerator {
    yaml(
        "{metadata: {name: front, namespace: shop, generation: 1}, spec: {listeners: [{protocol: TCP, portRanges: [{fromPort: 80, toPort: 80}, \
         {fromPort: 443, toPort: 445}], endpointGroups: [{trafficDialPercentage: 50, endpoints: [{type: Ingress, name: shop}, {type: Service, \
         name: tcp, weight: 7}, {type: Service, name: gone, namespace: other}]}]}, {endpointGroups: [{region: eu-west-1, endpoints: \
         [{type: EndpointID, endpointID: eipalloc-1}]}]}]}, status: {acceleratorARN: 'arn:aws:globalaccelerator::1:accelerator/a', dnsName: \
         a1.awsglobalaccelerator.com, status: DEPLOYED, ipSets: [{ipAddresses: [192.0.2.1, 192.0.2.2]}], conditions: [{type: Ready, status: 'True', \
         reason: AcceleratorReady, message: ok, lastTransitionTime: '2030-01-01T00:00:00Z'}]}}",
    )
}

#[test]
fn accelerators_show_what_they_send_to() {
    let tree = tree(Ok(aws()));
    let root = &tree.items["globalaccelerator/shop/front"];
    assert_eq!((root.state, root.worst, root.hosts.len()), (State::Synced, State::Unhealthy, 1));
    assert!(tree.roots.contains(&root.id), "{:?}", tree.roots);
    let listeners: Vec<&str> = tree.children(root).map(|item| item.name.as_str()).collect();
    assert_eq!(listeners, ["TCP:80,443-445", "any:of the load balancer"]);
    let endpoint = |name: &str| {
        let id = format!("endpoint/shop/front/0/{}/{name}", Config::default().region);
        let item = &tree.items[&id];
        (item.state, item.reason.as_str(), item.related.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(endpoint("Ingress shop/shop"), (State::Synced, "", vec!["ingress/shop/shop"]));
    assert_eq!(endpoint("Service shop/tcp"), (State::Pending, "NoAddress", vec!["service/shop/tcp"]));
    assert_eq!(endpoint("Service other/gone"), (State::Unhealthy, "NotFound", vec![]));
    assert_eq!(tree.items["endpoint/shop/front/1/eu-west-1/eipalloc-1"].state, State::Unknown);
}

#[test]
fn an_accelerator_that_could_not_be_made_says_why() {
    let (cluster, config) = (cluster(), Config::default());
    let mut sources = sources(&cluster, &config, Ok(aws()));
    let mut accelerator = accelerator();
    let condition = &mut accelerator.status.as_mut().unwrap().conditions[0];
    (condition.status, condition.reason) = ("False".to_owned(), "DeploymentFailed".to_owned());
    sources.accelerators = vec![Arc::new(accelerator)];
    let item = build(&sources).items.remove("globalaccelerator/shop/front").unwrap();
    assert_eq!((item.state, item.reason.as_str()), (State::Failed, "DeploymentFailed"));
}

/// An Ingress, a group with a broken member, a Service that waits, a Gateway and a TargetGroupBinding of a user.
fn sources<'a>(
    cluster: &'a TestCluster,
    config: &'a Config,
    aws: Result<AwsSource, String>,
) -> TopologySources<'a> {
    let shop = ingress("shop", "shop.example.com");
    let (good, broken) = (ingress("good", "a.example.com"), ingress("broken", "b.example.com"));
    let object = ObjectRef { kind: "Ingress", namespace: NAMESPACE.to_owned(), name: "broken".to_owned() };
    let defect = Finding::error(&object, "group.order is `x`").hint("a whole number from -1000 to 1000");
    let waiting: Service = yaml("{metadata: {name: tcp, namespace: shop}}");
    let gateway: Gateway = yaml(
        "{metadata: {name: edge, namespace: shop, generation: 2}, spec: {gatewayClassName: alb, listeners: []}, status: {addresses: \
         [{value: edge.elb.us-west-2.amazonaws.com}], conditions: [{type: Accepted, status: 'True', reason: Accepted, message: ok, \
         observedGeneration: 2, lastTransitionTime: '2030-01-01T00:00:00Z'}, {type: Programmed, status: 'False', reason: Invalid, \
         message: no certificate, observedGeneration: 2, lastTransitionTime: '2030-01-01T00:00:00Z'}]}}",
    );
    let route = RouteSource {
        kind: RouteKind::Http,
        key: key("front"),
        generation: 1,
        hostnames: vec!["front.example.com".to_owned()],
        status: crate::api::gateway::RouteStatus::default(),
    };
    let group = |id, members| IngressGroup { id, members, departing: Vec::new() };
    TopologySources {
        config,
        cluster,
        services: vec![Arc::new(waiting)],
        groups: vec![
            group(implicit_group(&key("shop")), vec![member(&shop, None)]),
            group(explicit_group("team"), vec![member(&good, None), member(&broken, Some(defect))]),
        ],
        misplaced: Vec::new(),
        gateways: vec![GatewayWithRoutes {
            gateway: Arc::new(gateway),
            controller: Controller::Alb,
            routes: vec![route],
        }],
        accelerators: vec![Arc::new(accelerator())],
        events: Arc::new(Events::from_iter([
            event(
                "Ingress",
                "shop",
                "ingress",
                "Normal",
                "SuccessfullyReconciled",
                "Successfully reconciled",
            ),
            event(
                "Service",
                "tcp",
                "service",
                "Warning",
                "FailedBuildModel",
                "Failed build model due to no subnets",
            ),
        ])),
        aws: aws.map(Arc::new),
        plans: BTreeMap::new(),
    }
}

fn aws() -> AwsSource {
    let rules = vec![
        rule(1, "/api/*", forward(&[("api", None)])),
        rule(2, "/*", forward(&[("web", Some(80)), ("api", Some(20))])),
    ];
    let shop = StackInAws {
        load_balancers: vec![load_balancer(
            "shop",
            LoadBalancerType::Application,
            vec![listener(80, Protocol::Http, not_found(), rules)],
        )],
        target_groups: vec![
            target_group(
                "web",
                vec![
                    health(1, TargetHealthState::Healthy, ""),
                    health(2, TargetHealthState::Unhealthy, "Target.FailedHealthChecks"),
                    health(9, TargetHealthState::Draining, "Target.DeregistrationInProgress"),
                ],
            ),
            target_group("api", Vec::new()),
        ],
    };
    AwsSource {
        stacks: BTreeMap::from([(implicit_group(&key("shop")), Arc::new(shop))]),
        other_target_groups: vec![target_group("tcp", Vec::new())],
    }
}

fn tree(aws: Result<AwsSource, String>) -> Topology {
    let (cluster, config) = (cluster(), Config::default());
    build(&sources(&cluster, &config, aws))
}

#[expect(clippy::disallowed_methods, reason = "the switch that regenerates golden files")]
fn assert_golden(file: &str, topology: &Topology) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/topology").join(file);
    let mut text = serde_json::to_string_pretty(topology).unwrap();
    text.push('\n');
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "UPDATE_GOLDEN=1 writes {file} anew");
}

#[test]
fn the_tree_of_a_small_estate_is_as_written_down() {
    assert_golden("estate.json", &tree(Ok(aws())));
}

#[test]
fn the_cluster_alone_tells_of_health_by_readiness_gates() {
    let why = "no credentials".to_owned();
    assert_golden("estate-without-aws.json", &tree(Err(why)));
}

#[test]
fn every_id_that_is_named_is_there_and_no_item_hangs_on_itself() {
    for topology in [tree(Ok(aws())), tree(Err("no credentials".to_owned()))] {
        for (id, item) in &topology.items {
            assert_eq!(id, &item.id);
            for named in item.children.iter().chain(&item.related) {
                assert!(topology.items.contains_key(named), "{id} names {named}");
                assert_ne!(id, named);
            }
            assert!(item.worst >= item.state, "{id}");
        }
        assert!(topology.roots.iter().all(|id| topology.items.contains_key(id)));
    }
}

#[test]
fn a_target_group_of_several_rules_is_there_once_and_counted_once() {
    let topology = tree(Ok(aws()));
    let shop = &topology.items["ingress/shop/shop"];
    let count = TargetCount { total: 3, healthy: 1, unhealthy: 1, pending: 1, unknown: 0, draining: 1 };
    assert_eq!(shop.targets, Some(count));
    assert_eq!(topology.items.values().filter(|item| item.name == "k8s-api").count(), 1);
}

#[test]
fn a_change_of_one_target_is_a_change_of_it_and_of_what_it_hangs_on() {
    let before = tree(Ok(aws()));
    assert!(changes(&before, &tree(Ok(aws()))).is_empty());
    let mut source = aws();
    let shop = source.stacks.values_mut().next().unwrap();
    Arc::make_mut(shop).target_groups[0].targets.as_mut().unwrap()[1] =
        health(2, TargetHealthState::Healthy, "");
    let after = changes(&before, &tree(Ok(source)));
    let ids: Vec<&str> = after.changed.iter().map(|item| item.id.as_str()).collect();
    let expected = [
        "ingress/shop/shop",
        "listener/ingress/shop/shop/LoadBalancer/80",
        "loadbalancer/ingress/shop/shop/LoadBalancer",
        "rule/ingress/shop/shop/LoadBalancer/80/rule2",
        "target/k8s-web/0123456789abcdef/10.0.1.2:8080",
        "targetgroup/k8s-web/0123456789abcdef",
    ];
    assert_eq!((ids.as_slice(), after.removed.is_empty(), after.roots), (expected.as_slice(), true, None));
    let nothing = changes(&before, &Topology::default());
    assert_eq!(nothing.removed.len(), before.items.len());
}

#[test]
fn a_query_finds_what_it_names_and_what_that_hangs_on() {
    let topology = tree(Ok(aws()));
    let find = |kind: Option<&str>, namespace: Option<&str>, name: Option<&str>| {
        let query = TopologyQuery {
            namespace: namespace.map(str::to_owned),
            kind: kind.map(|kind| kind.parse().unwrap()),
            name: name.map(str::to_owned),
        };
        select(&topology, &query).roots
    };
    assert_eq!(find(None, None, None), topology.roots);
    assert_eq!(find(None, Some("other"), None), [""; 0]);
    assert_eq!(find(Some("ing"), Some("shop"), Some("broken")), ["ingressgroup/team"]);
    // The accelerator stands in front of the Ingress.
    assert_eq!(
        find(Some("pods"), Some("shop"), Some("web-1")),
        ["ingress/shop/shop", "globalaccelerator/shop/front"]
    );
    assert_eq!(find(Some("httproute"), None, Some("front")), ["gateway/shop/edge"]);
    assert_eq!(find(Some("ingressgroup"), Some("shop"), Some("team")), ["ingressgroup/team"]);
    let part =
        select(&topology, &TopologyQuery { kind: Some(TopologyKind::Gateway), ..TopologyQuery::default() });
    assert!(
        part.items.keys().all(|id| id.contains("edge") || id.contains("front")),
        "{:?}",
        part.items.keys()
    );
    let refused = "ingres".parse::<TopologyKind>().unwrap_err().to_string();
    assert!(
        refused.starts_with("kind is `ingres`, expected one of service, ")
            && refused.ends_with("did you mean `ingress`?"),
        "{refused}"
    );
}

#[test]
fn a_plan_decides_whether_a_stack_is_synced() {
    let (cluster, config) = (cluster(), Config::default());
    let state = |plan: PlanSource| {
        let mut sources = sources(&cluster, &config, Ok(aws()));
        sources.plans.insert(implicit_group(&key("shop")), plan);
        let item = build(&sources).items.remove("ingress/shop/shop").unwrap();
        (item.state, item.reason)
    };
    let object = ObjectRef { kind: "Ingress", namespace: NAMESPACE.to_owned(), name: "shop".to_owned() };
    let mistake = Finding::error(&object, "bad");
    let cases = [
        (PlanSource::default(), (State::Synced, "")),
        (PlanSource { steps: 2, ..PlanSource::default() }, (State::Pending, "OutOfSync")),
        (PlanSource { mistakes: vec![mistake], ..PlanSource::default() }, (State::Failed, "Invalid")),
        (
            PlanSource { failure: Some("denied".to_owned()), ..PlanSource::default() },
            (State::Failed, "NotPlanned"),
        ),
    ];
    for (plan, (expected, reason)) in cases {
        assert_eq!(state(plan.clone()), (expected, reason.to_owned()), "{plan:?}");
    }
}

#[test]
fn the_health_of_targets_is_summed_up() {
    use TargetHealthState::{Healthy, Initial, Unhealthy, Unused};
    let cases: &[(&[TargetHealthState], State)] = &[
        (&[Healthy, Healthy], State::Synced),
        (&[Healthy, Initial], State::Pending),
        (&[Healthy, Unhealthy], State::Unhealthy),
        (&[Initial, Unhealthy], State::Unhealthy),
        (&[Unused], State::Unhealthy),
        (&[TargetHealthState::Unavailable], State::Synced),
        (&[TargetHealthState::Draining], State::Unhealthy),
        (&[], State::Unhealthy),
    ];
    for (states, expected) in cases {
        let targets = (1..).zip(states.iter()).map(|(n, state)| health(n, state.clone(), "")).collect();
        let mut source = aws();
        source.other_target_groups = vec![target_group("tcp", targets)];
        assert_eq!(
            tree(Ok(source)).items["targetgroup/k8s-tcp/0123456789abcdef"].state,
            *expected,
            "{states:?}"
        );
    }
}

#[test]
fn what_aws_shows_as_before_is_kept_once() {
    let known = Arc::new(StackInAws {
        target_groups: vec![target_group("web", Vec::new())],
        ..StackInAws::default()
    });
    assert!(Arc::ptr_eq(&(*known).clone().or_known(Some(&known)), &known));
    let other = StackInAws::default().or_known(Some(&known));
    assert!(other.target_groups.is_empty());
}
