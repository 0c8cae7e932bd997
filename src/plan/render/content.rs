//! What a request or binding says, as names and values for a reader.

mod accelerators;

use crate::api::LabelSelector;
use crate::aws_api::ec2::{IngressRule, RuleSource};
use crate::aws_api::elbv2::{
    CognitoAction, CreateLoadBalancer, CreateTargetGroup, FixedResponseAction, ForwardAction, HealthCheck,
    JwtAction, ListenerAction, ListenerSettings, MutualAuthentication, OidcAction, RedirectAction,
    RuleCondition, RuleTransform, SubnetMapping, Target, TargetGroupStickiness, TargetGroupTuple,
    ValuesOrRegexes,
};
use crate::aws_api::route53::{CreateRecord, DeleteRecord};
use crate::aws_api::{Ref, Request};
use crate::model::{Binding, BindingIngress, BindingPeer, BindingPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::fmt::Display;

/// Names and values, in the order in which they are shown.
type Details = Vec<(&'static str, String)>;

/// What a request would send. Reads have nothing to show: no plan holds them.
pub(super) fn of_request(request: &Request) -> Details {
    use Request as R;
    match request {
        R::CreateLoadBalancer(create) => of_load_balancer(create),
        R::CreateTargetGroup(create) => of_target_group(create),
        R::CreateListener(create) => {
            let mut details = vec![("load balancer", create.load_balancer_arn.to_string())];
            details.extend(of_listener(&create.settings));
            details.push(("tags", pairs(&create.tags)));
            details
        }
        R::ModifyListener(modify) => with_arn(&modify.arn, of_listener(&modify.settings)),
        R::CreateRule(create) => {
            let mut details = vec![("listener", create.listener_arn.to_string())];
            details.push(("priority", create.priority.to_string()));
            details.extend(of_rule(&create.conditions, &create.actions, &create.transforms));
            details.push(("tags", pairs(&create.tags)));
            details
        }
        R::ModifyRule(modify) => {
            with_arn(&modify.arn, of_rule(&modify.conditions, &modify.actions, &modify.transforms))
        }
        R::SetRulePriorities(set) => {
            set.priorities.iter().map(|(rule, priority)| ("rule", format!("{rule} => {priority}"))).collect()
        }
        R::SetSecurityGroups(set) => {
            let mut details = vec![("security groups", list(&set.security_groups))];
            push(&mut details, "rules on PrivateLink", set.enforce_inbound_rules_on_private_link.as_ref());
            with_arn(&set.arn, details)
        }
        R::SetSubnets(set) => {
            let mut details = of_subnets(&set.subnet_mappings);
            push(&mut details, "IPv6 source NAT", set.enable_prefix_for_ipv6_source_nat.as_ref());
            with_arn(&set.arn, details)
        }
        R::SetIpAddressType(set) => {
            with_arn(&set.arn, vec![("address type", set.ip_address_type.to_string())])
        }
        R::ModifyIpPools(modify) => {
            let pool = modify.ipv4_ipam_pool_id.as_deref().unwrap_or("none");
            with_arn(&modify.arn, vec![("IPAM pool", pool.to_owned())])
        }
        R::ModifyCapacityReservation(modify) => {
            let units = modify.capacity_units.map_or_else(|| "none".to_owned(), |units| units.to_string());
            with_arn(&modify.arn, vec![("capacity units", units)])
        }
        R::ModifyTargetGroup(modify) => with_arn(&modify.arn, of_health_check(&modify.health_check)),
        R::ModifyLoadBalancerAttributes(modify) => {
            with_arn(&modify.arn, vec![("attributes", pairs(&modify.attributes))])
        }
        R::ModifyTargetGroupAttributes(modify) => {
            with_arn(&modify.arn, vec![("attributes", pairs(&modify.attributes))])
        }
        R::ModifyListenerAttributes(modify) => {
            with_arn(&modify.arn, vec![("attributes", pairs(&modify.attributes))])
        }
        R::AddListenerCertificate(add) => vec![("certificate", add.certificate_arn.to_string())],
        R::RemoveListenerCertificate(remove) => vec![("certificate", remove.certificate_arn.to_string())],
        R::AddTags(add) => with_arn(&add.arn, vec![("tags", pairs(&add.tags))]),
        R::RemoveTags(remove) => with_arn(&remove.arn, vec![("tags", remove.keys.join(", "))]),
        R::RegisterTargets(register) => with_arn(&register.arn, of_targets(&register.targets)),
        R::DeregisterTargets(deregister) => with_arn(&deregister.arn, of_targets(&deregister.targets)),
        R::CreateSecurityGroup(create) => vec![
            ("name", create.name.clone()),
            ("description", create.description.clone()),
            ("tags", pairs(&create.tags)),
        ],
        R::AuthorizeIngress(authorize) => with_arn(&authorize.group_id, of_ingress(&authorize.rules)),
        R::RevokeIngress(revoke) => with_arn(&revoke.group_id, of_ingress(&revoke.rules)),
        R::CreateTags(create) => with_arn(&create.resource_id, vec![("tags", pairs(&create.tags))]),
        R::DeleteTags(delete) => with_arn(&delete.resource_id, vec![("tags", pairs(&delete.tags))]),
        R::AssociateWafv2WebAcl(associate) => vec![("web ACL", associate.web_acl_arn.clone())],
        R::AssociateWafRegionalWebAcl(associate) => vec![("web ACL", associate.web_acl_id.clone())],
        R::CreateShieldProtection(create) => vec![("name", create.name.clone())],
        R::DeleteShieldProtection(delete) => vec![("protection", delete.protection_id.clone())],
        R::RequestCertificate(request) => {
            let mut details = vec![("names", request.names.join(", "))];
            push(&mut details, "authority", request.authority.as_ref());
            details.push(("tags", pairs(&request.tags)));
            details
        }
        R::ImportCertificate(import) => vec![("tags", pairs(&import.tags))],
        R::DeleteCertificate(delete) => vec![("certificate", delete.arn.clone())],
        R::CreateRecord(CreateRecord { zone_id, record })
        | R::DeleteRecord(DeleteRecord { zone_id, record, certificate: _ }) => vec![
            ("zone", zone_id.clone()),
            ("record", format!("{} {} {}", record.name, record.kind, record.value)),
        ],
        other => accelerators::of_request(other),
    }
}

/// What a TargetGroupBinding shall be.
pub(super) fn of_binding(binding: &Binding) -> Details {
    let Binding {
        namespace,
        name,
        target_group_arn,
        target_type,
        target_group_protocol,
        service_name,
        service_port,
        networking,
        node_selector,
        ip_address_type,
        vpc_id: _,
        multi_cluster,
        labels,
        annotations,
    } = binding;
    let mut details = vec![
        ("object", format!("{namespace}/{name}")),
        ("target group", target_group_arn.to_string()),
        ("targets", format!("{target_type} {target_group_protocol} {ip_address_type}")),
        ("service", format!("{service_name}:{}", port_text(service_port))),
    ];
    details.extend(networking.iter().flatten().map(|rule| ("ingress", of_binding_ingress(rule))));
    push(&mut details, "node selector", node_selector.as_ref().map(selector_text));
    push(&mut details, "multi-cluster", multi_cluster.then_some("true"));
    for (name, map) in [("labels", labels), ("annotations", annotations)] {
        push(&mut details, name, (!map.is_empty()).then(|| pairs(map)));
    }
    details
}

/// A selector as `kubectl` takes it.
fn selector_text(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
    let requirements = selector.match_expressions.iter().flatten().map(|requirement| {
        let values = list(requirement.values.iter().flatten());
        match requirement.operator.as_str() {
            "Exists" => requirement.key.clone(),
            "DoesNotExist" => format!("!{}", requirement.key),
            "NotIn" => format!("{} notin ({values})", requirement.key),
            _ => format!("{} in ({values})", requirement.key),
        }
    });
    list(labels.chain(requirements))
}

/// `key=value` pairs in a line.
pub(super) fn pairs(map: &BTreeMap<String, String>) -> String {
    list(map.iter().map(|(key, value)| format!("{key}={value}")))
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn push(details: &mut Details, name: &'static str, value: Option<impl Display>) {
    details.extend(value.map(|value| (name, value.to_string())));
}

/// A known id says more than the resource's name in the plan; a pending one says the same again.
fn with_arn(arn: &Ref, details: Details) -> Details {
    arn.known().map(|arn| ("id", arn.to_owned())).into_iter().chain(details).collect()
}

fn of_load_balancer(create: &CreateLoadBalancer) -> Details {
    let CreateLoadBalancer {
        name,
        kind,
        scheme,
        ip_address_type,
        subnet_mappings,
        security_groups,
        enable_prefix_for_ipv6_source_nat,
        ipv4_ipam_pool_id,
        customer_owned_ipv4_pool,
        tags,
    } = create;
    let mut details = vec![("name", name.clone()), ("kind", format!("{kind} {scheme} {ip_address_type}"))];
    details.extend(of_subnets(subnet_mappings));
    details.push(("security groups", list(security_groups)));
    push(&mut details, "IPv6 source NAT", enable_prefix_for_ipv6_source_nat.as_ref());
    push(&mut details, "IPAM pool", ipv4_ipam_pool_id.as_ref());
    push(&mut details, "customer-owned IPv4 pool", customer_owned_ipv4_pool.as_ref());
    details.push(("tags", pairs(tags)));
    details
}

fn of_subnets(mappings: &[SubnetMapping]) -> Details {
    let of_mapping = |mapping: &SubnetMapping| {
        let SubnetMapping {
            allocation_id,
            private_ipv4_address,
            ipv6_address,
            source_nat_ipv6_prefix,
            subnet_id,
        } = mapping;
        let addresses = [allocation_id, private_ipv4_address, ipv6_address, source_nat_ipv6_prefix];
        let parts = [Some(subnet_id)].into_iter().chain(addresses.map(Option::as_ref)).flatten();
        ("subnet", parts.cloned().collect::<Vec<_>>().join(" "))
    };
    mappings.iter().map(of_mapping).collect()
}

fn of_target_group(create: &CreateTargetGroup) -> Details {
    let CreateTargetGroup {
        name,
        target_type,
        port,
        protocol,
        protocol_version,
        ip_address_type,
        vpc_id: _,
        health_check,
        target_control_port,
        tags,
    } = create;
    let version = protocol_version.as_deref().unwrap_or_default();
    let port = port.map(|port| port.to_string()).unwrap_or_default();
    let kind = [target_type.as_str(), protocol.as_str(), version, &port, ip_address_type.as_str()];
    let kind: Vec<&str> = kind.into_iter().filter(|part| !part.is_empty()).collect();
    let mut details = vec![("name", name.clone()), ("kind", kind.join(" "))];
    details.extend(health_check.iter().flat_map(of_health_check));
    push(&mut details, "target control port", *target_control_port);
    details.push(("tags", pairs(tags)));
    details
}

fn of_health_check(check: &HealthCheck) -> Details {
    let HealthCheck {
        port,
        protocol,
        path,
        matcher,
        interval_seconds,
        timeout_seconds,
        healthy_threshold,
        unhealthy_threshold,
    } = check;
    let codes =
        matcher.as_ref().and_then(|matcher| matcher.http_code.as_ref().or(matcher.grpc_code.as_ref()));
    let seconds = |name: &str, value: &Option<i32>| value.map(|value| format!("{name} {value}s"));
    let times = |name: &str, value: &Option<i32>| value.map(|value| format!("{name} {value}"));
    let parts = [
        protocol.as_ref().map(ToString::to_string),
        port.clone(),
        path.clone(),
        codes.cloned(),
        seconds("every", interval_seconds),
        seconds("timeout", timeout_seconds),
        times("healthy after", healthy_threshold),
        times("unhealthy after", unhealthy_threshold),
    ];
    vec![("health check", parts.into_iter().flatten().collect::<Vec<_>>().join(" "))]
}

fn of_listener(settings: &ListenerSettings) -> Details {
    let ListenerSettings {
        port,
        protocol,
        default_actions,
        certificate,
        ssl_policy,
        alpn_policy,
        mutual_authentication,
    } = settings;
    let mut details = vec![("listens on", format!("{protocol} {port}"))];
    details.extend(default_actions.iter().map(|action| ("default action", of_action(action))));
    push(&mut details, "certificate", certificate.as_ref());
    push(&mut details, "security policy", ssl_policy.as_ref());
    push(&mut details, "ALPN policy", (!alpn_policy.is_empty()).then(|| alpn_policy.join(", ")));
    push(&mut details, "mutual TLS", mutual_authentication.as_ref().map(of_mutual_authentication));
    details
}

fn of_mutual_authentication(mutual: &MutualAuthentication) -> String {
    let MutualAuthentication {
        mode,
        trust_store_arn,
        ignore_client_certificate_expiry,
        advertise_trust_store_ca_names,
    } = mutual;
    let expiry = ignore_client_certificate_expiry.map(|ignore| format!("ignore expiry {ignore}"));
    let advertise =
        advertise_trust_store_ca_names.as_ref().map(|value| format!("advertise authorities {value}"));
    let parts = [Some(mode.clone()), trust_store_arn.clone(), expiry, advertise];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn of_rule(
    conditions: &[RuleCondition],
    actions: &[ListenerAction],
    transforms: &[RuleTransform],
) -> Details {
    let conditions = conditions.iter().map(|condition| ("if", of_condition(condition)));
    let transforms = transforms.iter().map(|transform| ("rewrite", of_transform(transform)));
    let actions = actions.iter().map(|action| ("then", of_action(action)));
    conditions.chain(transforms).chain(actions).collect()
}

fn of_condition(condition: &RuleCondition) -> String {
    let field = condition.field();
    match condition {
        RuleCondition::HostHeader(values) | RuleCondition::PathPattern(values) => {
            format!("{field} {}", of_values(values))
        }
        RuleCondition::HttpHeader { name, values } => format!("{field} {name}: {}", of_values(values)),
        RuleCondition::HttpRequestMethod(values) | RuleCondition::SourceIp(values) => {
            format!("{field} {}", values.join(", "))
        }
        RuleCondition::QueryString(values) => {
            let values = values.iter().map(|(key, value)| match key {
                Some(key) => format!("{key}={value}"),
                None => value.clone(),
            });
            format!("{field} {}", list(values))
        }
    }
}

fn of_values(values: &ValuesOrRegexes) -> String {
    let ValuesOrRegexes { values, regexes } = values;
    list(values.iter().cloned().chain(regexes.iter().map(|regex| format!("/{regex}/"))))
}

fn of_transform(transform: &RuleTransform) -> String {
    let RuleTransform { kind, rewrites } = transform;
    let rewrites = rewrites.iter().map(|(regex, replacement)| format!("/{regex}/ => {replacement}"));
    format!("{kind} {}", list(rewrites))
}

fn of_action(action: &ListenerAction) -> String {
    match action {
        ListenerAction::Forward(forward) => of_forward(forward),
        ListenerAction::Redirect(redirect) => of_redirect(redirect),
        ListenerAction::FixedResponse(response) => {
            let FixedResponseAction { content_type, message_body, status_code } = response;
            let body = message_body.as_ref().map(|body| format!("{body:?}"));
            let parts = [Some(status_code.clone()), content_type.clone(), body];
            format!("fixed-response {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
        }
        ListenerAction::AuthenticateCognito(CognitoAction { user_pool_arn, .. }) => {
            format!("authenticate-cognito {user_pool_arn}")
        }
        ListenerAction::AuthenticateOidc(OidcAction { issuer, client_id, .. }) => {
            format!("authenticate-oidc {issuer} client {client_id:?}")
        }
        ListenerAction::JwtValidation(JwtAction { issuer, jwks_endpoint, .. }) => {
            format!("jwt-validation {issuer} keys {jwks_endpoint}")
        }
    }
}

fn of_forward(forward: &ForwardAction) -> String {
    let ForwardAction { target_groups, stickiness, plain: _ } = forward;
    let groups = target_groups.iter().map(|TargetGroupTuple { target_group, weight }| match weight {
        Some(weight) => format!("{target_group} weight {weight}"),
        None => target_group.to_string(),
    });
    let sticky = stickiness.as_ref().map_or_else(String::new, of_stickiness);
    format!("forward {}{sticky}", list(groups))
}

fn of_stickiness(stickiness: &TargetGroupStickiness) -> String {
    let TargetGroupStickiness { enabled, duration_seconds } = stickiness;
    match (enabled, duration_seconds) {
        (Some(true), Some(seconds)) => format!(" sticky {seconds}s"),
        (Some(true), None) => " sticky".to_owned(),
        _ => String::new(),
    }
}

fn of_redirect(redirect: &RedirectAction) -> String {
    let RedirectAction { host, path, port, protocol, query, status_code } = redirect;
    let part = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    format!(
        "redirect {}://{}:{}{}?{} {status_code}",
        part(protocol, "#{protocol}"),
        part(host, "#{host}"),
        part(port, "#{port}"),
        part(path, "/#{path}"),
        part(query, "#{query}"),
    )
}

fn of_targets(targets: &[Target]) -> Details {
    let of_target = |target: &Target| {
        let Target { id, port, availability_zone, quic_server_id } = target;
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let parts = [Some(format!("{id}{port}")), availability_zone.clone(), quic_server_id.clone()];
        ("target", parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    };
    targets.iter().map(of_target).collect()
}

fn of_ingress(rules: &[IngressRule]) -> Details {
    let of_rule = |rule: &IngressRule| {
        let IngressRule { protocol, from_port, to_port, source, description: _ } = rule;
        let port = |port: &Option<i32>| port.map_or_else(|| "*".to_owned(), |port| port.to_string());
        let source = match source {
            RuleSource::Ipv4(cidr) | RuleSource::Ipv6(cidr) => cidr.clone(),
            RuleSource::SecurityGroup(group) => group.to_string(),
            RuleSource::PrefixList(list) => list.clone(),
            RuleSource::None => "nothing".to_owned(),
        };
        ("rule", format!("{protocol} {}-{} from {source}", port(from_port), port(to_port)))
    };
    rules.iter().map(of_rule).collect()
}

fn of_binding_ingress(rule: &BindingIngress) -> String {
    let BindingIngress { from, ports } = rule;
    let from = from.iter().map(|peer| match peer {
        BindingPeer::IpBlock(cidr) => cidr.clone(),
        BindingPeer::SecurityGroup(group) => group.to_string(),
    });
    let ports = ports.iter().map(|BindingPort { protocol, port }| {
        let protocol = protocol.as_ref().map_or("TCP", |protocol| protocol.as_str());
        let port = port.as_ref().map_or_else(|| "*".to_owned(), port_text);
        format!("{protocol} {port}")
    });
    format!("{} from {}", list(ports), list(from))
}

fn port_text(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    }
}
