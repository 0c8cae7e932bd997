//! Layer 2: from what users wrote to the AWS resources they want.
//!
//! Builders are pure functions of Kubernetes objects, [`Facts`](crate::facts::Facts) and [`Config`](crate::config::Config).
//! They never ask AWS: a missing fact stops the build with the look-up that it needs. [`settings`](crate::settings)
//! say what users ask for; the files here make resources of them: [`service`] an NLB, [`ingress`] an ALB, [`gateway`] either.
//!
//! Upstream: `pkg/service`, `pkg/ingress`.

mod alb;
pub mod gateway;
pub mod ingress;
mod load_balancer;
mod networking;
mod nlb;
mod retained;
pub mod security_groups;
pub mod service;
mod target_group;

pub use alb::{Attribution, MemberResources, pattern};

use crate::api::ObjectKey;
use crate::finding::{Finding, Findings};
use crate::model::Stack;
use std::collections::BTreeSet;

/// What a build yields: the wanted resources, and what to tell the user about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// The wanted resources.
    pub stack: Stack,
    /// Mistakes that did not prevent it, in the order they were found.
    pub findings: Findings,
    /// Secrets that were read.
    pub secrets: BTreeSet<ObjectKey>,
    /// What is wrong with Secrets whose former certificates listeners keep, or that others stand in for.
    pub unusable_secrets: Vec<Finding>,
    /// Whether it uses the shared backend security group; if not, its source lets go of it once this is deployed.
    pub uses_backend_security_group: bool,
}
