//! Suffixes of the annotations on Services; their prefix is [`NLB_PREFIX`](super::NLB_PREFIX).

/// Which kind of load balancer: `external` and `nlb-ip` are ours.
pub const TYPE: &str = "aws-load-balancer-type";
/// `ip` or `instance`.
pub const TARGET_TYPE: &str = "aws-load-balancer-nlb-target-type";
/// Labels of the nodes that become instance targets.
pub const TARGET_NODE_LABELS: &str = "aws-load-balancer-target-node-labels";
/// Whether the target groups are shared with other clusters.
pub const MULTI_CLUSTER: &str = "aws-load-balancer-multi-cluster-target-group";
/// Name of the load balancer.
pub const NAME: &str = "aws-load-balancer-name";
/// `internal` or `internet-facing`.
pub const SCHEME: &str = "aws-load-balancer-scheme";
/// Older form of the scheme: a boolean.
pub const INTERNAL: &str = "aws-load-balancer-internal";
/// `ipv4` or `dualstack`.
pub const IP_ADDRESS_TYPE: &str = "aws-load-balancer-ip-address-type";
/// Subnet ids or names.
pub const SUBNETS: &str = "aws-load-balancer-subnets";
/// Elastic IP allocations, one per subnet.
pub const EIP_ALLOCATIONS: &str = "aws-load-balancer-eip-allocations";
/// Private IPv4 addresses, one per subnet.
pub const PRIVATE_IPV4_ADDRESSES: &str = "aws-load-balancer-private-ipv4-addresses";
/// IPv6 addresses, one per subnet.
pub const IPV6_ADDRESSES: &str = "aws-load-balancer-ipv6-addresses";
/// `on` or `off`.
pub const SOURCE_NAT: &str = "aws-load-balancer-enable-prefix-for-ipv6-source-nat";
/// IPv6 prefixes for source NAT, one per subnet.
pub const SOURCE_NAT_PREFIXES: &str = "aws-load-balancer-source-nat-ipv6-prefixes";
/// Attributes of the load balancer.
pub const ATTRIBUTES: &str = "aws-load-balancer-attributes";
/// Older form of an attribute: access logs.
pub const ACCESS_LOG_ENABLED: &str = "aws-load-balancer-access-log-enabled";
/// Older form of an attribute: bucket of the access logs.
pub const ACCESS_LOG_BUCKET: &str = "aws-load-balancer-access-log-s3-bucket-name";
/// Older form of an attribute: prefix of the access logs.
pub const ACCESS_LOG_PREFIX: &str = "aws-load-balancer-access-log-s3-bucket-prefix";
/// Older form of an attribute: cross-zone load balancing.
pub const CROSS_ZONE: &str = "aws-load-balancer-cross-zone-load-balancing-enabled";
/// Reserved capacity, `CapacityUnits=n`.
pub const MINIMUM_CAPACITY: &str = "aws-load-balancer-minimum-load-balancer-capacity";
/// Tags of the AWS resources.
pub const TAGS: &str = "aws-load-balancer-additional-resource-tags";
/// A load balancer without security groups.
pub const DISABLE_SECURITY_GROUPS: &str = "aws-load-balancer-disable-nlb-sg";
/// Security group ids or names.
pub const SECURITY_GROUPS: &str = "aws-load-balancer-security-groups";
/// Whether rules on the targets' security groups are managed.
pub const MANAGE_BACKEND_RULES: &str = "aws-load-balancer-manage-backend-security-group-rules";
/// Client address ranges, where the spec names none.
pub const SOURCE_RANGES: &str = "load-balancer-source-ranges";
/// Managed prefix lists of clients.
pub const PREFIX_LISTS: &str = "aws-load-balancer-security-group-prefix-lists";
/// `on`: let clients' path MTU discovery through.
pub const ICMP_PATH_MTU: &str = "aws-load-balancer-enable-icmp-for-path-mtu-discovery";
/// `on` or `off`: whether inbound rules apply to PrivateLink traffic.
pub const PRIVATE_LINK_INBOUND: &str = "aws-load-balancer-inbound-sg-rules-on-private-link-traffic";
/// Certificate ARNs; the first is the default.
pub const SSL_CERT: &str = "aws-load-balancer-ssl-cert";
/// Names of TLS Secrets whose certificates follow.
pub const SSL_SECRET: &str = "aws-load-balancer-ssl-secret";
/// Names or numbers of the ports that speak TLS.
pub const SSL_PORTS: &str = "aws-load-balancer-ssl-ports";
/// Security policy.
pub const SSL_POLICY: &str = "aws-load-balancer-ssl-negotiation-policy";
/// `ssl`: TLS towards the targets of TLS listeners.
pub const BACKEND_PROTOCOL: &str = "aws-load-balancer-backend-protocol";
/// ALPN policy of TLS listeners.
pub const ALPN_POLICY: &str = "aws-load-balancer-alpn-policy";
/// Whether a TCP and a UDP port of one number become one listener.
pub const TCP_UDP_LISTENER: &str = "aws-load-balancer-enable-tcp-udp-listener";
/// Names or numbers of the UDP ports that speak QUIC.
pub const QUIC_PORTS: &str = "aws-load-balancer-quic-enabled-ports";
/// Start of the keys with listener attributes; `.<protocol>-<port>` follows.
pub const LISTENER_ATTRIBUTES: &str = "aws-load-balancer-listener-attributes";
/// Start of the keys with actions; `.<protocol>-<port>` follows.
pub const ACTIONS: &str = "actions";
/// Attributes of all target groups; with `.<port>`, of one.
pub const TARGET_GROUP_ATTRIBUTES: &str = "aws-load-balancer-target-group-attributes";
/// `*`: proxy protocol for all target groups.
pub const PROXY_PROTOCOL: &str = "aws-load-balancer-proxy-protocol";
/// Ports whose target groups use proxy protocol.
pub const PROXY_PROTOCOL_PORTS: &str = "aws-load-balancer-proxy-protocol-per-target-group";
/// Health check protocol.
pub const HEALTH_CHECK_PROTOCOL: &str = "aws-load-balancer-healthcheck-protocol";
/// Health check port: a number, a port name or `traffic-port`.
pub const HEALTH_CHECK_PORT: &str = "aws-load-balancer-healthcheck-port";
/// Health check path.
pub const HEALTH_CHECK_PATH: &str = "aws-load-balancer-healthcheck-path";
/// Health check success codes.
pub const HEALTH_CHECK_SUCCESS_CODES: &str = "aws-load-balancer-healthcheck-success-codes";
/// Seconds between health checks.
pub const HEALTH_CHECK_INTERVAL: &str = "aws-load-balancer-healthcheck-interval";
/// Seconds until a health check fails.
pub const HEALTH_CHECK_TIMEOUT: &str = "aws-load-balancer-healthcheck-timeout";
/// Health checks until healthy.
pub const HEALTHY_THRESHOLD: &str = "aws-load-balancer-healthcheck-healthy-threshold";
/// Health checks until unhealthy.
pub const UNHEALTHY_THRESHOLD: &str = "aws-load-balancer-healthcheck-unhealthy-threshold";
