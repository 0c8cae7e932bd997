#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::needless_pass_by_value)] // why: manifests read best as literals

use super::*;
use crate::api::{IngressClass, Namespace};
use serde_json::{Value, json};

/// Classes, parameters and namespaces that exist.
#[derive(Debug, Default)]
struct World {
    classes: Vec<Arc<IngressClass>>,
    params: Vec<Arc<IngressClassParams>>,
    namespaces: Vec<Arc<Namespace>>,
    config: Config,
}

impl Namespaces for World {
    fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        let is_it = |namespace: &&Arc<Namespace>| namespace.metadata.name.as_deref() == Some(name);
        self.namespaces.iter().find(is_it).cloned()
    }
}

impl World {
    fn new() -> Self {
        let ours = json!({"metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb"}});
        let foreign = json!({"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}});
        let shop = json!({"metadata": {"name": "shop", "labels": {"team": "green"}}});
        Self {
            classes: vec![object(ours), object(foreign)],
            namespaces: vec![object(shop)],
            ..Self::default()
        }
    }

    fn with_params(mut self, spec: Value) -> Self {
        let parameters = json!({"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "p"});
        let spec_of_class = json!({"controller": "ingress.k8s.aws/alb", "parameters": parameters});
        self.classes.push(object(json!({"metadata": {"name": "p"}, "spec": spec_of_class})));
        self.params.push(object(json!({"metadata": {"name": "p"}, "spec": spec})));
        self
    }

    fn view(&self) -> ClassView<'_> {
        ClassView { classes: &self.classes, params: &self.params, namespaces: Some(self) }
    }

    fn group(&self, ingress: &Ingress) -> Result<Option<String>, String> {
        let group = current_group(ingress, &self.view(), &self.config);
        group.map(|group| group.map(|group| group.to_string())).map_err(|problem| problem.to_string())
    }
}

fn object<T: serde::de::DeserializeOwned>(manifest: Value) -> Arc<T> {
    Arc::new(serde_json::from_value(manifest).unwrap())
}

fn ingress(name: &str, class: Option<&str>, annotations: &Value) -> Ingress {
    let manifest = json!({
        "metadata": {"namespace": "shop", "name": name, "annotations": annotations},
        "spec": {"ingressClassName": class},
    });
    serde_json::from_value(manifest).unwrap()
}

fn group_named(name: &str) -> Value {
    json!({"alb.ingress.kubernetes.io/group.name": name})
}

#[test]
fn the_legacy_annotation_decides_alone() {
    let cases = [
        ("alb", "alb", true),
        ("alb", "", false),
        ("alb", "nginx", false),
        ("", "", true),
        ("", "alb", true),
        ("own", "own", true),
    ];
    for (flag, value, ours) in cases {
        let mut world = World::new();
        world.config.ingress_class = flag.into();
        let ingress = ingress("web", Some("ghost"), &json!({"kubernetes.io/ingress.class": value}));
        assert_eq!(world.group(&ingress), Ok(ours.then(|| "shop/web".to_owned())), "{flag:?} {value:?}");
    }
}

#[test]
fn a_class_decides_by_its_controller() {
    let world = World::new();
    assert_eq!(world.group(&ingress("web", Some("alb"), &json!({}))), Ok(Some("shop/web".into())));
    assert_eq!(world.group(&ingress("web", Some("nginx"), &json!({}))), Ok(None));
    assert_eq!(world.group(&ingress("web", None, &json!({}))), Ok(None));
    let problem = world.group(&ingress("web", Some("ghost"), &json!({}))).unwrap_err();
    assert!(problem.contains("IngressClass \"ghost\" not found"), "{problem}");
}

#[test]
fn without_a_class_the_default_one_counts() {
    let default = |name: &str| {
        let annotations = json!({"ingressclass.kubernetes.io/is-default-class": "true"});
        let spec = json!({"controller": "ingress.k8s.aws/alb"});
        object(json!({"metadata": {"name": name, "annotations": annotations}, "spec": spec}))
    };
    let mut world = World::new();
    world.config.ingress_class = String::new();
    let classless = ingress("web", None, &json!({}));
    assert_eq!(world.group(&classless), Ok(Some("shop/web".into())), "an empty flag takes class-less ones");
    world.config.ingress_class = "alb".into();
    world.classes.push(default("d1"));
    assert_eq!(world.group(&classless), Ok(Some("shop/web".into())));
    world.classes.push(default("d2"));
    assert!(world.group(&classless).unwrap_err().contains("d1, d2"));
}

#[test]
fn parameters_may_name_the_group_and_the_namespaces() {
    let cases = [
        (json!({}), Ok("own")),
        (json!({"group": {"name": "edge"}}), Ok("edge")),
        (json!({"group": {"name": "Edge"}}), Err("invalid ingress group")),
        (json!({"namespaceSelector": {"matchLabels": {"team": "green"}}}), Ok("own")),
        (json!({"namespaceSelector": {}}), Ok("own")),
        (
            json!({"namespaceSelector": {"matchLabels": {"team": "red"}}}),
            Err("does not match namespace \"shop\""),
        ),
        (json!({"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}), Err("Near")),
    ];
    for (spec, expected) in cases {
        let world = World::new().with_params(spec.clone());
        let found = world.group(&ingress("web", Some("p"), &group_named("own")));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), Some(expected), "{spec}"),
            (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
            (found, expected) => panic!("{spec}: {found:?}, expected {expected:?}"),
        }
    }
    let mut world = World::new().with_params(json!({}));
    world.params.clear();
    let problem = world.group(&ingress("web", Some("p"), &json!({}))).unwrap_err();
    assert!(problem.contains("IngressClassParams \"p\" not found"), "{problem}");
}

#[test]
fn names_of_groups_are_dns_like() {
    let long = "a".repeat(64);
    for (name, ok) in [
        ("a", true),
        ("a-b.c9", true),
        ("9", true),
        ("", false),
        ("-a", false),
        ("a.", false),
        ("A", false),
        ("a_b", false),
        (&long[..63], true),
        (&long, false),
    ] {
        assert_eq!(check_group_name(name).is_ok(), ok, "{name:?}");
    }
}

#[test]
fn finalizers_tell_the_groups_an_ingress_was_in() {
    let mut ingress = ingress("web", Some("alb"), &group_named("new"));
    ingress.metadata.finalizers =
        Some(vec!["group.ingress.k8s.aws/old".into(), "ingress.k8s.aws/resources".into(), "other".into()]);
    let world = World::new();
    let concerned = concerned_groups(&ingress, &world.view(), &world.config);
    let shown: Vec<String> = concerned.groups.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["new", "old", "shop/web"]);
    assert_eq!(concerned.problem, None);
    let foreign = StackId { name: "other".into(), ..implicit_group(&ObjectKey::of(&ingress)) };
    assert!(!has_group_finalizer(&ingress, &foreign), "an implicit group is the Ingress's own");
    assert_eq!(finalizer(&explicit_group("old")), "group.ingress.k8s.aws/old");
}

#[test]
fn members_are_sorted_by_order_then_name() {
    let member = |name: &str, order: &str| {
        let mut annotations = group_named("edge");
        annotations["alb.ingress.kubernetes.io/group.order"] = json!(order);
        Arc::new(ingress(name, Some("alb"), &annotations))
    };
    let world = World::new();
    let all =
        [member("z", "-5"), member("b", "0"), member("a", "+7"), member("y", "1001"), member("x", "first")];
    let group = load_group(&explicit_group("edge"), &all, &world.view(), &world.config);
    let names: Vec<&str> = group.members.iter().map(|member| member.key.name()).collect();
    assert_eq!(names, ["z", "b", "x", "y", "a"]);
    let defects: Vec<bool> = group.members.iter().map(|member| member.defect.is_some()).collect();
    assert_eq!(defects, [false, false, true, true, false], "a wrong order concerns its Ingress only");
}

#[test]
fn who_carries_the_finalizer_is_never_forgotten() {
    let marked = |mut ingress: Ingress| {
        ingress.metadata.finalizers = Some(vec!["group.ingress.k8s.aws/edge".into()]);
        Arc::new(ingress)
    };
    let mut deleting = ingress("deleting", Some("alb"), &group_named("edge"));
    deleting.metadata.deletion_timestamp =
        Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap());
    let all = [
        marked(deleting),
        marked(ingress("moved", Some("alb"), &group_named("other"))),
        marked(ingress("renamed", Some("alb"), &group_named("Bad!"))),
        marked(ingress("reclassed", Some("nginx"), &group_named("edge"))),
        marked(ingress("orphaned", Some("ghost"), &group_named("edge"))),
        Arc::new(ingress("stranger", Some("ghost"), &group_named("edge"))),
        Arc::new(ingress("fresh", Some("alb"), &group_named("edge"))),
    ];
    let world = World::new();
    let group = load_group(&explicit_group("edge"), &all, &world.view(), &world.config);
    let names: Vec<&str> = group.members.iter().map(|member| member.key.name()).collect();
    assert_eq!(names, ["fresh", "orphaned"]);
    assert!(group.members[1].defect.as_ref().unwrap().message.contains("\"ghost\" not found"));
    let departing: Vec<_> = group
        .departing
        .iter()
        .map(|departing_ingress| departing_ingress.metadata.name.clone().unwrap())
        .collect();
    assert_eq!(departing, ["deleting", "moved", "reclassed", "renamed"]);
}

#[test]
fn only_annotations_spec_and_deletion_matter() {
    let version = |mut ingress: Ingress, version: &str| {
        ingress.metadata.resource_version = Some(version.into());
        ingress
    };
    let old = version(ingress("web", Some("alb"), &json!({})), "1");
    let mut labelled = version(old.clone(), "2");
    labelled.metadata.labels = Some(BTreeMap::from([("a".into(), "b".into())]));
    assert!(!is_relevant_update(&old, &labelled));
    assert!(is_relevant_update(&old, &old), "a resync");
    assert!(is_relevant_update(&old, &version(ingress("web", None, &json!({})), "2")));
    assert!(is_relevant_update(&old, &version(ingress("web", Some("alb"), &group_named("edge")), "2")));
}

#[test]
fn references_are_read_from_the_object_alone() {
    let forward = r#"{"type": "forward", "forwardConfig": {"targetGroups": [{"serviceName": "b", "servicePort": 80, "weight": 1}, {"serviceName": "c", "servicePort": 80, "weight": 1}]}}"#;
    let backend = |name: &str, port: Value| json!({"service": {"name": name, "port": port}});
    let path = |backend: Value| json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let use_annotation = json!({"name": "use-annotation"});
    let manifest = json!({
        "metadata": {"namespace": "shop", "name": "web", "annotations": {
            "alb.ingress.kubernetes.io/actions.split": forward,
            "alb.ingress.kubernetes.io/actions.broken": "{",
            "alb.ingress.kubernetes.io/auth-idp-oidc": r#"{"secretName": "s"}"#,
        }},
        "spec": {
            "defaultBackend": backend("a", json!({"number": 80})),
            "rules": [{"http": {"paths": [
                path(backend("split", use_annotation.clone())),
                path(backend("broken", use_annotation)),
                path(json!({"resource": {"kind": "Bucket", "name": "x"}})),
            ]}}],
        },
    });
    let ingress: Ingress = serde_json::from_value(manifest).unwrap();
    let services: Vec<String> = service_references(&ingress).into_iter().collect();
    assert_eq!(services, ["a", "b", "c"], "what does not parse hides nothing else");
    assert_eq!(secret_reference(ingress.metadata.annotations.as_ref()).as_deref(), Some("s"));
}
