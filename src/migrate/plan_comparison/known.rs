//! Differences that every migration brings about.

use super::{BINDING, FieldComparison, FieldStatus, LOAD_BALANCER, MIGRATED_FROM, TARGET_GROUP, is_same};
use serde_json::Value;

const SECURITY_GROUP: &str = "AWS::EC2::SecurityGroup";
const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
/// Begin of references to target groups.
const TARGET_GROUP_REFERENCE: &str = "#/resources/AWS::ElasticLoadBalancingV2::TargetGroup/";

const TAG: &str = "the tag of the migration";
const NAME: &str = "a name that the controller made, in the same form";
const THRESHOLD: &str = "the default is 2 for Ingresses and 3 for Gateways";
const SUCCESS_CODES: &str = "the default is 200 for Ingresses and 200-399 for Gateways";
const ACTIONS: &str = "only the names of target groups and weights of 1 differ";
const REFERENCE: &str = "refers to the target group that it is compared with; see its fields";

/// Which health-check settings an Ingress gives itself. Where it gives none, defaults differ by what is migrated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenHealthChecks {
    healthy_threshold_count: bool,
    unhealthy_threshold_count: bool,
    success_codes: bool,
}

impl GivenHealthChecks {
    /// As the annotations of an Ingress say.
    pub fn of<'a>(annotations: impl IntoIterator<Item = &'a String>) -> Self {
        let mut given = Self::default();
        for annotation in annotations {
            match annotation.strip_prefix("alb.ingress.kubernetes.io/") {
                Some("healthy-threshold-count") => given.healthy_threshold_count = true,
                Some("unhealthy-threshold-count") => given.unhealthy_threshold_count = true,
                Some("success-codes") => given.success_codes = true,
                _ => {}
            }
        }
        given
    }
}

/// Why a difference is no surprise; `None`: somebody should look at it.
pub(super) fn cause(entry: &FieldComparison, given: GivenHealthChecks) -> Option<&'static str> {
    match entry.status {
        FieldStatus::Added if entry.field == MIGRATED_FROM => Some(TAG),
        FieldStatus::Changed => cause_of_change(entry, given),
        _ => None,
    }
}

fn cause_of_change(entry: &FieldComparison, given: GivenHealthChecks) -> Option<&'static str> {
    let has_made_names = || is_made_name(&entry.ingress) && is_made_name(&entry.gateway);
    match (entry.resource_type.as_str(), entry.field.as_str()) {
        (LOAD_BALANCER | TARGET_GROUP, "spec.name")
        | (SECURITY_GROUP, "spec.groupName")
        | (BINDING, "spec.template.metadata.name") => has_made_names().then_some(NAME),
        (TARGET_GROUP, "spec.healthCheckConfig.healthyThresholdCount") => {
            (!given.healthy_threshold_count).then_some(THRESHOLD)
        }
        (TARGET_GROUP, "spec.healthCheckConfig.unhealthyThresholdCount") => {
            (!given.unhealthy_threshold_count).then_some(THRESHOLD)
        }
        (TARGET_GROUP, "spec.healthCheckConfig.matcher.httpCode") => {
            (!given.success_codes).then_some(SUCCESS_CODES)
        }
        (RULE, "spec.actions") => {
            is_same(&without_names(&entry.ingress), &without_names(&entry.gateway)).then_some(ACTIONS)
        }
        (BINDING, "spec.template.spec.targetGroupARN.$ref") => Some(REFERENCE),
        _ => None,
    }
}

/// Whether it is a name as the controller makes them: `k8s-`, one or two words, and ten hexadecimal digits.
fn is_made_name(value: &Value) -> bool {
    let Some(parts) = value.as_str().and_then(|name| name.strip_prefix("k8s-")) else { return false };
    let parts: Vec<&str> = parts.split('-').collect();
    let Some((digits, words)) = parts.split_last() else { return false };
    let is_word = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let is_hash = digits.len() == 10 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hash && (1..=2).contains(&words.len()) && words.iter().all(is_word)
}

/// Actions without the names of target groups, and without weights of 1.
fn without_names(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(without_names).collect()),
        Value::Object(members) => {
            let kept =
                members.iter().filter(|(name, value)| *name != "weight" || value.as_f64() != Some(1.0));
            let masked = kept.map(|(name, value)| match value.as_str() {
                Some(reference) if name == "$ref" && reference.starts_with(TARGET_GROUP_REFERENCE) => {
                    (name.clone(), Value::Null)
                }
                _ => (name.clone(), without_names(value)),
            });
            Value::Object(masked.collect())
        }
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_that_the_controller_made_are_told_by_their_form() {
        let made = ["k8s-shop-0123456789", "k8s-shop-web-abcdef0123"];
        assert!(made.iter().all(|name| is_made_name(&json!(name))));
        let others = [
            "k8s-0123456789",
            "k8s-a-b-c-0123456789",
            "k8s-Shop-0123456789",
            "k8s-shop-012345678",
            "shop",
            "k8s--0123456789",
        ];
        assert!(!others.iter().any(|name| is_made_name(&json!(name))));
        assert!(!is_made_name(&json!(7)));
    }
}
