//! What is built of a member and likely not meant so.

use crate::api::ObjectKey;
use crate::finding::Finding;

/// Something that is built, but does not do what its owner expects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// What kind of thing.
    pub kind: DoubtKind,
    /// The thing, and what is wrong with it: a warning.
    pub finding: Finding,
}

/// Kinds of [`Doubt`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DoubtKind {
    /// A rule or a setting has no effect.
    WithoutEffect,
    /// A backend is missing, so that requests are answered with 503.
    NoBackend,
    /// A backend has no targets unless somebody makes EndpointSlices for this Service, which stands for a DNS name.
    ExternalName(ObjectKey),
    /// A backend has no targets unless somebody makes EndpointSlices for this Service, which has no selector.
    Selectorless(ObjectKey),
}

impl Doubt {
    /// A rule or a setting that has no effect.
    pub fn without_effect(finding: Finding) -> Self {
        Self { kind: DoubtKind::WithoutEffect, finding }
    }

    /// Whether it can be told from the objects alone, without looking for EndpointSlices.
    pub fn is_evident(&self) -> bool {
        !matches!(self.kind, DoubtKind::Selectorless(_))
    }
}
