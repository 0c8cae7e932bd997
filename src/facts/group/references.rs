//! What an Ingress refers to, read from the object alone; for indexes and for reading ahead.

use crate::annotations::ingress::action::{IngressAction, parse_action};
use crate::annotations::ingress::{auth::parse_auth, of};
use crate::api::Ingress;
use k8s_openapi::api::networking::v1::{IngressBackend, IngressServiceBackend};
use std::collections::{BTreeMap, BTreeSet};

/// The port name that stands for the annotation `actions.<service>`.
pub const USE_ANNOTATION: &str = "use-annotation";

/// Names of the Services (in the namespace of the Ingress) that its backends forward to.
///
/// A backend that does not parse adds none; upstream then forgets those of all backends, so that repairing one of the others
/// goes unnoticed.
pub fn service_references(ingress: &Ingress) -> BTreeSet<String> {
    // why: an action is read once, however many paths lead to it
    let mut seen = BTreeSet::new();
    let services = backends(ingress).into_iter().filter_map(|backend| backend.service.as_ref());
    let different =
        services.filter(|service| seen.insert((service.name.as_str(), is_by_annotation(service))));
    different.flat_map(|service| services_of(ingress, service)).collect()
}

/// Name of the Secret that `auth-idp-oidc` of an Ingress or Service refers to.
pub fn secret_reference(annotations: Option<&BTreeMap<String, String>>) -> Option<String> {
    let oidc = parse_auth(&of(annotations)).ok()?.oidc?;
    Some(oidc.secret_name).filter(|name| !name.is_empty())
}

/// All backends: the default one, then those of the paths.
pub fn backends(ingress: &Ingress) -> Vec<&IngressBackend> {
    let Some(spec) = &ingress.spec else { return Vec::new() };
    let rules = spec.rules.iter().flatten().filter_map(|rule| rule.http.as_ref());
    let paths = rules.flat_map(|http| http.paths.iter().map(|path| &path.backend));
    spec.default_backend.iter().chain(paths).collect()
}

fn is_by_annotation(service: &IngressServiceBackend) -> bool {
    service.port.as_ref().and_then(|port| port.name.as_deref()) == Some(USE_ANNOTATION)
}

fn services_of(ingress: &Ingress, service: &IngressServiceBackend) -> Vec<String> {
    if !is_by_annotation(service) {
        return vec![service.name.clone()];
    }
    let annotations = of(ingress.metadata.annotations.as_ref());
    match parse_action(&annotations, &service.name) {
        Ok(Some(IngressAction::Forward(forward))) => forward.services().map(str::to_owned).collect(),
        Ok(_) | Err(_) => Vec::new(),
    }
}
