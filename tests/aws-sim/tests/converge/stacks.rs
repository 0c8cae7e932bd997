//! Stacks: small wishes, drawn at random, that build into what the controllers would want.

use aws_load_balancer_controller::api::IntOrString;
use aws_load_balancer_controller::aws_api::ec2::{IngressRule, RuleSource};
use aws_load_balancer_controller::aws_api::elbv2::{
    AuthenticationSession, FixedResponseAction, ForwardAction, HealthCheck, IpAddressType, ListenerAction,
    LoadBalancerType, Matcher, OidcAction, Protocol, RuleCondition, Scheme, SubnetMapping, TargetGroupTuple,
    TargetType, ValuesOrRegexes,
};
use aws_load_balancer_controller::aws_api::{Attributes, Ref, Secret, SymbolKind, Tags};
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::model::{
    AlbTarget, Binding, BindingIngress, BindingPeer, BindingPort, Listener, LoadBalancer, Owner, ResourceId,
    Rule, SecurityGroup, Stack, StackId, TargetGroup,
};
use aws_sim::{Sim, World};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const LOAD_BALANCER: &str = "LoadBalancer";
const SECURITY_GROUP: &str = "ManagedLBSecurityGroup";

/// Listener ports of ALBs (with TLS or not) and of NLBs.
const ALB_PORTS: [(i32, bool); 3] = [(80, false), (443, true), (8443, true)];
const NLB_PORTS: [i32; 3] = [80, 443, 5000];

/// What somebody wants, in few words.
#[derive(Clone, Debug)]
pub struct Wish {
    pub is_alb: bool,
    pub is_internal: bool,
    /// How many zones: 2 or 3.
    pub zones: usize,
    /// Which of the ports.
    pub listeners: Vec<usize>,
    /// Which of the certificates; the first is the default.
    pub certificates: Vec<usize>,
    /// Content and target group, in order of priority.
    pub rules: Vec<(usize, usize)>,
    pub target_groups: usize,
    /// Protocol of the target groups; a change replaces them.
    pub tls_targets: bool,
    pub health_path: bool,
    pub idle_timeout: Option<u8>,
    pub source_ranges: Vec<u8>,
    pub tag: Option<u8>,
}

impl Wish {
    /// An internal ALB with one HTTP listener.
    pub fn plain() -> Self {
        Self {
            is_alb: true,
            is_internal: true,
            zones: 2,
            listeners: vec![0],
            certificates: vec![0],
            rules: Vec::new(),
            target_groups: 1,
            tls_targets: false,
            health_path: false,
            idle_timeout: None,
            source_ranges: vec![0],
            tag: None,
        }
    }
}

/// Any wish.
pub fn wish() -> impl Strategy<Value = Wish> {
    let shape = (any::<bool>(), any::<bool>(), 2_usize..=3, 1_usize..=3, any::<bool>(), any::<bool>());
    let lists = (
        proptest::sample::subsequence(vec![0_usize, 1, 2], 1..=3),
        proptest::sample::subsequence(vec![0_usize, 1, 2], 1..=3).prop_shuffle(),
        proptest::collection::vec((0_usize..6, 0_usize..3), 0..6),
        proptest::sample::subsequence(vec![0_u8, 1, 2, 3], 0..=3),
    );
    let options = (proptest::option::of(30_u8..40), proptest::option::of(0_u8..3));
    (shape, lists, options).prop_map(|(shape, lists, options)| {
        let (is_alb, is_internal, zones, target_groups, tls_targets, health_path) = shape;
        let (listeners, certificates, rules, source_ranges) = lists;
        let (idle_timeout, tag) = options;
        Wish {
            is_alb,
            is_internal,
            zones,
            listeners,
            certificates,
            rules: unique(rules),
            target_groups,
            tls_targets,
            health_path,
            idle_timeout,
            source_ranges,
            tag,
        }
    })
}

fn unique(rules: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut seen = BTreeSet::new();
    rules.into_iter().filter(|(content, _)| seen.insert(*content)).collect()
}

/// The world that all stacks live in.
pub fn world() -> World {
    World::demo()
}

pub fn config(sim: &Sim) -> Config {
    let vpc_id = sim.world(|world| world.id("VPC").to_owned());
    Config { cluster_name: "demo".to_owned(), region: "us-west-2".to_owned(), vpc_id, ..Config::default() }
}

pub fn id() -> StackId {
    StackId { owner: Owner::Ingress, namespace: "default".to_owned(), name: "web".to_owned() }
}

/// The stack that a wish means.
pub fn build(wish: &Wish) -> Stack {
    let world = world();
    let mut stack = Stack::empty(id());
    stack.security_groups.insert(SECURITY_GROUP.into(), security_group(wish));
    stack.load_balancers.insert(LOAD_BALANCER.into(), load_balancer(wish, &world));
    for number in 0..wish.target_groups {
        let id = target_group_id(number);
        stack.target_groups.insert(id.clone(), target_group(wish, number));
        stack.bindings.insert(id.clone(), binding(wish, number, &world));
    }
    for index in &wish.listeners {
        let (id, listener) = listener(wish, *index, &world);
        stack.listeners.insert(id.clone(), listener);
        for (place, (content, group)) in wish.rules.iter().enumerate().filter(|_| wish.is_alb) {
            let priority = i32::try_from(place).unwrap() + 1;
            stack.rules.insert((id.clone(), priority), rule(wish, *content, *group));
        }
    }
    stack
}

/// One of many plain stacks, with names of its own.
pub fn numbered(number: usize) -> Stack {
    let mut stack = build(&Wish::plain());
    stack.id.name = format!("web-{number}");
    for group in stack.security_groups.values_mut() {
        group.name = format!("k8s-{number}");
    }
    for load_balancer in stack.load_balancers.values_mut() {
        load_balancer.name = format!("k8s-{number}");
    }
    for group in stack.target_groups.values_mut() {
        group.name = format!("k8s-{number}");
    }
    for binding in stack.bindings.values_mut() {
        binding.name = format!("k8s-{number}");
    }
    stack
}

/// An HTTPS listener behind a log-in with this client secret.
pub fn with_oidc(secret: &str) -> Stack {
    let mut stack = build(&Wish { listeners: vec![1], ..Wish::plain() });
    let oidc = OidcAction {
        issuer: "https://login.example.com".to_owned(),
        authorization_endpoint: "https://login.example.com/authorize".to_owned(),
        token_endpoint: "https://login.example.com/token".to_owned(),
        user_info_endpoint: "https://login.example.com/user".to_owned(),
        client_id: Secret::new("client"),
        client_secret: Some(Secret::new(secret)),
        use_existing_client_secret: None,
        session: AuthenticationSession {
            on_unauthenticated_request: Some("authenticate".to_owned()),
            scope: Some("openid".to_owned()),
            session_cookie_name: Some("AWSELBAuthSessionCookie".to_owned()),
            session_timeout: Some(604_800),
            ..AuthenticationSession::default()
        },
    };
    for listener in stack.listeners.values_mut() {
        listener.default_actions.insert(0, ListenerAction::AuthenticateOidc(oidc.clone()));
    }
    stack
}

/// Takes a target group and its binding out of a stack in which nothing uses it.
pub fn drop_target_group(stack: &mut Stack, number: usize) {
    stack.target_groups.remove(&target_group_id(number));
    stack.bindings.remove(&target_group_id(number));
}

/// An ALB that is the target of an NLB.
pub fn with_frontend_nlb() -> Stack {
    let world = world();
    let mut stack = build(&Wish::plain());
    let nlb = Wish { is_alb: false, ..Wish::plain() };
    let (name, group) = ("FrontendNlb", ResourceId::from("FrontendNlb-tg-TCP-80"));
    stack.load_balancers.insert(name.into(), load_balancer(&nlb, &world));
    let front = TargetGroup {
        name: "k8s-front".to_owned(),
        target_type: TargetType::Alb,
        health_check: None,
        attributes: Attributes::new(),
        ..target_group(&nlb, 9)
    };
    stack.target_groups.insert(group.clone(), front);
    let (_, listener) = listener(&nlb, 0, &world);
    let target_group = group.pending(SymbolKind::TargetGroupArn);
    let target_groups = vec![TargetGroupTuple { target_group, weight: None }];
    let action = ListenerAction::Forward(ForwardAction { target_groups, stickiness: None, plain: false });
    let listener = Listener { load_balancer: name.into(), default_actions: vec![action], ..listener };
    stack.listeners.insert("FrontendNlb-ls-TCP-80".into(), listener);
    let load_balancer = ResourceId::from(LOAD_BALANCER).pending(SymbolKind::LoadBalancerArn);
    stack.alb_targets.insert(group, AlbTarget { load_balancer, port: 80 });
    stack
}

/// Moves all rules to other priorities, so that none can be changed in place.
pub fn shift_priorities(stack: &mut Stack, by: i32) {
    let rules = std::mem::take(&mut stack.rules);
    stack.rules = rules.into_iter().map(|((id, priority), rule)| ((id, priority + by), rule)).collect();
}

fn tags(wish: &Wish) -> Tags {
    wish.tag.map(|tag| ("team".to_owned(), tag.to_string())).into_iter().collect()
}

fn security_group(wish: &Wish) -> SecurityGroup {
    let rule = |range: &u8| IngressRule {
        protocol: "tcp".to_owned(),
        from_port: Some(80),
        to_port: Some(80),
        source: RuleSource::Ipv4(format!("10.{range}.0.0/16")),
        description: None,
    };
    SecurityGroup {
        name: "k8s-default-web-0123456789".to_owned(),
        description: "[k8s] Managed SecurityGroup for LoadBalancer".to_owned(),
        tags: tags(wish),
        ingress: wish.source_ranges.iter().map(rule).collect(),
    }
}

fn load_balancer(wish: &Wish, world: &World) -> LoadBalancer {
    let kind = if wish.is_alb { LoadBalancerType::Application } else { LoadBalancerType::Network };
    let (scheme, subnets) = if wish.is_internal {
        (Scheme::Internal, ["PRIV_A", "PRIV_B", "PRIV_C"])
    } else {
        (Scheme::InternetFacing, ["PUB_A", "PUB_B", "PUB_C"])
    };
    let mapping =
        |name: &&str| SubnetMapping { subnet_id: world.id(name).to_owned(), ..SubnetMapping::default() };
    let idle = wish.idle_timeout.filter(|_| wish.is_alb);
    let idle = idle.map(|seconds| ("idle_timeout.timeout_seconds".to_owned(), seconds.to_string()));
    LoadBalancer {
        name: format!("k8s-web-{}{}", u8::from(wish.is_alb), u8::from(wish.is_internal)),
        kind,
        scheme,
        ip_address_type: IpAddressType::Ipv4,
        enable_prefix_for_ipv6_source_nat: None,
        subnet_mappings: subnets.iter().take(wish.zones).map(mapping).collect(),
        security_groups: vec![Ref::pending(SymbolKind::SecurityGroupId, SECURITY_GROUP)],
        enforce_inbound_rules_on_private_link: None,
        customer_owned_ipv4_pool: None,
        ipv4_ipam_pool_id: None,
        attributes: idle.into_iter().collect(),
        minimum_capacity_units: None,
        tags: tags(wish),
    }
}

fn target_group_id(number: usize) -> ResourceId {
    format!("default/web-{number}:80").into()
}

fn target_group_name(wish: &Wish, number: usize) -> String {
    format!("k8s-web-{number}-{}{}", u8::from(wish.is_alb), u8::from(wish.tls_targets))
}

fn target_protocol(wish: &Wish) -> Protocol {
    match (wish.is_alb, wish.tls_targets) {
        (true, true) => Protocol::Https,
        (true, false) => Protocol::Http,
        (false, _) => Protocol::Tcp,
    }
}

fn target_group(wish: &Wish, number: usize) -> TargetGroup {
    let path = if wish.health_path { "/healthy" } else { "/" };
    let matcher = Matcher { http_code: Some("200".to_owned()), grpc_code: None };
    let health_check = HealthCheck {
        port: Some("traffic-port".to_owned()),
        protocol: Some(Protocol::Http),
        path: Some(path.to_owned()),
        matcher: wish.is_alb.then_some(matcher),
        interval_seconds: Some(15),
        timeout_seconds: Some(5),
        healthy_threshold: Some(2),
        unhealthy_threshold: Some(2),
    };
    TargetGroup {
        name: target_group_name(wish, number),
        target_type: TargetType::Ip,
        port: Some(80),
        protocol: target_protocol(wish),
        protocol_version: wish.is_alb.then(|| "HTTP1".to_owned()),
        ip_address_type: IpAddressType::Ipv4,
        health_check: Some(health_check),
        target_control_port: None,
        attributes: if wish.is_alb {
            Attributes::new()
        } else {
            Attributes::from([("proxy_protocol_v2.enabled".to_owned(), "false".to_owned())])
        },
        tags: tags(wish),
    }
}

fn binding(wish: &Wish, number: usize, world: &World) -> Binding {
    let ingress = BindingIngress {
        from: vec![BindingPeer::SecurityGroup(Ref::pending(SymbolKind::SecurityGroupId, SECURITY_GROUP))],
        ports: vec![BindingPort { protocol: Some(Protocol::Tcp), port: Some(IntOrString::Int(8080)) }],
    };
    Binding {
        namespace: "default".to_owned(),
        name: target_group_name(wish, number),
        target_group_arn: target_group_id(number).pending(SymbolKind::TargetGroupArn),
        target_type: TargetType::Ip,
        target_group_protocol: target_protocol(wish),
        service_name: format!("web-{number}"),
        service_port: IntOrString::Int(80),
        networking: Some(vec![ingress]),
        node_selector: None,
        ip_address_type: IpAddressType::Ipv4,
        vpc_id: world.id("VPC").to_owned(),
        multi_cluster: false,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    }
}

fn listener(wish: &Wish, index: usize, world: &World) -> (ResourceId, Listener) {
    let (port, is_tls) = if wish.is_alb { ALB_PORTS[index] } else { (NLB_PORTS[index], false) };
    let protocol = match (wish.is_alb, is_tls) {
        (true, true) => Protocol::Https,
        (true, false) => Protocol::Http,
        (false, _) => Protocol::Tcp,
    };
    let not_found = FixedResponseAction {
        content_type: Some("text/plain".to_owned()),
        message_body: None,
        status_code: "404".to_owned(),
    };
    let default_action =
        if wish.is_alb { ListenerAction::FixedResponse(not_found) } else { forward(wish, index) };
    let certificate = |number: &usize| Ref::from(world.id(&format!("CERT_{}", number + 1)));
    let listener = Listener {
        load_balancer: LOAD_BALANCER.into(),
        port,
        protocol,
        default_actions: vec![default_action],
        certificates: wish.certificates.iter().filter(|_| is_tls).map(certificate).collect(),
        ssl_policy: is_tls.then(|| "ELBSecurityPolicy-2016-08".to_owned()),
        alpn_policy: Vec::new(),
        mutual_authentication: None,
        attributes: Attributes::new(),
        tags: tags(wish),
    };
    (port.to_string().into(), listener)
}

fn forward(wish: &Wish, group: usize) -> ListenerAction {
    let target_group = target_group_id(group % wish.target_groups).pending(SymbolKind::TargetGroupArn);
    let target_groups = vec![TargetGroupTuple { target_group, weight: None }];
    ListenerAction::Forward(ForwardAction { target_groups, stickiness: None, plain: false })
}

fn rule(wish: &Wish, content: usize, group: usize) -> Rule {
    let paths = ValuesOrRegexes { values: vec![format!("/path-{content}")], regexes: Vec::new() };
    Rule {
        conditions: vec![RuleCondition::PathPattern(paths)],
        actions: vec![forward(wish, group)],
        transforms: Vec::new(),
        tags: tags(wish),
    }
}
