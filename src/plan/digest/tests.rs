#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::cloud::Secret;
use crate::model::{Owner, StackId};
use std::collections::BTreeMap;

fn log_in(client_secret: Option<&str>) -> OidcAction {
    OidcAction {
        issuer: "https://id.example.com".into(),
        client_secret: client_secret.map(Secret::new),
        use_existing_client_secret: client_secret.is_none().then_some(true),
        ..OidcAction::default()
    }
}

fn stack(action: OidcAction) -> Stack {
    let id = StackId { owner: Owner::Ingress, namespace: "shop".into(), name: "web".into() };
    let rule = Rule {
        conditions: Vec::new(),
        actions: vec![ListenerAction::AuthenticateOidc(action)],
        transforms: Vec::new(),
        tags: BTreeMap::new(),
    };
    Stack { rules: BTreeMap::from([(("443".into(), 1), rule)]), ..Stack::empty(id) }
}

#[test]
fn a_secret_is_sent_again_when_another_one_may_be_there() {
    let kept = None;
    let cases = [
        (vec![], Some("a"), false),
        (vec![Some("a")], Some("a"), false),
        (vec![Some("a")], Some("b"), true),
        (vec![Some("a")], kept, false),
        (vec![kept], Some("a"), true),
        (vec![kept], kept, false),
        (vec![Some("a"), kept], Some("a"), false),
        (vec![Some("a"), kept], Some("b"), true),
    ];
    for (applied, wanted, changed) in cases {
        let secrets = applied
            .iter()
            .fold(AppliedSecrets::default(), |known, applied| known.after(&stack(log_in(*applied))));
        assert_eq!(secrets.is_changed(&log_in(wanted)), changed, "{applied:?} then {wanted:?}");
    }
}
