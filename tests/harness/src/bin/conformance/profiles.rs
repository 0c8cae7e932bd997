//! What is tested of each class of load balancers.

/// A class of load balancers with the tests that are for it.
pub struct Profile {
    /// Of `gateway.k8s.aws/`.
    pub class: &'static str,
    /// What it is, in the page's words.
    pub load_balancer: &'static str,
    /// The suite's names of profiles, joined by commas.
    pub profiles: &'static str,
    /// The class and its configuration.
    pub manifest: &'static str,
    /// What is claimed.
    pub features: &'static [&'static str],
    /// Whether the suite's own Gateways, of HTTP, are left out, with all tests that are of none of the routes of layer 4.
    pub is_layer_4: bool,
    /// Tests that cannot pass, and why.
    pub skipped: &'static [(&'static str, &'static str)],
    /// Tests that fail, and why. A test that is not here must not; one that passes is to be taken off.
    pub known: &'static [(&'static str, &'static str)],
    /// Features whose tests are not run, and why.
    pub not_run: &'static [(&'static str, &'static str)],
}

/// All that is tested.
pub const PROFILES: [Profile; 2] = [
    Profile {
        class: "alb",
        load_balancer: "an ALB",
        profiles: "GATEWAY-HTTP",
        manifest: include_str!("../../../manifests/conformance-alb.yaml"),
        features: ALB_FEATURES,
        is_layer_4: false,
        skipped: ALB_SKIPPED,
        known: &[],
        not_run: ALB_NOT_RUN,
    },
    Profile {
        class: "nlb",
        load_balancer: "an NLB with cross-zone load balancing",
        profiles: "GATEWAY-TLS,GATEWAY-TCP,GATEWAY-UDP",
        manifest: include_str!("../../../manifests/conformance-nlb.yaml"),
        features: NLB_FEATURES,
        is_layer_4: true,
        skipped: NLB_SKIPPED,
        known: NLB_KNOWN,
        not_run: NLB_NOT_RUN,
    },
];

/// What is tested: what an ALB can do.
const ALB_FEATURES: &[&str] = &[
    "Gateway",
    "HTTPRoute",
    "ReferenceGrant",
    "ListenerSet",
    "HTTPRouteMethodMatching",
    "HTTPRouteParentRefPort",
    "HTTPRouteDestinationPortMatching",
    "HTTPRoutePortRedirect",
    "HTTPRouteSchemeRedirect",
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteNamedRouteRule",
    "GatewayPort8080",
    "GatewayAddressEmpty",
    "GatewayHTTPListenerIsolation",
];

/// Tests that cannot pass on an ALB, and why.
const ALB_SKIPPED: &[(&str, &str)] = &[(
    "HTTPRouteRequestHeaderModifier",
    "an ALB cannot change headers of the requests of one rule: it inserts a fixed set of headers into responses, for a whole listener, \
     and renames those that it makes itself",
)];

/// Features whose tests are not run on an ALB, and why.
const ALB_NOT_RUN: &[(&str, &str)] = &[
    (
        "HTTPRouteQueryParamMatching",
        "conditions on the query ignore case; one of 19 parts wants it to matter",
    ),
    (
        "HTTPRoutePathRedirect, HTTPRoutePathRewrite, HTTPRouteHostRewrite",
        "the tests combine them with changes of headers, or with redirects that change nothing but the path, which AWS refuses as loops",
    ),
    ("HTTPRoute303RedirectStatusCode, …307…, …308…", "an ALB redirects with 301 and 302 alone"),
    (
        "HTTPRouteResponseHeaderModification, HTTPRouteBackendRequestHeaderModification, HTTPRouteCORS",
        "as HTTPRouteRequestHeaderModifier",
    ),
    (
        "HTTPRouteRequestTimeout, HTTPRouteBackendTimeout",
        "the time-out of an ALB is one for all of it, of whole seconds",
    ),
    ("HTTPRouteRequestMirror, …MultipleMirrors, …PercentageMirror", "an ALB does not mirror requests"),
    ("HTTPRouteRetry and its kinds", "an ALB does not repeat requests"),
    ("HTTPRouteBackendProtocolH2C", "the client speaks HTTP/2 without TLS; HTTP listeners of an ALB do not"),
    ("GRPCRoute", "the suite calls gRPC without TLS; an ALB has gRPC on HTTPS listeners alone"),
    ("GatewayHTTPSListenerDetectMisdirectedRequests", "rules do not see the name of the TLS handshake"),
    (
        "BackendTLSPolicy and its kinds, GatewayBackendClientCertificate",
        "an ALB looks at no certificate of a target, and shows none of its own",
    ),
    (
        "GatewayFrontendClientCertificateValidation",
        "an ALB takes authorities from a bucket, not from a ConfigMap",
    ),
    ("GatewayStaticAddresses", "the addresses of an ALB are AWS's"),
    ("GatewayInfrastructure", "wants a Pod, Service or ServiceAccount of the Gateway; an ALB has none"),
    ("Mesh", "a load balancer is none"),
];

/// What is tested: what an NLB can do.
const NLB_FEATURES: &[&str] =
    &["Gateway", "ReferenceGrant", "TLSRoute", "TLSRouteModeTerminate", "TCPRoute", "UDPRoute"];

/// Why a Gateway with listeners of HTTP alone cannot be on an NLB.
const HTTP_LISTENERS: &str = "waits until Gateways whose listeners are all of HTTP or HTTPS are programmed, and an NLB has no such listeners";

/// Tests that cannot pass on an NLB, and why. While one of them waits, no other test finds the Gateways of its namespace ready.
const NLB_SKIPPED: &[(&str, &str)] = &[
    ("TCPRouteInvalidNonTCPListener", HTTP_LISTENERS),
    ("TLSRouteInvalidNoMatchingListener", HTTP_LISTENERS),
];

/// Tests that fail on an NLB, and why.
const NLB_KNOWN: &[(&str, &str)] = &[(
    "TLSRouteHostnameIntersection",
    "an NLB that hands TLS on does not see the name of its handshake: a port has one route for all names, so neither a second \
     route gets the names that are its own, nor is a name refused that no route has",
)];

/// Features whose tests are not run on an NLB, and why.
const NLB_NOT_RUN: &[(&str, &str)] = &[
    ("TLSRouteModeMixed", "a port of an NLB either ends TLS or hands it on"),
    (
        "tests of Gateways, ListenerSets and references in general",
        "they use listeners of HTTP; the class of ALBs passes them",
    ),
];
