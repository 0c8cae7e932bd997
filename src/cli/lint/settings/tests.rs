#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

const ARGUMENTS: &str =
    include_str!("../../../../charts/aws-load-balancer-controller/templates/_arguments.tpl");

/// Flags that the configuration has, but no check depends on.
const OF_NO_CONCERN: [&str; 4] = [
    "targetgroupbinding-requeue-duration",
    "lb-stabilization-monitor-interval",
    "sync-period",
    "pod-drain-max-deregistration-delay",
];

#[test]
fn the_chart_renders_the_same_flags_from_the_same_values() {
    for (flag, path, _) in VALUES {
        let line = ARGUMENTS
            .lines()
            .find(|line| line.contains(&format!("\"{flag}\"")) || line.contains(&format!("--{flag}=")));
        let value = format!(".Values{}", path.replace('/', "."));
        assert!(line.is_some_and(|line| line.contains(&value)), "{flag}: {line:?} lacks {value}");
    }
    let config = include_str!("../../../args/settings.rs");
    let begin = config.find("fn build_config").unwrap();
    let body = &config[begin..begin + config[begin..].find("fn build_aws").unwrap()];
    let read = body
        .split("given")
        .filter_map(|part| part.split_once("(\""))
        .map(|(_, rest)| rest.split('"').next().unwrap());
    for flag in
        read.filter(|flag| ARGUMENTS.contains(&format!("\"{flag}\"")) && !OF_NO_CONCERN.contains(flag))
    {
        assert!(VALUES.iter().any(|(known, ..)| known == &flag), "no row for --{flag}");
    }
}

#[test]
fn values_go_over_those_of_the_chart() {
    let arguments = arguments_of(
        "clusterName: prod\nenableWafv2: true\ndefaultTags: {a: 'b,c', d: 1}\nexternalManagedTags: [x, z]\ncontrollerConfig: {featureGates: {NLBSecurityGroup: false}}\n",
    )
    .unwrap();
    for expected in [
        "--cluster-name=prod",
        "--enable-wafv2=true",
        "--default-tags=\"a=b,c\",d=1",
        "--external-managed-tags=x,z",
        "--feature-gates=NLBSecurityGroup=false",
        "--annotation-validation=enforce",
    ] {
        assert!(arguments.iter().any(|argument| argument == expected), "{expected}: {arguments:?}");
    }
    for values in ["validation: warn\n", "validation: warn\nannotationValidation: 'off'\n"] {
        let arguments = arguments_of(&format!("clusterName: prod\n{values}")).unwrap();
        assert!(arguments.contains(&"--annotation-validation=warn".to_owned()), "{values}: {arguments:?}");
    }
    let nested = arguments_of("other: {}\naws-load-balancer-controller: {clusterName: inner}\n").unwrap();
    assert!(nested.contains(&"--cluster-name=inner".to_owned()));
}

#[test]
fn a_deployment_among_manifests_has_its_arguments() {
    let text = "kind: ConfigMap\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: b}\nspec:\n  selector: {}\n  template:\n    spec:\n      containers:\n      - {name: aws-load-balancer-controller, args: ['--cluster-name=c', --enable-shield=false]}\n";
    assert_eq!(arguments_of(text).unwrap(), ["--cluster-name=c", "--enable-shield=false"]);
}

#[test]
fn what_describes_no_controller_is_refused() {
    for text in ["kind: ConfigMap\n", "", "- a\n", "a: [\n"] {
        assert!(arguments_of(text).is_err(), "{text:?}");
    }
}
