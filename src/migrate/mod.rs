//! From Ingresses and Services to Gateway API, with a proof that the load balancers are the same.
//!
//! Inputs, names and objects are those of upstream's `lbc-migrate`, wherever what it makes serves the same requests in the same way. Where
//! it does not, or where the API server refuses it, other objects are made; `docs/ingress-to-gateway.md` lists them all. Whatever
//! cannot be expressed is told. [`verify`] builds both sides with the builders of the controller and compares them.

mod action;
mod authentication;
mod condition;
pub mod cutover;
mod group;
pub mod in_place;
mod load_balancer;
mod names;
pub mod objects;
mod path;
pub mod plan_comparison;
mod routes;
mod rule;
mod service;
mod target_group;
mod transform;
mod unread;
mod values;
pub mod verify;
pub mod warnings;
mod written;

pub use group::{Group, GroupMember};

use crate::api::{Ingress, IngressClass, IngressClassParams, ObjectKey, Service};
use crate::config::Config;
use crate::facts::group::class_annotation_matches;
use crate::facts::object_refs::ingress_ref;
use crate::finding::{Finding, ObjectRef};
use crate::gateway::Controller;
use names::Names;
use objects::{GatewayFields, ListenerParent, configured, gateway, route, secret_grant};
use routes::RouteContext;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use target_group::TargetGroupConfigurations;
use values::Values;

/// What is migrated. Ingresses and Services have namespaces.
#[derive(Clone, Debug, Default)]
pub struct MigrationInput {
    /// The Ingresses that are translated.
    pub ingresses: Vec<Arc<Ingress>>,
    /// The Services behind them, and those that are migrated themselves.
    pub services: Vec<Arc<Service>>,
    /// Classes by which Ingresses find their controller.
    pub classes: Vec<Arc<IngressClass>>,
    /// Parameters of classes.
    pub params: Vec<Arc<IngressClassParams>>,
}

/// What to generate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MigrationOptions {
    /// Whether Gateways are only planned at first.
    pub is_dry_run: bool,
    /// Whether Services of type LoadBalancer are migrated, too.
    pub with_services: bool,
    /// Whether Gateways take over the load balancers that there are.
    pub in_place: bool,
}

/// What is told: findings, and lines as the tool that came first writes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notes {
    /// Findings, each once, in the order in which they were made.
    pub findings: Vec<Finding>,
    /// The same, to be looked up.
    known: BTreeSet<Finding>,
    /// Lines in the words of `lbc-migrate`, without a line end.
    pub lines: Vec<String>,
    /// Why single rules are not translated, each once.
    pub errors: Vec<String>,
}

impl Notes {
    /// Adds what other notes tell.
    fn append(&mut self, other: Self) {
        other.findings.into_iter().for_each(|finding| self.add(finding));
        self.lines.extend(other.lines);
        other.errors.into_iter().for_each(|problem| self.add_error(problem));
    }

    /// Adds why a rule is not translated, unless that is told: rules are read once for each kind of listener.
    fn add_error(&mut self, problem: String) {
        if !self.errors.contains(&problem) {
            self.errors.push(problem);
        }
    }

    /// Adds a finding, unless it is there.
    pub fn add(&mut self, finding: Finding) {
        if self.known.insert(finding.clone()) {
            self.findings.push(finding);
        }
    }
}

/// What a Gateway is generated from.
#[derive(Clone, Debug)]
pub enum Source {
    /// An Ingress group.
    Group(Group),
    /// A Service of type LoadBalancer.
    Service(Arc<Service>),
}

/// What was generated, and what is to be said about it.
#[derive(Clone, Debug, Default)]
pub struct Migration {
    /// GatewayClasses, one for each controller.
    pub classes: Vec<Value>,
    /// LoadBalancerConfigurations, one for each Gateway that needs one.
    pub load_balancers: Vec<Value>,
    /// ReferenceGrants for Secrets that Gateways of other namespaces name.
    pub grants: Vec<Value>,
    /// Gateways, one for each load balancer.
    pub gateways: Vec<Value>,
    /// Routes of all kinds.
    pub routes: Vec<Value>,
    /// TargetGroupConfigurations, one for each Service that needs one.
    pub target_groups: Vec<Value>,
    /// ListenerRuleConfigurations by namespace and name.
    pub rules: BTreeMap<ObjectKey, Value>,
    /// What each Gateway is generated from.
    pub sources: Vec<(ObjectKey, Source)>,
    /// What is told.
    pub notes: Notes,
    /// Why something is not translated.
    pub errors: Vec<String>,
    /// Routes of a member that have a port of a Service as a backend.
    backends: BTreeMap<(ObjectKey, ObjectKey, i32), Vec<ObjectKey>>,
}

impl Migration {
    /// Adds another part.
    fn append(&mut self, part: Self) {
        let Self {
            classes,
            load_balancers,
            grants,
            gateways,
            routes,
            target_groups,
            rules,
            sources,
            notes,
            errors,
            backends,
        } = part;
        self.grants.extend(grants);
        self.classes.extend(classes);
        self.load_balancers.extend(load_balancers);
        self.gateways.extend(gateways);
        self.routes.extend(routes);
        self.target_groups.extend(target_groups);
        self.rules.extend(rules);
        self.sources.extend(sources);
        self.notes.append(notes);
        self.errors.extend(errors);
        self.backends.extend(backends);
    }

    /// What a TargetGroupConfiguration says for routes, if there is one of this name.
    fn target_group_of(&mut self, key: &ObjectKey) -> Option<&mut Vec<Value>> {
        let text = |object: &Value, pointer: &str| {
            object.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
        };
        let is_it = |object: &&mut Value| {
            text(object, "/metadata/name").as_deref() == Some(key.name())
                && text(object, "/metadata/namespace").as_deref() == Some(key.namespace())
        };
        let spec = self.target_groups.iter_mut().find(is_it)?.get_mut("spec")?.as_object_mut()?;
        spec.entry("routeConfigurations").or_insert_with(|| json!([])).as_array_mut()
    }

    /// All objects, in the order in which they are written.
    pub fn objects(&self) -> impl Iterator<Item = &Value> {
        let first = self.classes.iter().chain(&self.load_balancers).chain(&self.grants).chain(&self.gateways);
        first.chain(&self.routes).chain(&self.target_groups).chain(self.rules.values())
    }
}

/// An Ingress of another controller.
struct Foreign;

fn foreign(ingress: &Ingress, why: &str, notes: &mut Notes) -> Foreign {
    notes.add(Finding::warning(&ingress_ref(ingress), format!("{why}: it is left alone")));
    Foreign
}

impl MigrationInput {
    /// The parameters of the class of an Ingress. That it is another controller's is told.
    fn params_of(
        &self,
        ingress: &Ingress,
        config: &Config,
        notes: &mut Notes,
    ) -> Result<Option<Arc<IngressClassParams>>, Foreign> {
        // why first: the annotation wins over spec.ingressClassName in the controller, too
        match class_annotation_matches(ingress, config) {
            Some(true) => return Ok(None),
            Some(false) => {
                let key = crate::api::meta::INGRESS_CLASS_ANNOTATION;
                let class = ingress.metadata.annotations.as_ref().and_then(|all| all.get(key));
                let class = class.map(String::as_str).unwrap_or_default();
                return Err(foreign(
                    ingress,
                    &format!("is of class {class:?}, by its annotation {key}"),
                    notes,
                ));
            }
            None => {}
        }
        let named = ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_deref());
        let class = match named {
            Some(name) => self.classes.iter().find(|class| class.metadata.name.as_deref() == Some(name)),
            None => self.classes.iter().find(|class| is_default(class)),
        };
        let Some(class) = class else { return Ok(None) };
        let spec = class.spec.as_ref();
        let controller = spec.and_then(|spec| spec.controller.as_deref()).unwrap_or_default();
        if controller != crate::api::meta::INGRESS_CLASS_CONTROLLER {
            return Err(foreign(ingress, &format!("is of a class of controller {controller:?}"), notes));
        }
        let reference =
            spec.and_then(|spec| spec.parameters.as_ref()).filter(|found| found.kind == "IngressClassParams");
        let params = reference.and_then(|found| {
            self.params.iter().find(|params| params.metadata.name.as_ref() == Some(&found.name))
        });
        Ok(params.cloned())
    }

    /// The Services with their annotations.
    fn services(&self) -> rule::InputServices {
        let one = |service: &Arc<Service>| {
            let key = ObjectKey::of(&**service);
            let object = ObjectRef {
                kind: "Service",
                namespace: key.namespace().to_owned(),
                name: key.name().to_owned(),
            };
            let values = Values::of(object, &service.metadata);
            (key, (service.clone(), values))
        };
        self.services.iter().map(one).collect()
    }
}

fn is_default(class: &IngressClass) -> bool {
    let key = crate::api::meta::DEFAULT_INGRESS_CLASS_ANNOTATION;
    class.metadata.annotations.as_ref().and_then(|all| all.get(key)).is_some_and(|value| value == "true")
}

/// Translates everything that can be; what cannot be is among the errors.
pub fn translate(input: &MigrationInput, options: MigrationOptions, config: &Config) -> Migration {
    let mut migration = Migration::default();
    let mut errors = Vec::new();
    let groups = group::groups(input, config, &mut errors, &mut migration.notes);
    let mut names = Names::default();
    for member in groups.iter().flat_map(|group| &group.members) {
        // why first of all: a route of a Service may ask for the same name
        let purpose = routes::main_purpose(&member.key);
        names.take(routes::ROUTE, member.key.namespace(), (member.key.name(), "route"), &purpose);
    }
    let services = input.services();
    let mut target_groups = TargetGroupConfigurations::new(options.in_place);
    for group in groups {
        let mut part = Migration::default();
        match add_group(group, options, &services, &mut names, &mut part, &mut target_groups) {
            Ok(failed) => {
                migration.append(part);
                errors.extend(failed);
            }
            Err(problem) => errors.push(problem),
        }
    }
    if !migration.gateways.is_empty() {
        migration.classes.push(objects::class(Controller::Alb));
    }
    migration.target_groups = target_groups.objects(&mut names);
    if options.with_services {
        service::add(input, options, config, &mut names, &mut migration, &mut errors);
    }
    errors.append(&mut migration.notes.errors);
    migration.errors = errors;
    migration
}

/// Adds what a group becomes. Errors of single members cost these members.
fn add_group(
    mut group: Group,
    options: MigrationOptions,
    services: &rule::InputServices,
    names: &mut Names,
    migration: &mut Migration,
    target_groups: &mut TargetGroupConfigurations,
) -> Result<Vec<String>, String> {
    if group.spans_namespaces() {
        migration.notes.lines.push(warnings::across_namespaces(&group.name));
    }
    let settings = group.settings()?;
    let ssl_redirect = group.ssl_redirect(&mut migration.notes)?;
    let ssl_redirect = ssl_redirect.filter(|port| is_reachable(&group, *port, &mut migration.notes));
    let (hashed, suffixes) = if group.is_named {
        ("", ("grp-gw", "grp-lb"))
    } else {
        (group.namespace.as_str(), ("gateway", "lb-config"))
    };
    let origin = group.origin();
    let mut take =
        |kind, suffix| names.take_hashed(kind, &group.namespace, hashed, (&group.name, suffix), &origin);
    let key = ObjectKey::namespaced(group.namespace.as_str(), take("Gateway", suffixes.0));
    let configuration = load_balancer::spec(&group, &settings, &mut migration.notes)?.map(|spec| {
        let key = key.sibling(take("LoadBalancerConfiguration", suffixes.1));
        (key.clone(), configured("LoadBalancerConfiguration", &key, &spec))
    });
    let with_secrets = |listener: objects::Listener| {
        let secrets = group.secrets(&listener);
        (listener, secrets)
    };
    let fields = GatewayFields {
        controller: Controller::Alb,
        listeners: group.listeners().into_iter().map(with_secrets).collect(),
        configuration: configuration.as_ref().map(|(key, _)| key.name()),
        from_all: group.spans_namespaces(),
        is_dry_run: options.is_dry_run,
    };
    add_grants(&group, &fields, names, migration);
    let object = gateway(&key, &fields);
    if let Some(port) = ssl_redirect {
        add_redirects(&group, &key, port, names, migration);
    }
    let context = RouteContext { group: &group, gateway: &key, ssl_redirect, services };
    let AddedMembers { translated, lost, errors } = add_members(context, names, migration);
    if translated.is_empty() {
        return Err(errors.join("\n"));
    }
    for member in &translated {
        let backends: Vec<_> = migration.backends.iter().filter(|((of, ..), _)| *of == member.key).collect();
        for ((_, service, port), routes) in backends {
            let of_service = services.get(service).map(|(_, values)| values);
            target_groups.add(member, (service, *port), of_service, routes, &mut migration.notes);
        }
    }
    migration.load_balancers.extend(configuration.map(|(_, object)| object));
    migration.gateways.push(object);
    group.members = translated;
    group.lost.extend(lost);
    migration.sources.push((key, Source::Group(group)));
    Ok(errors)
}

/// Adds a grant in every other namespace with Secrets that the listeners name.
fn add_grants(group: &Group, fields: &GatewayFields<'_>, names: &mut Names, migration: &mut Migration) {
    let named: BTreeSet<&ObjectKey> = fields.listeners.iter().flat_map(|(_, secrets)| secrets).collect();
    let mut by_namespace: BTreeMap<&str, Vec<&ObjectKey>> = BTreeMap::new();
    for secret in named.into_iter().filter(|secret| secret.namespace() != group.namespace) {
        by_namespace.entry(secret.namespace()).or_default().push(secret);
    }
    for (namespace, secrets) in by_namespace {
        let name = names.take("ReferenceGrant", namespace, (&group.name, "grp-tls"), &group.origin());
        let key = ObjectKey::namespaced(namespace, name);
        migration.grants.push(secret_grant(&key, &group.namespace, &secrets));
    }
}

/// What became of the members of a group.
#[derive(Default)]
struct AddedMembers {
    translated: Vec<GroupMember>,
    /// Those that are not translated, and why.
    lost: Vec<GroupMember>,
    errors: Vec<String>,
}

/// Adds the routes of the members of a group, in group order.
fn add_members(context: RouteContext<'_>, names: &mut Names, migration: &mut Migration) -> AddedMembers {
    let listeners = context.group.listeners();
    let (mut added, mut answered) = (AddedMembers::default(), Vec::new());
    for member in &context.group.members {
        let mut part = Migration::default();
        match routes::add(context, member, names, &mut answered, &mut part) {
            Ok(()) => {
                migration.append(part);
                unread::tell(member, &listeners, &mut migration.notes);
                added.translated.push(member.clone());
            }
            Err(problem) => {
                added.lost.push(member.clone());
                added.errors.push(problem);
            }
        }
    }
    added
}

/// Adds a route for each HTTP listener that redirects to a port.
fn add_redirects(
    group: &Group,
    gateway: &ObjectKey,
    port: i32,
    names: &mut Names,
    migration: &mut Migration,
) {
    for listener in group.listeners().iter().filter(|listener| listener.protocol == "HTTP") {
        let purpose = format!("{} {}", group.origin(), listener.section());
        let name = names.take(routes::ROUTE, &group.namespace, (&group.name, "redirect"), &purpose);
        let parent = ListenerParent { gateway: gateway.clone(), section: listener.section() };
        let filter = json!({"scheme": "https", "port": port, "statusCode": 301});
        let rule = json!({"filters": [{"type": "RequestRedirect", "requestRedirect": filter}]});
        migration.routes.push(route(routes::ROUTE, &gateway.sibling(name), &[parent], &[], vec![rule]));
    }
}

/// Whether HTTP requests can be redirected to a port.
fn is_reachable(group: &Group, port: i32, notes: &mut Notes) -> bool {
    let is_there =
        group.listeners().iter().any(|listener| listener.protocol == "HTTPS" && listener.port == port);
    if !is_there && let Some(first) = group.members.first() {
        let problem = format!(
            "redirects HTTP requests to port {port}, where it has no HTTPS listener: the redirect is left out"
        );
        notes.add(
            Finding::warning(&first.values.object, problem)
                .at(first.values.annotations().key("ssl-redirect")),
        );
    }
    is_there
}

#[cfg(test)]
mod tests;
