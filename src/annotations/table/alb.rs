//! Annotations of Ingresses, some of which are also read from the Services behind them.

use super::{Row, Suffix};
use crate::annotations::ALB_PREFIX;
use crate::annotations::attributes::ResourceKind;
use crate::annotations::value::{ItemKind, JsonKind, MapKind, TextKind, ValueKind};

const INGRESS: &[&str] = &["Ingress"];
const BOTH: &[&str] = &["Ingress", "Service"];
const CERTIFICATE: &str =
    "arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012";
const AUTHORITY: &str =
    "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/12345678-1234-1234-1234-123456789012";
const WEB_ACL: &str =
    "arn:aws:wafv2:us-west-2:123456789012:regional/webacl/shop/12345678-1234-1234-1234-123456789012";
const FRONTEND: &str = "`enable-frontend-nlb: \"true\"`";
const LOG_IN: &str = "`auth-type` `cognito` or `oidc`, and an HTTPS listener";

const fn ingress(suffix: &'static str, value: ValueKind) -> Row {
    Row::new(ALB_PREFIX, Suffix::Exact(suffix), INGRESS, value)
}

const fn backend(suffix: &'static str, value: ValueKind) -> Row {
    Row::new(ALB_PREFIX, Suffix::Exact(suffix), BOTH, value)
}

const fn frontend(suffix: &'static str, value: ValueKind) -> Row {
    ingress(suffix, value).needs(FRONTEND)
}

const fn family(stem: &'static str, shape: &'static str, example: &'static str, value: ValueKind) -> Row {
    Row::new(ALB_PREFIX, Suffix::Family { stem, shape, example }, INGRESS, value)
}

const fn integer(low: i64, high: i64) -> ValueKind {
    ValueKind::Integer(low, high)
}

const SCHEMES: ValueKind = ValueKind::Choice(&["internal", "internet-facing"]);
const HTTP_OR_HTTPS: ValueKind = ValueKind::Choice(&["HTTP", "HTTPS"]);
const PORTS: (i64, i64) = (1, 65_535);

pub(super) const ROWS: &[Row] = &[
    ingress("group.name", ValueKind::Text(TextKind::GroupName))
        .default("the Ingress is alone")
        .about("Group of Ingresses that share one load balancer.", &["shop", "shop.prod-1"]),
    ingress("group.order", integer(-1000, 1000))
        .default("0")
        .about("Place of the rules within the group; lower goes first.", &["-10", "1000"]),
    ingress("load-balancer-name", ValueKind::Text(TextKind::LoadBalancerName))
        .default("made from namespace and name, or the group")
        .about("Name of the load balancer; counts when it is created.", &["shop"]),
    ingress("scheme", SCHEMES)
        .default("`--default-load-balancer-scheme` (`internal`)")
        .about("Whether clients come from the internet. A change replaces the load balancer.", &["internal", "internet-facing"]),
    ingress("ip-address-type", ValueKind::Choice(&["ipv4", "dualstack", "dualstack-without-public-ipv4"]))
        .default("`ipv4`")
        .about("Address families of the load balancer.", &["ipv4", "dualstack", "dualstack-without-public-ipv4"]),
    ingress("subnets", ValueKind::List(ItemKind::Subnet))
        .default("found by tag")
        .about("Subnets of the load balancer, at most one per zone.", &["subnet-0123456789abcdef0,private-b"]),
    ingress("customer-owned-ipv4-pool", ValueKind::Text(TextKind::CustomerOwnedPool))
        .about("Pool of customer-owned addresses, on Outposts; counts when the load balancer is created.", &["ipv4pool-coip-0123456789abcdef0"]),
    ingress("ipam-ipv4-pool-id", ValueKind::Text(TextKind::IpamPool))
        .about("IPAM pool of the public addresses.", &["ipam-pool-0123456789abcdef0"]),
    ingress("load-balancer-attributes", ValueKind::Map(MapKind::Attributes(ResourceKind::Application)))
        .about("Attributes of the load balancer.", &["idle_timeout.timeout_seconds=120,deletion_protection.enabled=true"]),
    ingress("minimum-load-balancer-capacity", ValueKind::Map(MapKind::Capacity))
        .default("not managed")
        .about("Capacity that AWS keeps ready.", &["CapacityUnits=500"]),
    ingress("security-groups", ValueKind::List(ItemKind::SecurityGroup))
        .default("one is made")
        .about("Security groups of the load balancer.", &["sg-0123456789abcdef0,web"]),
    ingress("manage-backend-security-group-rules", ValueKind::Boolean)
        .default("`--enable-manage-backend-security-group-rules` (`false`)")
        .needs("`security-groups`")
        .about("Whether the targets' security groups are opened for the load balancer.", &["true", "false"]),
    ingress("inbound-cidrs", ValueKind::List(ItemKind::Cidr))
        .default("`0.0.0.0/0`, `::/0`")
        .about("Clients that may connect.", &["10.0.0.0/8,2001:db8::/32"]),
    ingress("security-group-prefix-lists", ValueKind::List(ItemKind::PrefixList))
        .about("Prefix lists of clients that may connect.", &["pl-0123456789abcdef0,pl-01234567"]),
    ingress("listen-ports", ValueKind::Json(JsonKind::ListenPorts))
        .default("`[{\"HTTP\": 80}]`, with certificates `[{\"HTTPS\": 443}]`")
        .about("Listeners.", &[r#"[{"HTTP": 80}, {"HTTPS": 443}]"#, r#"[{"HTTP": 8080}]"#]),
    ingress("ssl-redirect", integer(PORTS.0, PORTS.1))
        .needs("an HTTPS listener on that port")
        .about("Port that requests over HTTP are redirected to.", &["443"]),
    ingress("certificate-arn", ValueKind::List(ItemKind::Certificate))
        .default("found by host")
        .about("Certificates of HTTPS listeners, the default one first.", &[CERTIFICATE]),
    ingress("certificate-source", ValueKind::Choice(&["acm", "secret"]))
        .default("`acm`")
        .needs("feature gate `SecretCertificates`")
        .about("Where certificates come from; `secret`: from the Secrets in `spec.tls`.", &["secret", "acm"]),
    ingress("ssl-policy", ValueKind::Text(TextKind::SslPolicy))
        .default("`--default-ssl-policy`")
        .about("Security policy of HTTPS listeners.", &["ELBSecurityPolicy-TLS13-1-2-2021-06"]),
    ingress("mutual-authentication", ValueKind::Json(JsonKind::MutualAuthentication))
        .about("Client certificates per HTTPS listener.", &[r#"[{"port": 443, "mode": "verify", "trustStore": "clients"}]"#]),
    family("listener-attributes", "<PROTOCOL>-<port>", "HTTP-80", ValueKind::Map(MapKind::Attributes(ResourceKind::ApplicationListener)))
        .about("Attributes of one listener.", &["routing.http.response.server.enabled=false"]),
    ingress("create-acm-cert", ValueKind::Boolean)
        .lenient()
        .default("`false`")
        .needs("feature gate `EnableCertificateManagement`")
        .about("Has a certificate issued for the hosts of the Ingress.", &["true", "false"]),
    ingress("acm-pca-arn", ValueKind::Text(TextKind::CertificateAuthority))
        .default("`--default-pca-arn`")
        .needs("`create-acm-cert: \"true\"`")
        .about("Private authority that issues the certificate.", &[AUTHORITY]),
    backend("tags", ValueKind::Map(MapKind::Tags)).about("Tags of AWS resources.", &["team=shop,cost-center=42"]),
    ingress("wafv2-acl-name", ValueKind::Text(TextKind::WebAclName))
        .about("WAFv2 web ACL in front of the load balancer, by name; `none` takes it away.", &["shop", "none"]),
    ingress("wafv2-acl-arn", ValueKind::Text(TextKind::WebAclArn))
        .about("WAFv2 web ACL in front of the load balancer; `none` takes it away.", &[WEB_ACL, "none"]),
    ingress("waf-acl-id", ValueKind::Text(TextKind::ClassicAclId))
        .instead("wafv2-acl-arn")
        .about("WAF Classic web ACL in front of the load balancer; `none` takes it away.", &["499e8b99-6671-4614-a86d-adb1810b7fbe"]),
    ingress("web-acl-id", ValueKind::Text(TextKind::ClassicAclId))
        .instead("wafv2-acl-arn")
        .about("Older form of `waf-acl-id`.", &["499e8b99-6671-4614-a86d-adb1810b7fbe"]),
    ingress("shield-advanced-protection", ValueKind::Boolean)
        .default("not managed")
        .about("Shield Advanced for the load balancer.", &["true", "false"]),
    backend("target-type", ValueKind::Choice(&["instance", "ip"]))
        .default("`--default-target-type` (`instance`)")
        .about("Whether pods or nodes are the targets.", &["ip", "instance"]),
    backend("target-node-labels", ValueKind::Map(MapKind::Labels))
        .default("all nodes")
        .needs("target type `instance`")
        .about("Nodes that become targets.", &["kubernetes.io/os=linux,example.com/edge="]),
    backend("backend-protocol", HTTP_OR_HTTPS)
        .default("`HTTP`")
        .about("Protocol towards the targets.", &["HTTP", "HTTPS"]),
    backend("backend-protocol-version", ValueKind::Choice(&["HTTP1", "HTTP2", "GRPC"]))
        .default("`HTTP1`")
        .about("Version of the protocol towards the targets.", &["HTTP1", "HTTP2", "GRPC"]),
    backend("target-group-attributes", ValueKind::Map(MapKind::Attributes(ResourceKind::ApplicationTargets)))
        .about("Attributes of the target groups.", &["stickiness.enabled=true,stickiness.lb_cookie.duration_seconds=60"]),
    backend("multi-cluster-target-group", ValueKind::Boolean)
        .default("`false`")
        .about("Shares the target groups with other clusters: foreign targets stay.", &["true", "false"]),
    Row::new(
        ALB_PREFIX,
        Suffix::Family { stem: "target-control-port", shape: "<service>.<port>", example: "web.80" },
        BOTH,
        integer(PORTS.0, PORTS.1),
    )
    .needs("target type `ip`")
    .about("Port of the target-control agent.", &["3000"]),
    backend("healthcheck-port", ValueKind::Text(TextKind::HealthCheckPort))
        .default("`traffic-port`")
        .about("Port of health checks.", &["traffic-port", "8080", "http"]),
    backend("healthcheck-protocol", HTTP_OR_HTTPS)
        .default("the protocol towards the targets")
        .about("Protocol of health checks.", &["HTTP", "HTTPS"]),
    backend("healthcheck-path", ValueKind::Text(TextKind::Path))
        .default("`/`; for gRPC `/AWS.ALB/healthcheck`")
        .about("Path of health checks.", &["/healthz", "/package.Service/Method"]),
    backend("success-codes", ValueKind::Text(TextKind::ApplicationSuccessCodes))
        .default("`200`; for gRPC `12`")
        .about("Status codes of healthy targets.", &["200", "200,204", "200-299"]),
    backend("healthcheck-interval-seconds", integer(5, 300))
        .default("15")
        .about("Seconds between health checks.", &["10", "300"]),
    backend("healthcheck-timeout-seconds", integer(2, 120))
        .default("5")
        .about("Seconds until a health check fails; less than the interval.", &["2", "10"]),
    backend("healthy-threshold-count", integer(2, 10))
        .default("2")
        .about("Health checks until a target is healthy.", &["2", "10"]),
    backend("unhealthy-threshold-count", integer(2, 10))
        .default("2")
        .about("Health checks until a target is unhealthy.", &["2", "10"]),
    backend("auth-type", ValueKind::Choice(&["none", "cognito", "oidc"]))
        .default("`none`")
        .needs("an HTTPS listener")
        .about("Who authenticates users.", &["none"]),
    backend("auth-idp-cognito", ValueKind::Json(JsonKind::Cognito)).needs(LOG_IN).about(
        "Cognito user pool.",
        &[r#"{"userPoolARN": "arn:aws:cognito-idp:us-west-2:123456789012:userpool/us-west-2_abc", "userPoolClientID": "id", "userPoolDomain": "shop"}"#],
    ),
    backend("auth-idp-oidc", ValueKind::Json(JsonKind::Oidc)).needs(LOG_IN).about(
        "OIDC provider; the Secret has the keys `clientID` and `clientSecret`.",
        &[r#"{"issuer": "https://id.example.com", "authorizationEndpoint": "https://id.example.com/auth", "tokenEndpoint": "https://id.example.com/token", "userInfoEndpoint": "https://id.example.com/me", "secretName": "oidc"}"#],
    ),
    backend("auth-on-unauthenticated-request", ValueKind::Choice(&["authenticate", "allow", "deny"]))
        .default("`authenticate`")
        .needs(LOG_IN)
        .about("What happens without a log-in.", &["authenticate", "allow", "deny"]),
    backend("auth-scope", ValueKind::Text(TextKind::Scope))
        .default("`openid`")
        .needs(LOG_IN)
        .about("Scope that is asked for.", &["openid", "openid email"]),
    backend("auth-session-cookie", ValueKind::Text(TextKind::CookieName))
        .default("`AWSELBAuthSessionCookie`")
        .needs(LOG_IN)
        .about("Cookie of the session.", &["shop-session"]),
    backend("auth-session-timeout", integer(1, 604_800))
        .default("604800")
        .needs(LOG_IN)
        .about("Seconds a session lasts.", &["86400"]),
    ingress("jwt-validation", ValueKind::Json(JsonKind::Jwt))
        .needs("an HTTPS listener")
        .about("Tokens that requests must carry.", &[r#"{"jwksEndpoint": "https://id.example.com/jwks", "issuer": "https://id.example.com"}"#]),
    family("actions", "<name>", "web", ValueKind::Json(JsonKind::Action)).about(
        "What backends of this name with the port name `use-annotation` do.",
        &[
            r#"{"type": "fixed-response", "fixedResponseConfig": {"contentType": "text/plain", "statusCode": "503", "messageBody": "closed"}}"#,
            r#"{"type": "redirect", "redirectConfig": {"protocol": "HTTPS", "port": "443", "path": "/#{path}", "statusCode": "HTTP_301"}}"#,
            r#"{"type": "forward", "forwardConfig": {"targetGroups": [{"serviceName": "web", "servicePort": 80, "weight": 9}, {"serviceName": "canary", "servicePort": "http", "weight": 1}]}}"#,
        ],
    ),
    family("conditions", "<name>", "web", ValueKind::Json(JsonKind::Conditions)).about(
        "Further conditions of rules whose backend has this name.",
        &[r#"[{"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "x-canary", "values": ["1"]}}]"#, r#"[{"field": "source-ip", "sourceIpConfig": {"values": ["10.0.0.0/8"]}}]"#],
    ),
    family("transforms", "<name>", "web", ValueKind::Json(JsonKind::Transforms)).about(
        "Rewrites of rules whose backend has this name.",
        &[r#"[{"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/api/(.*)$", "replace": "/$1"}]}}]"#],
    ),
    ingress("use-regex-path-match", ValueKind::Boolean)
        .default("`false`")
        .about("Takes paths of type `ImplementationSpecific` for regular expressions.", &["true", "false"]),
    ingress("enable-frontend-nlb", ValueKind::Boolean)
        .default("`false`")
        .about("A network load balancer in front of the application load balancer.", &["true", "false"]),
    frontend("frontend-nlb-scheme", SCHEMES)
        .default("`--default-load-balancer-scheme` (`internal`)")
        .about("Scheme of the frontend NLB.", &["internal", "internet-facing"]),
    frontend("frontend-nlb-subnets", ValueKind::List(ItemKind::Subnet))
        .default("found by tag")
        .about("Subnets of the frontend NLB.", &["subnet-0123456789abcdef0,private-b"]),
    frontend("frontend-nlb-security-groups", ValueKind::List(ItemKind::SecurityGroup))
        .default("those of the application load balancer")
        .about("Security groups of the frontend NLB.", &["sg-0123456789abcdef0,web"]),
    frontend("frontend-nlb-eip-allocations", ValueKind::List(ItemKind::Allocation))
        .about("Elastic IPs of the frontend NLB, one per subnet.", &["eipalloc-0123456789abcdef0"]),
    frontend("frontend-nlb-listener-port-mapping", ValueKind::Map(MapKind::PortMapping))
        .default("the same ports")
        .about("Ports of the frontend NLB and the listeners they lead to.", &["8080=80"]),
    frontend("frontend-nlb-healthcheck-port", ValueKind::Text(TextKind::TrafficPort))
        .default("`traffic-port`")
        .about("Port of the frontend NLB's health checks.", &["traffic-port", "80"]),
    frontend("frontend-nlb-healthcheck-protocol", HTTP_OR_HTTPS)
        .default("`HTTP`")
        .about("Protocol of the frontend NLB's health checks.", &["HTTP"]),
    frontend("frontend-nlb-healthcheck-path", ValueKind::Text(TextKind::Path))
        .default("`/`")
        .about("Path of the frontend NLB's health checks.", &["/healthz"]),
    frontend("frontend-nlb-healthcheck-success-codes", ValueKind::Text(TextKind::NetworkSuccessCodes))
        .default("`200`")
        .about("Status codes of a healthy application load balancer.", &["200-499"]),
    frontend("frontend-nlb-healthcheck-interval-seconds", integer(5, 300))
        .default("15")
        .about("Seconds between the frontend NLB's health checks.", &["10"]),
    frontend("frontend-nlb-healthcheck-timeout-seconds", integer(2, 120))
        .default("5")
        .about("Seconds until one of the frontend NLB's health checks fails.", &["6"]),
    frontend("frontend-nlb-healthcheck-healthy-threshold-count", integer(2, 10))
        .default("2")
        .about("Health checks until the frontend NLB finds its target healthy.", &["3"]),
    frontend("frontend-nlb-healthcheck-unhealthy-threshold-count", integer(2, 10))
        .default("2")
        .about("Health checks until the frontend NLB finds its target unhealthy.", &["3"]),
    frontend("frontend-nlb-attributes", ValueKind::Map(MapKind::Attributes(ResourceKind::Network)))
        .about("Attributes of the frontend NLB.", &["load_balancing.cross_zone.enabled=true"]),
    frontend("frontend-nlb-tags", ValueKind::Map(MapKind::Tags))
        .default("those of the application load balancer")
        .about("Tags of the frontend NLB.", &["team=shop"]),
    ingress("dry-run-plan", ValueKind::Text(TextKind::Anything))
        .about("Written by the controller: the stack of the Ingress (feature gate `IngressPlanAnnotation`).", &["{}"]),
];
