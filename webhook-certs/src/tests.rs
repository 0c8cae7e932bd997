#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::decide::after;
use crate::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn start() -> Timestamp {
    "2026-03-01T12:00:00.7Z".parse().unwrap()
}

fn policy() -> RotationPolicy {
    RotationPolicy::new(service_names("hook", "kube-system", "cluster.local"))
}

fn fresh() -> Bundle {
    issue(Decision::IssueAll(IssueReason::Missing), start(), None)
}

fn issue(decision: Decision, now: Timestamp, current: Option<&Bundle>) -> Bundle {
    advance(decision, now, current, &policy()).unwrap().unwrap()
}

/// What an API server does with a `caBundle` and a served certificate.
fn is_accepted(ca_pem: &str, cert_pem: &str, name: &str, now: Timestamp) -> bool {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    for ca in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(ca.unwrap()).unwrap();
    }
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).build().unwrap();
    let leaf = CertificateDer::from_pem_slice(cert_pem.as_bytes()).unwrap();
    let name = ServerName::try_from(name.to_string()).unwrap();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().try_into().unwrap()));
    verifier.verify_server_cert(&leaf, &[], &name, &[], time).is_ok()
}

fn cas_in(bundle: &Bundle) -> usize {
    bundle.ca_pem.matches("BEGIN CERTIFICATE").count()
}

#[test]
fn the_first_certificates_are_accepted_under_every_name_of_the_service() {
    let bundle = fresh();
    for name in ["hook.kube-system.svc", "hook.kube-system", "hook.kube-system.svc.cluster.local"] {
        assert!(is_accepted(&bundle.ca_pem, &bundle.cert_pem, name, start()), "{name}");
    }
    assert!(!is_accepted(&bundle.ca_pem, &bundle.cert_pem, "other.kube-system.svc", start()));
}

#[test]
fn certificates_are_accepted_by_api_servers_whose_clock_is_a_little_off() {
    let bundle = fresh();
    for off in [-59.minutes(), 59.minutes()] {
        let there = start().checked_add(off).unwrap();
        assert!(is_accepted(&bundle.ca_pem, &bundle.cert_pem, "hook.kube-system.svc", there), "{off}");
    }
}

#[test]
fn nothing_is_done_until_the_serving_certificate_is_due() {
    let Decision::Keep { until } = decide(start(), Some(&fresh()), &policy()) else { panic!() };
    assert_eq!(until.as_second(), after(start(), [DAY * 60]).as_second());
    assert_eq!(decide(until, Some(&fresh()), &policy()), Decision::IssueLeaf(IssueReason::LeafDue));
}

#[test]
fn a_secret_is_read_as_it_was_written() {
    let bundle = fresh();
    assert_eq!(Bundle::from_secret(&bundle.to_secret()), Some(bundle.clone()));
    let foreign = Bundle { ca_key_pem: None, ..bundle };
    assert_eq!(Bundle::from_secret(&foreign.to_secret()), Some(foreign));
}

#[test]
fn an_incomplete_secret_holds_no_bundle() {
    for key in [SECRET_CA, SECRET_CERT, SECRET_KEY] {
        for broken in [None, Some(vec![]), Some(vec![0xff])] {
            let mut data = fresh().to_secret();
            match &broken {
                None => data.remove(key),
                Some(bytes) => data.insert(key.to_string(), bytes.clone()),
            };
            assert_eq!(Bundle::from_secret(&data), None, "{key} {broken:?}");
        }
    }
    assert_eq!(Bundle::from_secret(&BTreeMap::new()), None);
}

#[test]
fn private_keys_are_not_printed() {
    assert!(!format!("{:?}", fresh()).contains("PRIVATE"));
}

#[test]
fn certificates_that_cannot_be_used_are_replaced_at_once() {
    use Decision::{IssueAll, IssueLeaf};
    let (ours, other) = (fresh(), fresh());
    let other_names = RotationPolicy::new(vec!["old.kube-system.svc".into()]);
    let renamed = advance(IssueAll(IssueReason::Missing), start(), None, &other_names).unwrap().unwrap();
    let hour_ago = after(start(), [-HOUR * 2]);
    let without_ca_key = Bundle { ca_key_pem: None, ..ours.clone() };
    let cases = [
        ("no bundle", start(), None, IssueAll(IssueReason::Missing)),
        (
            "certificate is garbage",
            start(),
            Some(Bundle { cert_pem: "x".into(), ..ours.clone() }),
            IssueLeaf(IssueReason::Unreadable),
        ),
        (
            "certificate is cut short",
            start(),
            Some(Bundle { cert_pem: ours.cert_pem.replace("MII", "MI"), ..ours.clone() }),
            IssueLeaf(IssueReason::Unreadable),
        ),
        (
            "key is garbage",
            start(),
            Some(Bundle { key_pem: "x".into(), ..ours.clone() }),
            IssueLeaf(IssueReason::KeyMismatch),
        ),
        (
            "key of another certificate",
            start(),
            Some(Bundle { key_pem: other.key_pem.clone(), ..ours.clone() }),
            IssueLeaf(IssueReason::KeyMismatch),
        ),
        ("other names", start(), Some(renamed), IssueLeaf(IssueReason::WrongNames)),
        ("expired", after(start(), [DAY * 91]), Some(ours.clone()), IssueLeaf(IssueReason::Expired)),
        (
            "expired, and the authority can't sign",
            after(start(), [DAY * 91]),
            Some(without_ca_key),
            IssueAll(IssueReason::Expired),
        ),
        (
            "authority expired",
            after(start(), [DAY * 3651]),
            Some(ours.clone()),
            IssueAll(IssueReason::Expired),
        ),
        ("clock was set back", hour_ago, Some(ours.clone()), IssueAll(IssueReason::NotYetValid)),
        (
            "signed by another authority",
            start(),
            Some(Bundle { ca_pem: other.ca_pem.clone(), ca_key_pem: other.ca_key_pem, ..ours.clone() }),
            IssueLeaf(IssueReason::Untrusted),
        ),
        (
            "authority is garbage",
            start(),
            Some(Bundle { ca_pem: "x".into(), ..ours.clone() }),
            IssueAll(IssueReason::Untrusted),
        ),
        (
            "the certificate is its own authority",
            start(),
            Some(Bundle { ca_pem: ours.cert_pem.clone(), ..ours }),
            IssueAll(IssueReason::Untrusted),
        ),
    ];
    for (what, now, bundle, expected) in cases {
        let decision = decide(now, bundle.as_ref(), &policy());
        assert_eq!(decision, expected, "{what}");
        let next = issue(decision, now, bundle.as_ref());
        assert!(is_accepted(&next.ca_pem, &next.cert_pem, "hook.kube-system.svc", now), "{what}");
        assert!(matches!(decide(now, Some(&next), &policy()), Decision::Keep { .. }), "{what}");
    }
}

#[test]
fn a_renewed_certificate_needs_no_new_trust() {
    let old = fresh();
    let now = after(start(), [DAY * 61]);
    let new = issue(decide(now, Some(&old), &policy()), now, Some(&old));
    assert_eq!(new.ca_pem, old.ca_pem);
    assert_ne!(new.cert_pem, old.cert_pem);
    assert!(is_accepted(&old.ca_pem, &new.cert_pem, "hook.kube-system.svc", now));
}

#[test]
fn an_authority_is_replaced_in_three_steps() {
    let policy = policy();
    let first = fresh();
    let mut now = after(start(), [DAY * (3650 - 365)]);
    let renewed = issue(Decision::IssueLeaf(IssueReason::LeafDue), now, Some(&first));

    let decision = decide(now, Some(&renewed), &policy);
    assert_eq!(decision, Decision::AddCa(IssueReason::CaDue));
    let announced = issue(decision, now, Some(&renewed));
    assert_eq!((cas_in(&announced), &announced.cert_pem), (2, &renewed.cert_pem));

    let Decision::Keep { until } = decide(now, Some(&announced), &policy) else { panic!() };
    assert!(
        until <= after(now, [policy.propagation_time]) && until > after(now, [policy.propagation_time / 2])
    );
    now = until;
    let decision = decide(now, Some(&announced), &policy);
    assert_eq!(decision, Decision::IssueLeaf(IssueReason::CaPropagated));
    let switched = issue(decision, now, Some(&announced));
    assert_eq!(switched.ca_pem, announced.ca_pem);
    assert!(!is_accepted(&first.ca_pem, &switched.cert_pem, "hook.kube-system.svc", now));

    let Decision::Keep { until } = decide(now, Some(&switched), &policy) else { panic!() };
    now = until;
    assert_eq!(decide(now, Some(&switched), &policy), Decision::DropCas);
    let steady = issue(Decision::DropCas, now, Some(&switched));
    assert_eq!(cas_in(&steady), 1);
    assert!(!is_accepted(&steady.ca_pem, &announced.cert_pem, "hook.kube-system.svc", now));
    assert!(matches!(decide(now, Some(&steady), &policy), Decision::Keep { .. }));
}

#[test]
fn certificates_from_elsewhere_are_kept_until_due_and_then_replaced_with_overlap() {
    let foreign = Bundle { ca_key_pem: None, ..fresh() };
    assert!(matches!(decide(start(), Some(&foreign), &policy()), Decision::Keep { .. }));
    let due = after(start(), [DAY * 61]);
    let decision = decide(due, Some(&foreign), &policy());
    assert_eq!(decision, Decision::AddCa(IssueReason::LeafDue));
    let announced = issue(decision, due, Some(&foreign));
    assert_eq!(announced.cert_pem, foreign.cert_pem);
    assert_eq!(cas_in(&announced), 2);
    assert!(announced.ca_pem.starts_with(&foreign.ca_pem));
}

#[test]
fn what_is_no_authority_is_removed_from_the_bundle() {
    let ours = fresh();
    let cluttered = Bundle { ca_pem: format!("{}{}", ours.ca_pem, ours.cert_pem), ..ours.clone() };
    assert_eq!(decide(start(), Some(&cluttered), &policy()), Decision::DropCas);
    assert_eq!(issue(Decision::DropCas, start(), Some(&cluttered)), ours);
}

#[test]
fn an_authority_that_somebody_added_is_trusted_for_the_overlap_only() {
    let ours = fresh();
    let added = Bundle { ca_pem: format!("{}{}", ours.ca_pem, fresh().ca_pem), ..ours.clone() };
    let Decision::Keep { until } = decide(start(), Some(&added), &policy()) else { panic!() };
    assert_eq!(until.as_second(), after(start(), [HOUR]).as_second());
    assert_eq!(issue(decide(until, Some(&added), &policy()), until, Some(&added)), ours);
}

#[test]
fn a_certificate_does_not_outlive_its_authority() {
    let ours = fresh();
    let late = after(start(), [DAY * 3640]);
    let renewed = issue(Decision::IssueLeaf(IssueReason::LeafDue), late, Some(&ours));
    let end = after(start(), [DAY * 3650]);
    assert_eq!(decide(end, Some(&renewed), &policy()), Decision::IssueAll(IssueReason::Expired));
}

#[test]
fn a_time_out_of_range_is_an_error() {
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH] {
        let error = advance(Decision::IssueAll(IssueReason::Missing), now, None, &policy());
        assert!(matches!(error, Err(IssueError::TimeOutOfRange(_))), "{error:?}");
    }
    assert!(advance(Decision::IssueAll(IssueReason::Missing), Timestamp::MAX, None, &policy()).is_ok());
}

#[test]
fn a_name_that_is_none_is_an_error_that_shows_it() {
    let policy = RotationPolicy::new(vec!["hook\u{e9}".into()]);
    let error = advance(Decision::IssueAll(IssueReason::Missing), start(), None, &policy).unwrap_err();
    assert!(error.to_string().contains("hook"), "{error}");
}

/// A new authority every twenty seconds, and as soon as the last one is in use. Certificates of it as soon as it has settled: what
/// is seen late must fit what is seen early.
#[test]
fn no_call_fails_while_authorities_rotate_and_everybody_learns_late() {
    let second = SignedDuration::from_secs(1);
    for pause in [20, 0] {
        let policy = RotationPolicy {
            ca_lifetime: HOUR,
            ca_renew_before: HOUR - second * pause,
            leaf_lifetime: HOUR,
            leaf_renew_before: HOUR / 2,
            propagation_time: second * 5,
            overlap: second * 10,
            ..policy()
        };
        let (rotations, most) = rotate(&policy);
        assert!(rotations >= 5, "{rotations}");
        assert!(most <= 5, "{most} authorities at a time");
    }
}

/// Lives through three minutes; answers how many authorities were made, and how many were trusted at most at a time.
fn rotate(policy: &RotationPolicy) -> (usize, usize) {
    let second = SignedDuration::from_secs(1);
    let mut history: Vec<Bundle> = Vec::new();
    let (mut rotations, mut most) = (0, 0);
    for tick in 0..180 {
        let now = after(start(), [second * tick]);
        let mut current = history.last().cloned();
        loop {
            let decision = decide(now, current.as_ref(), policy);
            let Some(next) = advance(decision, now, current.as_ref(), policy).unwrap() else { break };
            most = most.max(cas_in(&next));
            rotations += usize::from(matches!(decision, Decision::AddCa(_)));
            current = Some(next);
        }
        history.extend(current);
        let seen = |late: usize| &history[history.len().saturating_sub(late + 1)];
        for (api_server, replica) in [(0, 0), (4, 0), (0, 9), (4, 9), (4, 4)] {
            let accepted =
                is_accepted(&seen(api_server).ca_pem, &seen(replica).cert_pem, "hook.kube-system.svc", now);
            assert!(accepted, "tick {tick}: API server {api_server} s late, replica {replica} s late");
        }
    }
    (rotations, most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn decisions_end_whatever_is_in_the_secret(
        parts in prop::array::uniform4(0_usize..5),
        days in -10_i64..4000,
    ) {
        let ours = fresh();
        let other = fresh();
        let pick = |part: usize, index: usize| {
            let own = [&ours.ca_pem, &ours.cert_pem, &ours.key_pem, ours.ca_key_pem.as_ref().unwrap()][part];
            let theirs = [&other.ca_pem, &other.cert_pem, &other.key_pem, other.ca_key_pem.as_ref().unwrap()][part];
            match index {
                0 => own.clone(),
                1 => theirs.clone(),
                2 => format!("{own}{theirs}"),
                3 => own.chars().filter(|c| *c != 'B').collect(),
                _ => "-----BEGIN CERTIFICATE-----\n".to_string(),
            }
        };
        let mut bundle = Bundle {
            ca_pem: pick(0, parts[0]),
            cert_pem: pick(1, parts[1]),
            key_pem: pick(2, parts[2]),
            ca_key_pem: (parts[3] < 4).then(|| pick(3, parts[3])),
        };
        let now = after(start(), [DAY * i32::try_from(days).unwrap()]);
        for _ in 0..4 {
            let decision = decide(now, Some(&bundle), &policy());
            let Some(next) = advance(decision, now, Some(&bundle), &policy()).unwrap() else { break };
            bundle = next;
        }
        prop_assert!(matches!(decide(now, Some(&bundle), &policy()), Decision::Keep { .. }), "still deciding");
        prop_assert!(is_accepted(&bundle.ca_pem, &bundle.cert_pem, "hook.kube-system.svc", now));
    }
}
