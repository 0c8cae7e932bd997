//! What the tool that came first warns of, in its words, so that scripts which look for them go on working.

use super::MigrationInput;
use crate::annotations::ALB_PREFIX;
use crate::api::ObjectKey;
use crate::facts::group::USE_ANNOTATION;
use std::collections::BTreeSet;

const TIP: &str = "
\t\tTip: Use --from-cluster to automatically read all referenced resources,
\t\t\tor include Service/IngressClass/IngressClassParams files in your input.
\t\t";
const EXISTING_TARGET_GROUPS: &str = "
\t\tWARNING: Generated manifests reference external target groups (TargetGroupName/TargetGroupARN).
\t\tExternal TGs can only be associated with one ALB at a time.
\t\tApplying the Gateway manifests while the Ingress ALB is still active will fail.
\t\tTo migrate, either:
\t\t\t1. Delete the Ingress rules referencing the external TG before applying Gateway manifests (cutover)
\t\t\t2. Create a duplicate TG and update the generated Gateway manifest to use the new TG name";
const GROUP_ORDER: &str = "
\t\tWARNING: group.order annotation detected. Gateway API has no equivalent of group.order.
\t\tRule precedence will be determined by Gateway API definitions. Review generated HTTPRoutes to verify
\t\texpected behavior matches current Ingress rule ordering.
\t\t";

/// Said of a group with members in several namespaces.
pub fn across_namespaces(group: &str) -> String {
    format!(
        "WARNING: IngressGroup {group:?} has members in different namespaces. The generated Gateway uses allowedRoutes with From: All, \
         which permits HTTPRoutes from any namespace to attach. To restrict this, change From: All to From: Selector with a namespace label selector."
    )
}

/// Said of an input as a whole.
pub fn of_input(input: &MigrationInput) -> Vec<String> {
    let mut lines = missing(input);
    if !lines.is_empty() {
        lines.push(TIP.to_owned());
    }
    let prefix = format!("{ALB_PREFIX}/actions.");
    let annotations =
        || input.ingresses.iter().flat_map(|ingress| ingress.metadata.annotations.iter().flatten());
    let names_target_group = |text: &str| text.contains("targetGroupARN") || text.contains("targetGroupName");
    if annotations().any(|(key, text)| key.starts_with(&prefix) && names_target_group(text)) {
        lines.push(EXISTING_TARGET_GROUPS.to_owned());
    }
    let order = format!("{ALB_PREFIX}/group.order");
    if annotations().any(|(key, _)| *key == order) {
        lines.push(GROUP_ORDER.to_owned());
    }
    lines
}

/// Objects that Ingresses name and that are not there.
fn missing(input: &MigrationInput) -> Vec<String> {
    let services: BTreeSet<ObjectKey> =
        input.services.iter().map(|service| ObjectKey::of(&**service)).collect();
    let mut lines = Vec::new();
    for ingress in &input.ingresses {
        let key = ObjectKey::of(&**ingress);
        let Some(spec) = &ingress.spec else { continue };
        let rules =
            spec.rules.iter().flatten().flat_map(|rule| rule.http.iter().flat_map(|http| &http.paths));
        for service in spec
            .default_backend
            .iter()
            .chain(rules.map(|path| &path.backend))
            .filter_map(|backend| backend.service.as_ref())
        {
            let is_action =
                service.port.as_ref().and_then(|port| port.name.as_deref()) == Some(USE_ANNOTATION);
            if !is_action && !services.contains(&key.sibling(service.name.as_str())) {
                lines.push(format!(
                    "WARNING: Ingress \"{key}\" references Service {:?} but it was not provided. Service-level annotation overrides may be missing.",
                    service.name
                ));
            }
        }
        let class = spec.ingress_class_name.as_ref();
        let is_known =
            |name: &&String| input.classes.iter().any(|class| class.metadata.name.as_ref() == Some(*name));
        if let Some(class) = class.filter(|name| !is_known(name)) {
            lines.push(format!(
                "WARNING: Ingress \"{key}\" uses IngressClass {class:?} but it was not provided. IngressClassParams overrides may be missing."
            ));
        }
    }
    lines
}
