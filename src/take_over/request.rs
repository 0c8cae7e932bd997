//! The annotations that ask for it, and that record that it has begun.

use crate::api::ObjectKey;
use crate::api::gateway::Gateway;
use crate::facts::group::{check_group_name, explicit_group, implicit_group};
use crate::gateway::Controller;
use crate::model::StackId;

/// Asks for the load balancer of an Ingress group, by its name, or of an Ingress without a group, by namespace and name.
pub const TAKE_OVER: &str = "gateway.k8s.aws/take-over-ingress-group";
/// The controller's record that it has begun: from then on the group is not reconciled any more.
pub const TAKEN_OVER: &str = "gateway.k8s.aws/taken-over-ingress-group";

/// How far a Gateway is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeOverRequest {
    /// It asks for the load balancer of this group.
    Asked(StackId),
    /// It has begun to take it over, or is done.
    Begun(StackId),
}

/// Why a Gateway cannot take over what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeOverError {
    /// The value names no group.
    #[error(
        "annotation {TAKE_OVER}: {value:?} {problem}; expected the name of an Ingress group, or namespace/name of an Ingress without a group"
    )]
    Value {
        /// The value.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The Gateway has another kind of load balancer.
    #[error("annotation {TAKE_OVER}: Ingresses have ALBs, and the Gateway's class makes NLBs; use a class of {}", Controller::Alb.name())]
    Controller,
}

/// What a Gateway asks for; `None`: nothing.
pub fn take_over_of(
    gateway: &Gateway,
    controller: Controller,
) -> Result<Option<TakeOverRequest>, TakeOverError> {
    if let Some(group) = recorded(gateway) {
        return Ok(Some(TakeOverRequest::Begun(group)));
    }
    let Some(group) = asked(gateway) else { return Ok(None) };
    let group = group?;
    if controller == Controller::Alb {
        Ok(Some(TakeOverRequest::Asked(group)))
    } else {
        Err(TakeOverError::Controller)
    }
}

/// The group whose load balancer is asked for, whether or not that has begun.
pub fn asked(gateway: &Gateway) -> Option<Result<StackId, TakeOverError>> {
    let value = annotation(gateway, TAKE_OVER)?;
    let namespace = gateway.metadata.namespace.as_deref().unwrap_or_default();
    Some(parse(value, namespace).map_err(|problem| TakeOverError::Value { value: value.to_owned(), problem }))
}

/// The group whose load balancer is being taken over, or was, as the controller recorded it.
pub fn recorded(gateway: &Gateway) -> Option<StackId> {
    let namespace = gateway.metadata.namespace.as_deref().unwrap_or_default();
    // why: nobody but the controller writes it; what is not of its form is not its record
    parse(annotation(gateway, TAKEN_OVER)?, namespace).ok()
}

/// Where the Gateways are that ask for a group or have taken it over.
///
/// why: no class has a namespace, so nothing else is found there
pub fn place_of(group: &StackId) -> ObjectKey {
    ObjectKey::namespaced("take-over/", group.to_string())
}

/// The groups that a Gateway asks for or has taken over, by their places.
pub fn places(gateway: &Gateway) -> impl Iterator<Item = ObjectKey> {
    // why: what names no group concerns none
    let asked = asked(gateway).and_then(Result::ok);
    asked.into_iter().chain(recorded(gateway)).map(|group| place_of(&group))
}

fn annotation<'a>(gateway: &'a Gateway, key: &str) -> Option<&'a str> {
    gateway.metadata.annotations.as_ref()?.get(key).map(|value| value.trim())
}

fn parse(value: &str, own: &str) -> Result<StackId, String> {
    let Some((namespace, name)) = value.split_once('/') else {
        check_group_name(value)?;
        return Ok(explicit_group(value));
    };
    if name.is_empty() || name.contains('/') {
        return Err("is not of the form namespace/name".to_owned());
    }
    if namespace != own {
        return Err(format!("is not in the namespace {own} of the Gateway"));
    }
    Ok(implicit_group(&ObjectKey::namespaced(namespace, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(annotations: &[(&str, &str)]) -> Gateway {
        let annotations: serde_json::Map<String, serde_json::Value> =
            annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": "edge", "namespace": "shop", "annotations": annotations},
            "spec": {"gatewayClassName": "alb", "listeners": []},
        }))
        .unwrap()
    }

    fn told(annotations: &[(&str, &str)], controller: Controller) -> String {
        match take_over_of(&gateway(annotations), controller) {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(TakeOverRequest::Asked(group))) => format!("asked {group}"),
            Ok(Some(TakeOverRequest::Begun(group))) => format!("begun {group}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn annotations_name_groups_and_what_names_none_is_told() {
        let alb = |annotations: &[(&str, &str)]| told(annotations, Controller::Alb);
        assert_eq!(alb(&[]), "nothing");
        assert_eq!(alb(&[(TAKE_OVER, " public ")]), "asked public");
        assert_eq!(alb(&[(TAKE_OVER, "shop/web")]), "asked shop/web");
        assert_eq!(alb(&[(TAKEN_OVER, "shop/web")]), "begun shop/web");
        assert_eq!(alb(&[(TAKE_OVER, "other"), (TAKEN_OVER, "public")]), "begun public");
        assert_eq!(alb(&[(TAKEN_OVER, "elsewhere/web")]), "nothing");
        for (value, problem) in [
            ("", "must consist of"),
            ("Public", "must consist of"),
            ("shop/", "is not of the form"),
            ("shop/a/b", "is not of the form"),
            ("elsewhere/web", "is not in the namespace shop of the Gateway"),
        ] {
            let text = alb(&[(TAKE_OVER, value)]);
            assert!(text.contains(problem) && text.contains(&format!("{value:?}")), "{text}");
        }
        let text = told(&[(TAKE_OVER, "public")], Controller::Nlb);
        assert!(text.contains("use a class of gateway.k8s.aws/alb"), "{text}");
    }

    #[test]
    fn gateways_are_found_by_the_groups_that_they_name() {
        let places_of = |annotations: &[(&str, &str)]| places(&gateway(annotations)).collect::<Vec<_>>();
        assert_eq!(places_of(&[]), []);
        let group = place_of(&explicit_group("public"));
        assert_eq!(places_of(&[(TAKE_OVER, "public")]), std::slice::from_ref(&group));
        assert_eq!(places_of(&[(TAKE_OVER, "public"), (TAKEN_OVER, "public")]), [group.clone(), group]);
    }
}
