//! The plan annotation: the wanted world of a group, as JSON, on its first member.
//!
//! Matches upstream's feature gate `IngressPlanAnnotation`. Nothing is dry about it: the plan is carried out all the same.

use super::context::ReconcileContext;
use crate::api::{Ingress, ObjectKey};
use crate::facts::group::IngressGroup;
use crate::model::Stack;
use crate::model::marshal::marshal;
use std::collections::BTreeMap;

/// The annotation.
const ANNOTATION: &str = "alb.ingress.kubernetes.io/dry-run-plan";

/// Writes the plan where it belongs and removes it where it does not. Failures are only logged.
pub async fn keep(context: &ReconcileContext, group: &IngressGroup, stack: &Stack) {
    let plan = context.config.features.ingress_plan_annotation.then(|| marshal(stack));
    let members = group.members.iter().map(|member| (&member.key, &*member.ingress));
    for (key, plan) in changes(members, plan.as_deref()) {
        let annotations = BTreeMap::from([(ANNOTATION, plan)]);
        if let Err(error) = context.objects.annotate::<Ingress>(key, &annotations).await {
            tracing::warn!(ingress = %key, %error, "plan annotation not written");
        }
    }
}

/// The members that do not carry what they should, with what that is.
fn changes<'a>(
    members: impl Iterator<Item = (&'a ObjectKey, &'a Ingress)>,
    plan: Option<&'a str>,
) -> Vec<(&'a ObjectKey, Option<&'a str>)> {
    let carried =
        |ingress: &'a Ingress| ingress.metadata.annotations.as_ref()?.get(ANNOTATION).map(String::as_str);
    members
        .enumerate()
        .map(|(place, (key, ingress))| (key, carried(ingress), plan.filter(|_| place == 0)))
        .filter(|(_, carried, wanted)| carried != wanted)
        .map(|(key, _, wanted)| (key, wanted))
        .collect()
}

#[cfg(test)]
mod tests;
