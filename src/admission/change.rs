//! What the API server wants to do with an object, and the one way from there to a response, whatever the kind.

use super::{AdmissionOperation, Admitted, Denial, response};
use crate::annotations::{ALB_PREFIX, NLB_PREFIX};
use crate::api::meta::INGRESS_CLASS_ANNOTATION;
use crate::config::{AnnotationValidation, Config};
use crate::finding::{Finding, ObjectRef};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What the API server wants to do with an object.
#[derive(Clone, Copy, Debug)]
pub struct Change<'c> {
    /// What.
    pub operation: AdmissionOperation,
    /// Namespace of the request: the object may lack it.
    pub namespace: &'c str,
    /// The object as it shall be.
    pub object: &'c Value,
    /// The object as it was.
    pub old: Option<&'c Value>,
}

impl<'c> Change<'c> {
    /// A new object.
    pub fn create(namespace: &'c str, object: &'c Value) -> Self {
        Self { operation: AdmissionOperation::Create, namespace, object, old: None }
    }

    /// A changed object.
    pub fn update(namespace: &'c str, object: &'c Value, old: &'c Value) -> Self {
        Self { operation: AdmissionOperation::Update, namespace, object, old: Some(old) }
    }

    /// Whether there is nothing to check: no creation or update, an object on its way out, or an update that touches
    /// neither the spec nor an annotation of ours (metadata, status, finalizers).
    pub fn is_of_no_concern(&self) -> bool {
        let is_leaving = self.object.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null());
        match self.operation {
            AdmissionOperation::Create => is_leaving,
            AdmissionOperation::Update => {
                is_leaving || self.old.is_some_and(|old| !touches(self.object, old))
            }
            AdmissionOperation::Other => true,
        }
    }

    /// The object as its type, with its namespace.
    pub fn parse<K: kube::Resource + DeserializeOwned>(&self) -> Result<K, serde_json::Error> {
        let mut parsed = K::deserialize(self.object)?;
        parsed.meta_mut().namespace.get_or_insert_with(|| self.namespace.to_owned());
        Ok(parsed)
    }

    /// The object as it was, as its type.
    pub fn parse_old<K: DeserializeOwned>(&self) -> Option<K> {
        self.old.and_then(|old| K::deserialize(old).ok())
    }

    /// Checks the object as its type, as far as the settings say. `name` tells how findings name it, `find` what is wrong
    /// with it, given what it was before.
    pub fn check_object<K: kube::Resource + DeserializeOwned>(
        &self,
        config: &Config,
        check: &'static str,
        name: fn(&K) -> ObjectRef,
        find: impl FnOnce(&K, Option<&K>) -> Vec<Finding>,
    ) -> Result<Admitted, Denial> {
        if config.annotation_validation == AnnotationValidation::Off || self.is_of_no_concern() {
            return Ok(Admitted::unchanged());
        }
        // why: an object that does not parse is the API server's to refuse
        let Ok(parsed) = self.parse::<K>() else { return Ok(Admitted::unchanged()) };
        let findings = find(&parsed, self.parse_old().as_ref());
        response::to_response(config.annotation_validation, check, &name(&parsed), &findings)
    }
}

fn touches(object: &Value, old: &Value) -> bool {
    object.get("spec") != old.get("spec") || !ours(object).eq(ours(old))
}

/// Annotations of ours, by key.
fn ours(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    annotations.into_iter().flat_map(Map::iter).filter(|(key, _)| is_ours(key))
}

fn is_ours(key: &str) -> bool {
    let prefix = key.split('/').next().unwrap_or_default();
    prefix == ALB_PREFIX || prefix == NLB_PREFIX || key == INGRESS_CLASS_ANNOTATION
}

#[cfg(test)]
mod tests;
