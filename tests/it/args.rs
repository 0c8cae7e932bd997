//! The chart and the command line speak of the same flags.

use aws_load_balancer_controller::args::flags::FLAGS;
use aws_load_balancer_controller::args::{CompletedShell, Environment, Invocation, StatusFormat, parse};
use aws_load_balancer_controller::topology::TopologyKind;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

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

fn invocation(arguments: &[&str]) -> Result<Invocation, String> {
    let given = ["controller"].iter().chain(arguments);
    parse(given, &Environment::default()).map_err(|refusal| refusal.to_string())
}

#[test]
fn status_takes_objects_as_kubectl_does() {
    let request = |arguments: &[&str]| match invocation(&[&["status"], arguments].concat()) {
        Ok(Invocation::Status(request)) => *request,
        other => panic!("{arguments:?}: {other:?}"),
    };
    let named = |arguments: &[&str]| {
        let request = request(arguments);
        (request.kind.map(TopologyKind::as_str), request.name)
    };
    let shop = Some("shop".to_owned());
    assert_eq!(named(&[]), (None, None));
    assert_eq!(named(&["svc"]), (Some("Service"), None));
    assert_eq!(named(&["ingresses.networking.k8s.io/shop"]), (Some("Ingress"), shop.clone()));
    assert_eq!(named(&["tgb", "shop", "-n", "a"]), (Some("TargetGroupBinding"), shop));
    let given = request(&["-A", "-o", "yaml", "--wait=1m30s", "--without-aws", "--cluster-name=c"]);
    assert!(given.all_namespaces && given.without_aws && !given.watch);
    assert_eq!((given.format, given.wait), (StatusFormat::Yaml, Some(Duration::from_secs(90))));
    let refused: &[(&[&str], &str)] = &[
        (&["ingres/shop"], "did you mean `ingress`?"),
        (&["ingress/"], "expected KIND, KIND/NAME or KIND NAME"),
        (&["ingress", "a/b"], "a namespace is given by --namespace"),
        (&["-A", "-n", "shop"], "cannot be used with"),
        (&["-w", "--wait=1m"], "cannot be used with"),
        (&["-o", "xml"], "[possible values: text, json, yaml]"),
    ];
    for (arguments, told) in refused {
        let refusal = invocation(&[&["status"], *arguments].concat()).unwrap_err();
        assert!(refusal.contains(told), "{arguments:?}: {refusal}");
    }
}

#[test]
fn a_shell_is_named_for_completion() {
    assert!(matches!(invocation(&["completion", "fish"]), Ok(Invocation::Completion(CompletedShell::Fish))));
    assert!(invocation(&["completion", "tcsh"]).unwrap_err().contains("[possible values: bash, zsh, fish]"));
    assert!(invocation(&["completion"]).is_err());
}
