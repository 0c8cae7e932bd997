//! `lint` as a user runs it: sound manifests in silence, statuses, what kustomize and Helm write.

use harness::assets::{controller_binary, repository};
use std::io::Write;
use std::process::{Command, Stdio};

struct Said {
    status: i32,
    text: String,
    errors: String,
}

/// Runs `lint` with arguments and standard input.
fn lint(arguments: &[&str], input: &str) -> Said {
    let mut child = Command::new(controller_binary().unwrap())
        .arg("lint")
        .args(arguments)
        .current_dir(repository().join("tests/cases/admission"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { status: output.status.code().unwrap(), text: text(output.stdout), errors: text(output.stderr) }
}

#[test]
fn what_can_be_built_is_passed_in_silence() {
    let files = ["valid/services.yaml", "valid/ingresses.yaml", "valid/own-kinds.yaml"];
    for file in files {
        let said = lint(&["-f", file], "");
        assert_eq!((said.status, said.text.as_str()), (0, ""), "{file}");
    }
    let together: Vec<&str> = files.iter().flat_map(|file| ["-f", file]).collect();
    assert_eq!(lint(&together, "").text, "");
}

#[test]
fn the_status_tells_errors_from_warnings_and_from_files_that_are_not_there() {
    let wrong = lint(&["-f", "service-wrong.yaml", "-f", "ingress-wrong.yaml", "-f", "class-wrong.yaml"], "");
    assert_eq!(wrong.status, 1, "{}", wrong.text);
    assert!(wrong.text.contains("service-wrong.yaml:6: error: service/edge: "), "{}", wrong.text);
    assert!(wrong.text.contains("ingress-wrong.yaml:7: error: ingress/shop: "), "{}", wrong.text);
    assert!(wrong.text.contains("class-wrong.yaml:6: error: ingressclassparams/wrong: "), "{}", wrong.text);
    let doubtful = lint(&["-f", "service-doubtful.yaml"], "");
    assert_eq!(doubtful.status, 0, "{}", doubtful.text);
    assert!(doubtful.text.ends_with("0 errors, 2 warnings\n"), "{}", doubtful.text);
    let missing = lint(&["-f", "nowhere.yaml"], "");
    assert_eq!(missing.status, 2);
    assert!(missing.errors.contains("nowhere.yaml"), "{}", missing.errors);
}

#[test]
fn output_of_kustomize_helm_and_kubectl_is_read_from_standard_input() {
    let manifest =
        std::fs::read_to_string(repository().join("tests/cases/admission/service-wrong.yaml")).unwrap();
    let kustomize = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n---\n{manifest}");
    let helm = format!(
        "---\n# Source: shop/templates/service.yaml\n{manifest}---\n# Source: shop/templates/empty.yaml\n"
    );
    let object: serde_json::Value = serde_saphyr::from_str(&manifest).unwrap();
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [object]});
    let kubectl = serde_json::to_string_pretty(&list).unwrap();
    let place = |text: &str| 1 + text.lines().position(|line| line.contains("internet-facng")).unwrap();
    for input in [kustomize, helm, kubectl] {
        let said = lint(&["-f", "-", "--format", "github"], &input);
        assert_eq!(said.status, 1, "{input}\n{}", said.text);
        let expected = format!("::error file=stdin,line={},title=service/edge::", place(&input));
        assert!(said.text.contains(&expected), "{expected}\n{}", said.text);
    }
}

#[test]
fn sarif_names_the_rule_the_file_and_the_line() {
    let said = lint(&["-f", "service-wrong.yaml", "--format", "sarif"], "");
    let sarif: serde_json::Value = serde_json::from_str(&said.text).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let scheme = "service.beta.kubernetes.io/aws-load-balancer-scheme";
    let result = results.iter().find(|result| result["ruleId"] == scheme).unwrap();
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(result["level"], "error");
    assert_eq!(place["artifactLocation"]["uri"], "service-wrong.yaml");
    assert_eq!(place["region"]["startLine"], 6);
}
