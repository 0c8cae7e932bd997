//! `migrate` as a user runs it. `tests/cases/migrate`: manifests, what becomes of them, and what is said; to be read by people.
//! `UPDATE_CASES=1` writes results anew.

use crate::cases::expect_recorded;
use harness::assets::{controller_binary, repository};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Status, standard output, standard error and the files that were written, by their paths in the output folder.
struct Run {
    status: i32,
    said: String,
    warned: String,
    files: Vec<(String, String)>,
}

fn migrate(arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let output = Command::new(controller_binary().unwrap())
        .arg("migrate")
        .args(arguments)
        .arg("--output-dir")
        .arg(&out)
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(&out.display().to_string(), "OUT");
    let mut files = Vec::new();
    if out.is_dir() {
        collect(&out, "", &mut files);
        files.sort();
    }
    Run {
        status: output.status.code().unwrap(),
        said: text(output.stdout),
        warned: text(output.stderr),
        files,
    }
}

fn collect(folder: &Path, above: &str, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{above}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files);
        } else {
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn cases() -> Vec<PathBuf> {
    let root = repository().join("tests/cases/migrate");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// What a case comes to, for people.
fn play(case: &Path) -> [(&'static str, String); 2] {
    let input = case.join("input.yaml").display().to_string();
    let file = case.join("args.txt");
    let arguments = if file.exists() { std::fs::read_to_string(file).unwrap() } else { String::new() };
    let arguments: Vec<&str> = ["-f", &input].into_iter().chain(arguments.split_whitespace()).collect();
    let run = migrate(&arguments);
    let [(_, objects)] = run.files.as_slice() else {
        panic!("{}: {} files", case.display(), run.files.len())
    };
    let said = format!("status {}\n\n{}\n{}", run.status, run.warned, run.said);
    [("output.yaml", objects.clone()), ("said.txt", said.replace(&input, "input.yaml"))]
}

#[test]
fn every_case_becomes_its_objects_and_is_told_what_differs() {
    let cases = cases();
    assert!(cases.len() >= 7);
    expect_recorded(cases, play);
}

#[test]
fn flags_that_contradict_each_other_are_refused_in_the_words_that_scripts_know() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "must specify at least one of: --file (-f), --input-dir, or --from-cluster"),
        (&["-f", "a", "--from-cluster"], "--from-cluster cannot be used with --file or --input-dir"),
        (&["-f", "a", "--namespaces", "b"], "--namespaces can only be used with --from-cluster"),
        (
            &["--from-cluster", "--namespaces", "a", "--all-namespaces"],
            "--namespaces and --all-namespaces are mutually exclusive",
        ),
        (
            &["--from-cluster", "--ingress-name", "a,b"],
            "--ingress-name accepts a single Ingress name, got \"a,b\"",
        ),
        (
            &["--from-cluster", "--ingress-name", "a"],
            "--ingress-name requires exactly one --namespaces value",
        ),
        (
            &["-f", "a", "--in-place", "--verify=false"],
            "--in-place needs --verify: a load balancer is only taken over if both are proven to be the same",
        ),
        (&["-f", "a", "--output-format", "xml"], "--output-format must be yaml or json, got \"xml\""),
        (&["-f", "a", "--split", "kind"], "--split must be \"\" or \"namespace\", got \"kind\""),
    ];
    for (arguments, expected) in cases {
        let run = migrate(arguments);
        assert_eq!(
            (run.status, run.warned.trim()),
            (1, format!("Error: {expected}").as_str()),
            "{arguments:?}"
        );
        assert!(run.files.is_empty());
    }
}

#[test]
fn files_are_split_by_namespace_and_gateways_planned_only_if_asked() {
    let input = repository().join("tests/cases/migrate/group/input.yaml").display().to_string();
    let run = migrate(&["-f", &input, "--split=namespace", "--output-format=json", "--dry-run=false"]);
    let names: Vec<&str> = run.files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["gatewayclass.json", "team-one/gateway-resources.json", "team-two/gateway-resources.json"]
    );
    assert!(run.files.iter().all(|(_, text)| !text.contains("dry-run")));
    let planned = migrate(&["-f", &input]);
    assert!(planned.files.iter().any(|(_, text)| text.contains("gateway.k8s.aws/dry-run: \"true\"")));
}
