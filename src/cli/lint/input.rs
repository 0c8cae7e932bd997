//! What the objects of the input know of each other.

use super::checks::text;
use crate::admit::annotations::Class;
use crate::admit::benevolent::KnownServices;
use crate::admit::keys;
use crate::admit::trial::completed;
use crate::api::{Ingress, IngressClass, IngressClassParams, ObjectKey, Service};
use crate::config::Config;
use crate::inputs::group::{ClassView, class_annotation_matches, effective_class_name, find_class};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Classes, their parameters and Services.
#[derive(Default)]
pub(super) struct Input {
    classes: Vec<Arc<IngressClass>>,
    params: Vec<Arc<IngressClassParams>>,
    pub services: Arc<KnownServices>,
}

impl Input {
    pub fn of<'v>(objects: impl Iterator<Item = &'v Value>) -> Self {
        let mut input = Self::default();
        let mut services = KnownServices::new();
        for object in objects {
            match text(object, "kind") {
                "IngressClass" => input.classes.extend(IngressClass::deserialize(object).map(Arc::new)),
                "IngressClassParams" => {
                    input.params.extend(IngressClassParams::deserialize(object).map(Arc::new));
                }
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

    /// The class of an Ingress; `None`: it is not ours.
    pub fn class_of(&self, ingress: &Ingress, config: &Config) -> Option<Class> {
        if let Some(is_ours) = class_annotation_matches(ingress, config) {
            return is_ours.then_some(Class::Plain);
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
                Some(params.map_or(Class::Plain, |params| Class::Params(params.clone())))
            }
            other => (other.as_deref() == Some("alb") || mentions_us(ingress)).then_some(Class::Plain),
        }
    }
}

fn mentions_us(ingress: &Ingress) -> bool {
    ingress.metadata.annotations.iter().flatten().any(|(key, _)| keys::concerns_us(key))
}
