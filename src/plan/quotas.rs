//! What an attempt has taught about AWS's quotas.
//!
//! Quotas can be raised, so they are not assumed but learnt from a refusal, and only for as long as one deployment
//! lasts. A plan made with that knowledge frees before it needs.

use std::collections::BTreeSet;

/// A quota that a plan can work around by freeing first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// Rules of this load balancer (by ARN).
    RulesOf(String),
    /// Target groups of the account, or of one load balancer.
    TargetGroups,
    /// Certificates of this load balancer (by ARN).
    CertificatesOf(String),
    /// Listeners of a load balancer.
    Listeners,
    /// Load balancers of the account.
    LoadBalancers,
    /// Rules of a security group: this group (by id) takes no more.
    IngressRulesOf(String),
}

impl std::fmt::Display for Quota {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RulesOf(_) => "rules per load balancer",
            Self::TargetGroups => "target groups",
            Self::CertificatesOf(_) => "certificates per load balancer",
            Self::Listeners => "listeners per load balancer",
            Self::LoadBalancers => "load balancers",
            Self::IngressRulesOf(_) => "rules per security group",
        })
    }
}

/// The quotas that are known to be used up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExhaustedQuotas {
    exhausted: BTreeSet<Quota>,
}

impl ExhaustedQuotas {
    /// Notes that a quota is used up. Returns whether that is news.
    pub fn learn(&mut self, quota: Quota) -> bool {
        self.exhausted.insert(quota)
    }

    /// Whether a quota is known to be used up.
    pub fn is_exhausted(&self, quota: &Quota) -> bool {
        self.exhausted.contains(quota)
    }
}
