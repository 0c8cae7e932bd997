//! What AWS and the API server hold of an Ingress group's stack right now.
//!
//! Only a group with a broken member asks for it: what that member had, it keeps (see `builder::ingress`).

use crate::api::TargetGroupBinding;
use crate::aws_api::Tags;
use crate::aws_api::ec2;
use crate::aws_api::elbv2::{Listener, Rule, TargetGroup};
use std::sync::Arc;

/// The live resources of a stack, as far as a broken member may own a part of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveStack {
    /// Tags of the ALB; empty if there is none.
    pub load_balancer_tags: Tags,
    /// The managed frontend security group, with its rules.
    pub managed_security_group: Option<ec2::SecurityGroup>,
    /// Listeners of the ALB (not of a frontend NLB).
    pub listeners: Vec<LiveListener>,
    /// Target groups with the stack's tags.
    pub target_groups: Vec<LiveTargetGroup>,
    /// TargetGroupBindings with the stack's labels.
    pub bindings: Vec<Arc<TargetGroupBinding>>,
}

/// A listener and what hangs on it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveListener {
    /// The listener as AWS describes it.
    pub listener: Listener,
    /// ARNs of all certificates, the default one first.
    pub certificates: Vec<String>,
    /// All tags of the listener.
    pub tags: Tags,
    /// Rules, without the default one.
    pub rules: Vec<LiveRule>,
}

/// A rule and its tags.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveRule {
    /// The rule as AWS describes it.
    pub rule: Rule,
    /// All tags of the rule.
    pub tags: Tags,
}

/// A target group and its tags.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveTargetGroup {
    /// The target group.
    pub target_group: TargetGroup,
    /// All tags of the target group.
    pub tags: Tags,
}
