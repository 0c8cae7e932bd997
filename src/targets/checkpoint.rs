//! The digest of what was last reconciled, kept in an annotation: as long as it stays the same, nothing is asked of AWS.
//!
//! Upstream's `pkg/targetgroupbinding/utils.go`, byte for byte, so that neither controller redoes the other's work.

use super::endpoints::Endpoint;
use crate::api::meta::CHECKPOINT_ANNOTATION;
use crate::api::target_group_binding::{Networking, ServiceReference, TargetGroupProtocol};
use crate::api::{LabelSelector, LabelSelectorRequirement, TargetGroupBinding, TargetGroupBindingSpec};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The checkpoint of a binding with these endpoints: two digests with a slash between.
pub fn checkpoint(endpoints: &[Endpoint], spec: &TargetGroupBindingSpec) -> String {
    format!("{}/{}", digest(&endpoints_text(endpoints)), digest(&spec_text(spec)))
}

/// The checkpoint that a binding carries; empty where a full reconcile is asked for.
pub fn carried(binding: &TargetGroupBinding) -> &str {
    let annotations = binding.metadata.annotations.as_ref();
    annotations.and_then(|all| all.get(CHECKPOINT_ANNOTATION)).map_or("", String::as_str)
}

fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

fn endpoints_text(endpoints: &[Endpoint]) -> String {
    let mut texts: Vec<String> = endpoints
        .iter()
        .map(|endpoint| format!("{}:{}", endpoint.identity(), endpoint.created_at().saturating_mul(1000)))
        .collect();
    texts.sort_unstable();
    texts.join(",")
}

/// The spec as Go's `encoding/json` writes upstream's type.
fn spec_text(spec: &TargetGroupBindingSpec) -> String {
    let json = serde_json::to_string(&GoSpec::from(spec)).ok().unwrap_or_default();
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        // why: Go escapes these in strings, and outside of strings JSON has none of them
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text
}

/// The fields in upstream's order, empty ones left out as upstream's tags say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GoSpec<'a> {
    #[serde(rename = "targetGroupARN", skip_serializing_if = "str::is_empty")]
    target_group_arn: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    target_group_name: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    multi_cluster_target_group: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_group_protocol: Option<TargetGroupProtocol>,
    service_ref: &'a ServiceReference,
    #[serde(skip_serializing_if = "Option::is_none")]
    networking: Option<Networking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_selector: Option<GoSelector<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address_type: Option<&'static str>,
    #[serde(rename = "vpcID", skip_serializing_if = "str::is_empty")]
    vpc_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    iam_role_arn_to_assume: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    assume_role_external_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GoSelector<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    match_labels: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_expressions: Vec<GoRequirement<'a>>,
}

#[derive(Serialize)]
struct GoRequirement<'a> {
    key: &'a str,
    operator: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    values: &'a [String],
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl<'a> From<&'a TargetGroupBindingSpec> for GoSpec<'a> {
    fn from(spec: &'a TargetGroupBindingSpec) -> Self {
        let TargetGroupBindingSpec {
            target_group_arn,
            target_group_name,
            multi_cluster_target_group,
            target_type,
            target_group_protocol,
            service_ref,
            networking,
            node_selector,
            ip_address_type,
            vpc_id,
            iam_role_arn_to_assume,
            assume_role_external_id,
        } = spec;
        Self {
            target_group_arn: target_group_arn.as_deref().unwrap_or_default(),
            target_group_name: target_group_name.as_deref().unwrap_or_default(),
            multi_cluster_target_group: multi_cluster_target_group.unwrap_or_default(),
            target_type: target_type.map(Into::into),
            target_group_protocol: *target_group_protocol,
            service_ref,
            networking: networking.clone().map(without_empty_ingress),
            node_selector: node_selector.as_ref().map(Into::into),
            ip_address_type: ip_address_type.map(Into::into),
            vpc_id: vpc_id.as_deref().unwrap_or_default(),
            iam_role_arn_to_assume: iam_role_arn_to_assume.as_deref().unwrap_or_default(),
            assume_role_external_id: assume_role_external_id.as_deref().unwrap_or_default(),
        }
    }
}

fn without_empty_ingress(networking: Networking) -> Networking {
    Networking { ingress: networking.ingress.filter(|rules| !rules.is_empty()) }
}

impl<'a> From<&'a LabelSelector> for GoSelector<'a> {
    fn from(selector: &'a LabelSelector) -> Self {
        let LabelSelector { match_labels, match_expressions } = selector;
        let labels = match_labels.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
        let requirements = match_expressions.iter().flatten().map(|requirement| {
            let LabelSelectorRequirement { key, operator, values } = requirement;
            GoRequirement { key, operator, values: values.as_deref().unwrap_or_default() }
        });
        Self { match_labels: labels.collect(), match_expressions: requirements.collect() }
    }
}

#[cfg(test)]
mod tests;
