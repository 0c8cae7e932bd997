//! Load balancers of one name: AWS has one of each name in an account and region, of whatever type.

use crate::admission::group::Classified;
use crate::admission::permissive_facts::KnownServices;
use crate::annotations::ingress::of as ingress_annotations;
use crate::annotations::{Annotations, NLB_PREFIX, service as keys};
use crate::config::Config;
use crate::facts::group::group_of;
use crate::facts::object_refs::{ingress_ref, service_ref};
use crate::finding::{Finding, ObjectRef};
use crate::settings;
use std::collections::BTreeMap;

/// Who asks for a name: the load balancer that shall have it, the object, and where it says so.
struct NameClaim {
    balancer: String,
    object: ObjectRef,
    field: String,
}

/// A finding on each object whose load balancer shall have a name that another one has.
pub(super) fn equal_names(
    ingresses: &[Classified],
    services: &KnownServices,
    config: &Config,
) -> Vec<Finding> {
    let mut claims: BTreeMap<String, Vec<NameClaim>> = BTreeMap::new();
    let of_services = services.values().filter(|service| settings::service::is_selected(service, config));
    for service in of_services {
        let annotations = Annotations::new(NLB_PREFIX, service.metadata.annotations.as_ref());
        let Some(name) = annotations.string(keys::NAME) else { continue };
        let object = service_ref(service);
        let claim = NameClaim { balancer: object.to_string(), object, field: annotations.key(keys::NAME) };
        claims.entry(name.to_owned()).or_default().push(claim);
    }
    for (name, claim) in ingresses.iter().filter_map(claim_of_ingress) {
        claims.entry(name).or_default().push(claim);
    }
    claims.iter().flat_map(|(name, claims)| conflicts(name, claims)).collect()
}

fn claim_of_ingress((ingress, params): &Classified) -> Option<(String, NameClaim)> {
    const SUFFIX: &str = "load-balancer-name";
    let annotations = ingress_annotations(ingress.metadata.annotations.as_ref());
    let by_class = params.as_ref().and_then(|params| params.spec.load_balancer_name.as_deref());
    let by_class = by_class.filter(|name| !name.is_empty());
    let name = by_class.or_else(|| annotations.string(SUFFIX))?;
    let field = if by_class.is_some() { "spec.ingressClassName".to_owned() } else { annotations.key(SUFFIX) };
    let id = group_of(ingress, params.as_deref()).ok()?;
    Some((
        name.to_owned(),
        NameClaim { balancer: format!("ingress group {id}"), object: ingress_ref(ingress), field },
    ))
}

fn conflicts(name: &str, claims: &[NameClaim]) -> Vec<Finding> {
    let Some((first, rest)) = claims.split_first() else { return Vec::new() };
    let others = rest.iter().filter(|claim| claim.balancer != first.balancer);
    others
        .map(|claim| {
            let problem = format!(
                "the name {name:?} is that of the load balancer of {}, and AWS has one load balancer of a name",
                first.object
            );
            Finding::error(&claim.object, problem).at(claim.field.as_str())
        })
        .collect()
}
