//! A small ALB stack, a small NLB stack, and what AWS shows once a stack is deployed.

use crate::api::IntOrString;
use crate::aws_api::ec2::{self, IngressRule, RuleSource};
use crate::aws_api::elbv2::{
    self, FixedResponseAction, ForwardAction, HealthCheck, IpAddressType, ListenerAction, LoadBalancerType,
    Matcher, Protocol, RuleCondition, Scheme, SubnetMapping, TargetGroupStickiness, TargetGroupTuple,
    TargetType, ValuesOrRegexes, ZoneMapping,
};
use crate::aws_api::{Attributes, Ref, ResolvedIds, Symbol, SymbolKind, Tags};
use crate::config::Config;
use crate::model::{
    Binding, Listener, LoadBalancer, Owner, ResourceId, Rule, SecurityGroup, Stack, StackId, TargetGroup,
};
use crate::plan::BindingWrite;
use crate::plan::actual::{self, Actual};
use crate::plan::binding::render_binding;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::collections::BTreeMap;

pub fn config() -> Config {
    Config {
        cluster_name: "c1".into(),
        vpc_id: "vpc-1".into(),
        external_managed_tags: ["external".to_owned()].into(),
        ..Config::default()
    }
}

pub fn some_time() -> Time {
    serde_json::from_str("\"2024-01-01T00:00:00Z\"").unwrap()
}

/// An internal ALB: one HTTPS listener, two rules that forward and one that answers.
pub fn alb() -> Stack {
    let mut stack = base(Owner::Ingress, LoadBalancerType::Application, Protocol::Http);
    let listener = Listener {
        load_balancer: "LoadBalancer".into(),
        port: 443,
        protocol: Protocol::Https,
        default_actions: vec![not_found()],
        certificates: vec!["arn:cert/1".into(), "arn:cert/2".into()],
        ssl_policy: Some("ELBSecurityPolicy-2016-08".into()),
        alpn_policy: Vec::new(),
        mutual_authentication: None,
        attributes: Attributes::new(),
        tags: Tags::new(),
    };
    stack.listeners.insert("443".into(), listener);
    for (priority, rule) in
        [(1, rule("/a")), (2, rule("/b")), (3, Rule { actions: vec![not_found()], ..rule("/c") })]
    {
        stack.rules.insert(("443".into(), priority), rule);
    }
    stack
}

/// An internal NLB with one TCP listener.
pub fn nlb() -> Stack {
    let mut stack = base(Owner::Service, LoadBalancerType::Network, Protocol::Tcp);
    let listener = Listener {
        load_balancer: "LoadBalancer".into(),
        port: 80,
        protocol: Protocol::Tcp,
        default_actions: vec![forward()],
        certificates: Vec::new(),
        ssl_policy: None,
        alpn_policy: Vec::new(),
        mutual_authentication: None,
        attributes: Attributes::new(),
        tags: Tags::new(),
    };
    stack.listeners.insert("80".into(), listener);
    stack
}

fn base(owner: Owner, kind: LoadBalancerType, protocol: Protocol) -> Stack {
    let mut stack = Stack::empty(StackId { owner, namespace: "default".into(), name: "web".into() });
    let is_alb = kind == LoadBalancerType::Application;
    stack.security_groups.insert("ManagedLBSecurityGroup".into(), security_group());
    stack.load_balancers.insert("LoadBalancer".into(), load_balancer(kind));
    stack.target_groups.insert("default/web:80".into(), target_group(protocol.clone(), is_alb));
    stack.bindings.insert("default/web:80".into(), binding(protocol));
    stack
}

fn security_group() -> SecurityGroup {
    let rule = IngressRule {
        protocol: "tcp".into(),
        from_port: Some(443),
        to_port: Some(443),
        source: RuleSource::Ipv4("0.0.0.0/0".into()),
        description: None,
    };
    SecurityGroup {
        name: "k8s-default-web-1".into(),
        description: "[k8s] Managed SecurityGroup for LoadBalancer".into(),
        tags: Tags::new(),
        ingress: vec![rule],
    }
}

fn load_balancer(kind: LoadBalancerType) -> LoadBalancer {
    let subnet = |id: &str| SubnetMapping { subnet_id: id.into(), ..SubnetMapping::default() };
    let is_alb = kind == LoadBalancerType::Application;
    let timeout = ("idle_timeout.timeout_seconds".to_owned(), "61".to_owned());
    LoadBalancer {
        name: "k8s-default-web-2".into(),
        kind,
        scheme: Scheme::Internal,
        ip_address_type: IpAddressType::Ipv4,
        enable_prefix_for_ipv6_source_nat: None,
        subnet_mappings: vec![subnet("subnet-1"), subnet("subnet-2")],
        security_groups: vec![Ref::pending(SymbolKind::SecurityGroupId, "ManagedLBSecurityGroup")],
        enforce_inbound_rules_on_private_link: None,
        customer_owned_ipv4_pool: None,
        ipv4_ipam_pool_id: None,
        attributes: is_alb.then_some(timeout).into_iter().collect(),
        minimum_capacity_units: None,
        tags: Tags::new(),
    }
}

fn target_group(protocol: Protocol, is_alb: bool) -> TargetGroup {
    let matcher = Matcher { http_code: Some("200".into()), grpc_code: None };
    TargetGroup {
        name: "web".into(),
        target_type: TargetType::Ip,
        port: Some(80),
        protocol: protocol.clone(),
        protocol_version: is_alb.then(|| "HTTP1".into()),
        ip_address_type: IpAddressType::Ipv4,
        health_check: Some(HealthCheck {
            port: Some("traffic-port".into()),
            protocol: Some(protocol),
            path: is_alb.then(|| "/".into()),
            matcher: is_alb.then_some(matcher),
            interval_seconds: Some(15),
            timeout_seconds: Some(5),
            healthy_threshold: Some(2),
            unhealthy_threshold: Some(2),
        }),
        target_control_port: None,
        attributes: Attributes::new(),
        tags: Tags::new(),
    }
}

fn binding(protocol: Protocol) -> Binding {
    Binding {
        namespace: "default".into(),
        name: "web".into(),
        target_group_arn: ResourceId::from("default/web:80").pending(SymbolKind::TargetGroupArn),
        target_type: TargetType::Ip,
        target_group_protocol: protocol,
        service_name: "web".into(),
        service_port: IntOrString::Int(80),
        networking: None,
        node_selector: None,
        ip_address_type: IpAddressType::Ipv4,
        vpc_id: "vpc-1".into(),
        multi_cluster: false,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    }
}

fn forward() -> ListenerAction {
    let target_group = ResourceId::from("default/web:80").pending(SymbolKind::TargetGroupArn);
    let target_groups = vec![TargetGroupTuple { target_group, weight: None }];
    ListenerAction::Forward(ForwardAction { target_groups, stickiness: None, plain: false })
}

fn not_found() -> ListenerAction {
    ListenerAction::FixedResponse(FixedResponseAction {
        status_code: "404".into(),
        ..FixedResponseAction::default()
    })
}

pub fn path(value: &str) -> RuleCondition {
    RuleCondition::PathPattern(ValuesOrRegexes { values: vec![value.into()], regexes: Vec::new() })
}

pub fn rule(value: &str) -> Rule {
    Rule {
        conditions: vec![path(value)],
        actions: vec![forward()],
        transforms: Vec::new(),
        tags: Tags::new(),
    }
}

pub fn set_path(stack: &mut Stack, priority: i32, value: &str) {
    let rule = stack.rules.get_mut(&("443".into(), priority)).unwrap();
    rule.conditions = vec![path(value)];
    rule.actions = vec![forward()];
}

/// What AWS and the cluster show once the stack is deployed. ARNs are `arn:<kind>/<id>`.
pub fn mirror(stack: &Stack) -> Actual {
    let known = bindings(stack);
    let tags = |id: &ResourceId, user: &Tags| stack.id.resource_tags("c1", id, user);
    Actual {
        security_groups: stack
            .security_groups
            .iter()
            .map(|(id, group)| ec2::SecurityGroup {
                id: format!("sg-{id}"),
                name: group.name.clone(),
                description: group.description.clone(),
                vpc_id: "vpc-1".into(),
                ingress: group.ingress.clone(),
                tags: tags(id, &group.tags),
            })
            .collect(),
        load_balancers: stack
            .load_balancers
            .iter()
            .map(|(id, desired)| actual::LoadBalancer {
                entity: load_balancer_entity(id, desired, &known),
                tags: tags(id, &desired.tags),
                attributes: desired.attributes.clone(),
                capacity: None,
                listeners: listeners(stack, id, &known),
            })
            .collect(),
        target_groups: stack
            .target_groups
            .iter()
            .map(|(id, desired)| actual::TargetGroup {
                entity: target_group_entity(id, desired),
                tags: tags(id, &desired.tags),
                attributes: desired.attributes.clone(),
                targets: Vec::new(),
            })
            .collect(),
        bindings: stack
            .bindings
            .values()
            .map(|binding| {
                let write = BindingWrite { binding: binding.clone(), labels: stack.id.labels() };
                render_binding(&write, &known).unwrap()
            })
            .collect(),
        protection: actual::Protection::default(),
        certificates: crate::plan::actual::ObservedCertificates::default(),
    }
}

fn bindings(stack: &Stack) -> ResolvedIds {
    let symbol = |kind, id: &ResourceId| Symbol { kind, id: id.to_string() };
    let groups =
        stack.security_groups.keys().map(|id| (symbol(SymbolKind::SecurityGroupId, id), format!("sg-{id}")));
    let targets = stack
        .target_groups
        .keys()
        .map(|id| (symbol(SymbolKind::TargetGroupArn, id), format!("arn:target-group/{id}")));
    groups.chain(targets).collect()
}

fn bound(reference: &Ref, known: &ResolvedIds) -> Ref {
    let mut reference = reference.clone();
    reference.bind(known);
    reference
}

fn load_balancer_entity(id: &ResourceId, desired: &LoadBalancer, known: &ResolvedIds) -> elbv2::LoadBalancer {
    let zone = |mapping: &SubnetMapping| ZoneMapping {
        subnet_id: mapping.subnet_id.clone(),
        ..ZoneMapping::default()
    };
    elbv2::LoadBalancer {
        arn: format!("arn:load-balancer/{id}"),
        dns_name: "Web.example.com".into(),
        name: desired.name.clone(),
        kind: desired.kind.clone(),
        scheme: desired.scheme.clone(),
        vpc_id: "vpc-1".into(),
        state: "active".into(),
        ip_address_type: desired.ip_address_type.clone(),
        zones: desired.subnet_mappings.iter().map(zone).collect(),
        security_groups: desired
            .security_groups
            .iter()
            .map(|group| bound(group, known).to_string())
            .collect(),
        customer_owned_ipv4_pool: None,
        enforce_inbound_rules_on_private_link: None,
        enable_prefix_for_ipv6_source_nat: None,
        ipv4_ipam_pool_id: None,
    }
}

fn target_group_entity(id: &ResourceId, desired: &TargetGroup) -> elbv2::TargetGroup {
    elbv2::TargetGroup {
        arn: format!("arn:target-group/{id}"),
        name: desired.name.clone(),
        target_type: desired.target_type.clone(),
        port: desired.port,
        protocol: Some(desired.protocol.clone()),
        protocol_version: desired.protocol_version.clone(),
        ip_address_type: desired.ip_address_type.clone(),
        vpc_id: Some("vpc-1".into()),
        health_check: desired.health_check.clone().unwrap_or_default(),
        target_control_port: desired.target_control_port,
        load_balancer_arns: vec!["arn:load-balancer/LoadBalancer".into()],
    }
}

fn listeners(stack: &Stack, load_balancer: &ResourceId, known: &ResolvedIds) -> Vec<actual::Listener> {
    let of = |(id, desired): (&ResourceId, &Listener)| actual::Listener {
        entity: elbv2::Listener {
            arn: format!("arn:listener/{id}"),
            load_balancer_arn: format!("arn:load-balancer/{load_balancer}"),
            port: desired.port,
            protocol: desired.protocol.clone(),
            default_actions: shown(&desired.default_actions, known),
            certificates: desired.certificates.first().map(ToString::to_string).into_iter().collect(),
            ssl_policy: desired.ssl_policy.clone(),
            alpn_policy: desired.alpn_policy.clone(),
            mutual_authentication: desired.mutual_authentication.clone(),
        },
        tags: stack.id.resource_tags("c1", id, &desired.tags),
        attributes: desired.attributes.clone(),
        extra_certificates: desired.certificates.iter().map(ToString::to_string).collect(),
        rules: rules(stack, id, known),
    };
    let ours = stack.listeners.iter().filter(|(_, desired)| desired.load_balancer == *load_balancer);
    ours.map(of).collect()
}

fn rules(stack: &Stack, listener: &ResourceId, known: &ResolvedIds) -> Vec<actual::Rule> {
    let of = |((id, priority), desired): (&(ResourceId, i32), &Rule)| actual::Rule {
        entity: elbv2::Rule {
            arn: format!("arn:rule/{id}:{priority}"),
            priority: Some(*priority),
            conditions: desired.conditions.clone(),
            actions: shown(&desired.actions, known),
            transforms: desired.transforms.clone(),
        },
        tags: stack.id.resource_tags("c1", &format!("{id}:{priority}").into(), &desired.tags),
    };
    stack.rules.iter().filter(|((id, _), _)| id == listener).map(of).collect()
}

/// Actions as AWS shows them: with the weight and stickiness that it fills in.
fn shown(actions: &[ListenerAction], known: &ResolvedIds) -> Vec<ListenerAction> {
    let of = |action: &ListenerAction| {
        let ListenerAction::Forward(forward) = action else { return action.clone() };
        let of_tuple = |tuple: &TargetGroupTuple| TargetGroupTuple {
            target_group: bound(&tuple.target_group, known),
            weight: tuple.weight.or(Some(1)),
        };
        let stickiness = TargetGroupStickiness { enabled: Some(false), duration_seconds: None };
        ListenerAction::Forward(ForwardAction {
            target_groups: forward.target_groups.iter().map(of_tuple).collect(),
            stickiness: forward.stickiness.clone().or(Some(stickiness)),
            plain: false,
        })
    };
    actions.iter().map(of).collect()
}
