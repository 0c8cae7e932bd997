use super::*;
use crate::api::target_group_binding::{NetworkingIngressRule, NetworkingPeer, SecurityGroupPeer};

#[test]
fn what_bindings_of_others_may_rely_on_is_told_by_peer_and_port() {
    let peer = |id: &str| NetworkingPeer {
        security_group: Some(SecurityGroupPeer { group_id: id.to_owned() }),
        ..NetworkingPeer::default()
    };
    let port = |port: Option<IntOrString>| NetworkingPort { port, ..NetworkingPort::default() };
    let rule = |id: &str, ports: Vec<NetworkingPort>| NetworkingIngressRule { from: vec![peer(id)], ports };
    let networking = Networking {
        ingress: Some(vec![
            rule("sg-1", vec![port(Some(IntOrString::Int(8080)))]),
            rule("sg-2", vec![port(Some(IntOrString::String("http".to_owned())))]),
            rule("sg-3", vec![port(None)]),
        ]),
    };
    let needs = NeedsOfOthers::of([&networking]);
    let ingress = |id: &str, protocol: &str, from_port, to_port| IngressRule {
        protocol: protocol.to_owned(),
        from_port: Some(from_port),
        to_port: Some(to_port),
        source: RuleSource::SecurityGroup(id.into()),
        description: None,
    };
    for (rule, expected) in [
        (ingress("sg-1", "tcp", 8080, 8080), true),
        (ingress("sg-1", "tcp", 8000, 9000), true),
        (ingress("sg-1", "tcp", 8081, 9000), false),
        (ingress("sg-1", "udp", 8080, 8080), false),
        (ingress("sg-2", "tcp", 1, 1), true),
        (ingress("sg-3", "tcp", 0, 65535), true),
        (ingress("sg-3", "tcp", 1, 65535), false),
        (ingress("sg-4", "tcp", 0, 65535), false),
    ] {
        assert_eq!(needs.rely_on(&rule), expected, "{rule:?}");
    }
}
