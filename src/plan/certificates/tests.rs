#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::model::{Owner, StackId};
use crate::plan::actual::ObservedCertificates;

fn found(id: &str, names: &[&str], status: CertificateStatus) -> actual::ObservedCertificate {
    let arn = format!("{id} {status} {}", names.join(" "));
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    actual::ObservedCertificate { arn, id: id.into(), names, status, ..Default::default() }
}

fn stack(wanted: &[(&str, &[&str])]) -> Stack {
    let id = StackId { owner: Owner::Ingress, namespace: "shop".to_owned(), name: "web".to_owned() };
    let certificate = |names: &[&str]| RequestedCertificate {
        authority: None,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        tags: BTreeMap::new(),
    };
    let certificates = wanted.iter().map(|(id, names)| (ResourceId::from(*id), certificate(names))).collect();
    Stack { certificates, ..Stack::empty(id) }
}

#[test]
fn a_certificate_is_matched_by_id_names_and_status() {
    use CertificateStatus as S;
    let old = Duration::from_hours(1);
    let cases = [
        ("nothing there", vec![], "missing", 0),
        ("issued", vec![found("a-1", &["a", "b"], S::Issued)], "issued", 0),
        ("pending", vec![found("a-1", &["b", "a"], S::PendingValidation)], "pending", 0),
        ("other names", vec![found("a-1", &["a"], S::Issued)], "missing", 0),
        ("other id", vec![found("x-2", &["a", "b"], S::Issued)], "missing", 1),
        ("failed just now", vec![found("a-1", &["a", "b"], S::Failed)], "failed", 0),
        (
            "failed long ago",
            vec![actual::ObservedCertificate { age: old, ..found("a-1", &["a", "b"], S::Failed) }],
            "missing",
            1,
        ),
        (
            "made twice",
            vec![found("a-1", &["a", "b"], S::Issued), found("a-1", &["a", "b"], S::PendingValidation)],
            "issued",
            1,
        ),
        (
            "replaced",
            vec![found("a-1", &["a"], S::Issued), found("a-1", &["a", "b"], S::PendingValidation)],
            "pending",
            0,
        ),
        (
            "was replaced",
            vec![found("a-1", &["a"], S::Issued), found("a-1", &["a", "b"], S::Issued)],
            "issued",
            1,
        ),
    ];
    for (case, there, expected, surplus) in cases {
        let stack = stack(&[("a-1", &["a", "b"])]);
        let observed = ObservedCertificates { found: there, ..ObservedCertificates::default() };
        let states = CertificateStates::of(&stack, &observed);
        let progress = match states.wanted[&ResourceId::from("a-1")].1 {
            CertificateProgress::Issued(_) => "issued",
            CertificateProgress::Pending(_) => "pending",
            CertificateProgress::Failed(_) => "failed",
            CertificateProgress::Missing => "missing",
        };
        assert_eq!((progress, states.surplus.len()), (expected, surplus), "{case}");
    }
}

#[test]
fn certificates_of_members_that_cannot_be_built_stay() {
    let there = vec![found("a-1", &["a"], CertificateStatus::Issued)];
    let observed = ObservedCertificates { found: there, ..ObservedCertificates::default() };
    let mut stack = stack(&[]);
    assert_eq!(CertificateStates::of(&stack, &observed).surplus.len(), 1);
    stack.retained_certificates.insert("1".to_owned());
    assert_eq!(CertificateStates::of(&stack, &observed).surplus.len(), 0);
}

#[test]
fn nothing_goes_while_it_is_not_known_what_is_there() {
    let error =
        crate::aws_api::CloudError::Unreachable { operation: "ListCertificates", message: String::new() };
    let observed = ObservedCertificates {
        found: vec![found("a-1", &["a"], CertificateStatus::Issued)],
        failure: Some(error),
        ..ObservedCertificates::default()
    };
    assert_eq!(CertificateStates::of(&stack(&[]), &observed).surplus.len(), 0);
}
