use super::*;

fn configuration(actions: &str, status: &str) -> ListenerRuleConfiguration {
    serde_saphyr::from_str(&format!(
        "{{apiVersion: gateway.k8s.aws/v1, kind: ListenerRuleConfiguration, metadata: {{name: l, namespace: a, generation: 3}}, spec: {{actions: {actions}}}, status: {status}}}"
    ))
    .unwrap()
}

const OIDC: &str = "[{type: forward, forwardConfig: {}}, {type: authenticate-oidc, authenticateOIDCConfig: {issuer: a, authorizationEndpoint: b, tokenEndpoint: c, userInfoEndpoint: d, secret: {name: s}}}]";

#[test]
fn a_configuration_needs_the_secret_of_its_log_in() {
    assert_eq!(secret_of(&configuration(OIDC, "null")), Some(ObjectKey::namespaced("a", "s")));
    assert_eq!(secret_of(&configuration("[{type: authenticate-oidc}]", "null")), None);
    assert_eq!(secret_of(&configuration("null", "null")), None);
}

#[test]
fn a_configuration_is_accepted_if_its_secret_is_there() {
    let missing = ObjectKey::namespaced("a", "s");
    let cases = [
        (None, "{observedGeneration: 3, accepted: true, message: Accepted}"),
        (Some(&missing), "{observedGeneration: 3, accepted: false, message: 'secret [a/s] not found'}"),
    ];
    for (missing, expected) in cases {
        let wanted: ListenerRuleConfigurationStatus = serde_saphyr::from_str(expected).unwrap();
        assert_eq!(rule_configuration_status(&configuration(OIDC, "null"), missing), Some(wanted));
        assert_eq!(rule_configuration_status(&configuration(OIDC, expected), missing), None);
        let older = expected.replace("observedGeneration: 3", "observedGeneration: 2");
        assert!(rule_configuration_status(&configuration(OIDC, &older), missing).is_some());
    }
}
