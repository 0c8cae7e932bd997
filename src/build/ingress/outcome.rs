//! What becomes of the members of a group.

use super::doubt::Doubt;
use super::scope::{Ledger, Scope};
use crate::api::ObjectKey;
use crate::finding::Finding;
use crate::inputs::cost::is_of_cost;

/// What became of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberOutcome {
    /// The member.
    pub key: ObjectKey,
    /// How far it came.
    pub verdict: Verdict,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// What is built of it and likely not meant so.
    pub doubts: Vec<Doubt>,
}

impl MemberOutcome {
    /// Everything that the objects alone tell about it.
    pub fn said(&self) -> Vec<Finding> {
        let doubts = self.doubts.iter().filter(|doubt| doubt.is_evident());
        self.findings.iter().chain(doubts.map(|doubt| &doubt.finding)).cloned().collect()
    }
}

/// How far a member came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is part of the stack.
    Built,
    /// It is part of the stack, but some of its settings are not used.
    Curtailed,
    /// It is part of the stack, but AWS refuses some of its settings.
    Withheld,
    /// It cannot be built; what it had stays.
    Broken,
    /// AWS does not take it; what it had stays.
    Refused,
    /// It is too costly to be built; what it had stays.
    PutAside,
    /// Its class or its order is wrong, so that it cannot even be placed; what it had stays.
    Misplaced,
    /// It is sound, but the group as a whole cannot be built.
    Blocked,
}

impl Verdict {
    /// Whether the stack says what the member says.
    pub fn is_served(self) -> bool {
        matches!(self, Self::Built | Self::Curtailed | Self::Withheld)
    }
}

/// What became of each member, in group order.
pub(super) fn outcomes(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    blocker: Option<&Finding>,
) -> Vec<MemberOutcome> {
    let mut outcomes = Vec::with_capacity(scope.members.len());
    for member in &scope.members {
        let mut findings = ledger.take_findings(member.index);
        let broken = ledger.is_broken(member.index);
        findings.extend(blocker.filter(|blocker| !findings.contains(blocker)).cloned());
        let broken = broken || blocker.is_some_and(|blocker| blocker.object == member.object);
        let verdict = match (member.defect, broken, blocker, findings.is_empty()) {
            (Some(defect), ..) if is_of_cost(defect) => Verdict::PutAside,
            (Some(_), ..) => Verdict::Misplaced,
            _ if member.refusal.is_some() => Verdict::Refused,
            (None, true, ..) => Verdict::Broken,
            (None, false, Some(_), _) => Verdict::Blocked,
            (None, false, None, true) => Verdict::Built,
            (None, false, None, false) => Verdict::Curtailed,
        };
        let doubts = ledger.take_doubts(member.index);
        outcomes.push(MemberOutcome { key: member.key.clone(), verdict, findings, doubts });
    }
    outcomes
}
