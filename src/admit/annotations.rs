//! Everything that is wrong with the annotations of an object, at once.

use super::trial;
use crate::api::{ObjectKey, Service};
use crate::build;
use crate::config::Config;
use crate::finding::{Finding, ObjectRef};

/// A Service, as findings name it.
pub fn service_ref(service: &Service) -> ObjectRef {
    let key = ObjectKey::of(service);
    ObjectRef { kind: "Service", namespace: key.namespace().to_owned(), name: key.name().to_owned() }
}

/// What is wrong with a Service. `old`: what it was before, in an update.
pub fn of_service(config: &Config, service: &Service, old: Option<&Service>) -> Vec<Finding> {
    if !build::service::is_selected(service, config) {
        return Vec::new();
    }
    trial::try_service(service, old.is_none(), config)
}
