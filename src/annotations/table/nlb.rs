//! Annotations of Services.

use super::{Row, Suffix};
use crate::annotations::NLB_PREFIX;
use crate::annotations::attributes::ResourceKind;
use crate::annotations::service as keys;
use crate::annotations::value::{ItemKind, JsonKind, MapKind, TextKind, ValueKind};

const SERVICE: &[&str] = &["Service"];
const ON_OFF: ValueKind = ValueKind::Choice(&["on", "off"]);
const CERTIFICATE: &str =
    "arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012";

const fn exact(suffix: &'static str, value: ValueKind) -> Row {
    Row::new(NLB_PREFIX, Suffix::Exact(suffix), SERVICE, value)
}

const fn family(stem: &'static str, shape: &'static str, example: &'static str, value: ValueKind) -> Row {
    Row::new(NLB_PREFIX, Suffix::Family { stem, shape, example }, SERVICE, value)
}

const fn integer(low: i64, high: i64) -> ValueKind {
    ValueKind::Integer(low, high)
}

pub(super) const ROWS: &[Row] = &[
    exact(keys::TYPE, ValueKind::Choice(&["external", "nlb-ip", "nlb"]))
        .lenient()
        .about("Makes a Service without `spec.loadBalancerClass` ours.", &["external", "nlb-ip"]),
    exact(keys::TARGET_TYPE, ValueKind::Choice(&["ip", "instance"]))
        .lenient()
        .default("`--default-target-type` (`instance`)")
        .about("Whether pods or nodes are the targets.", &["ip", "instance"]),
    exact(keys::TARGET_NODE_LABELS, ValueKind::Map(MapKind::Labels))
        .default("all nodes")
        .needs("target type `instance`")
        .about("Nodes that become targets.", &["kubernetes.io/os=linux,example.com/edge="]),
    exact(keys::MULTI_CLUSTER, ValueKind::Boolean)
        .default("`false`")
        .about("Shares the target groups with other clusters: foreign targets stay.", &["true", "false"]),
    exact(keys::NAME, ValueKind::Text(TextKind::LoadBalancerName))
        .default("made from namespace and name")
        .about("Name of the load balancer; counts when it is created.", &["edge-gateway"]),
    exact(keys::SCHEME, ValueKind::Choice(&["internal", "internet-facing"]))
        .default("`--default-load-balancer-scheme` (`internal`)")
        .about("Whether clients come from the internet. A change replaces the load balancer.", &["internal", "internet-facing"]),
    exact(keys::INTERNAL, ValueKind::Boolean)
        .instead(keys::SCHEME)
        .about("Older form of the scheme.", &["true", "false"]),
    exact(keys::IP_ADDRESS_TYPE, ValueKind::Choice(&["ipv4", "dualstack"]))
        .default("`ipv4`")
        .about("Address families of the load balancer.", &["ipv4", "dualstack"]),
    exact(keys::SUBNETS, ValueKind::List(ItemKind::Subnet))
        .default("found by tag")
        .about("Subnets of the load balancer, at most one per zone.", &["subnet-0123456789abcdef0,private-b"]),
    exact(keys::EIP_ALLOCATIONS, ValueKind::List(ItemKind::Allocation))
        .needs("scheme `internet-facing`")
        .about("Elastic IPs, one per subnet, in the order of the subnets.", &["eipalloc-0123456789abcdef0,eipalloc-0123456789abcdef1"]),
    exact(keys::PRIVATE_IPV4_ADDRESSES, ValueKind::List(ItemKind::Ipv4))
        .needs("scheme `internal`")
        .about("IPv4 addresses of the load balancer, one per subnet.", &["10.0.0.7,10.0.1.7"]),
    exact(keys::IPV6_ADDRESSES, ValueKind::List(ItemKind::Ipv6))
        .needs("address type `dualstack`")
        .about("IPv6 addresses of the load balancer, one per subnet.", &["2001:db8::7,2001:db8:0:1::7"]),
    exact(keys::SOURCE_NAT, ON_OFF)
        .default("`off`")
        .needs("address type `dualstack`")
        .about("Prefixes for source NAT, which UDP listeners need for IPv6 targets.", &["off"]),
    exact(keys::SOURCE_NAT_PREFIXES, ValueKind::List(ItemKind::SourceNatPrefix))
        .needs("`aws-load-balancer-enable-prefix-for-ipv6-source-nat: on`")
        .about("Prefixes for source NAT, one per subnet.", &["auto_assigned,2001:db8::/80"]),
    exact(keys::ATTRIBUTES, ValueKind::Map(MapKind::Attributes(ResourceKind::Network)))
        .about("Attributes of the load balancer.", &["load_balancing.cross_zone.enabled=true,deletion_protection.enabled=false"]),
    exact(keys::ACCESS_LOG_ENABLED, ValueKind::Boolean)
        .instead(keys::ATTRIBUTES)
        .about("Older form of `access_logs.s3.enabled`.", &["true", "false"]),
    exact(keys::ACCESS_LOG_BUCKET, ValueKind::Text(TextKind::Bucket))
        .instead(keys::ATTRIBUTES)
        .about("Older form of `access_logs.s3.bucket`.", &["my-logs"]),
    exact(keys::ACCESS_LOG_PREFIX, ValueKind::Text(TextKind::BucketPrefix))
        .instead(keys::ATTRIBUTES)
        .about("Older form of `access_logs.s3.prefix`.", &["edge/nlb"]),
    exact(keys::CROSS_ZONE, ValueKind::Boolean)
        .instead(keys::ATTRIBUTES)
        .about("Older form of `load_balancing.cross_zone.enabled`.", &["true", "false"]),
    exact(keys::MINIMUM_CAPACITY, ValueKind::Map(MapKind::Capacity))
        .default("not managed")
        .about("Capacity that AWS keeps ready.", &["CapacityUnits=3000", "CapacityUnits=0"]),
    exact(keys::TAGS, ValueKind::Map(MapKind::Tags))
        .about("Tags of all AWS resources of the Service.", &["team=shop,cost-center=42"]),
    exact(keys::DISABLE_SECURITY_GROUPS, ValueKind::Boolean)
        .default("`false`")
        .about("A load balancer without security groups; counts when it is created.", &["true", "false"]),
    exact(keys::SECURITY_GROUPS, ValueKind::List(ItemKind::SecurityGroup))
        .default("one is made")
        .about("Security groups of the load balancer.", &["sg-0123456789abcdef0,web"]),
    exact(keys::MANAGE_BACKEND_RULES, ValueKind::Boolean)
        .default("`--enable-manage-backend-security-group-rules` (`false`)")
        .needs("`aws-load-balancer-security-groups`")
        .about("Whether the targets' security groups are opened for the load balancer.", &["true", "false"]),
    exact(keys::SOURCE_RANGES, ValueKind::List(ItemKind::Cidr))
        .default("`0.0.0.0/0`, for dualstack also `::/0`")
        .about("Clients that may connect; `spec.loadBalancerSourceRanges` wins.", &["10.0.0.0/8,192.0.2.0/24"]),
    exact(keys::PREFIX_LISTS, ValueKind::List(ItemKind::PrefixList))
        .about("Prefix lists of clients that may connect.", &["pl-0123456789abcdef0"]),
    exact(keys::ICMP_PATH_MTU, ON_OFF)
        .lenient()
        .default("`off`")
        .about("Lets the messages of path MTU discovery in.", &["on", "off"]),
    exact(keys::PRIVATE_LINK_INBOUND, ON_OFF)
        .default("not managed")
        .about("Whether inbound rules hold for traffic over PrivateLink.", &["on", "off"]),
    exact(keys::SSL_CERT, ValueKind::List(ItemKind::Certificate))
        .about("Certificates of TLS listeners, the default one first.", &[CERTIFICATE]),
    exact(keys::SSL_SECRET, ValueKind::List(ItemKind::SecretName))
        .needs("feature gate `SecretCertificates`")
        .about("TLS Secrets of the same namespace whose certificates TLS listeners have, too.", &["shop-tls", "shop-tls,api-tls"]),
    exact(keys::SSL_PORTS, ValueKind::List(ItemKind::Port))
        .default("all TCP ports")
        .needs("`aws-load-balancer-ssl-cert` or `aws-load-balancer-ssl-secret`")
        .about("Ports that speak TLS.", &["http", "80"]),
    exact(keys::SSL_POLICY, ValueKind::Text(TextKind::SslPolicy))
        .default("`--default-ssl-policy`")
        .needs("`aws-load-balancer-ssl-cert` or `aws-load-balancer-ssl-secret`")
        .about("Security policy of TLS listeners.", &["ELBSecurityPolicy-TLS13-1-2-2021-06"]),
    exact(keys::BACKEND_PROTOCOL, ValueKind::Text(TextKind::BackendProtocol))
        .lenient()
        .default("`tcp`")
        .needs("`aws-load-balancer-ssl-cert` or `aws-load-balancer-ssl-secret`")
        .about("Whether TLS listeners speak TLS to the targets.", &["ssl", "tcp"]),
    exact(keys::ALPN_POLICY, ValueKind::Choice(&["None", "HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred"]))
        .needs("`aws-load-balancer-ssl-cert` or `aws-load-balancer-ssl-secret`")
        .about("ALPN policy of TLS listeners.", &["HTTP2Preferred", "None"]),
    exact(keys::TCP_UDP_LISTENER, ValueKind::Boolean)
        .lenient()
        .default("feature gate `EnableTCPUDPListener`")
        .about("One TCP_UDP listener where TCP and UDP share a port number.", &["true", "false"]),
    exact(keys::QUIC_PORTS, ValueKind::List(ItemKind::Port))
        .needs("target type `ip`")
        .about("UDP ports that speak QUIC.", &["h3"]),
    family(
        keys::LISTENER_ATTRIBUTES,
        "<PROTOCOL>-<port>",
        "TCP-80",
        ValueKind::Map(MapKind::Attributes(ResourceKind::NetworkListener)),
    )
    .about("Attributes of one listener.", &["tcp.idle_timeout.seconds=400"]),
    family(keys::ACTIONS, "<PROTOCOL>-<port>", "TCP-80", ValueKind::Json(JsonKind::NetworkForward)).about(
        "Splits the traffic of one listener between this Service and others.",
        &[r#"{"type":"forward","forwardConfig":{"baseServiceWeight":90,"targetGroups":[{"serviceName":"canary","servicePort":80,"weight":10}]}}"#],
    ),
    exact(keys::TARGET_GROUP_ATTRIBUTES, ValueKind::Map(MapKind::Attributes(ResourceKind::NetworkTargets)))
        .about("Attributes of all target groups.", &["deregistration_delay.timeout_seconds=30,preserve_client_ip.enabled=true"]),
    family(
        keys::TARGET_GROUP_ATTRIBUTES,
        "<port>",
        "80",
        ValueKind::Map(MapKind::Attributes(ResourceKind::NetworkTargets)),
    )
    .about("Attributes of the target group of one port; they win over those of all.", &["stickiness.enabled=true,stickiness.type=source_ip"]),
    exact(keys::PROXY_PROTOCOL, ValueKind::Choice(&["*"]))
        .about("Proxy protocol v2 for all target groups.", &["*"]),
    exact(keys::PROXY_PROTOCOL_PORTS, ValueKind::List(ItemKind::PortNumber))
        .about("Ports whose target groups use proxy protocol v2; the others do not.", &["80"]),
    exact(keys::HEALTH_CHECK_PROTOCOL, ValueKind::ChoiceInAnyCase(&["tcp", "http", "https"]))
        .default("`tcp`; `http` with `externalTrafficPolicy: Local` and instance targets")
        .about("Protocol of health checks.", &["tcp", "http", "HTTPS"]),
    exact(keys::HEALTH_CHECK_PORT, ValueKind::Text(TextKind::HealthCheckPort))
        .default("`traffic-port`")
        .about("Port of health checks.", &["traffic-port", "8080", "http"]),
    exact(keys::HEALTH_CHECK_PATH, ValueKind::Text(TextKind::Path))
        .default("`/`")
        .needs("health checks over HTTP or HTTPS")
        .about("Path of health checks.", &["/healthz"]),
    exact(keys::HEALTH_CHECK_SUCCESS_CODES, ValueKind::Text(TextKind::NetworkSuccessCodes))
        .default("`200-399`")
        .needs("health checks over HTTP or HTTPS")
        .about("Status codes of healthy targets.", &["200", "200,204", "200-399"]),
    exact(keys::HEALTH_CHECK_INTERVAL, integer(5, 300))
        .default("10")
        .about("Seconds between health checks.", &["10", "300"]),
    exact(keys::HEALTH_CHECK_TIMEOUT, integer(2, 120))
        .default("10; 6 with `externalTrafficPolicy: Local` and instance targets")
        .about("Seconds until a health check fails; at most the interval.", &["2", "10"]),
    exact(keys::HEALTHY_THRESHOLD, integer(2, 10))
        .default("3; 2 with `externalTrafficPolicy: Local` and instance targets")
        .about("Health checks until a target is healthy.", &["2", "10"]),
    exact(keys::UNHEALTHY_THRESHOLD, integer(2, 10))
        .default("3; 2 with `externalTrafficPolicy: Local` and instance targets")
        .about("Health checks until a target is unhealthy.", &["2", "10"]),
];
