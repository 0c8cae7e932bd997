//! References to AWS resources that may not exist yet.

use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

string_enum! {
    /// What kind of id a [`Symbol`] stands for.
    SymbolKind {
        /// ARN of a load balancer.
        LoadBalancerArn = "LoadBalancerArn",
        /// DNS name of a load balancer.
        LoadBalancerDnsName = "LoadBalancerDnsName",
        /// ARN of a target group.
        TargetGroupArn = "TargetGroupArn",
        /// ARN of a listener.
        ListenerArn = "ListenerArn",
        /// ARN of a listener rule.
        RuleArn = "RuleArn",
        /// Id of a security group.
        SecurityGroupId = "SecurityGroupId",
        /// ARN of an ACM certificate.
        CertificateArn = "CertificateArn",
        /// ARN of a listener of an accelerator.
        AcceleratorListenerArn = "AcceleratorListenerArn",
        /// ARN of an endpoint group.
        EndpointGroupArn = "EndpointGroupArn",
    }
}

/// The name of an id that a step of a plan will bring into being: the resource's kind and its id in the stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol {
    /// Which of the resource's ids is meant.
    pub kind: SymbolKind,
    /// Resource id within the stack, for example `LoadBalancer` or `default/web:80`.
    pub id: String,
}

/// An id or ARN: either known, or the promise of one that an earlier step of the same plan makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ref {
    /// The id as AWS spells it.
    Known(String),
    /// The id of a resource of this stack, once it exists.
    Pending(Symbol),
}

/// A symbol that no earlier step has bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} of {:?} is not known yet", .0.kind, .0.id)]
pub struct Unresolved(pub Symbol);

impl Ref {
    /// A reference to a resource of the stack.
    pub fn pending(kind: SymbolKind, id: impl Into<String>) -> Self {
        Self::Pending(Symbol { kind, id: id.into() })
    }

    /// The id, if it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(id) => Some(id),
            Self::Pending(_) => None,
        }
    }

    /// The id, or the symbol that still lacks one.
    pub fn resolved(&self) -> Result<&str, Unresolved> {
        match self {
            Self::Known(id) => Ok(id),
            Self::Pending(symbol) => Err(Unresolved(symbol.clone())),
        }
    }

    /// Replaces a pending symbol by its id where `bindings` holds one.
    pub fn bind(&mut self, bindings: &BTreeMap<Symbol, String>) {
        if let Self::Pending(symbol) = self
            && let Some(id) = bindings.get(symbol)
        {
            *self = Self::Known(id.clone());
        }
    }
}

impl Default for Ref {
    fn default() -> Self {
        Self::Known(String::new())
    }
}

impl From<&str> for Ref {
    fn from(id: &str) -> Self {
        Self::Known(id.to_owned())
    }
}

impl From<String> for Ref {
    fn from(id: String) -> Self {
        Self::Known(id)
    }
}

impl std::fmt::Display for Ref {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known(id) => f.write_str(id),
            Self::Pending(symbol) => write!(f, "<{}>", symbol.id),
        }
    }
}

impl Serialize for Ref {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
