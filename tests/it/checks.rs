//! Every check of admission, in tables that are read as well as run: `tests/cases/admission/checks`. A try is an object that is
//! changed, and what is said of it; the page `docs/checks.md` lists them.

use aws_load_balancer_controller::admission::ingress::ClassSource;
use aws_load_balancer_controller::admission::{
    AdmissionError, Admitted, Change, Denial, TargetGroupLookup, gateway, ingress, ingress_class_params,
    readiness_gates, service, target_group_binding,
};
use aws_load_balancer_controller::api::gateway::{Gateway, GatewayClass, ListenerSet, ReferenceGrant};
use aws_load_balancer_controller::api::gateway_config::{
    ListenerRuleConfiguration, LoadBalancerConfiguration,
};
use aws_load_balancer_controller::api::{IngressClass, IngressClassParams, Namespace, ObjectKey};
use aws_load_balancer_controller::args::{Environment, Invocation, parse};
use aws_load_balancer_controller::aws_api::elbv2::{IpAddressType, Protocol, TargetGroup, TargetType};
use aws_load_balancer_controller::cli::lint::{ManifestFile, lint};
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::finding::Severity;
use aws_load_balancer_controller::gateway::NamespaceSource;
use harness::assets::repository;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// The checks of one kind of objects.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    title: String,
    /// Where the rules come from.
    source: String,
    /// What stands before annotation keys that have no slash.
    prefix: String,
    object: Value,
    checks: Vec<Check>,
    /// What is not checked at admission, and why.
    #[serde(default)]
    elsewhere: Vec<Elsewhere>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    #[serde(rename = "check")]
    holds: String,
    tries: Vec<Try>,
    /// Instead of the chapter's.
    object: Option<Value>,
    /// Only `lint` looks.
    #[serde(default)]
    lint: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    check: String,
    why: String,
}

/// A change of an object.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    /// A merge patch.
    #[serde(default)]
    merge: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Try {
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    merge: Value,
    /// What the object was; without it, it is new.
    before: Option<Edit>,
    /// Flags of the controller.
    #[serde(default)]
    flags: Vec<String>,
    /// Paths that the first rule has.
    many_paths: Option<usize>,
    error: Option<String>,
    warning: Option<String>,
    #[serde(default)]
    silent: bool,
}

/// All chapters, in order.
pub fn chapters() -> Vec<Chapter> {
    let folder = repository().join("tests/cases/admission/checks");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

#[test]
fn every_check_says_what_its_table_says() {
    let mut wrong = String::new();
    let mut count = 0;
    for chapter in chapters() {
        for check in &chapter.checks {
            for (number, one) in check.tries.iter().enumerate() {
                count += 1;
                let object = check.object.as_ref().unwrap_or(&chapter.object);
                if let Err(problem) = one.run(object, &chapter.prefix, check.lint) {
                    writeln!(wrong, "{}: {} ({}): {problem}", chapter.title, check.holds, number + 1)
                        .unwrap();
                }
            }
        }
    }
    println!("{count} tries");
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count > 300, "{count} tries");
}

impl Try {
    fn run(&self, object: &Value, prefix: &str, by_lint: bool) -> Result<(), String> {
        let old =
            self.before.as_ref().map(|before| edited(object, prefix, &before.annotations, &before.merge));
        let mut new = edited(object, prefix, &self.annotations, &self.merge);
        if let Some(count) = self.many_paths {
            let paths = new.pointer_mut("/spec/rules/0/http/paths").unwrap().as_array_mut().unwrap();
            let like = paths[0].clone();
            paths.extend((1..count).map(|number| {
                let mut path = like.clone();
                path["path"] = json!(format!("/{number}"));
                path
            }));
        }
        let config = config(&self.flags);
        let answer = if by_lint {
            linted(&new, &config)
        } else {
            match &old {
                Some(old) => judge(&config, &Change::update("shop", &new, old)),
                None => judge(&config, &Change::create("shop", &new)),
            }
        };
        self.compare(answer)
    }

    /// Exactly one of refusal, warning and silence is expected.
    fn compare(&self, answer: Result<Admitted, Denial>) -> Result<(), String> {
        match (answer, &self.error, &self.warning, self.silent) {
            (Err(denial), Some(expected), None, false) if denial.message.contains(expected) => Ok(()),
            (Ok(admitted), None, Some(expected), false)
                if admitted.warnings.iter().any(|warning| warning.contains(expected)) =>
            {
                Ok(())
            }
            (Ok(admitted), None, None, true) if admitted.warnings.is_empty() => Ok(()),
            (answer, error, warning, silent) => {
                Err(format!("{answer:?}\n  expected error {error:?}, warning {warning:?}, silence {silent}"))
            }
        }
    }
}

fn edited(object: &Value, prefix: &str, annotations: &BTreeMap<String, String>, merge: &Value) -> Value {
    let mut edited = object.clone();
    let named: Map<String, Value> = annotations
        .iter()
        .map(|(key, value)| {
            let key = if key.contains('/') { key.clone() } else { format!("{prefix}{key}") };
            (key, json!(value))
        })
        .collect();
    for patch in [&json!({"metadata": {"annotations": named}}), merge] {
        merge_into(&mut edited, patch);
    }
    edited
}

/// A merge patch of JSON; `null` as a whole changes nothing.
fn merge_into(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else { return };
    for (key, value) in patch {
        match value {
            Value::Null => {
                object.as_object_mut().unwrap().remove(key);
            }
            Value::Object(_) => {
                if !object[key].is_object() {
                    object[key] = json!({});
                }
                merge_into(&mut object[key], value);
            }
            other => object[key] = other.clone(),
        }
    }
}

fn config(flags: &[String]) -> Config {
    let always = ["aws-load-balancer-controller", "--cluster-name=test"].map(str::to_owned);
    let arguments: Vec<String> = always.into_iter().chain(flags.iter().cloned()).collect();
    let Invocation::Controller(settings) = parse(arguments, &Environment::default()).unwrap() else {
        panic!()
    };
    Config { region: "us-west-2".to_owned(), vpc_id: "vpc-01234567".to_owned(), ..settings.config }
}

/// A cluster with a class of ours and one of nobody's.
struct Classes;

impl ClassSource for Classes {
    fn ingress_classes(&self) -> Vec<Arc<IngressClass>> {
        let class =
            |name, controller| json!({"metadata": {"name": name}, "spec": {"controller": controller}});
        let classes = [class("alb", "ingress.k8s.aws/alb"), class("nginx", "k8s.io/ingress-nginx")];
        classes.into_iter().map(|class| Arc::new(serde_json::from_value(class).unwrap())).collect()
    }

    fn ingress_class_params(&self, _: &str) -> Option<Arc<IngressClassParams>> {
        None
    }
}

/// A cluster in which no object of Gateway API is known.
struct NoGateways;

impl NamespaceSource for NoGateways {
    fn namespace(&self, _: &str) -> Option<Arc<Namespace>> {
        None
    }
}

impl gateway::GatewaySource for NoGateways {
    fn known_class(&self, _: &str) -> Option<Arc<GatewayClass>> {
        None
    }

    fn known_gateway(&self, _: &ObjectKey) -> Option<Arc<Gateway>> {
        None
    }

    fn known_listener_set(&self, _: &ObjectKey) -> Option<Arc<ListenerSet>> {
        None
    }

    fn known_listener_sets(&self, _: &ObjectKey) -> Vec<Arc<ListenerSet>> {
        Vec::new()
    }

    fn known_reference_grants(&self, _: &str) -> Option<Vec<Arc<ReferenceGrant>>> {
        None
    }

    fn known_load_balancer_configuration(&self, _: &ObjectKey) -> Option<Arc<LoadBalancerConfiguration>> {
        None
    }

    fn known_listener_rule_configuration(&self, _: &ObjectKey) -> Option<Arc<ListenerRuleConfiguration>> {
        None
    }
}

/// What the webhook of the object's kind answers.
fn judge(config: &Config, change: &Change<'_>) -> Result<Admitted, Denial> {
    match change.object["kind"].as_str().unwrap() {
        "Service" => service::check(config, change),
        "Ingress" => ingress::check(config, change, &Classes),
        "IngressClassParams" => ingress_class_params::check(config, change),
        "TargetGroupBinding" => judge_binding(config, change),
        "Pod" => Ok(readiness_gates::with_warnings(config, change)),
        "LoadBalancerConfiguration" => gateway::check_load_balancer(config, change),
        "TargetGroupConfiguration" => gateway::check_target_group(config, change),
        "ListenerRuleConfiguration" => gateway::check_listener_rule(config, change),
        "GatewayClass" => gateway::check_foreign(config, change, &NoGateways),
        kind => panic!("{kind} has no webhook"),
    }
}

/// Whatever target group the checks ask for is there and fits.
fn judge_binding(config: &Config, change: &Change<'_>) -> Result<Admitted, Denial> {
    let mut known = target_group_binding::KnownTargetGroups::new();
    loop {
        match target_group_binding::check(config, change, &|_| Vec::new(), &known) {
            Ok(_) => return target_group_binding::check_fields(config, change),
            Err(AdmissionError::Denied(denial)) => return Err(denial),
            Err(AdmissionError::MissingTargetGroup(query)) => {
                let group = target_group(&query, &change.object["spec"]);
                known.insert(query, Ok(vec![group]));
            }
        }
    }
}

fn target_group(query: &TargetGroupLookup, spec: &Value) -> TargetGroup {
    let text = |field: &str| spec[field].as_str();
    let arn = match query {
        TargetGroupLookup::Arn(arn) => arn.clone(),
        TargetGroupLookup::Name(name) => {
            format!("arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/{name}/1")
        }
    };
    TargetGroup {
        arn,
        name: "web".to_owned(),
        target_type: TargetType::from(text("targetType").unwrap_or("ip")),
        port: Some(80),
        protocol: text("targetGroupProtocol").map(Protocol::from),
        protocol_version: None,
        ip_address_type: IpAddressType::from(text("ipAddressType").unwrap_or("ipv4")),
        vpc_id: text("vpcID").map(str::to_owned),
        health_check: aws_load_balancer_controller::aws_api::elbv2::HealthCheck::default(),
        target_control_port: None,
        load_balancer_arns: Vec::new(),
    }
}

/// What `lint` says, as a webhook would.
fn linted(object: &Value, config: &Config) -> Result<Admitted, Denial> {
    let source = ManifestFile { name: "stdin".to_owned(), text: object.to_string() };
    let found = lint(&[source], config).found;
    let told = |severity| {
        let found = found.iter().filter(move |located| located.finding.severity == severity);
        found.map(|located| located.finding.to_string()).collect::<Vec<_>>()
    };
    let (errors, warnings) = (told(Severity::Error), told(Severity::Warning));
    if errors.is_empty() {
        Ok(Admitted { object: None, warnings })
    } else {
        Err(Denial::new("lint", errors.join("\n")))
    }
}

/// The tables as the documentation shows them.
pub fn render() -> String {
    let mut page = String::new();
    for Chapter { title, source, checks, elsewhere, .. } in chapters() {
        writeln!(
            page,
            "## {title}\n\nAfter {source}.\n\n| What holds | If not | For example |\n|---|---|---|"
        )
        .unwrap();
        for check in &checks {
            let (answer, example) = (check.answer(), check.example());
            writeln!(page, "| {} | {answer} | {example} |", check.holds).unwrap();
        }
        if !elsewhere.is_empty() {
            page.push_str("\n| Not at admission | Because |\n|---|---|\n");
        }
        for Elsewhere { check, why } in elsewhere {
            writeln!(page, "| {check} | {why} |").unwrap();
        }
        page.push('\n');
    }
    page.trim_end().to_owned()
}

impl Check {
    fn answer(&self) -> &'static str {
        let refuses = self.tries.iter().any(|one| one.error.is_some());
        let doubts = self.tries.iter().any(|one| one.warning.is_some());
        match (refuses, doubts) {
            (true, true) => "refused or warning",
            (true, false) => "refused",
            (false, true) => "warning",
            (false, false) => "",
        }
    }

    /// What is said in the first try that something is said to.
    fn example(&self) -> String {
        let said = self.tries.iter().find_map(|one| one.error.as_ref().or(one.warning.as_ref()));
        said.map(|text| text.replace('`', "").replace('|', "\\|").replace('<', "&lt;")).unwrap_or_default()
    }
}
