//! What becomes of the members of a group.

use crate::api::ObjectKey;
use crate::facts::cost::is_of_cost;
use crate::finding::Finding;
use crate::settings::ingress::GroupContext;
use crate::settings::{ContributorWarning, Diagnostics};

/// What became of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberOutcome {
    /// The member.
    pub key: ObjectKey,
    /// How far it came.
    pub state: MemberState,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// What is built of it and likely not meant so.
    pub warnings: Vec<ContributorWarning>,
}

impl MemberOutcome {
    /// Everything that the objects alone tell about it.
    pub fn diagnostics(&self) -> Vec<Finding> {
        let warnings = self.warnings.iter().filter(|warning| warning.is_evident());
        self.findings.iter().chain(warnings.map(|warning| &warning.finding)).cloned().collect()
    }
}

/// How far a member came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// It is part of the stack.
    Built,
    /// It is part of the stack, but some of its settings are not used.
    Degraded,
    /// It is part of the stack, but AWS refuses some of its settings.
    PartlyRefused,
    /// It cannot be built; what it had stays.
    Invalid,
    /// AWS does not take it; what it had stays.
    Refused,
    /// It is too costly to be built; what it had stays.
    TooCostly,
    /// Its class or its order is wrong, so that it has no place in the group; what it had stays.
    Unplaceable,
    /// It is valid, but the group as a whole cannot be built.
    Blocked,
}

impl MemberState {
    /// Whether the stack has what the member asks for.
    pub fn is_served(self) -> bool {
        matches!(self, Self::Built | Self::Degraded | Self::PartlyRefused)
    }
}

/// What became of each member, in group order. `blocker`: why the group as a whole cannot be built.
pub(super) fn outcomes(
    context: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    blocker: Option<&Finding>,
) -> Vec<MemberOutcome> {
    let mut outcomes = Vec::with_capacity(context.members.len());
    for member in &context.members {
        let mut findings = diagnostics.take_findings(member.index);
        findings.extend(blocker.filter(|blocker| !findings.contains(blocker)).cloned());
        let is_blocker = blocker.is_some_and(|blocker| blocker.object == member.object);
        let is_invalid = diagnostics.is_excluded(member.index) || is_blocker;
        let state = match (member.defect, is_invalid, blocker, findings.is_empty()) {
            (Some(defect), ..) if is_of_cost(defect) => MemberState::TooCostly,
            (Some(_), ..) => MemberState::Unplaceable,
            _ if member.refusal.is_some() => MemberState::Refused,
            (None, true, ..) => MemberState::Invalid,
            (None, false, Some(_), _) => MemberState::Blocked,
            (None, false, None, true) => MemberState::Built,
            (None, false, None, false) => MemberState::Degraded,
        };
        let warnings = diagnostics.take_warnings(member.index);
        outcomes.push(MemberOutcome { key: member.key.clone(), state, findings, warnings });
    }
    outcomes
}
