#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::api::ObjectKey;
use std::time::Duration;

fn lines(board: &Board) -> Vec<String> {
    let metrics = Metrics::new();
    board.publish(&metrics);
    board.publish(&metrics);
    let text = metrics.render();
    let ours = text.lines().filter(|line| line.starts_with("awslbc_object_"));
    ours.map(|line| line.replace(r#"controller="service",namespace="shop","#, "")).collect()
}

#[tokio::test(start_paused = true)]
async fn every_object_that_is_served_has_one_state_and_an_age() {
    let (board, web) = (Board::default(), ObjectKey::namespaced("shop", "web"));
    let later = Duration::from_secs(7);
    let after = |verdict| {
        board.note("service", &web, verdict);
        lines(&board)
    };
    let shown = |state: &str, age: &str| {
        [
            format!(r#"awslbc_object_state{{name="web",state="{state}"}} 1"#),
            format!(r#"awslbc_object_last_success_age_seconds{{name="web"}} {age}"#),
        ]
    };
    assert_eq!(after(Verdict::After(later)), shown("waiting", "0.0"));
    assert_eq!(after(Verdict::Done), shown("settled", "0.0"));
    tokio::time::advance(later).await;
    assert_eq!(after(Verdict::Retry), shown("failing", "7.0"));
    assert_eq!(after(Verdict::Mistaken), shown("mistaken", "7.0"));
    assert_eq!(after(Verdict::DoneFor(later)), shown("settled", "0.0"));
    assert_eq!(after(Verdict::Lacking(None)), shown("mistaken", "0.0"));
    assert!(after(Verdict::Gone).is_empty(), "nothing is left of an object that is gone");
}
