#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::{Ref, SymbolKind};

#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Layer {
    text: &'static str,
    source: Option<Box<Layer>>,
}

#[test]
fn causes_are_told_once_and_in_order() {
    let innermost = Layer { text: "connection refused", source: None };
    let middle = Layer { text: "io error: connection refused", source: Some(Box::new(innermost)) };
    let outer = Layer { text: "dispatch failure", source: Some(Box::new(middle)) };
    assert_eq!(chain(&outer), "dispatch failure: io error: connection refused");
}

#[test]
fn a_pending_reference_is_not_sent() {
    let pending = Ref::pending(SymbolKind::TargetGroupArn, "default/web:80");
    let error = id(Action::RegisterTargets, &pending).unwrap_err();
    assert!(matches!(error, CloudError::Unresolved { operation: "RegisterTargets", .. }));
    assert_eq!(id(Action::RegisterTargets, &Ref::from("arn")).unwrap(), "arn");
}

#[test]
fn an_empty_list_is_not_sent() {
    assert_eq!(some(Vec::<u8>::new()), None);
    assert_eq!(some(vec![1]), Some(vec![1]));
}
