#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::TopTalkers;
use crate::api::ObjectKey;
use crate::metrics::Metrics;

fn lines(metrics: &Metrics) -> Vec<String> {
    let text = metrics.render();
    let ours = text.lines().filter(|line| line.starts_with("awslbc_controller_top_talkers{"));
    let mut lines: Vec<_> = ours.map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn the_three_busiest_are_named_and_forgotten_when_they_are_quiet() {
    let (top_talkers, metrics) = (TopTalkers::default(), Metrics::new());
    for (name, count) in [("a", 2), ("b", 5), ("c", 1), ("d", 3)] {
        (0..count).for_each(|_| top_talkers.count("service", &ObjectKey::namespaced("shop", name)));
    }
    top_talkers.publish(&metrics);
    let named = |name, count| {
        format!(
            r#"awslbc_controller_top_talkers{{controller="service",namespace="shop",name="{name}"}} {count}"#
        )
    };
    assert_eq!(lines(&metrics), [named("a", 2), named("b", 5), named("d", 3)]);

    top_talkers.publish(&metrics);
    assert!(lines(&metrics).is_empty());
}
