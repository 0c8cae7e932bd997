//! What the objects of the input know of each other.

use super::gateway::{ConfigurationUse, GatewayInput};
use super::names::equal_names;
use super::object::text;
use crate::admission::annotation_keys;
use crate::admission::dry_build::completed;
use crate::admission::group::{Classified, together};
use crate::admission::permissive_facts::KnownServices;
use crate::admission::validate::KnownClass;
use crate::api::{Ingress, IngressClass, IngressClassParams, ObjectKey, Service};
use crate::config::Config;
use crate::facts::group::{ClassView, class_annotation_matches, effective_class_name, find_class};
use crate::finding::Finding;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Classes, their parameters and Services.
#[derive(Default)]
pub(super) struct Input {
    classes: Vec<Arc<IngressClass>>,
    params: Vec<Arc<IngressClassParams>>,
    pub services: Arc<KnownServices>,
    ingresses: Vec<Arc<Ingress>>,
    /// Whether an Ingress cannot be read, so that a group may lack a member.
    lacks_ingress: bool,
    pub gateway: GatewayInput,
}

/// What objects of the input come to together.
#[derive(Default)]
pub(super) struct Together {
    /// Findings of Ingresses that are built with the other members of their group.
    pub groups: BTreeMap<ObjectKey, Vec<Finding>>,
    /// Findings of objects that ask for a name which another load balancer has.
    pub names: Vec<Finding>,
    /// Who has which LoadBalancerConfiguration.
    pub configurations: ConfigurationUse,
}

impl Input {
    pub fn of<'v>(objects: impl Iterator<Item = &'v Value>) -> Self {
        let mut input = Self::default();
        let mut services = KnownServices::new();
        for object in objects {
            input.gateway.add(object);
            match text(object, "kind") {
                "IngressClass" => input.classes.extend(IngressClass::deserialize(object).map(Arc::new)),
                "IngressClassParams" => {
                    input.params.extend(IngressClassParams::deserialize(object).map(Arc::new));
                }
                "Ingress" => match Ingress::deserialize(object) {
                    Ok(ingress) => input.ingresses.push(Arc::new(ingress)),
                    Err(_) => input.lacks_ingress = true,
                },
                "Service" => services.extend(Service::deserialize(object).map(|service| {
                    let key = ObjectKey::of(&service);
                    ((key.namespace().to_owned(), key.name().to_owned()), Arc::new(completed(&service)))
                })),
                _ => {}
            }
        }
        input.services = Arc::new(services);
        input
    }

    /// What the members of groups are told when they are built together, by member, and load balancers of one name.
    pub fn together(&self, config: &Config) -> Together {
        let ours: Vec<Classified> =
            self.ingresses.iter().filter_map(|ingress| self.classified(ingress, config)).collect();
        let groups =
            if self.lacks_ingress { BTreeMap::new() } else { together(&ours, config, &self.services) };
        let names = equal_names(&ours, &self.services, config);
        Together { groups, names, configurations: self.gateway.uses() }
    }

    fn classified(&self, ingress: &Arc<Ingress>, config: &Config) -> Option<Classified> {
        match self.class_of(ingress, config)? {
            KnownClass::Plain => Some((ingress.clone(), None)),
            KnownClass::Params(params) => Some((ingress.clone(), Some(params))),
            KnownClass::Unknown => None,
        }
    }

    /// The class of an Ingress; `None`: it is not ours.
    pub fn class_of(&self, ingress: &Ingress, config: &Config) -> Option<KnownClass> {
        if let Some(is_ours) = class_annotation_matches(ingress, config) {
            return is_ours.then_some(KnownClass::Plain);
        }
        let view = ClassView { classes: &self.classes, ..ClassView::default() };
        let name = effective_class_name(ingress, &view).ok().flatten();
        let is_listed =
            |name: &String| self.classes.iter().any(|class| class.metadata.name.as_ref() == Some(name));
        match name {
            Some(name) if is_listed(&name) => {
                let class = find_class(&name, &view).ok().flatten()?;
                let reference = class.spec.as_ref().and_then(|spec| spec.parameters.as_ref());
                let params = reference.and_then(|reference| {
                    self.params.iter().find(|params| params.metadata.name.as_ref() == Some(&reference.name))
                });
                Some(params.map_or(KnownClass::Plain, |params| KnownClass::Params(params.clone())))
            }
            other => (other.as_deref() == Some("alb") || mentions_us(ingress)).then_some(KnownClass::Plain),
        }
    }
}

fn mentions_us(ingress: &Ingress) -> bool {
    ingress.metadata.annotations.iter().flatten().any(|(key, _)| annotation_keys::concerns_us(key))
}
