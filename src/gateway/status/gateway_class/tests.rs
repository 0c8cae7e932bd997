use super::super::tests::{describe, moment};
use super::*;

#[test]
fn a_class_tells_whether_gateways_can_be_made_of_it() {
    let key = ObjectKey::namespaced("infra", "config");
    let cases = [
        (ClassOutcome::Accepted, "Accepted=True Accepted \"Accepted\""),
        (
            ClassOutcome::NamespaceMissing,
            "Accepted=False InvalidParametersRef \"Namespace must be specified in ParametersRef for LoadBalancerConfiguration\"",
        ),
        (
            ClassOutcome::NotFound(key),
            "Accepted=False NotFound \"LoadBalancerConfiguration (config,infra) not found\"",
        ),
    ];
    for (outcome, expected) in cases {
        let new =
            class_status(&GatewayClassStatus::default(), &outcome, &["Gateway", "HTTPRoute"], moment(2, 10))
                .unwrap();
        assert_eq!(describe(&new.conditions), [expected]);
        assert_eq!(new.supported_features[1].name, "HTTPRoute");
        assert_eq!(class_status(&new, &outcome, &["Gateway", "HTTPRoute"], moment(2, 20)), None);
        assert!(class_status(&new, &outcome, &["Gateway"], moment(2, 20)).is_some());
        let later = class_status(&new, &outcome, &["Gateway", "HTTPRoute"], moment(3, 20)).unwrap();
        assert_eq!(later.conditions[0].last_transition_time, new.conditions[0].last_transition_time);
    }
}
