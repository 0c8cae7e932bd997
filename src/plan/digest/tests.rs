#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::Secret;
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

#[test]
fn digests_of_secrets_say_nothing_without_the_seal() {
    let (ours, theirs) = (Seal::of(b"key of the installation"), Seal::of(b"a guess"));
    let wanted = stack(log_in(Some("a")));
    let config = Config::default();
    let of_desired = |seal| Digest::of_desired(&wanted, &config, seal);
    assert_eq!(of_desired(ours), of_desired(ours));
    assert_ne!(of_desired(ours), of_desired(theirs));
    assert_ne!(of_desired(ours), of_desired(Seal::default()));

    let text = |seal| serde_json::to_string(&AppliedSecrets::default().with(seal).after(&wanted)).unwrap();
    assert_eq!(text(ours), text(ours));
    let digests = |text: String| {
        text.split('"').filter(|part| part.len() == 32).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert_eq!(digests(text(ours)).len(), 2);
    assert!(
        digests(text(ours)).is_disjoint(&digests(text(theirs))),
        "nothing can be looked up by trying secrets out"
    );
    assert_eq!(format!("{ours:?}"), "[REDACTED]");
}

#[test]
fn a_changed_secret_is_noticed_with_what_was_written_down() {
    let seal = Seal::of(b"key of the installation");
    let written =
        serde_json::to_string(&AppliedSecrets::default().with(seal).after(&stack(log_in(Some("a")))));
    let read: AppliedSecrets = serde_json::from_str(&written.unwrap()).unwrap();
    let read = read.with(seal);
    assert!(!read.is_changed(&log_in(Some("a"))));
    assert!(read.is_changed(&log_in(Some("b"))));
}
