//! Evaluation of label selectors (upstream uses apimachinery's `LabelSelectorAsSelector`).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

/// Why a selector can't be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The operator is none of the four that exist.
    #[error(
        "label selector has operator `{operator}` for key `{key}`, expected In, NotIn, Exists or DoesNotExist"
    )]
    UnknownOperator {
        /// Label key of the requirement.
        key: String,
        /// Operator as written.
        operator: String,
    },
    /// `In` and `NotIn` without values.
    #[error(
        "label selector has operator {operator} without values for key `{key}`, expected at least one value"
    )]
    MissingValues {
        /// Label key of the requirement.
        key: String,
        /// Operator as written.
        operator: String,
    },
    /// `Exists` and `DoesNotExist` with values.
    #[error("label selector has operator {operator} with values for key `{key}`, expected none")]
    UnexpectedValues {
        /// Label key of the requirement.
        key: String,
        /// Operator as written.
        operator: String,
    },
}

/// The selector for objects that carry all of these labels.
pub fn of_labels(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector { match_labels: Some(labels), match_expressions: None }
}

/// Whether `labels` satisfy every requirement of `selector`. The empty selector matches everything.
pub fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> Result<bool, SelectorError> {
    let exact = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let mut all = exact;
    for requirement in selector.match_expressions.iter().flatten() {
        all &= matches_requirement(requirement, labels)?;
    }
    Ok(all)
}

/// Whether `selector` can be evaluated at all; for checks at admission, where no labels are at hand.
pub fn check(selector: &LabelSelector) -> Result<(), SelectorError> {
    matches(selector, &BTreeMap::new()).map(|_| ())
}

fn matches_requirement(
    requirement: &LabelSelectorRequirement,
    labels: &BTreeMap<String, String>,
) -> Result<bool, SelectorError> {
    let LabelSelectorRequirement { key, operator, values } = requirement;
    let values = values.as_deref().unwrap_or_default();
    let listed = || labels.get(key).is_some_and(|value| values.contains(value));
    let error = || (key.clone(), operator.clone());
    match (operator.as_str(), values.is_empty()) {
        ("In", false) => Ok(listed()),
        ("NotIn", false) => Ok(!listed()),
        ("Exists", true) => Ok(labels.contains_key(key)),
        ("DoesNotExist", true) => Ok(!labels.contains_key(key)),
        ("In" | "NotIn", true) => {
            let (key, operator) = error();
            Err(SelectorError::MissingValues { key, operator })
        }
        ("Exists" | "DoesNotExist", false) => {
            let (key, operator) = error();
            Err(SelectorError::UnexpectedValues { key, operator })
        }
        _ => {
            let (key, operator) = error();
            Err(SelectorError::UnknownOperator { key, operator })
        }
    }
}

#[cfg(test)]
mod tests;
