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
        /// ALB: HTTP, HTTPS, gRPC.
        Application = "application",
        /// NLB: TCP, TLS, UDP, QUIC.
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
        /// Only IPv4 addresses.
        Ipv4 = "ipv4",
        /// IPv6 (target groups only).
        Ipv6 = "ipv6",
        /// IPv4 and IPv6 addresses.
        Dualstack = "dualstack",
        /// Both families, no public IPv4 addresses (ALB only).
        DualstackWithoutPublicIpv4 = "dualstack-without-public-ipv4",
    }
}

string_enum! {
    /// Protocol of a listener, target group or health check.
    Protocol {
        /// HTTP/1.1 without TLS.
        Http = "HTTP",
        /// HTTP/1.1 and HTTP/2 with TLS.
        Https = "HTTPS",
        /// TCP connections, passed through.
        Tcp = "TCP",
        /// TLS over TCP.
        Tls = "TLS",
        /// UDP packets, passed through.
        Udp = "UDP",
        /// TCP and UDP on one port.
        TcpUdp = "TCP_UDP",
        /// QUIC, by its connection ids.
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
        /// IP addresses of pods.
        Ip = "ip",
        /// One ALB behind an NLB.
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
    /// Its ARN, by which all calls name it.
    pub arn: String,
    /// DNS name, in AWS's case.
    pub dns_name: String,
    /// Its name in the account and region.
    pub name: String,
    /// Whether it is an ALB or an NLB.
    pub kind: LoadBalancerType,
    /// Whether it is reached from the internet.
    pub scheme: Scheme,
    /// Id of its VPC.
    pub vpc_id: String,
    /// `provisioning`, `active`, `active_impaired` or `failed`.
    pub state: String,
    /// The address families that it has.
    pub ip_address_type: IpAddressType,
    /// Zones with their subnets and addresses.
    pub zones: Vec<ZoneMapping>,
    /// Attached security groups.
    pub security_groups: Vec<String>,
    /// CoIP pool of an ALB on Outposts.
    pub customer_owned_ipv4_pool: Option<String>,
    /// `on`/`off`: whether inbound rules apply to PrivateLink traffic.
    pub enforce_inbound_rules_on_private_link: Option<String>,
    /// `on` or `off`; NLBs alone have it.
    pub enable_prefix_for_ipv6_source_nat: Option<String>,
    /// IPAM pool of its public IPv4 addresses.
    pub ipv4_ipam_pool_id: Option<String>,
}

/// A load balancer's presence in one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneMapping {
    /// Name such as `us-west-2a`.
    pub zone_name: String,
    /// Id of its subnet there.
    pub subnet_id: String,
    /// IPv6 prefixes for source NAT.
    pub source_nat_ipv6_prefixes: Vec<String>,
    /// Static addresses of an NLB there.
    pub addresses: Vec<LoadBalancerAddress>,
}

/// A static address of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadBalancerAddress {
    /// Elastic IP allocation.
    pub allocation_id: Option<String>,
    /// Private IPv4 address.
    pub private_ipv4_address: Option<String>,
    /// A static IPv6 address.
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
    /// A static IPv6 address of the subnet.
    #[serde(rename = "ipv6Address", skip_serializing_if = "Option::is_none")]
    pub ipv6_address: Option<String>,
    /// `auto_assigned` or an IPv6 /80.
    #[serde(rename = "sourceNatIpv6Prefix", skip_serializing_if = "Option::is_none")]
    pub source_nat_ipv6_prefix: Option<String>,
    /// Id of the subnet.
    #[serde(rename = "subnetID")]
    pub subnet_id: String,
}

/// A target group as AWS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// Its ARN, by which all calls name it.
    pub arn: String,
    /// Its name in the account and region.
    pub name: String,
    /// What its targets are.
    pub target_type: TargetType,
    /// Port of targets that are registered without one.
    pub port: Option<i32>,
    /// Protocol towards the targets; none for a Lambda function.
    pub protocol: Option<Protocol>,
    /// `HTTP1`, `HTTP2` or `GRPC`.
    pub protocol_version: Option<String>,
    /// Address family of its targets.
    pub ip_address_type: IpAddressType,
    /// Id of the VPC of its targets.
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
    /// Protocol of the checks, which may be another one than that of traffic.
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
    /// Its ARN, by which all calls name it.
    pub arn: String,
    /// ARN of the load balancer that it belongs to.
    pub load_balancer_arn: String,
    /// Port that clients connect to.
    pub port: i32,
    /// Protocol towards the clients.
    pub protocol: Protocol,
    /// What is done with requests that no rule matches.
    pub default_actions: Vec<ListenerAction>,
    /// Default certificate (at most one).
    pub certificates: Vec<String>,
    /// Name of the TLS security policy.
    pub ssl_policy: Option<String>,
    /// Its ALPN policy, which is at most one.
    pub alpn_policy: Vec<String>,
    /// Whether clients show certificates of their own.
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
    /// `on` or `off`: whether clients are told which authorities are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise_trust_store_ca_names: Option<String>,
}

/// A listener rule as AWS describes it, default rule left out by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its ARN, by which all calls name it.
    pub arn: String,
    /// Priority; `None` for the default rule.
    pub priority: Option<i32>,
    /// All of them have to hold.
    pub conditions: Vec<RuleCondition>,
    /// The last one answers the request.
    pub actions: Vec<ListenerAction>,
    /// Rewrites of host and path on the way to targets.
    pub transforms: Vec<RuleTransform>,
}

/// What a listener or rule does with a request. Order is the position in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ListenerAction {
    /// Pass to target groups.
    Forward(ForwardAction),
    /// Sends the client elsewhere.
    Redirect(RedirectAction),
    /// Answers with a fixed text.
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
    /// The target group's ARN.
    pub target_group: Ref,
    /// Share of the requests, 0–999.
    pub weight: Option<i32>,
}

/// Stickiness between target groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TargetGroupStickiness {
    /// On or off.
    pub enabled: Option<bool>,
    /// 1 second to 7 days.
    pub duration_seconds: Option<i32>,
}

/// Redirect; unset fields keep the request's part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RedirectAction {
    /// Host to go to; may hold `#{host}`.
    pub host: Option<String>,
    /// Path to go to; may hold `#{path}` and others.
    pub path: Option<String>,
    /// Port to go to, or `#{port}`.
    pub port: Option<String>,
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    pub protocol: Option<String>,
    /// Query to go with, or `#{query}`.
    pub query: Option<String>,
    /// `HTTP_301` or `HTTP_302`.
    pub status_code: String,
}

/// A fixed answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FixedResponseAction {
    /// Media type of the body.
    pub content_type: Option<String>,
    /// Body, at most 1,024 bytes.
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
    /// Issuer of the identity provider.
    pub issuer: String,
    /// Where clients are sent to sign in.
    pub authorization_endpoint: String,
    /// Where codes are exchanged for tokens.
    pub token_endpoint: String,
    /// User info endpoint.
    pub user_info_endpoint: String,
    /// Id that the identity provider knows the ALB by.
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
    /// What is asked of the identity provider, separated by spaces.
    pub scope: Option<String>,
    /// Name of the session's cookie, without its shard number.
    pub session_cookie_name: Option<String>,
    /// Seconds until the session ends.
    pub session_timeout: Option<i64>,
}

/// Check a JWT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwtAction {
    /// Where the keys are that sign tokens.
    pub jwks_endpoint: String,
    /// Whose tokens are accepted.
    pub issuer: String,
    /// More claims to check.
    pub additional_claims: Vec<JwtClaim>,
}

/// A claim to check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwtClaim {
    /// `single-string`, `string-array` or `space-separated-values`.
    pub format: String,
    /// Name of a claim of the token.
    pub name: String,
    /// Values that are accepted, one of which it has to have.
    pub values: Vec<String>,
}

/// A condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum RuleCondition {
    /// Hosts: `host-header`, with wildcards or regular expressions.
    HostHeader(ValuesOrRegexes),
    /// Paths: `path-pattern`, with wildcards or regular expressions.
    PathPattern(ValuesOrRegexes),
    /// A header of the request: `http-header`.
    HttpHeader {
        /// Name of the header.
        name: String,
        /// Values that are accepted, one of which it has to have.
        values: ValuesOrRegexes,
    },
    /// Methods that are accepted: `http-request-method`.
    HttpRequestMethod(Vec<String>),
    /// `query-string`: optional key and value.
    QueryString(Vec<(Option<String>, String)>),
    /// CIDRs of clients: `source-ip`.
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
    /// Regular expressions, one of which has to match.
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
