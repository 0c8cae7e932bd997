//! The chart and the command line speak of the same flags.

use aws_load_balancer_controller::args::flags::FLAGS;
use std::collections::BTreeSet;
use std::path::Path;

/// The flags that the chart's arguments template can render: `(list "name" …)` and `--name=`.
fn rendered_flags(template: &str) -> BTreeSet<String> {
    let after = |mark: &'static str, end: char| {
        template
            .split(mark)
            .skip(1)
            .filter_map(move |rest| rest.split_once(end).map(|(name, _)| name.to_owned()))
    };
    after("(list \"", '"').chain(after("\"--", '=')).filter(|name| !name.contains('%')).collect()
}

#[test]
fn every_argument_of_the_chart_is_a_flag() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../charts/aws-load-balancer-controller/templates/_arguments.tpl");
    let rendered = rendered_flags(&std::fs::read_to_string(path).unwrap());
    assert!(rendered.len() > 40, "{rendered:?}");
    let unknown: Vec<_> =
        rendered.iter().filter(|name| !FLAGS.iter().any(|flag| flag.name == **name)).collect();
    assert!(unknown.is_empty(), "the chart renders {unknown:?}");
}
