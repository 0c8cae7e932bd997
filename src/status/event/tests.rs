#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use strum::VariantArray;

#[test]
fn events_say_what_upstream_says() {
    for (reason, expected) in [
        (Reason::FailedBuildModel, "Failed build model due to x"),
        (Reason::FailedDeployModel, "Failed deploy model due to x"),
        (Reason::FailedAddFinalizer, "Failed add finalizer due to x"),
        (Reason::FailedRemoveFinalizer, "Failed remove finalizer due to x"),
        (Reason::FailedUpdateStatus, "Failed update status due to x"),
        (Reason::FailedCleanupStatus, "Failed update status due to x"),
        (Reason::FailedReconcile, "Failed reconcile due to x"),
        (Reason::FailedCleanup, "Failed cleanup due to x"),
        (Reason::FailedLoadGroupID, "failed load groupID due to x"),
        (Reason::BackendNotFound, "x"),
        (Reason::WithoutEffect, "x"),
        (Reason::DeletionProtected, "Deletion waits: x"),
    ] {
        let event = Event::warning(reason, &"x");
        assert_eq!((event.kind.as_str(), event.message.as_str()), ("Warning", expected));
    }
    let good = Event::reconciled();
    assert_eq!((good.kind.as_str(), good.reason.as_str()), ("Normal", "SuccessfullyReconciled"));
    assert_eq!(good.message, "Successfully reconciled");
}

#[test]
fn reasons_are_spelled_like_their_names() {
    for reason in Reason::VARIANTS {
        assert_eq!(reason.as_str(), format!("{reason:?}"));
    }
}
