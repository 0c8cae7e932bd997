#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::api::ObjectKey;
use std::time::Duration;

fn lines(object_states: &ObjectStates) -> Vec<String> {
    let metrics = Metrics::new();
    object_states.publish(&metrics);
    object_states.publish(&metrics);
    let text = metrics.render();
    let ours = text.lines().filter(|line| line.starts_with("awslbc_object_"));
    ours.map(|line| line.replace(r#"controller="service",namespace="shop","#, "")).collect()
}

#[tokio::test(start_paused = true)]
async fn every_object_that_is_served_has_one_state_and_an_age() {
    let (object_states, web) = (ObjectStates::default(), ObjectKey::namespaced("shop", "web"));
    let later = Duration::from_secs(7);
    let after = |result| {
        object_states.note("service", &web, result);
        lines(&object_states)
    };
    let shown = |state: &str, age: &str| {
        [
            format!(r#"awslbc_object_state{{name="web",state="{state}"}} 1"#),
            format!(r#"awslbc_object_last_success_age_seconds{{name="web"}} {age}"#),
        ]
    };
    assert_eq!(after(ReconcileResult::RequeueAfter(later)), shown("waiting", "0.0"));
    assert_eq!(after(ReconcileResult::Done), shown("synced", "0.0"));
    tokio::time::advance(later).await;
    assert_eq!(after(ReconcileResult::Retry), shown("failing", "7.0"));
    assert_eq!(after(ReconcileResult::AwaitChange), shown("invalid", "7.0"));
    assert_eq!(after(ReconcileResult::DoneUntil(later)), shown("synced", "0.0"));
    assert_eq!(after(ReconcileResult::MissingReference(None)), shown("invalid", "0.0"));
    assert!(after(ReconcileResult::Gone).is_empty(), "nothing is left of an object that is gone");
}
