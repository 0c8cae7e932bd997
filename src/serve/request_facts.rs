//! What is found out for a request, and what a step may lack.

use crate::admission::target_group_binding::KnownTargetGroups;
use crate::admission::{Denial, TargetGroupLookup};
use crate::api::AlbTargetControlConfigSpec;
use crate::aws::assume_role::AssumedRole;
use std::collections::BTreeMap;
use std::time::Duration;

/// A target group, in the name of whom it is asked for.
pub type DelayQuestion = (Option<AssumedRole>, String);
/// Deregistration delays by ARN of the target group; those that AWS did not tell are left out.
pub type Delays = BTreeMap<String, Duration>;

/// What was found out for a request.
#[derive(Default)]
pub struct RequestFacts {
    /// Target groups that were looked up.
    pub target_groups: KnownTargetGroups,
    /// QUIC server ids.
    pub quic_ids: Option<Result<Vec<String>, String>>,
    /// Settings of the target-control agent, if there are any; or why they cannot be read.
    pub target_control: Option<Result<Option<AlbTargetControlConfigSpec>, String>>,
    /// Whether `preStop` hooks may sleep, or why nobody can tell.
    pub has_sleep: Option<Result<bool, String>>,
    /// Deregistration delays of the target groups that were asked for.
    pub delays: Option<Delays>,
}

/// What a step must know.
#[derive(Debug, PartialEq, Eq)]
pub enum MissingFact {
    /// A target group, looked for in the name of a role.
    TargetGroup(Option<AssumedRole>, TargetGroupLookup),
    /// So many QUIC server ids; for a dry run, any.
    QuicIds {
        /// How many look-ups there would be.
        count: usize,
        /// Whether nothing may be written for them.
        is_dry_run: bool,
    },
    /// The settings of the target-control agent for a namespace.
    TargetControl(String),
    /// Whether `preStop` hooks may sleep.
    Sleep,
    /// Deregistration delays of target groups.
    DeregistrationDelays(Vec<DelayQuestion>),
}

/// Why a step ends without admitting.
pub enum StepError {
    /// The object is refused.
    Denied(Denial),
    /// Something must be known first.
    Missing(MissingFact),
}

impl From<Denial> for StepError {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}
