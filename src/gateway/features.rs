//! Features of Gateway API that load balancers have, by the names that its conformance tests give them.

use super::{Controller, GatewayOptions};

/// What an ALB does.
const ALB: &[&str] = &[
    "Gateway",
    "GatewayAddressEmpty",
    "GatewayHTTPListenerIsolation",
    "GatewayPort8080",
    "HTTPRoute",
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteDestinationPortMatching",
    "HTTPRouteMethodMatching",
    "HTTPRouteNamedRouteRule",
    "HTTPRouteParentRefPort",
    "HTTPRoutePortRedirect",
    "HTTPRouteSchemeRedirect",
    "ListenerSet",
    "ReferenceGrant",
];

/// What an NLB does.
const NLB: &[&str] = &["Gateway", "ListenerSet", "ReferenceGrant", "TCPRoute", "TLSRoute", "UDPRoute"];

/// What the Gateways of a controller do.
///
/// why nothing unless strict: upstream writes no features, and some of these are only there strictly.
pub fn supported(controller: Controller, options: GatewayOptions) -> Vec<&'static str> {
    let all = match controller {
        Controller::Alb => ALB,
        Controller::Nlb => NLB,
    };
    let is_on = |feature: &&&str| **feature != "ListenerSet" || options.listener_sets;
    all.iter().filter(|_| options.strict).filter(is_on).copied().collect()
}
