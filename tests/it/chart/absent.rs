//! Values that are absent or null: from another chart by `--reuse-values`, from an umbrella chart, or because somebody wrote null.

use std::path::Path;
use std::sync::Mutex;

use super::*;

/// Where null means "leave the field out", and the default is not empty.
const LEFT_OUT: &[&str] = &[
    "autoscaling.targetCPUUtilizationPercentage",
    "certManager.duration",
    "certManager.renewBefore",
    "defaultTargetType",
    "livenessProbe",
    "podSecurityContext",
    "priorityClassName",
    "readinessProbe",
    "securityContext",
    "serviceMonitor.interval",
];

fn template(chart: &Path, more: &[&str]) -> Result<String, String> {
    let chart = chart.display().to_string();
    let release = ["template", "aws-load-balancer-controller", &chart, "--namespace", "kube-system"];
    run_helm(&[&release, &["--kube-version", "1.33.0"][..], more].concat())
}

/// A copy of the chart with other default values.
fn chart_with(values: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&chart(), copy.path());
    std::fs::write(copy.path().join("values.yaml"), values).unwrap();
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What is not as with the defaults, but for fields that are left out because their value is.
fn surprises(usual: &str, rendered: &str) -> Vec<String> {
    let lines = changes(&fields(usual), &fields(rendered));
    lines.lines().filter(|line| line.starts_with('+') || line.contains("<nil>")).map(str::to_owned).collect()
}

#[test]
fn every_value_may_be_null() {
    let mut paths = BTreeSet::new();
    paths_of_values("", &read_yaml("values.yaml"), &read_schema(), &mut paths);
    paths.remove(".clusterName");
    assert!(paths.len() > 150, "{}", paths.len());
    let usual = render(&[]).unwrap();
    let (paths, wrong) = (Mutex::new(paths.into_iter()), Mutex::new(Vec::new()));
    let check = |path: String| {
        let path = path.trim_start_matches('.');
        let rendered = match render(&["--set", &format!("{path}=null")]) {
            Ok(rendered) => rendered,
            Err(error) => return wrong.lock().unwrap().push(format!("{path}: {error}")),
        };
        let is_as_usual =
            rendered == usual || (LEFT_OUT.contains(&path) && surprises(&usual, &rendered).is_empty());
        if !is_as_usual {
            wrong.lock().unwrap().push(format!("{path}: {:?}", surprises(&usual, &rendered)));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let next = || paths.lock().unwrap().next();
                std::iter::from_fn(next).for_each(check);
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_value_may_be_absent() {
    let bare = chart_with("{}\n");
    let rendered = template(bare.path(), &["--set", "clusterName=test"]).unwrap();
    assert_eq!(surprises(&render(&[]).unwrap(), &rendered), Vec::<String>::new());
    let everything = ["autoscaling", "networkPolicy", "serviceMonitor", "prometheusRule", "dashboard"]
        .map(|part| format!("{part}.enabled=true"))
        .join(",");
    let sets = format!("clusterName=test,enableCertManager=true,{everything}");
    let usual = render(&["--set", &sets]).unwrap();
    let rendered = template(bare.path(), &["--set", &sets]).unwrap();
    assert_eq!(surprises(&usual, &rendered), Vec::<String>::new());
}

/// `--reuse-values` puts the values of the former chart in the place of this chart's.
#[test]
fn values_of_the_go_controllers_chart_are_enough() {
    let theirs = repository().join("tests/harness/manifests/go-controller/values.yaml");
    let reused = chart_with(&std::fs::read_to_string(theirs).unwrap());
    let rendered = template(reused.path(), &[]).unwrap();
    assert!(rendered.contains("--default-tags=cost-center=42,team=web"));
    assert_eq!(
        documents(&rendered).len(),
        documents(&render(&[]).unwrap()).len() + 1,
        "and a disruption budget"
    );
}

#[test]
fn the_defaults_of_the_templates_are_those_of_values_yaml() {
    let text = std::fs::read_to_string(chart().join("templates/_defaults.tpl")).unwrap();
    let (_, rest) = text.split_once("{{- define \"lbc.defaultValues\" -}}\n").unwrap();
    let defaults: Value = serde_saphyr::from_str(rest.split_once("{{- end -}}").unwrap().0).unwrap();
    assert_part("", &defaults, &read_yaml("values.yaml"));
}

fn assert_part(path: &str, part: &Value, whole: &Value) {
    let Some(map) = part.as_object() else {
        assert_eq!(part, whole, "{path}");
        return;
    };
    for (key, value) in map {
        assert_part(&format!("{path}.{key}"), value, &whole[key]);
    }
}

#[test]
fn an_umbrella_chart_may_switch_it_and_share_values_with_it() {
    let umbrella = tempfile::tempdir().unwrap();
    let name = "aws-load-balancer-controller";
    copy_folder(&chart(), &umbrella.path().join("charts").join(name));
    let version = env!("CARGO_PKG_VERSION");
    let definition = format!(
        "apiVersion: v2\nname: platform\nversion: 1.0.0\ndependencies:\n  - name: {name}\n    version: {version}\n    \
         condition: {name}.enabled\n"
    );
    std::fs::write(umbrella.path().join("Chart.yaml"), definition).unwrap();
    let values = format!(
        "global: {{imageRegistry: a, labels: {{team: b}}}}\n{name}: {{enabled: true, clusterName: test}}\n"
    );
    std::fs::write(umbrella.path().join("values.yaml"), values).unwrap();
    let rendered = template(umbrella.path(), &[]).unwrap();
    assert_eq!(fields(&rendered), fields(&render(&[]).unwrap()));
    let without = template(umbrella.path(), &["--set", &format!("{name}.enabled=false")]).unwrap();
    assert_eq!(documents(&without), Vec::<Value>::new());
}
