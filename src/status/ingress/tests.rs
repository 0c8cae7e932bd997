#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::api::ObjectKey;
use crate::finding::ObjectRef;
use crate::status::event::EventKind;
use serde_json::{Value, json};

fn ingress(entries: &Value) -> Ingress {
    let manifest = json!({
        "metadata": {"namespace": "shop", "name": "web"},
        "status": {"loadBalancer": {"ingress": entries}},
    });
    serde_json::from_value(manifest).unwrap()
}

#[test]
fn a_status_is_written_only_when_it_says_something_else() {
    let ports = json!([{"port": 80, "protocol": ""}, {"port": 443, "protocol": ""}]);
    let alb = json!({"hostname": "alb.aws", "ports": ports});
    let nlb = json!({"hostname": "nlb.aws"});
    let cases = [
        (json!([]), None, Some(json!([alb]))),
        (json!([alb]), None, None),
        (
            json!([{"hostname": "alb.aws", "ports": [{"port": 443, "protocol": "TCP"}, {"port": 80, "protocol": "TCP"}]}]),
            None,
            None,
        ),
        (json!([{"hostname": "alb.aws"}]), None, Some(json!([alb]))),
        (json!([{"hostname": "old.aws", "ports": ports}]), None, Some(json!([alb]))),
        (json!([{"ip": "1.2.3.4", "hostname": "alb.aws", "ports": ports}, nlb]), None, Some(json!([alb]))),
        (json!([alb]), Some("NLB.aws"), Some(json!([alb, nlb]))),
        (json!([alb, nlb]), Some("NLB.aws"), None),
        (json!([alb, nlb]), None, Some(json!([alb]))),
    ];
    for (current, nlb, expected) in cases {
        let addresses = Addresses { alb: "ALB.aws", ports: &[80, 443], nlb };
        let wanted = reachable(&ingress(&current), MemberState::Built, &addresses);
        assert_eq!(wanted.map(|wanted| serde_json::to_value(wanted).unwrap()), expected, "{current}");
    }
}

#[test]
fn who_was_never_served_gets_no_address() {
    let addresses = Addresses { alb: "alb.aws", ports: &[80], nlb: None };
    assert_eq!(reachable(&ingress(&json!([])), MemberState::Invalid, &addresses), None);
    let moved = reachable(&ingress(&json!([{"hostname": "old.aws"}])), MemberState::Invalid, &addresses);
    assert_eq!(moved.unwrap()[0].hostname.as_deref(), Some("alb.aws"), "its old rules are there now");
}

#[test]
fn events_tell_each_member_of_its_own_mistakes() {
    let object = ObjectRef { kind: "Ingress", namespace: "shop".into(), name: "web".into() };
    let outcome = |state, findings| MemberOutcome {
        key: ObjectKey::namespaced("shop", "web"),
        state,
        findings,
        warnings: Vec::new(),
    };
    let wrong = || vec![Finding::error(&object, "is wrong").at("alb.ingress.kubernetes.io/scheme")];
    assert_eq!(event_of(&outcome(MemberState::Built, vec![]), true), Some(Event::reconciled()));
    assert_eq!(event_of(&outcome(MemberState::Built, vec![]), false), None);
    let mild = vec![Finding::warning(&object, "is odd")];
    assert_eq!(event_of(&outcome(MemberState::Degraded, mild), true), Some(Event::reconciled()));
    for (state, reason) in [
        (MemberState::Invalid, Reason::FailedBuildModel),
        (MemberState::Degraded, Reason::FailedBuildModel),
        (MemberState::Unplaceable, Reason::FailedLoadGroupID),
        (MemberState::Refused, Reason::FailedDeployModel),
    ] {
        let event = event_of(&outcome(state, wrong()), true).unwrap();
        assert_eq!((event.kind, event.reason), (EventKind::Warning, reason));
        assert!(
            event.message.contains("ingress/shop/web alb.ingress.kubernetes.io/scheme: is wrong"),
            "{}",
            event.message
        );
    }
}
