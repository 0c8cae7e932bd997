//! Layer 2: what is admitted, and how it is completed on the way in.
//!
//! Pure functions of the objects in an AdmissionReview and of what the controller already knows. They work on the raw
//! object, so that a patch holds just what was meant and fields newer than this program survive. Nothing here asks AWS;
//! a check that needs to know a target group says so with [`AdmissionError::MissingTargetGroup`].
//!
//! Matches upstream's `webhooks/`.

pub mod annotation_keys;
pub mod backend_services;
pub mod change;
pub mod cidr;
pub mod cross_field;
pub mod disruption;
pub mod dry_build;
pub mod gateway;
pub mod global_accelerator;
pub mod group;
pub mod ingress;
pub mod ingress_class_params;
pub mod ingress_class_params_fields;
pub mod limits;
pub mod permissive_facts;
pub mod pod_bindings;
pub mod pod_drain;
pub mod quic;
pub mod readiness_gates;
pub mod region;
pub mod response;
pub mod service;
pub mod target_control;
pub mod target_control_fields;
pub mod target_group_binding;
pub mod target_group_binding_fields;
pub mod unanswered;
pub mod validate;

use crate::finding::shorten_to;
pub use change::Change;
use serde_json::Value;

/// What the API server wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmissionOperation {
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// An operation that no webhook asks for.
    Other,
}

/// The longest refusal, in bytes; the API server shows it in one piece.
const MAX_REFUSAL: usize = 2048;

/// A refusal with its reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Denial {
    /// Name of the check that refused; a metric label.
    pub check: &'static str,
    /// What the user reads.
    pub message: String,
    /// What kubectl shows besides.
    pub warnings: Vec<String>,
    /// Whether the same may be admitted a moment later: something could not be looked up.
    pub is_for_now: bool,
}

impl Denial {
    /// A refusal by a check.
    pub fn new(check: &'static str, message: impl Into<String>) -> Self {
        let message = shorten_to(message.into(), MAX_REFUSAL);
        Self { check, message, warnings: Vec::new(), is_for_now: false }
    }

    /// A refusal because something could not be looked up.
    pub fn for_now(check: &'static str, message: impl Into<String>) -> Self {
        Self { is_for_now: true, ..Self::new(check, message) }
    }
}

/// What to answer when nothing is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// The object as it shall be stored; `None`: as it came.
    pub object: Option<Value>,
    /// What kubectl shows the user.
    pub warnings: Vec<String>,
}

impl Admitted {
    /// The object as it came.
    pub fn unchanged() -> Self {
        Self::default()
    }

    /// The object, completed.
    pub fn changed(object: Value) -> Self {
        Self { object: Some(object), warnings: Vec::new() }
    }
}

/// Why a check stops before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdmissionError {
    /// The object is refused.
    Denied(Denial),
    /// The check must know a target group.
    MissingTargetGroup(TargetGroupLookup),
}

impl From<Denial> for AdmissionError {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// Which target group must be known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetGroupLookup {
    /// The target group with this ARN.
    Arn(String),
    /// The target group with this name.
    Name(String),
}

/// The text at a JSON pointer, if there is a non-empty one.
fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Sets a field of an object that may lack its parent.
fn set(object: &mut Value, parent: &str, key: &str, value: Value) {
    if let Some(root) = object.as_object_mut() {
        let parent = root.entry(parent).or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Some(parent) = parent.as_object_mut() {
            parent.insert(key.to_owned(), value);
        }
    }
}
