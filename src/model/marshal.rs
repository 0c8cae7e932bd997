//! The stack as JSON: what logs show and what plan annotations hold.
//!
//! Equal byte for byte to what upstream writes (`pkg/deploy/stack_marshaller.go`, field order of `pkg/model`), because a
//! plan annotation that differs would be written anew on every Ingress when the controllers are swapped.

mod actions;
mod json;

use super::{
    AlbTarget, Binding, BindingIngress, BindingPeer, BindingPort, LOAD_BALANCER_ID, Listener, LoadBalancer,
    Owner, Protection, RequestedCertificate, ResourceId, Rule, SecurityGroup, Stack, TargetGroup,
};
use crate::api::{IntOrString, LabelSelector};
use crate::aws_api::ec2::{IngressRule, RuleSource};
use crate::aws_api::elbv2::{HealthCheck, Matcher, MutualAuthentication, Protocol, SubnetMapping};
use crate::aws_api::{Attributes, Ref, SymbolKind};
use json::{JsonObject, JsonValue};
use std::collections::BTreeMap;

const SECURITY_GROUP: &str = "AWS::EC2::SecurityGroup";
const LOAD_BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
const BINDING: &str = "K8S::ElasticLoadBalancingV2::TargetGroupBinding";
const WAFV2: &str = "AWS::WAFv2::WebACLAssociation";
const WAF_REGIONAL: &str = "AWS::WAFRegional::WebACLAssociation";
const SHIELD: &str = "AWS::Shield::Protection";
const CERTIFICATE: &str = "AWS::ACM::Certificate";
const ALB_TARGETS: &str = "FrontendNLBTargetGroup";

/// The stack as compact JSON.
pub fn marshal(stack: &Stack) -> String {
    let Stack {
        id,
        security_groups,
        load_balancers,
        target_groups,
        listeners,
        rules,
        bindings,
        protection,
        alb_targets,
        certificates,
        retained_certificates: _,
    } = stack;
    let mut kinds = protections(protection);
    kinds.extend([
        (SECURITY_GROUP, resources(security_groups, security_group)),
        (LOAD_BALANCER, resources(load_balancers, load_balancer)),
        (TARGET_GROUP, resources(target_groups, target_group)),
        (LISTENER, resources(listeners, listener)),
        (RULE, rules.iter().map(|(key, item)| (rule_id(key), spec(rule(key, item)))).collect()),
        (BINDING, resources(bindings, binding)),
        (CERTIFICATE, resources(certificates, requested_certificate)),
    ]);
    if id.owner == Owner::Ingress || id.owner.is_gateway() {
        let targets = alb_targets.iter().map(|(id, target)| alb_target(stack, id, target));
        let entry = JsonObject::new().with("TargetGroups", JsonObject::sorted(targets));
        kinds.push((ALB_TARGETS, vec![(ALB_TARGETS.to_owned(), entry.into())]));
    }
    let kinds = kinds.into_iter().filter(|(_, resources)| !resources.is_empty());
    let kinds = kinds.map(|(kind, resources)| (kind.to_owned(), JsonObject::sorted(resources).into()));
    JsonObject::new().with("id", id.to_string()).with("resources", JsonObject::sorted(kinds)).render()
}

type Named = Vec<(String, JsonValue)>;

fn resources<T>(resources: &super::Resources<T>, render: impl Fn(&T) -> JsonObject) -> Named {
    resources.iter().map(|(id, resource)| (id.to_string(), spec(render(resource)))).collect()
}

fn spec(object: JsonObject) -> JsonValue {
    JsonObject::new().with("spec", object).into()
}

fn rule_id((listener, priority): &(ResourceId, i32)) -> String {
    format!("{listener}:{priority}")
}

/// A reference to an id of a resource of the stack.
fn reference(kind: &str, id: &str, field: &str) -> JsonValue {
    JsonObject::new().with("$ref", format!("#/resources/{kind}/{id}/status/{field}")).into()
}

impl From<&Ref> for JsonValue {
    fn from(reference_or_id: &Ref) -> Self {
        let symbol = match reference_or_id {
            Ref::Known(id) => return Self::from(id.as_str()),
            Ref::Pending(symbol) => symbol,
        };
        let (kind, field) = match &symbol.kind {
            SymbolKind::LoadBalancerArn => (LOAD_BALANCER, "loadBalancerARN"),
            SymbolKind::LoadBalancerDnsName => (LOAD_BALANCER, "dnsName"),
            SymbolKind::TargetGroupArn => (TARGET_GROUP, "targetGroupARN"),
            SymbolKind::ListenerArn => (LISTENER, "listenerARN"),
            SymbolKind::RuleArn => (RULE, "ruleARN"),
            SymbolKind::SecurityGroupId => (SECURITY_GROUP, "groupID"),
            SymbolKind::CertificateArn => (CERTIFICATE, "certificateARN"),
            SymbolKind::AcceleratorListenerArn => ("AWS::GlobalAccelerator::Listener", "listenerARN"),
            SymbolKind::EndpointGroupArn => ("AWS::GlobalAccelerator::EndpointGroup", "endpointGroupARN"),
            SymbolKind::Other(kind) => (kind.as_str(), "id"),
        };
        reference(kind, &symbol.id, field)
    }
}

fn load_balancer_arn(id: &ResourceId) -> JsonValue {
    reference(LOAD_BALANCER, id.as_str(), "loadBalancerARN")
}

fn security_group(group: &SecurityGroup) -> JsonObject {
    let SecurityGroup { name, description, tags, ingress } = group;
    JsonObject::new()
        .with("groupName", name)
        .with("description", description)
        .with_any("tags", tags)
        .with_any("ingress", ingress.iter().map(permission))
}

fn permission(rule: &IngressRule) -> JsonObject {
    let IngressRule { protocol, from_port, to_port, source, description } = rule;
    let (list, key, peer): (_, _, JsonValue) = match source {
        RuleSource::Ipv4(cidr) => ("ipRanges", "cidrIP", cidr.into()),
        RuleSource::Ipv6(cidr) => ("ipv6Ranges", "cidrIPv6", cidr.into()),
        RuleSource::SecurityGroup(group) => ("userIDGroupPairs", "groupID", group.into()),
        RuleSource::PrefixList(id) => ("prefixLists", "listID", id.into()),
        RuleSource::None => ("ipRanges", "cidrIP", "".into()),
    };
    let description = description.as_deref().filter(|text| !text.is_empty());
    let peer = JsonObject::new().with(key, peer).with_some("description", description);
    JsonObject::new()
        .with("ipProtocol", protocol)
        .with_some("fromPort", *from_port)
        .with_some("toPort", *to_port)
        .with_any(list, [peer])
}

fn load_balancer(load_balancer: &LoadBalancer) -> JsonObject {
    let LoadBalancer {
        name,
        kind,
        scheme,
        ip_address_type,
        enable_prefix_for_ipv6_source_nat,
        subnet_mappings,
        security_groups,
        enforce_inbound_rules_on_private_link,
        customer_owned_ipv4_pool,
        ipv4_ipam_pool_id,
        attributes,
        minimum_capacity_units,
        tags,
    } = load_balancer;
    let capacity = minimum_capacity_units.map(|units| JsonObject::new().with("capacityUnits", units));
    JsonObject::new()
        .with("name", name)
        .with("type", kind.as_str())
        .with("scheme", scheme.as_str())
        .with("ipAddressType", ip_address_type.as_str())
        .with_some("enablePrefixForIpv6SourceNat", enable_prefix_for_ipv6_source_nat.as_ref())
        .with_any("subnetMapping", subnet_mappings.iter().map(subnet_mapping))
        .with_any("securityGroups", security_groups)
        .with_some("securityGroupsInboundRulesOnPrivateLink", enforce_inbound_rules_on_private_link.as_ref())
        .with_some("customerOwnedIPv4Pool", customer_owned_ipv4_pool.as_ref())
        .with_any("loadBalancerAttributes", attribute_list(attributes, "key", "value"))
        .with_some("minimumLoadBalancerCapacity", capacity)
        .with_any("tags", tags)
        .with_some("ipv4IPAMPool", ipv4_ipam_pool_id.as_ref())
}

fn subnet_mapping(mapping: &SubnetMapping) -> JsonObject {
    let SubnetMapping {
        allocation_id,
        private_ipv4_address,
        ipv6_address,
        source_nat_ipv6_prefix,
        subnet_id,
    } = mapping;
    JsonObject::new()
        .with_some("allocationID", allocation_id.as_ref())
        .with_some("privateIPv4Address", private_ipv4_address.as_ref())
        .with_some("ipv6Address", ipv6_address.as_ref())
        .with_some("sourceNatIpv6Prefix", source_nat_ipv6_prefix.as_ref())
        .with("subnetID", subnet_id)
}

fn attribute_list<'n>(
    attributes: &'n Attributes,
    key_field: &'static str,
    value_field: &'static str,
) -> impl Iterator<Item = JsonObject> + 'n {
    attributes.iter().map(move |(key, value)| JsonObject::new().with(key_field, key).with(value_field, value))
}

fn target_group(target_group: &TargetGroup) -> JsonObject {
    let TargetGroup {
        name,
        target_type,
        port,
        protocol,
        protocol_version,
        ip_address_type,
        health_check,
        target_control_port,
        attributes,
        tags,
    } = target_group;
    JsonObject::new()
        .with("name", name)
        .with("targetType", target_type.as_str())
        .with("port", port.map_or(JsonValue::Null, JsonValue::from))
        .with("protocol", protocol.as_str())
        .with_some("protocolVersion", protocol_version.as_ref())
        .with("ipAddressType", ip_address_type.as_str())
        .with_some("healthCheckConfig", health_check.as_ref().map(self::health_check))
        .with_any("targetGroupAttributes", attribute_list(attributes, "key", "value"))
        .with_any("tags", tags)
        .with_some("targetControlPort", *target_control_port)
}

fn health_check(check: &HealthCheck) -> JsonObject {
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
    let port = port
        .as_deref()
        .map(|text| text.parse::<i32>().map_or_else(|_| JsonValue::from(text), JsonValue::from));
    JsonObject::new()
        .with_some("port", port)
        .with_some("protocol", protocol.as_ref().map(Protocol::as_str))
        .with_some("path", path.as_ref())
        .with_some("matcher", matcher.as_ref().map(self::matcher))
        .with_some("intervalSeconds", *interval_seconds)
        .with_some("timeoutSeconds", *timeout_seconds)
        .with_some("healthyThresholdCount", *healthy_threshold)
        .with_some("unhealthyThresholdCount", *unhealthy_threshold)
}

fn matcher(matcher: &Matcher) -> JsonObject {
    let Matcher { http_code, grpc_code } = matcher;
    JsonObject::new().with_some("httpCode", http_code.as_ref()).with_some("grpcCode", grpc_code.as_ref())
}

fn listener(listener: &Listener) -> JsonObject {
    let Listener {
        load_balancer,
        port,
        protocol,
        default_actions,
        certificates,
        ssl_policy,
        alpn_policy,
        mutual_authentication,
        attributes,
        tags,
    } = listener;
    JsonObject::new()
        .with("loadBalancerARN", load_balancer_arn(load_balancer))
        .with("port", *port)
        .with("protocol", protocol.as_str())
        .with_any("defaultActions", default_actions.iter().map(actions::action))
        .with_any("certificates", certificates.iter().map(certificate))
        .with_some("sslPolicy", ssl_policy.as_ref())
        .with_any("alpnPolicy", alpn_policy)
        .with_some("mutualAuthentication", mutual_authentication.as_ref().map(self::mutual_authentication))
        .with_any("tags", tags)
        .with_any("listenerAttributes", attribute_list(attributes, "Key", "Value"))
}

/// why: upstream wraps a certificate given by ARN in a resource without a name, and so loses the ARN here.
fn certificate(certificate: &Ref) -> JsonObject {
    let arn = match certificate {
        Ref::Known(_) => reference("", "", "certificateARN"),
        pending @ Ref::Pending(_) => pending.into(),
    };
    JsonObject::new().with("certificateARN", arn)
}

fn requested_certificate(certificate: &RequestedCertificate) -> JsonObject {
    let RequestedCertificate { authority, names, tags } = certificate;
    JsonObject::new()
        .with("type", certificate.kind().as_str())
        .with("certificateAuthorityARN", authority.as_deref().unwrap_or_default())
        .with("domainName", certificate.subject())
        .with_any("subjectAlternativeNames", names)
        .with("validationMethod", "DNS")
        .with("keyAlgorithm", "")
        .with_any("tags", tags)
}

fn mutual_authentication(mutual: &MutualAuthentication) -> JsonObject {
    let MutualAuthentication {
        mode,
        trust_store_arn,
        ignore_client_certificate_expiry,
        advertise_trust_store_ca_names,
    } = mutual;
    JsonObject::new()
        .with("mode", mode)
        .with_some("trustStoreArn", trust_store_arn.as_ref())
        .with_some("ignoreClientCertificateExpiry", *ignore_client_certificate_expiry)
        .with_some("advertiseTrustStoreCaNames", advertise_trust_store_ca_names.as_ref())
}

fn rule((listener, priority): &(ResourceId, i32), rule: &Rule) -> JsonObject {
    let Rule { conditions, actions, transforms, tags } = rule;
    JsonObject::new()
        .with("listenerARN", reference(LISTENER, listener.as_str(), "listenerARN"))
        .with("priority", *priority)
        .with("actions", JsonValue::list(actions.iter().map(actions::action)))
        .with("conditions", JsonValue::list(conditions.iter().map(actions::condition)))
        .with_any("transforms", transforms.iter().map(actions::transform))
        .with_any("tags", tags)
}

fn binding(binding: &Binding) -> JsonObject {
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
        vpc_id,
        multi_cluster,
        labels,
        annotations,
    } = binding;
    let rules = networking
        .as_ref()
        .map(|rules| JsonObject::new().with_any("ingress", rules.iter().map(networking_rule)));
    let selector = node_selector.as_ref().map(label_selector);
    let spec = JsonObject::new()
        .with("targetGroupARN", target_group_arn)
        .with("targetType", target_type.as_str())
        .with("serviceRef", JsonObject::new().with("name", service_name).with("port", service_port))
        .with_some("networking", rules)
        .with_some("nodeSelector", selector)
        .with("ipAddressType", ip_address_type.as_str())
        .with_some("vpcID", Some(vpc_id).filter(|id| !id.is_empty()))
        .with_some("multiClusterTargetGroup", multi_cluster.then_some(true))
        .with("targetGroupProtocol", target_group_protocol.as_str());
    let metadata = JsonObject::new()
        .with("name", name)
        .with("namespace", namespace)
        .with_any("labels", labels)
        .with_any("annotations", annotations);
    JsonObject::new().with("template", JsonObject::new().with("metadata", metadata).with("spec", spec))
}

fn label_selector(selector: &LabelSelector) -> JsonObject {
    let expressions = selector.match_expressions.iter().flatten().map(|requirement| {
        JsonObject::new()
            .with("key", &requirement.key)
            .with("operator", &requirement.operator)
            .with_any("values", requirement.values.iter().flatten())
    });
    let none = BTreeMap::new();
    JsonObject::new()
        .with_any("matchLabels", selector.match_labels.as_ref().unwrap_or(&none))
        .with_any("matchExpressions", expressions)
}

fn networking_rule(rule: &BindingIngress) -> JsonObject {
    let BindingIngress { from, ports } = rule;
    JsonObject::new()
        .with("from", JsonValue::list_or_null(from.iter().map(peer)))
        .with("ports", JsonValue::list_or_null(ports.iter().map(port)))
}

fn peer(peer: &BindingPeer) -> JsonObject {
    match peer {
        BindingPeer::IpBlock(cidr) => JsonObject::new().with("ipBlock", JsonObject::new().with("cidr", cidr)),
        BindingPeer::SecurityGroup(id) => {
            JsonObject::new().with("securityGroup", JsonObject::new().with("groupID", id))
        }
    }
}

fn port(port: &BindingPort) -> JsonObject {
    let BindingPort { protocol, port } = port;
    JsonObject::new()
        .with_some("protocol", protocol.as_ref().map(Protocol::as_str))
        .with_some("port", port.as_ref())
}

impl From<&IntOrString> for JsonValue {
    fn from(value: &IntOrString) -> Self {
        match value {
            IntOrString::Int(number) => Self::from(*number),
            IntOrString::String(text) => Self::from(text),
        }
    }
}

fn protections(protection: &Protection) -> Vec<(&'static str, Named)> {
    let Protection { wafv2_web_acl_arn, waf_regional_web_acl_id, shield } = protection;
    let one = |field: Option<(&'static str, JsonValue)>| {
        let arn = load_balancer_arn(&ResourceId::from(LOAD_BALANCER_ID));
        let object = field.map(|(key, value)| JsonObject::new().with(key, value).with("resourceARN", arn));
        object.map(|object| (LOAD_BALANCER_ID.to_owned(), spec(object))).into_iter().collect()
    };
    vec![
        (WAFV2, one(wafv2_web_acl_arn.as_ref().map(|arn| ("webACLARN", arn.into())))),
        (WAF_REGIONAL, one(waf_regional_web_acl_id.as_ref().map(|id| ("webACLID", id.into())))),
        (SHIELD, one(shield.map(|enabled| ("enabled", enabled.into())))),
    ]
}

fn alb_target(stack: &Stack, id: &ResourceId, target: &AlbTarget) -> (String, JsonValue) {
    let AlbTarget { load_balancer, port } = target;
    let target_group = stack.target_groups.get(id);
    let name = target_group.map(|group| group.name.clone()).unwrap_or_default();
    let listener_port = target_group.and_then(|group| group.port).unwrap_or_default();
    let object = JsonObject::new()
        .with("Name", &name)
        .with("ARN", reference(TARGET_GROUP, id.as_str(), "targetGroupARN"))
        .with("Port", listener_port)
        .with("TargetARN", load_balancer)
        .with("TargetPort", *port);
    (name, object.into())
}

#[cfg(test)]
mod tests;
