//! How Elastic Load Balancing writes its answers.

use super::{Node, write_routing as routing};
use crate::{
    World,
    http::xml::{REQUEST_ID, Xml},
};
use aws_load_balancer_controller::aws_api::{Attributes, Request, Response, elbv2::*};

const NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/// The answer to an action, given what was performed for it.
pub(super) fn answer(
    action: &str,
    form: &Node,
    requests: &[Request],
    responses: Vec<Response>,
    world: &World,
) -> String {
    let mut xml = Xml::default();
    xml.node(&format!("{action}Response xmlns=\"{NAMESPACE}\""), |xml| {
        xml.node(&format!("{action}Result"), |xml| match action {
            "DescribeListeners" => listeners(xml, form, responses),
            "DescribeRules" => rules(xml, form, responses),
            _ => {
                for (request, response) in requests.iter().zip(responses) {
                    write(xml, request, response, world);
                }
            }
        });
        xml.node("ResponseMetadata", |xml| xml.leaf("RequestId", REQUEST_ID));
    });
    xml.finish()
}

fn write(xml: &mut Xml, request: &Request, response: Response, world: &World) {
    match response {
        Response::DescribeLoadBalancers(page) => {
            paged(xml, "LoadBalancers", page, |xml, lb| load_balancer(xml, &lb, world));
        }
        Response::CreateLoadBalancer(lb) => {
            xml.members("LoadBalancers", [lb], |xml, lb| load_balancer(xml, &lb, world));
        }
        Response::DescribeTargetGroups(page) => {
            paged(xml, "TargetGroups", page, |xml, group| target_group(xml, &group));
        }
        Response::CreateTargetGroup(group) => {
            xml.members("TargetGroups", [group], |xml, group| target_group(xml, &group));
        }
        Response::CreateListener(created) => {
            xml.members("Listeners", [created], |xml, listener| routing::listener(xml, &listener));
        }
        Response::CreateRule(created) => {
            xml.members("Rules", [created], |xml, rule| routing::rule(xml, &rule));
        }
        Response::DescribeLoadBalancerAttributes(found)
        | Response::DescribeTargetGroupAttributes(found)
        | Response::DescribeListenerAttributes(found) => attributes(xml, &found),
        Response::DescribeCapacityReservation(reservation) => capacity(xml, &reservation),
        Response::DescribeTags(found) => xml.members("TagDescriptions", found, |xml, (arn, tags)| {
            xml.leaf("ResourceArn", arn);
            key_values(xml, "Tags", &tags);
        }),
        Response::DescribeListenerCertificates(page) => paged(xml, "Certificates", page, |xml, entry| {
            xml.leaf("CertificateArn", entry.arn);
            xml.leaf("IsDefault", entry.is_default);
        }),
        Response::DescribeTrustStores(page) => paged(xml, "TrustStores", page, |xml, store| {
            xml.leaf("Name", store.name);
            xml.leaf("TrustStoreArn", store.arn);
            xml.leaf("Status", "ACTIVE");
        }),
        Response::DescribeTargetHealth(found) => {
            let port = health_check_port(request, world);
            xml.members("TargetHealthDescriptions", found, |xml, health| target_health(xml, &health, &port));
        }
        _ => changed(xml, request, world),
    }
}

/// What AWS shows after a change: the thing as it is now.
fn changed(xml: &mut Xml, request: &Request, world: &World) {
    let elb = &world.elb;
    match request {
        Request::ModifyLoadBalancerAttributes(ModifyLoadBalancerAttributes { arn, .. }) => {
            elb.load_balancer(arn).iter().for_each(|lb| attributes(xml, &lb.attributes));
        }
        Request::ModifyTargetGroupAttributes(ModifyTargetGroupAttributes { arn, .. }) => {
            elb.target_group(arn).iter().for_each(|group| attributes(xml, &group.attributes));
        }
        Request::ModifyListenerAttributes(ModifyListenerAttributes { arn, .. }) => {
            elb.listener(arn).iter().for_each(|listener| attributes(xml, &listener.attributes));
        }
        Request::ModifyTargetGroup(ModifyTargetGroup { arn, .. }) => {
            xml.members("TargetGroups", elb.target_group(arn), |xml, group| {
                target_group(xml, &group.shown());
            });
        }
        Request::ModifyListener(ModifyListener { arn, .. }) => {
            xml.members("Listeners", elb.listener(arn), |xml, found| {
                routing::listener(xml, &found.described);
            });
        }
        Request::ModifyRule(ModifyRule { arn, .. }) => {
            xml.members("Rules", elb.rule(arn), |xml, rule| routing::rule(xml, &rule.described));
        }
        Request::SetRulePriorities(SetRulePriorities { priorities }) => {
            let moved = priorities.iter().filter_map(|(arn, _)| elb.rule(arn).ok());
            xml.members("Rules", moved, |xml, rule| routing::rule(xml, &rule.described));
        }
        Request::SetSecurityGroups(SetSecurityGroups { arn, .. }) => {
            elb.load_balancer(arn)
                .iter()
                .for_each(|lb| xml.texts("SecurityGroupIds", &lb.described.security_groups));
        }
        Request::SetSubnets(SetSubnets { arn, .. }) => {
            elb.load_balancer(arn).iter().for_each(|lb| zones(xml, &lb.described, world));
        }
        Request::ModifyIpPools(ModifyIpPools { ipv4_ipam_pool_id, .. }) => {
            xml.node("IpamPools", |xml| xml.maybe("Ipv4IpamPoolId", ipv4_ipam_pool_id.as_ref()));
        }
        Request::AddListenerCertificate(AddListenerCertificate { certificate_arn, .. }) => {
            xml.members("Certificates", [certificate_arn], |xml, arn| {
                xml.leaf("CertificateArn", arn);
                xml.leaf("IsDefault", false);
            });
        }
        Request::SetIpAddressType(change) => xml.leaf("IpAddressType", &change.ip_address_type),
        _ => {}
    }
}

fn paged<T>(xml: &mut Xml, tag: &str, page: Page<T>, write: impl FnMut(&mut Xml, T)) {
    xml.members(tag, page.items, write);
    xml.maybe("NextMarker", page.next_marker);
}

/// Listeners of a load balancer, or those that the form names.
fn listeners(xml: &mut Xml, form: &Node, responses: Vec<Response>) {
    let asked = form.texts("ListenerArns");
    let mut next = None;
    xml.node("Listeners", |xml| {
        for response in responses {
            let Response::DescribeListeners(page) = response else { continue };
            next = page.next_marker.filter(|_| asked.is_empty());
            for listener in page.items.iter().filter(|found| asked.is_empty() || asked.contains(&found.arn)) {
                xml.node("member", |xml| routing::listener(xml, listener));
            }
        }
    });
    xml.maybe("NextMarker", next);
}

/// Rules of a listener, or those that the form names.
fn rules(xml: &mut Xml, form: &Node, responses: Vec<Response>) {
    let asked = form.texts("RuleArns");
    let mut next = None;
    xml.node("Rules", |xml| {
        for response in responses {
            let Response::DescribeRules(page) = response else { continue };
            next = page.next_marker.filter(|_| asked.is_empty());
            for rule in page.items.iter().filter(|found| asked.is_empty() || asked.contains(&found.arn)) {
                xml.node("member", |xml| routing::rule(xml, rule));
            }
        }
    });
    xml.maybe("NextMarker", next);
}

fn attributes(xml: &mut Xml, found: &Attributes) {
    key_values(xml, "Attributes", found);
}

fn key_values(xml: &mut Xml, tag: &str, pairs: &Attributes) {
    xml.members(tag, pairs, |xml, (key, value)| {
        xml.leaf("Key", key);
        xml.leaf("Value", value);
    });
}

fn load_balancer(xml: &mut Xml, lb: &LoadBalancer, world: &World) {
    let zone = if lb.kind == LoadBalancerType::Network { "Z18D5FSROUN65G" } else { "Z1H1FL5HABSF5" };
    xml.leaf("LoadBalancerArn", &lb.arn);
    xml.leaf("DNSName", &lb.dns_name);
    xml.leaf("CanonicalHostedZoneId", zone);
    xml.leaf("LoadBalancerName", &lb.name);
    xml.leaf("Scheme", &lb.scheme);
    xml.leaf("VpcId", &lb.vpc_id);
    xml.node("State", |xml| xml.leaf("Code", &lb.state));
    xml.leaf("Type", &lb.kind);
    zones(xml, lb, world);
    if !lb.security_groups.is_empty() {
        xml.texts("SecurityGroups", &lb.security_groups);
    }
    xml.leaf("IpAddressType", &lb.ip_address_type);
    xml.maybe("CustomerOwnedIpv4Pool", lb.customer_owned_ipv4_pool.as_ref());
    let enforce = lb.enforce_inbound_rules_on_private_link.as_ref();
    xml.maybe("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic", enforce);
    xml.maybe("EnablePrefixForIpv6SourceNat", lb.enable_prefix_for_ipv6_source_nat.as_ref());
    if let Some(pool) = &lb.ipv4_ipam_pool_id {
        xml.node("IpamPools", |xml| xml.leaf("Ipv4IpamPoolId", pool));
    }
}

fn zones(xml: &mut Xml, lb: &LoadBalancer, world: &World) {
    xml.members("AvailabilityZones", &lb.zones, |xml, zone| {
        xml.leaf("ZoneName", &zone.zone_name);
        xml.leaf("SubnetId", &zone.subnet_id);
        xml.members("LoadBalancerAddresses", &zone.addresses, |xml, address| {
            let allocation = address.allocation_id.as_ref();
            xml.maybe("IpAddress", allocation.and_then(|id| world.ec2.addresses.get(id)));
            xml.maybe("AllocationId", allocation);
            xml.maybe("PrivateIPv4Address", address.private_ipv4_address.as_ref());
            xml.maybe("IPv6Address", address.ipv6_address.as_ref());
        });
        if !zone.source_nat_ipv6_prefixes.is_empty() {
            xml.texts("SourceNatIpv6Prefixes", &zone.source_nat_ipv6_prefixes);
        }
    });
}

fn target_group(xml: &mut Xml, group: &TargetGroup) {
    xml.leaf("TargetGroupArn", &group.arn);
    xml.leaf("TargetGroupName", &group.name);
    xml.maybe("Protocol", group.protocol.as_ref());
    xml.maybe("Port", group.port);
    xml.maybe("VpcId", group.vpc_id.as_ref());
    health_check(xml, &group.health_check);
    xml.texts("LoadBalancerArns", &group.load_balancer_arns);
    xml.leaf("TargetType", &group.target_type);
    xml.maybe("ProtocolVersion", group.protocol_version.as_ref());
    xml.leaf("IpAddressType", &group.ip_address_type);
    xml.maybe("TargetControlPort", group.target_control_port);
}

fn health_check(xml: &mut Xml, check: &HealthCheck) {
    xml.leaf("HealthCheckEnabled", true);
    xml.maybe("HealthCheckProtocol", check.protocol.as_ref());
    xml.maybe("HealthCheckPort", check.port.as_ref());
    xml.maybe("HealthCheckPath", check.path.as_ref());
    xml.maybe("HealthCheckIntervalSeconds", check.interval_seconds);
    xml.maybe("HealthCheckTimeoutSeconds", check.timeout_seconds);
    xml.maybe("HealthyThresholdCount", check.healthy_threshold);
    xml.maybe("UnhealthyThresholdCount", check.unhealthy_threshold);
    if let Some(matcher) = &check.matcher {
        xml.node("Matcher", |xml| {
            xml.maybe("HttpCode", matcher.http_code.as_ref());
            xml.maybe("GrpcCode", matcher.grpc_code.as_ref());
        });
    }
}

fn health_check_port(request: &Request, world: &World) -> String {
    let Request::DescribeTargetHealth(request) = request else { return String::new() };
    let port =
        world.elb.target_group(&request.arn).ok().and_then(|group| group.described.health_check.port.clone());
    port.filter(|port| port != "traffic-port").unwrap_or_default()
}

fn target_health(xml: &mut Xml, health: &TargetHealth, health_check_port: &str) {
    let port = health.target.port;
    xml.node("Target", |xml| {
        xml.leaf("Id", &health.target.id);
        xml.maybe("Port", port);
        xml.maybe("AvailabilityZone", health.target.availability_zone.as_ref());
        xml.maybe("QuicServerId", health.target.quic_server_id.as_ref());
    });
    match port {
        Some(port) if health_check_port.is_empty() => xml.leaf("HealthCheckPort", port),
        _ => xml.leaf("HealthCheckPort", health_check_port),
    }
    xml.node("TargetHealth", |xml| {
        xml.leaf("State", &health.state);
        xml.maybe("Reason", health.reason.as_ref());
        xml.maybe("Description", health.description.as_ref());
    });
}

fn capacity(xml: &mut Xml, reservation: &CapacityReservation) {
    xml.leaf("DecreaseRequestsRemaining", 2);
    if let Some(units) = reservation.capacity_units {
        xml.node("MinimumLoadBalancerCapacity", |xml| xml.leaf("CapacityUnits", units));
        xml.members("CapacityReservationState", [units], |xml, units| {
            xml.node("State", |xml| xml.leaf("Code", "provisioned"));
            xml.leaf("EffectiveCapacityUnits", units);
        });
    }
}
