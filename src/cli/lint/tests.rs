#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::args::{Environment, Invocation, LintFormat, parse};
use serde_json::Value;

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
apiVersion: v1
kind: ConfigMap
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
    outcome(text).found
}

fn outcome(text: &str) -> LintResult {
    lint(&[ManifestFile { name: "all.yaml".into(), text: text.into() }], &Config::default())
}

fn told(format: LintFormat) -> (String, bool) {
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let format: &'static str = format.into();
    let arguments = ["aws-load-balancer-controller", "lint", "-", "--format", format];
    let Ok(Invocation::Lint(request)) = parse(arguments, &Environment::default()) else { panic!("not lint") };
    let conclusion = run(&request, &mut MANIFESTS.as_bytes(), &mut out, &mut errors).unwrap();
    (String::from_utf8(out).unwrap(), conclusion == LintStatus::Invalid)
}

#[test]
fn findings_are_told_with_file_and_line() {
    let (text, has_errors) = told(LintFormat::Text);
    let expected = [
        "stdin:10: error: service/shop/web: service.beta.kubernetes.io/aws-load-balancer-scheme: \"internet-facng\" is not one of internal or internet-facing; did you mean `internet-facing`?",
        "stdin:11: warning: service/shop/web: service.beta.kubernetes.io/aws-load-balancer-atributes: is not a known annotation and has no effect; did you mean `service.beta.kubernetes.io/aws-load-balancer-attributes`?",
        "stdin:30: error: ingress/shop: alb.ingress.kubernetes.io/listen-ports: port is 70000, expected 1 to 65535 (in \"[{\\\"HTTP\\\": 70000}]\"); write for example [{\"HTTP\": 80}, {\"HTTPS\": 443}]",
        "4 objects checked, 1 passed over (1 ConfigMap)",
        "2 errors, 1 warnings",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert!(has_errors);
}

#[test]
fn programs_read_json_sarif_and_workflow_commands() {
    let json: Value = serde_json::from_str(&told(LintFormat::Json).0).unwrap();
    assert_eq!(json[0]["line"], 10);
    assert_eq!(json[0]["severity"], "error");
    let sarif: Value = serde_json::from_str(&told(LintFormat::Sarif).0).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let region = &sarif["runs"][0]["results"][2]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 30);
    let github = told(LintFormat::Github).0;
    let first = github.lines().next().unwrap();
    assert!(first.starts_with("::error file=stdin,line=10,title=service/shop/web::"), "{first}");
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
    let found = linted("kind: Service\nmetadata:\n  name: a\n  name: b\n");
    let message = &found[0].finding.message;
    assert!(message.ends_with("duplicate mapping key `name` is not allowed here"), "{message}");
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

/// Findings as lines, without the annotation prefixes.
fn lines(text: &str) -> Vec<String> {
    let told = linted(text).into_iter().map(|Located { line, finding, .. }| {
        let letter = if finding.severity == Severity::Error { 'E' } else { 'W' };
        format!("{line} {letter} {}: {}", finding.object, crate::admission::response::render(&finding))
    });
    told.map(|line| line.replace("alb.ingress.kubernetes.io/", "").replace("service.beta.kubernetes.io/", ""))
        .collect()
}

const SHOP: &str = r"
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {alb.ingress.kubernetes.io/healthcheck-path: /up}}
spec:
  type: NodePort
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: alb
  rules:
  - http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
      - {path: /other, pathType: Prefix, backend: {service: {name: elsewhere, port: {number: 81}}}}
";

#[test]
fn services_of_the_input_are_what_ingresses_lead_to() {
    assert_eq!(lines(SHOP), [""; 0], "what is not in the input is taken to be as it should");
    let told = lines(&SHOP.replace("{name: http}}}}", "{name: https}}}}"));
    assert!(told.len() == 1 && told[0].contains("E ingress/shop: ") && told[0].contains("https"), "{told:?}");
    let told = lines(&SHOP.replace("{name: http}}}}", "{number: 8080}}}}"));
    assert!(told.len() == 1 && told[0].contains("8080"), "{told:?}");
    let told = lines(&SHOP.replace("NodePort", "ClusterIP"));
    assert!(
        told.len() == 1 && told[0].contains("E ingress/shop: "),
        "instance targets need node ports: {told:?}"
    );
}

#[test]
fn a_mistake_on_a_service_is_told_once() {
    let told = lines(&SHOP.replace("healthcheck-path: /up", "backend-protocol: FTP"));
    assert!(told.len() == 1 && told[0].starts_with("4 E service/web: backend-protocol: "), "{told:?}");
}

#[test]
fn annotations_that_are_no_texts_are_told_by_name() {
    let told = lines(&SHOP.replace("healthcheck-path: /up", "healthcheck-interval-seconds: 10"));
    assert_eq!(
        told,
        ["4 E service/web: healthcheck-interval-seconds: 10 is not a text; write \"10\" in quotes"]
    );
}

#[test]
fn our_own_kinds_are_checked_beyond_their_schema() {
    let text = r"
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web}
spec:
  targetGroupName: web
  serviceRef: {name: web, port: 80}
---
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: other}
spec:
  targetType: ip
  nodeSelector: {}
  serviceRef: {name: web, port: 0}
---
apiVersion: elbv2.k8s.aws/v1beta1
kind: IngressClassParams
metadata: {name: alb}
spec:
  scheme: public
---
apiVersion: elbv2.k8s.aws/v1beta1
kind: IngressClassParams
metadata: {name: alb}
spec:
  inboundCIDRs: [10.0.0.1]
  tags:
  - {key: 'aws:x', value: z}
---
apiVersion: elbv2.k8s.aws/v1beta1
kind: ALBTargetControlConfig
metadata: {name: alb}
spec: {image: x, dataAddress: '0.0.0.0:80', controlAddress: '0.0.0.0:3000', destinationAddress: '127.0.0.1:80'}
";
    let expected = [
        "11 E targetgroupbinding/other: must provide either",
        "11 E targetgroupbinding/other: TargetGroupBinding cannot set NodeSelector",
        "15 E targetgroupbinding/other: spec.serviceRef.port: 0 is out of range",
        "19 E ingressclassparams/alb: not an IngressClassParams: unknown variant `public`",
        "27 E ingressclassparams/alb: spec.inboundCIDRs[0]: Invalid value",
        "29 E ingressclassparams/alb: spec.tags[0]: tag key \"aws:x\"",
        "33 W albtargetcontrolconfig/alb: metadata.name: has no effect",
    ];
    let told = lines(text);
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (line, expected) in told.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
}

#[test]
fn pods_and_their_templates_are_checked() {
    let text = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata:
      annotations:
        service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers: web, sidecar
        service.beta.kubernetes.io/aws-load-balancer-scheme: internal
    spec:
      containers: [{name: web}, {name: sidecar}]
";
    let told = lines(text);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter().any(|line| line.starts_with("9 W pod/web: ") && line.contains("did you mean `sidecar`?")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|line| line.starts_with("10 W pod/web: ") && line.contains("read from a Service")),
        "{told:?}"
    );
}

#[test]
fn rules_are_listed_and_paths_are_escaped_in_sarif() {
    let found =
        linted(MANIFESTS).into_iter().map(|located| Located { file: "my shop/50%#1.yaml".into(), ..located });
    let sarif = report_of(&LintResult { found: found.collect(), ..LintResult::default() }, LintFormat::Sarif);
    let run = &sarif["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "my%20shop/50%25%231.yaml");
    }
    let unreadable = Unreadable { name: "gone.yaml".into(), reason: "no such file".into() };
    let sarif =
        report_of(&LintResult { unreadable: vec![unreadable], ..LintResult::default() }, LintFormat::Sarif);
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

fn report_of(outcome: &LintResult, format: LintFormat) -> Value {
    let mut out = Vec::new();
    report::write(outcome, format, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn comments_ignore_rules_and_are_counted() {
    let ignoring = MANIFESTS.replace("\"internet-facng\"", "\"internet-facng\" # lbc-lint: ignore scheme");
    let outcome = outcome(&ignoring);
    assert_eq!((outcome.found.len(), outcome.ignored), (2, 1), "{:?}", outcome.found);
    let elsewhere = MANIFESTS.replace("type: LoadBalancer", "type: LoadBalancer # lbc-lint: ignore scheme");
    assert_eq!(linted(&elsewhere).len(), 3, "a comment on another line ignores nothing");
}

#[test]
fn kinds_and_versions_that_no_server_has_are_named_with_the_right_one() {
    let kind = |version: &str, kind: &str| {
        lines(&format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n"))
    };
    let old = "1 E ingress/a: apiVersion: networking.k8s.io/v1beta1 has no Ingress since Kubernetes 1.22; write networking.k8s.io/v1";
    assert_eq!(kind("networking.k8s.io/v1beta1", "Ingress"), [old]);
    assert_eq!(
        kind("extensions/v1beta1", "Ingress"),
        [old.replace("networking.k8s.io/v1beta1", "extensions/v1beta1")]
    );
    assert_eq!(
        kind("networking.k8s.io/v1", "ingress"),
        ["2 E ingress/a: kind: \"ingress\" is not a kind; did you mean `Ingress`?"]
    );
    assert_eq!(kind("v1", "TargetGroupBinding").len(), 1);
    assert_eq!(kind("elbv2.k8s.aws/v1", "IngressClassParams").len(), 1);
    for (version, foreign) in
        [("serving.knative.dev/v1", "Service"), ("config.openshift.io/v1", "Ingress"), ("v1", "Secret")]
    {
        assert_eq!(kind(version, foreign), [""; 0], "{version} {foreign}");
    }
}

#[test]
fn unknown_fields_are_errors_with_the_nearest_right_one() {
    let told =
        lines(&SHOP.replace("ingressClassName", "ingressClasName").replace("targetPort", "targetport"));
    assert!(
        told.iter().any(|line| line.contains("unknown field \"ingressClasName\"")
            && line.ends_with("did you mean `ingressClassName`?")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|line| line.starts_with("7 E service/web: spec.ports[0].targetport: ")),
        "{told:?}"
    );
    let old =
        SHOP.replace("{service: {name: web, port: {name: http}}}", "{serviceName: web, servicePort: http}");
    let told = lines(&old);
    assert!(
        told.iter()
            .any(|line| line.contains("\"serviceName\"") && line.contains("write `service: {name: …}`")),
        "{told:?}"
    );
}

#[test]
fn null_is_a_warning_and_hides_nothing() {
    let told = lines(&SHOP.replace(
        "healthcheck-path: /up",
        "healthcheck-path: null, alb.ingress.kubernetes.io/backend-protocol: FTP",
    ));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("W service/web: healthcheck-path: is null and has no effect"), "{told:?}");
    assert!(told[1].contains("E service/web: backend-protocol: "), "{told:?}");
}

#[test]
fn the_source_of_a_template_is_to_be_rendered_first() {
    for text in [
        "kind: Service\nmetadata:\n  annotations: {{- toYaml .Values.a | nindent 4 }}\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: '{{ .Release.Name }}'}\nspec: {type: LoadBalancer}\n",
    ] {
        let told = lines(text);
        assert!(told.len() == 1 && told[0].contains("render it first"), "{told:?}");
    }
}

#[test]
fn arrays_and_long_lists_are_checked_object_by_object() {
    let object = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}"#;
    assert_eq!(outcome(&format!("[{object}, {object}]")).checked, 2);
    let items = vec![object; 20_000].join(",\n");
    let list = format!("{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{items}]}}");
    let outcome = outcome(&list);
    assert_eq!((outcome.checked, outcome.found.len()), (20_000, 0));
}

const GROUP: &str = r#"
apiVersion: elbv2.k8s.aws/v1beta1
kind: IngressClassParams
metadata: {name: shared}
spec: {sslRedirectPort: "443", group: {name: shared}}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: shared}
spec: {controller: ingress.k8s.aws/alb, parameters: {apiGroup: elbv2.k8s.aws, kind: IngressClassParams, name: shared}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: base
  annotations:
    alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'
    alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:us-west-2:123456789012:certificate/11111111-1111-1111-1111-111111111111
spec: {ingressClassName: shared, rules: [{host: a.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: app}
spec: {ingressClassName: shared, rules: [{host: b.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: b, port: {number: 80}}}}]}}]}
"#;

fn messages(text: &str) -> Vec<String> {
    linted(text).iter().map(|located| located.finding.to_string()).collect()
}

#[test]
fn members_of_a_group_are_built_together() {
    assert_eq!(messages(GROUP), Vec::<String>::new());
    let disagreeing = GROUP.replace(
        "metadata: {name: app}",
        "metadata: {name: app, annotations: {alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-2016-08, alb.ingress.kubernetes.io/load-balancer-name: x}}",
    );
    let disagreeing = disagreeing.replace(
        "  annotations:\n",
        "  annotations:\n    alb.ingress.kubernetes.io/load-balancer-name: other\n",
    );
    let found = messages(&disagreeing);
    assert!(found.iter().any(|text| text.contains("conflicts with")), "{found:?}");
}

#[test]
fn two_load_balancers_of_one_name_are_told() {
    let named = |name: &str, group: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {name}, annotations: {{alb.ingress.kubernetes.io/load-balancer-name: edge{group}}}}}\n\
             spec: {{ingressClassName: alb, defaultBackend: {{service: {{name: web, port: {{number: 80}}}}}}}}\n---\n"
        )
    };
    let two = named("one", "") + &named("two", "");
    let found = messages(&two);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("the name \"edge\" is that of the load balancer of ingress/one"), "{found:?}");
    let group = ", alb.ingress.kubernetes.io/group.name: g";
    let together = messages(&(named("one", group) + &named("two", group)));
    assert!(together.iter().all(|text| !text.contains("the name")), "{together:?}");
}

#[test]
fn of_an_object_with_a_thousand_mistakes_the_first_are_told_and_the_others_counted() {
    let unknown: Vec<String> =
        (0..1000).map(|at| format!("    service.beta.kubernetes.io/aws-load-balancer-x{at}: z")).collect();
    let (begin, end) =
        MANIFESTS.split_once("    service.beta.kubernetes.io/aws-load-balancer-atributes").unwrap();
    let found = linted(&format!("{begin}{}\n{}", unknown.join("\n"), end.split_once('\n').unwrap().1));
    assert!(found.len() < 210, "{} findings", found.len());
    let told: Vec<&str> = found.iter().map(|located| located.finding.message.as_str()).collect();
    assert!(told.iter().any(|message| message.contains("more findings")), "{told:?}");
    assert!(told.iter().any(|message| message.contains("internet-facng")), "errors are told first: {told:?}");
}

#[test]
fn an_accelerator_is_checked_as_its_webhook_would() {
    let of = |listeners: &str| {
        messages(&format!(
            "apiVersion: aga.k8s.aws/v1beta1\nkind: GlobalAccelerator\nmetadata: {{name: edge}}\nspec: {{listeners: [{listeners}]}}\n"
        ))
    };
    let on = |ports: &str| format!("{{protocol: TCP, portRanges: [{ports}]}}");
    assert_eq!(of(&on("{fromPort: 80, toPort: 81}")), [""; 0]);
    let found = of(&on("{fromPort: 80, toPort: 81}, {fromPort: 81, toPort: 81}"));
    assert!(found[0].contains("overlapping port ranges detected for protocol TCP"), "{found:?}");
    assert_eq!(of("{protocol: SCTP}").len(), 1);
    assert_eq!(of("{protocoll: TCP}").len(), 1);
}
