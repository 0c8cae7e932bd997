#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::admission::gateway::told;
use serde_json::{Value, json};

fn said(spec: &Value, controller: Option<Controller>) -> Vec<String> {
    let configuration = json!({"metadata": {"name": "edge", "namespace": "shop"}, "spec": spec});
    told(&check(&Config::default(), &serde_json::from_value(configuration).unwrap(), controller))
}

const CERTIFICATE: &str =
    "arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012";

#[test]
fn what_works_is_passed_in_silence() {
    let full = json!({
        "mergingMode": "prefer-gateway",
        "loadBalancerName": "edge",
        "scheme": "internet-facing",
        "ipAddressType": "dualstack",
        "loadBalancerSubnets": [{"identifier": "subnet-0123456789abcdef0"}, {"identifier": "public-b"}],
        "listenerConfigurations": [
            {
                "protocolPort": "HTTPS:443",
                "defaultCertificate": CERTIFICATE,
                "certificates": [CERTIFICATE],
                "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
                "alpnPolicy": "None",
                "mutualAuthentication": {"mode": "verify", "trustStore": "clients"},
                "listenerAttributes": [{"key": "routing.http.response.server.enabled", "value": "true"}],
            },
            {"protocolPort": "UDP:443", "quicEnabled": true, "targetGroupStickiness": true},
            {"protocolPort": "TLS:8443", "alpnPolicy": "HTTP2Preferred"},
        ],
        "securityGroupPrefixes": ["pl-0123456789abcdef0"],
        "sourceRanges": ["10.0.0.0/8", "2001:db8::/32"],
        "loadBalancerAttributes": [{"key": "deletion_protection.enabled", "value": "true"}],
        "tags": {"team": "shop"},
        "minimumLoadBalancerCapacity": {"capacityUnits": 100},
        "wafV2": {"webACL": "arn:aws:wafv2:us-west-2:123456789012:regional/webacl/shop/1234"},
        "defaultTargetGroupConfiguration": {"name": "default"},
    });
    assert_eq!(said(&full, None), [""; 0]);
    assert_eq!(said(&json!({}), None), [""; 0]);
}

#[test]
fn what_no_load_balancer_can_be_built_with_is_an_error_and_what_has_no_effect_a_warning() {
    let twice = json!([{"protocolPort": "HTTPS:443"}, {"protocolPort": "HTTPS:443"}]);
    let cases = [
        (
            json!({"loadBalancerName": "-edge"}),
            "E spec.loadBalancerName: \"-edge\" is not a name, expected a letter or digit at either end",
        ),
        (
            json!({"loadBalancerName": "internal-edge"}),
            "E spec.loadBalancerName: \"internal-edge\" starts with internal-, which is reserved",
        ),
        (
            json!({"loadBalancerName": "my_edge"}),
            "E spec.loadBalancerName: \"my_edge\" is not a name, expected letters, digits and hyphens",
        ),
        (
            json!({"enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "no"}),
            "E spec.enforceSecurityGroupInboundRulesOnPrivateLinkTraffic: \"no\" is not one of on or off",
        ),
        (
            json!({"ipv4IPAMPoolId": "pool"}),
            "E spec.ipv4IPAMPoolId: \"pool\" is not the id of an IPAM pool (ipam-pool-…)",
        ),
        (
            json!({"scheme": "internal", "ipAddressType": "dualstack-without-public-ipv4"}),
            "E spec.ipAddressType: dualstack-without-public-ipv4 is for load balancers that face the internet",
        ),
        (
            json!({"minimumLoadBalancerCapacity": {"capacityUnits": -1}}),
            "E spec.minimumLoadBalancerCapacity.capacityUnits: -1 is out of range, expected a whole number from 1",
        ),
        (
            json!({"minimumLoadBalancerCapacity": {"capacityUnits": 0}}),
            "W spec.minimumLoadBalancerCapacity.capacityUnits: 0 reserves nothing, expected a whole number from 1",
        ),
        (
            json!({"wafV2": {"webACL": "shop"}}),
            "E spec.wafV2.webACL: \"shop\" is not the ARN of a regional WAFv2 web ACL; write for example arn:aws:wafv2:us-west-2:123456789012:regional/webacl/NAME/ID",
        ),
        (
            json!({"tags": {"aws:team": "shop"}}),
            "E spec.tags[aws:team]: tag key \"aws:team\" starts with aws:, which is reserved",
        ),
        (
            json!({"tags": {"elbv2.k8s.aws/cluster": "shop"}}),
            "W spec.tags[elbv2.k8s.aws/cluster]: tag key \"elbv2.k8s.aws/cluster\" is the controller's own, yours has no effect",
        ),
        (
            json!({"tags": {"gateway.k8s.aws.alb/stack": "shop"}}),
            "W spec.tags[gateway.k8s.aws.alb/stack]: tag key \"gateway.k8s.aws.alb/stack\" is the controller's own, yours has no effect",
        ),
        (
            json!({"securityGroups": ["sg-1"]}),
            "E spec.securityGroups[0]: \"sg-1\" is not a security group id, expected sg- and 8 or 17 hexadecimal digits, or a value of the tag Name",
        ),
        (
            json!({"securityGroups": ["sg-01234567", "sg-01234567"]}),
            "E spec.securityGroups[1]: \"sg-01234567\" is given twice",
        ),
        (
            json!({"securityGroups": ["web"], "disableSecurityGroup": true}),
            "W spec.securityGroups: has no effect on an NLB beside spec.disableSecurityGroup true",
        ),
        (
            json!({"securityGroups": ["web"], "sourceRanges": ["10.0.0.0/8"]}),
            "W spec.sourceRanges: has no effect beside spec.securityGroups",
        ),
        (
            json!({"manageBackendSecurityGroupRules": true}),
            "W spec.manageBackendSecurityGroupRules: has no effect without spec.securityGroups",
        ),
        (
            json!({"securityGroupPrefixes": ["sg-01234567"]}),
            "E spec.securityGroupPrefixes[0]: \"sg-01234567\" is not a prefix list id (pl- and hexadecimal digits)",
        ),
        (
            json!({"sourceRanges": ["10.0.0.1"]}),
            "E spec.sourceRanges[0]: \"10.0.0.1\" is not a CIDR; did you mean `10.0.0.1/32`?",
        ),
        (
            json!({"sourceRanges": ["10.0.0.1/8"]}),
            "W spec.sourceRanges[0]: \"10.0.0.1/8\" has bits outside of its prefix; did you mean `10.0.0.0/8`?",
        ),
        (
            json!({"sourceRanges": ["nowhere"]}),
            "E spec.sourceRanges[0]: \"nowhere\" is not a CIDR; write for example 10.0.0.0/8 or 2001:db8::/32",
        ),
        (
            json!({"ipAddressType": "ipv4", "sourceRanges": ["2001:db8::/32"]}),
            "W spec.sourceRanges[0]: IPv6 range \"2001:db8::/32\" has no effect on a load balancer without IPv6",
        ),
        (
            json!({"loadBalancerAttributes": [{"key": "idle_timeout.timeout_second", "value": "60"}]}),
            "E spec.loadBalancerAttributes[0]: \"idle_timeout.timeout_second\" is not a known attribute of Application Load Balancers; did you mean `idle_timeout.timeout_seconds`?",
        ),
        (
            json!({"loadBalancerAttributes": [{"key": "deletion_protection.enabled", "value": "yes"}]}),
            "E spec.loadBalancerAttributes[0]: deletion_protection.enabled is \"yes\", expected true or false",
        ),
        (
            json!({"loadBalancerAttributes": [{"key": "routing.http2.enabled", "value": "true"}, {"key": "routing.http2.enabled", "value": "true"}]}),
            "E spec.loadBalancerAttributes[1]: \"routing.http2.enabled\" is given twice",
        ),
        (
            json!({"loadBalancerSubnets": [{"identifier": "subnet-1"}]}),
            "E spec.loadBalancerSubnets[0].identifier: \"subnet-1\" is not a subnet id, expected subnet- and 8 or 17 hexadecimal digits, or a value of the tag Name",
        ),
        (
            json!({"loadBalancerSubnets": [{"identifier": "subnet-01234567"}, {"identifier": "subnet-01234567"}]}),
            "E spec.loadBalancerSubnets[1]: \"subnet-01234567\" is given twice",
        ),
        (
            json!({"loadBalancerSubnets": [{"identifier": "a", "eipAllocation": "eipalloc-01234567"}, {"identifier": "b"}]}),
            "E spec.loadBalancerSubnets[].eipAllocation: Either specify all eip allocations or none.",
        ),
        (
            json!({"loadBalancerSubnets": [{"identifier": "a", "eipAllocation": "1.2.3.4"}]}),
            "E spec.loadBalancerSubnets[0].eipAllocation: \"1.2.3.4\" is not an allocation id (eipalloc- and hexadecimal digits)",
        ),
        (
            json!({"scheme": "internal", "loadBalancerSubnets": [{"eipAllocation": "eipalloc-01234567"}]}),
            "E spec.loadBalancerSubnets[0].eipAllocation: eipAllocation works only on internet-facing load balancers",
        ),
        (
            json!({"scheme": "internet-facing", "loadBalancerSubnets": [{"privateIPv4Allocation": "10.0.0.1"}]}),
            "E spec.loadBalancerSubnets[0].privateIPv4Allocation: privateIPv4Allocation works only on internal load balancers",
        ),
        (
            json!({"ipAddressType": "ipv4", "loadBalancerSubnets": [{"ipv6Allocation": "2001:db8::1"}]}),
            "E spec.loadBalancerSubnets[0].ipv6Allocation: ipv6Allocation works only on dualstack load balancers",
        ),
        (
            json!({"loadBalancerSubnets": [{"privateIPv4Allocation": "10.0.0"}]}),
            "E spec.loadBalancerSubnets[0].privateIPv4Allocation: \"10.0.0\" is not an IPv4 address",
        ),
        (
            json!({"loadBalancerSubnets": [{"sourceNatIPv6Prefix": "2001:db8::/64"}]}),
            "E spec.loadBalancerSubnets[0].sourceNatIPv6Prefix: \"2001:db8::/64\" is not auto_assigned or an IPv6 prefix of length 80",
        ),
        (
            json!({"loadBalancerSubnetsSelector": {"tier": []}}),
            "E spec.loadBalancerSubnetsSelector[tier]: is empty, expected the values that the tag may have",
        ),
        (
            json!({"loadBalancerSubnets": [{"identifier": "a"}], "loadBalancerSubnetsSelector": {"tier": ["b"]}}),
            "W spec.loadBalancerSubnetsSelector: has no effect beside identifiers in spec.loadBalancerSubnets",
        ),
        (
            json!({"listenerConfigurations": twice}),
            "E spec.listenerConfigurations[1].protocolPort: \"HTTPS:443\" is that of listenerConfigurations[0] too, expected each protocol and port once",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": ":443"}]}),
            "W spec.listenerConfigurations[0].protocolPort: \":443\" has no protocol, so no listener has these settings",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTPS"}]}),
            "E spec.listenerConfigurations[0].protocolPort: \"HTTPS\" is not a protocol and a port, such as HTTPS:443",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTPs:443"}]}),
            "E spec.listenerConfigurations[0].protocolPort: \"HTTPs\" is not one of HTTP, HTTPS, TLS, TCP, UDP or TCP_UDP; did you mean `HTTPS`?",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTPS:99999"}]}),
            "E spec.listenerConfigurations[0].protocolPort: \"99999\" is not a port number from 1 to 65535",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "TCP:443", "quicEnabled": true}]}),
            "E spec.listenerConfigurations[0].quicEnabled: QUIC protocol upgrade not supported for protocol TCP, expected UDP or TCP_UDP",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTPS:443", "alpnPolicy": "HTTP1Only"}]}),
            "W spec.listenerConfigurations[0].alpnPolicy: has no effect on a listener that speaks HTTPS, only on TLS",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "TLS:443", "mutualAuthentication": {"mode": "passthrough"}}]}),
            "W spec.listenerConfigurations[0].mutualAuthentication: has no effect on a listener that speaks TLS, only on HTTPS",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTP:80", "defaultCertificate": CERTIFICATE}]}),
            "W spec.listenerConfigurations[0].defaultCertificate: has no effect on a listener that speaks HTTP, only on HTTPS or TLS",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "TCP:80", "sslPolicy": "ELBSecurityPolicy-2016-08"}]}),
            "W spec.listenerConfigurations[0].sslPolicy: has no effect on a listener that speaks TCP, only on HTTPS or TLS",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTPS:443", "certificates": ["shop"]}]}),
            "E spec.listenerConfigurations[0].certificates[0]: \"shop\" is not the ARN of a certificate in ACM or IAM (arn:aws:acm:REGION:ACCOUNT:certificate/ID)",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTPS:443", "certificates": [format!("{CERTIFICATE},{CERTIFICATE}")]}]}),
            "expected one value an entry",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTPS:443", "mutualAuthentication": {"mode": "verify"}}]}),
            "E spec.listenerConfigurations[0].mutualAuthentication.trustStore: is missing, expected the name or ARN of a trust store",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTPS:443", "mutualAuthentication": {"mode": "off", "trustStore": "a"}}]}),
            "E spec.listenerConfigurations[0].mutualAuthentication.trustStore: is for mode verify, not for off",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTPS:443", "mutualAuthentication": {"mode": "verify", "trustStore": "arn:aws:s3:::a"}}]}),
            "E spec.listenerConfigurations[0].mutualAuthentication.trustStore: \"arn:aws:s3:::a\" is not the ARN of a trust store",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "TCP:80", "listenerAttributes": [{"key": "routing.http.response.server.enabled", "value": "true"}]}]}),
            "E spec.listenerConfigurations[0].listenerAttributes[0]: \"routing.http.response.server.enabled\" is an attribute of listeners of Application Load Balancers, not of listeners of Network Load Balancers",
        ),
        (
            json!({"listenerConfigurations": [{"protocolPort": "HTTP:80", "targetGroupStickiness": true}]}),
            "W spec.listenerConfigurations[0].targetGroupStickiness: has no effect on a listener that speaks HTTP, only on TCP, UDP, TCP_UDP or TLS",
        ),
    ];
    for (spec, expected) in cases {
        let told = said(&spec, None);
        assert!(told.iter().any(|line| line.contains(expected)), "{spec}: {told:#?}\nlacks {expected}");
        assert!(told.len() <= 2, "{spec}: {told:#?}");
    }
}

#[test]
fn who_has_it_decides_what_has_an_effect() {
    let (alb, nlb) = (Some(Controller::Alb), Some(Controller::Nlb));
    let cases = [
        (alb, json!({"disableSecurityGroup": true}), "W spec.disableSecurityGroup: has no effect on an ALB"),
        (
            alb,
            json!({"enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "on"}),
            "W spec.enforceSecurityGroupInboundRulesOnPrivateLinkTraffic: has no effect on an ALB",
        ),
        (
            alb,
            json!({"loadBalancerSubnets": [{"eipAllocation": "eipalloc-01234567"}]}),
            "E spec.loadBalancerSubnets[0].eipAllocation: eipAllocation works only on NLBs",
        ),
        (
            alb,
            json!({"listenerConfigurations": [{"protocolPort": "TLS:443"}]}),
            "W spec.listenerConfigurations[0].protocolPort: \"TLS:443\" has no effect: an ALB has no TLS listeners",
        ),
        (
            alb,
            json!({"loadBalancerAttributes": [{"key": "dns_record.client_routing_policy", "value": "any_availability_zone"}]}),
            "is an attribute of Network Load Balancers, not of Application Load Balancers",
        ),
        (
            nlb,
            json!({"wafV2": {"webACL": "arn:aws:wafv2:us-west-2:123456789012:regional/webacl/shop/1234"}}),
            "W spec.wafV2: has no effect on an NLB",
        ),
        (
            nlb,
            json!({"shieldConfiguration": {"enabled": true}}),
            "W spec.shieldConfiguration: has no effect on an NLB",
        ),
        (
            nlb,
            json!({"ipAddressType": "dualstack-without-public-ipv4"}),
            "E spec.ipAddressType: dualstack-without-public-ipv4 works only on ALBs",
        ),
        (
            nlb,
            json!({"disableSecurityGroup": true, "enableICMP": true}),
            "W spec.enableICMP: has no effect beside spec.disableSecurityGroup true",
        ),
    ];
    for (controller, spec, expected) in cases {
        let told = said(&spec, controller);
        assert!(told.iter().any(|line| line.contains(expected)), "{spec}: {told:#?}\nlacks {expected}");
    }
}

#[test]
fn the_default_for_targets_is_for_all_services_and_fits_quic() {
    let configuration = json!({
        "metadata": {"name": "edge"},
        "spec": {"listenerConfigurations": [{"protocolPort": "UDP:443", "quicEnabled": true}]},
    });
    let default = json!({
        "metadata": {"name": "default"},
        "spec": {"targetReference": {"name": "web"}, "defaultConfiguration": {"targetType": "instance"}},
    });
    let found = check_default(
        &Config::default(),
        &serde_json::from_value(configuration).unwrap(),
        &serde_json::from_value(default).unwrap(),
    );
    assert_eq!(
        told(&found),
        [
            "E spec.defaultTargetGroupConfiguration.name: \"default\": TargetGroupConfiguration has a targetReference, expected one without as the default",
            "E spec.defaultTargetGroupConfiguration.name: \"default\" has target type instance: QUIC works only with target type ip",
        ]
    );
}

#[test]
fn settings_of_the_controller_count() {
    let config = Config {
        region: "us-east-1".to_owned(),
        enable_backend_security_group: false,
        external_managed_tags: ["team".to_owned()].into(),
        ..Config::default()
    };
    let spec = json!({
        "tags": {"team": "a"},
        "securityGroups": ["web"],
        "manageBackendSecurityGroupRules": true,
        "listenerConfigurations": [{"protocolPort": "HTTPS:443", "defaultCertificate": CERTIFICATE}],
    });
    let configuration = json!({"metadata": {"name": "edge"}, "spec": spec});
    let told = told(&check(&config, &serde_json::from_value(configuration).unwrap(), None));
    for expected in [
        "tag key \"team\" is managed outside of this controller",
        "needs the backend security group",
        "is in us-west-2, but the load balancer is in us-east-1",
    ] {
        assert!(told.iter().any(|line| line.contains(expected)), "{expected}: {told:#?}");
    }
}
