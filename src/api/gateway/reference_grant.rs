//! `ReferenceGrant`: which objects of other namespaces may name objects of its own.

use kube::CustomResource;
use serde::{Deserialize, Serialize};

use crate::api::absent_spec_is_default;

/// Who may name what.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1beta1",
    kind = "ReferenceGrant",
    plural = "referencegrants",
    namespaced,
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(default, remote = "Self")]
pub struct ReferenceGrantSpec {
    /// Whose references are allowed.
    pub from: Vec<ReferenceGrantFrom>,
    /// What they may refer to.
    pub to: Vec<ReferenceGrantTo>,
}

absent_spec_is_default!(ReferenceGrantSpec);

/// The objects of a kind in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReferenceGrantFrom {
    /// Their API group.
    pub group: String,
    /// Kind of the objects that refer.
    pub kind: String,
    /// Namespace of the objects that refer.
    pub namespace: String,
}

/// The objects of a kind, or one of them, in the namespace of the grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReferenceGrantTo {
    /// Their API group.
    pub group: String,
    /// Kind of the objects that are referred to.
    pub kind: String,
    /// The name of one. Absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
