//! Objects as findings name them.

use crate::api::{Ingress, ObjectKey, Service};
use crate::finding::ObjectRef;

/// An Ingress, as findings name it.
pub fn ingress_ref(ingress: &Ingress) -> ObjectRef {
    let key = ObjectKey::of(ingress);
    ObjectRef { kind: "Ingress", namespace: key.namespace().to_owned(), name: key.name().to_owned() }
}

/// A Service, as findings name it.
pub fn service_ref(service: &Service) -> ObjectRef {
    let key = ObjectKey::of(service);
    ObjectRef { kind: "Service", namespace: key.namespace().to_owned(), name: key.name().to_owned() }
}
