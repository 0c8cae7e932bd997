//! `lint` as a user runs it: sound manifests in silence, statuses, what kustomize and Helm write.

mod gateways;
mod ineffective_settings;

use harness::assets::{controller_binary, repository};
use std::io::Write;
use std::process::{Command, Stdio};

struct CommandOutput {
    status: i32,
    text: String,
    errors: String,
}

/// Runs `lint` with arguments and standard input.
fn lint(arguments: &[&str], input: &str) -> CommandOutput {
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
    CommandOutput {
        status: output.status.code().unwrap(),
        text: text(output.stdout),
        errors: text(output.stderr),
    }
}

#[test]
fn what_can_be_built_has_no_findings() {
    let files =
        ["valid/services.yaml", "valid/ingresses.yaml", "valid/own-kinds.yaml", "valid/gateways.yaml"];
    for file in files {
        let said = lint(&["-f", file], "");
        assert_eq!((said.status, said.text.lines().count()), (0, 1), "{file}: {}", said.text);
        assert!(said.text.contains(" objects checked"), "{}", said.text);
    }
    let together: Vec<&str> = files.iter().flat_map(|file| ["-f", file]).collect();
    assert_eq!(lint(&together, "").text.lines().count(), 1);
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

/// A folder with manifests: sound ones, a wrong one in a folder of its own, and a file that is no text.
fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sound = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n";
    let wrong = "apiVersion: networking.k8s.io/v1\nkind: ingress\nmetadata: {name: b}\n";
    std::fs::write(folder.path().join("a.yaml"), sound).unwrap();
    std::fs::write(folder.path().join("notes.txt"), wrong).unwrap();
    std::fs::create_dir(folder.path().join("more")).unwrap();
    std::fs::write(folder.path().join("more/b.yml"), wrong).unwrap();
    std::fs::write(folder.path().join("more/c.json"), [0xff, 0xfe]).unwrap();
    folder
}

#[test]
fn folders_and_patterns_are_read_and_one_unreadable_file_does_not_hide_the_rest() {
    let shop = shop();
    let path = |below: &str| shop.path().join(below).display().to_string();
    let flat = lint(&[&path("")], "");
    assert_eq!((flat.status, flat.text.as_str()), (0, "1 objects checked\n"));
    let deep = lint(&["-R", "-f", &path("")], "");
    assert_eq!(deep.status, 2, "{}", deep.text);
    assert!(
        deep.text.contains("b.yml:2: error: ") && deep.text.contains("2 objects checked"),
        "{}",
        deep.text
    );
    assert!(deep.errors.contains("c.json: "), "{}", deep.errors);
    let pattern = lint(&["-f", &path("*/*.yml")], "");
    assert_eq!(pattern.status, 1, "{} {}", pattern.text, pattern.errors);
    let nothing = lint(&["-f", &path("*.toml")], "");
    assert!(nothing.status == 2 && nothing.errors.contains("no file matches"), "{}", nothing.errors);
}

#[test]
fn strict_fails_on_what_is_passed_over_and_on_nothing() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
    let lax = lint(&["-f", "-"], secret);
    assert_eq!((lax.status, lax.text.as_str()), (0, "0 objects checked, 1 passed over (1 Secret)\n"));
    let strict = lint(&["--strict", "-f", "-"], secret);
    assert!(strict.status == 1 && strict.errors.contains("passed over"), "{}", strict.errors);
    let empty = lint(&["--strict", "-f", "-"], "# nothing\n");
    assert!(empty.status == 1 && empty.errors.contains("no object to check"), "{}", empty.errors);
    assert_eq!(lint(&["--strict", "-f", "valid/services.yaml"], "").status, 0);
}

#[test]
fn settings_of_the_controller_count() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {service.beta.kubernetes.io/aws-load-balancer-scheme: x}}\nspec: {type: LoadBalancer, loadBalancerClass: acme.com/nlb, ports: [{port: 80}]}\n";
    let default = lint(&["-f", "-"], service);
    let by_flag = lint(&["-f", "-", "--load-balancer-class=acme.com/nlb"], service);
    assert_eq!((default.status, by_flag.status), (0, 1), "{}\n{}", default.text, by_flag.text);
    let folder = tempfile::tempdir().unwrap();
    let values = folder.path().join("values.yaml");
    std::fs::write(&values, "clusterName: c\nloadBalancerClass: acme.com/nlb\n").unwrap();
    let values = values.display().to_string();
    assert_eq!(lint(&["-f", "-", "--settings-from", &values], service).status, 1);
    std::fs::write(&values, "kind: ConfigMap\n").unwrap();
    let unclear = lint(&["-f", "-", "--settings-from", &values], service);
    assert!(unclear.status == 2 && unclear.errors.contains("neither a Deployment"), "{}", unclear.errors);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure_but_a_full_disk_is() {
    let binary = controller_binary().unwrap().display().to_string();
    let folder = repository().join("tests/cases/admission");
    let shell = |script: &str| {
        Command::new("bash").args(["-o", "pipefail", "-c", script]).current_dir(&folder).output().unwrap()
    };
    let piped = shell(&format!("{binary} annotations | true; {binary} lint -f valid/services.yaml | true"));
    assert_eq!(String::from_utf8_lossy(&piped.stderr), "");
    for command in ["lint -f valid/services.yaml", "annotations", "crds", "iam-policy"] {
        let full = shell(&format!("{binary} {command} > /dev/full"));
        assert_ne!(full.status.code(), Some(0), "{command}");
        assert!(String::from_utf8_lossy(&full.stderr).contains("cannot be written"), "{command}");
    }
}
