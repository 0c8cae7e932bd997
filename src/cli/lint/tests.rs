#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

const MANIFESTS: &str = r#"# Source: shop/templates/service.yaml
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  annotations:
    service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip
    service.beta.kubernetes.io/aws-load-balancer-scheme: "internet-facng"
    service.beta.kubernetes.io/aws-load-balancer-atributes: deletion_protection.enabled=true
spec:
  type: LoadBalancer
  ports: [{port: 80}]
---
# nothing but a comment
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
apiVersion: v1
kind: List
items:
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata:
    name: shop
    annotations:
      alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 70000}]'
  spec:
    ingressClassName: alb
    defaultBackend: {service: {name: web, port: {number: 80}}}
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: foreign, annotations: {alb.ingress.kubernetes.io/scheme: public}}
  spec: {ingressClassName: nginx}
- apiVersion: networking.k8s.io/v1
  kind: IngressClass
  metadata: {name: nginx}
  spec: {controller: k8s.io/ingress-nginx}
"#;

fn linted(text: &str) -> Vec<Located> {
    lint(&[Source { name: "all.yaml".into(), text: text.into() }], &Config::default())
}

fn told(format: Format) -> (String, bool) {
    let mut out = Vec::new();
    let options = Options { files: vec!["-".into()], format };
    let has_errors = run(&options, &mut MANIFESTS.as_bytes(), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), has_errors)
}

#[test]
fn findings_are_told_with_file_and_line() {
    let (text, has_errors) = told(Format::Text);
    let expected = [
        "stdin:11: warning: service/shop/web: service.beta.kubernetes.io/aws-load-balancer-atributes: is not a known annotation and has no effect; did you mean `service.beta.kubernetes.io/aws-load-balancer-attributes`?",
        "stdin:10: error: service/shop/web: service.beta.kubernetes.io/aws-load-balancer-scheme: \"internet-facng\" is not one of internal or internet-facing; did you mean `internet-facing`?",
        "stdin:30: error: ingress/shop: alb.ingress.kubernetes.io/listen-ports: port is 70000, expected 1 to 65535 (in \"[{\\\"HTTP\\\": 70000}]\"); write for example [{\"HTTP\": 80}, {\"HTTPS\": 443}]",
        "2 errors, 1 warnings",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert!(has_errors);
}

#[test]
fn programs_read_json_sarif_and_workflow_commands() {
    let json: Value = serde_json::from_str(&told(Format::Json).0).unwrap();
    assert_eq!(json[1]["line"], 10);
    assert_eq!(json[1]["severity"], "error");
    let sarif: Value = serde_json::from_str(&told(Format::Sarif).0).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let region = &sarif["runs"][0]["results"][2]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 30);
    let github = told(Format::Github).0;
    let first = github.lines().next().unwrap();
    assert!(first.starts_with("::warning file=stdin,line=11,title=service/shop/web::"), "{first}");
}

#[test]
fn sound_manifests_are_passed_in_silence() {
    let sound =
        MANIFESTS.replace("facng", "facing").replace("atributes", "attributes").replace("70000", "8080");
    assert_eq!(linted(&sound), []);
    assert_eq!(linted(""), []);
    assert_eq!(linted("---\n---\n# x\n"), []);
}

#[test]
fn what_is_not_yaml_is_an_error_with_its_line() {
    let found = linted("---\nkind: Service\nmetadata: [unclosed\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].line >= 2, "{found:?}");
    assert!(found[0].finding.message.starts_with("not YAML"));
}

#[test]
fn parameters_of_a_class_in_the_input_count() {
    let text = r"
apiVersion: elbv2.k8s.aws/v1beta1
kind: IngressClassParams
metadata: {name: shared}
spec: {scheme: internet-facing}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: shared}
spec:
  controller: ingress.k8s.aws/alb
  parameters: {apiGroup: elbv2.k8s.aws, kind: IngressClassParams, name: shared}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    alb.ingress.kubernetes.io/scheme: public
spec:
  ingressClassName: shared
  defaultBackend: {service: {name: web, port: {number: 80}}}
";
    let found = linted(text);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].finding.severity, Severity::Warning, "the class has the say");
}
