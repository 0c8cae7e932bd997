//! Elastic Load Balancing v2: load balancers, listeners, rules, target groups.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/>

mod requests;

pub use requests::*;

use super::{Ref, Secret};
use serde::Serialize;
use std::collections::BTreeMap;

string_enum! {
    /// Kind of load balancer.
    LoadBalancerType {
        /// ALB.
        Application = "application",
        /// NLB.
        Network = "network",
        /// GWLB; never ours.
        Gateway = "gateway",
    }
}

string_enum! {
    /// Whether clients come from the internet.
    Scheme {
        /// Reachable inside the VPC only.
        Internal = "internal",
        /// Reachable from the internet.
        InternetFacing = "internet-facing",
    }
}

string_enum! {
    /// Address families of a load balancer or target group.
    IpAddressType {
        /// IPv4 only.
        Ipv4 = "ipv4",
        /// IPv6 (target groups only).
        Ipv6 = "ipv6",
        /// Both families.
        Dualstack = "dualstack",
        /// Both families, no public IPv4 addresses (ALB only).
        DualstackWithoutPublicIpv4 = "dualstack-without-public-ipv4",
    }
}

string_enum! {
    /// Protocol of a listener, target group or health check.
    Protocol {
        /// HTTP.
        Http = "HTTP",
        /// HTTPS.
        Https = "HTTPS",
        /// TCP.
        Tcp = "TCP",
        /// TLS over TCP.
        Tls = "TLS",
        /// UDP.
        Udp = "UDP",
        /// TCP and UDP on one port.
        TcpUdp = "TCP_UDP",
        /// QUIC.
        Quic = "QUIC",
        /// TCP and QUIC on one port.
        TcpQuic = "TCP_QUIC",
        /// GENEVE; never ours.
        Geneve = "GENEVE",
    }
}

string_enum! {
    /// What a target group's targets are.
    TargetType {
        /// EC2 instances by id.
        Instance = "instance",
        /// IP addresses.
        Ip = "ip",
        /// One ALB.
        Alb = "alb",
        /// Lambda functions; never ours.
        Lambda = "lambda",
    }
}

string_enum! {
    /// State of a target.
    TargetHealthState {
        /// Being registered or waiting for the first checks.
        Initial = "initial",
        /// Passes its health checks.
        Healthy = "healthy",
        /// Fails its health checks.
        Unhealthy = "unhealthy",
        /// Draining because its checks fail.
        UnhealthyDraining = "unhealthy.draining",
        /// The target group is not used by a load balancer.
        Unused = "unused",
        /// Deregistered, connections end.
        Draining = "draining",
        /// Health checks are off.
        Unavailable = "unavailable",
    }
}

/// A load balancer as AWS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// ARN.
    pub arn: String,
    /// DNS name, in AWS's case.
    pub dns_name: String,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: LoadBalancerType,
    /// Scheme.
    pub scheme: Scheme,
    /// VPC.
    pub vpc_id: String,
    /// `provisioning`, `active`, `active_impaired` or `failed`.
    pub state: String,
    /// Address families.
    pub ip_address_type: IpAddressType,
    /// Zones with their subnets and addresses.
    pub zones: Vec<ZoneMapping>,
    /// Attached security groups.
    pub security_groups: Vec<String>,
    /// CoIP pool.
    pub customer_owned_ipv4_pool: Option<String>,
    /// `on`/`off`: whether inbound rules apply to PrivateLink traffic.
    pub enforce_inbound_rules_on_private_link: Option<String>,
    /// `on`/`off`.
    pub enable_prefix_for_ipv6_source_nat: Option<String>,
    /// IPAM pool.
    pub ipv4_ipam_pool_id: Option<String>,
}

/// A load balancer's presence in one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneMapping {
    /// Zone name.
    pub zone_name: String,
    /// Subnet.
    pub subnet_id: String,
    /// IPv6 prefixes for source NAT.
    pub source_nat_ipv6_prefixes: Vec<String>,
    /// Static addresses.
    pub addresses: Vec<LoadBalancerAddress>,
}

/// A static address of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadBalancerAddress {
    /// Elastic IP allocation.
    pub allocation_id: Option<String>,
    /// Private IPv4 address.
    pub private_ipv4_address: Option<String>,
    /// IPv6 address.
    pub ipv6_address: Option<String>,
}

/// A subnet and the addresses asked for in it (`SubnetMapping`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubnetMapping {
    /// Elastic IP allocation.
    #[serde(rename = "allocationID", skip_serializing_if = "Option::is_none")]
    pub allocation_id: Option<String>,
    /// Private IPv4 address.
    #[serde(rename = "privateIPv4Address", skip_serializing_if = "Option::is_none")]
    pub private_ipv4_address: Option<String>,
    /// IPv6 address.
    #[serde(rename = "ipv6Address", skip_serializing_if = "Option::is_none")]
    pub ipv6_address: Option<String>,
    /// `auto_assigned` or an IPv6 /80.
    #[serde(rename = "sourceNatIpv6Prefix", skip_serializing_if = "Option::is_none")]
    pub source_nat_ipv6_prefix: Option<String>,
    /// Subnet.
    #[serde(rename = "subnetID")]
    pub subnet_id: String,
}

/// A target group as AWS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// What its targets are.
    pub target_type: TargetType,
    /// Default port.
    pub port: Option<i32>,
    /// Protocol.
    pub protocol: Option<Protocol>,
    /// `HTTP1`, `HTTP2` or `GRPC`.
    pub protocol_version: Option<String>,
    /// Address family.
    pub ip_address_type: IpAddressType,
    /// VPC.
    pub vpc_id: Option<String>,
    /// Health check settings.
    pub health_check: HealthCheck,
    /// Port of the target control agent.
    pub target_control_port: Option<i32>,
    /// Load balancers that use it.
    pub load_balancer_arns: Vec<String>,
}

/// Health check settings. `None` means: leave AWS's default or current value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// A number or `traffic-port`.
    pub port: Option<String>,
    /// Protocol.
    pub protocol: Option<Protocol>,
    /// Path (HTTP and HTTPS).
    pub path: Option<String>,
    /// Success codes (HTTP and HTTPS).
    pub matcher: Option<Matcher>,
    /// Seconds between checks.
    pub interval_seconds: Option<i32>,
    /// Seconds until a check fails.
    pub timeout_seconds: Option<i32>,
    /// Successes until healthy.
    pub healthy_threshold: Option<i32>,
    /// Failures until unhealthy.
    pub unhealthy_threshold: Option<i32>,
}

/// Success codes of a health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Matcher {
    /// HTTP codes, for example `200-399`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_code: Option<String>,
    /// gRPC codes, for example `0-99`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_code: Option<String>,
}

/// A listener as AWS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// ARN.
    pub arn: String,
    /// Load balancer.
    pub load_balancer_arn: String,
    /// Port.
    pub port: i32,
    /// Protocol.
    pub protocol: Protocol,
    /// Default actions.
    pub default_actions: Vec<ListenerAction>,
    /// Default certificate (at most one).
    pub certificates: Vec<String>,
    /// Security policy.
    pub ssl_policy: Option<String>,
    /// ALPN policy.
    pub alpn_policy: Vec<String>,
    /// Mutual TLS.
    pub mutual_authentication: Option<MutualAuthentication>,
}

/// Mutual TLS settings of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MutualAuthentication {
    /// `off`, `passthrough` or `verify`.
    pub mode: String,
    /// Trust store (only `verify`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_store_arn: Option<String>,
    /// Accept expired client certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_client_certificate_expiry: Option<bool>,
    /// `on`/`off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise_trust_store_ca_names: Option<String>,
}

/// A listener rule as AWS describes it, default rule left out by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// ARN.
    pub arn: String,
    /// Priority; `None` for the default rule.
    pub priority: Option<i32>,
    /// Conditions.
    pub conditions: Vec<RuleCondition>,
    /// Actions.
    pub actions: Vec<ListenerAction>,
    /// Transforms.
    pub transforms: Vec<RuleTransform>,
}

/// What a listener or rule does with a request. Order is the position in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ListenerAction {
    /// Pass to target groups.
    Forward(ForwardAction),
    /// Redirect.
    Redirect(RedirectAction),
    /// Answer.
    FixedResponse(FixedResponseAction),
    /// Log in through Cognito.
    AuthenticateCognito(CognitoAction),
    /// Log in through an OIDC provider.
    AuthenticateOidc(OidcAction),
    /// Check a JWT.
    JwtValidation(JwtAction),
}

/// Forward to one or more target groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ForwardAction {
    /// Target groups with weights.
    pub target_groups: Vec<TargetGroupTuple>,
    /// Stickiness between target groups.
    pub stickiness: Option<TargetGroupStickiness>,
    /// Send `TargetGroupArn` instead of `ForwardConfig` (gate `WeightedTargetGroups` off).
    pub plain: bool,
}

/// A target group and its weight.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TargetGroupTuple {
    /// Target group.
    pub target_group: Ref,
    /// 0–999.
    pub weight: Option<i32>,
}

/// Stickiness between target groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TargetGroupStickiness {
    /// On or off.
    pub enabled: Option<bool>,
    /// Seconds.
    pub duration_seconds: Option<i32>,
}

/// Redirect; unset fields keep the request's part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RedirectAction {
    /// Host.
    pub host: Option<String>,
    /// Path.
    pub path: Option<String>,
    /// Port.
    pub port: Option<String>,
    /// Protocol.
    pub protocol: Option<String>,
    /// Query.
    pub query: Option<String>,
    /// `HTTP_301` or `HTTP_302`.
    pub status_code: String,
}

/// A fixed answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FixedResponseAction {
    /// Content type.
    pub content_type: Option<String>,
    /// Body.
    pub message_body: Option<String>,
    /// Status code as text.
    pub status_code: String,
}

/// Log in through a Cognito user pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CognitoAction {
    /// User pool ARN.
    pub user_pool_arn: String,
    /// User pool client.
    pub user_pool_client_id: String,
    /// User pool domain.
    pub user_pool_domain: String,
    /// What both kinds of log-in share.
    pub session: AuthenticationSession,
}

/// Log in through an OIDC provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OidcAction {
    /// Issuer.
    pub issuer: String,
    /// Authorization endpoint.
    pub authorization_endpoint: String,
    /// Token endpoint.
    pub token_endpoint: String,
    /// User info endpoint.
    pub user_info_endpoint: String,
    /// Client id.
    pub client_id: Secret,
    /// Client secret; AWS never returns it.
    pub client_secret: Option<Secret>,
    /// Keep the secret AWS has.
    pub use_existing_client_secret: Option<bool>,
    /// What both kinds of log-in share.
    pub session: AuthenticationSession,
}

/// Settings shared by Cognito and OIDC log-in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuthenticationSession {
    /// Extra query parameters of the log-in redirect (at most 10).
    pub extra_params: BTreeMap<String, String>,
    /// `deny`, `allow` or `authenticate`.
    pub on_unauthenticated_request: Option<String>,
    /// Scope.
    pub scope: Option<String>,
    /// Cookie name.
    pub session_cookie_name: Option<String>,
    /// Seconds.
    pub session_timeout: Option<i64>,
}

/// Check a JWT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwtAction {
    /// JWKS endpoint.
    pub jwks_endpoint: String,
    /// Issuer.
    pub issuer: String,
    /// More claims to check.
    pub additional_claims: Vec<JwtClaim>,
}

/// A claim to check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwtClaim {
    /// `single-string`, `string-array` or `space-separated-values`.
    pub format: String,
    /// Claim name.
    pub name: String,
    /// Accepted values.
    pub values: Vec<String>,
}

/// A condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum RuleCondition {
    /// `host-header`.
    HostHeader(ValuesOrRegexes),
    /// `path-pattern`.
    PathPattern(ValuesOrRegexes),
    /// `http-header`.
    HttpHeader {
        /// Header name.
        name: String,
        /// Accepted values.
        values: ValuesOrRegexes,
    },
    /// `http-request-method`.
    HttpRequestMethod(Vec<String>),
    /// `query-string`: optional key and value.
    QueryString(Vec<(Option<String>, String)>),
    /// `source-ip`: CIDRs.
    SourceIp(Vec<String>),
}

impl RuleCondition {
    /// How many values it compares with.
    pub fn count(&self) -> usize {
        match self {
            Self::HostHeader(values) | Self::PathPattern(values) | Self::HttpHeader { values, .. } => {
                values.values.len() + values.regexes.len()
            }
            Self::HttpRequestMethod(values) | Self::SourceIp(values) => values.len(),
            Self::QueryString(pairs) => pairs.len(),
        }
    }

    /// The field as AWS spells it.
    pub fn field(&self) -> &'static str {
        match self {
            Self::HostHeader(_) => "host-header",
            Self::PathPattern(_) => "path-pattern",
            Self::HttpHeader { .. } => "http-header",
            Self::HttpRequestMethod(_) => "http-request-method",
            Self::QueryString(_) => "query-string",
            Self::SourceIp(_) => "source-ip",
        }
    }
}

/// Either wildcard values or regular expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ValuesOrRegexes {
    /// Values with `*` and `?`.
    pub values: Vec<String>,
    /// Regular expressions.
    pub regexes: Vec<String>,
}

/// A rewrite of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleTransform {
    /// `url-rewrite` or `host-header-rewrite`.
    pub kind: String,
    /// Regular expression and replacement, in order.
    pub rewrites: Vec<(String, String)>,
}
