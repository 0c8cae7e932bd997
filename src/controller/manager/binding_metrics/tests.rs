#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn targets(metrics: &Metrics) -> Vec<String> {
    let text = metrics.render();
    let mut lines: Vec<_> =
        text.lines().filter(|line| line.starts_with("awslbc_targets{")).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn line(group: &str, state: &str, count: usize) -> String {
    format!(r#"awslbc_targets{{namespace="shop",name="web",target_group="{group}",state="{state}"}} {count}"#)
}

#[test]
fn targets_are_counted_as_far_as_they_are_known_and_go_with_their_binding() {
    let metrics = Arc::new(Metrics::new());
    let (counted, web) = (BindingCounters::new(metrics.clone()), ObjectKey::namespaced("shop", "web"));
    let counts = |registered, healthy| TargetCounts { desired: 3, registered, healthy, kept: None };
    counted.targets(&web, "arn:one", counts(None, None));
    assert_eq!(targets(&metrics), [line("one", "desired", 3)]);
    counted.targets(&web, "arn:one", counts(Some(2), Some(1)));
    assert_eq!(
        targets(&metrics),
        [line("one", "desired", 3), line("one", "healthy", 1), line("one", "registered", 2)]
    );
    let all_kept = TargetCounts { kept: Some(2), ..counts(Some(2), None) };
    counted.targets(&web, "arn:one", all_kept);
    assert_eq!(
        targets(&metrics),
        [line("one", "desired", 3), line("one", "kept", 2), line("one", "registered", 2)]
    );
    counted.targets(&web, "arn:two", counts(None, None));
    assert_eq!(targets(&metrics), [line("two", "desired", 3)], "the former target group is forgotten");
    counted.binding_gone(&web);
    assert!(targets(&metrics).is_empty());
}
