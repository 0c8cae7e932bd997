//! Numbers the rules of a listener.

use super::Contributors;
use super::optimizer::CandidateRule;
use crate::model::ResourceId;

/// The rules with their priorities, in the order of contributors from 1 on.
///
/// A contributor whose rules AWS refused keeps the priorities it was to have; those of rules that are not
/// there stay free. So nobody's rules move when it is tried again, nor when it is refused again.
pub(super) fn number(
    contributors: Contributors<'_>,
    listener: &ResourceId,
    candidates: Vec<CandidateRule>,
) -> Vec<(i32, CandidateRule)> {
    let mut numbered = Vec::with_capacity(candidates.len());
    let mut candidates = candidates.into_iter().peekable();
    let mut next = 1;
    for (index, contributor) in contributors.iter().enumerate() {
        let own = std::iter::from_fn(|| candidates.next_if(|candidate| candidate.contributor == index))
            .collect::<Vec<_>>();
        let reserved = contributor.refusal().and_then(|refusal| refusal.priorities.get(listener));
        let (priorities, after) = priorities_of(&own, next, reserved);
        numbered.extend(priorities.into_iter().zip(own));
        next = after;
    }
    numbered
}

/// The priorities of a contributor's rules, and the first one after them.
fn priorities_of(own: &[CandidateRule], next: i32, reserved: Option<&(i32, i32)>) -> (Vec<i32>, i32) {
    let after = own.iter().fold(next, |after, _| after.saturating_add(1));
    let in_turn = (next..after).collect();
    let Some((first, last)) = reserved else { return (in_turn, after) };
    let live: Vec<i32> = own.iter().filter_map(|candidate| candidate.retained).collect();
    let are_in_place = live.len() == own.len() && live.iter().all(|live| (first..=last).contains(&live));
    let after = next.saturating_add(last - first + 1).max(after);
    if are_in_place && live.is_sorted_by(|one, other| one < other) {
        return (live.iter().map(|live| next + (live - first)).collect(), after);
    }
    (in_turn, after)
}

#[cfg(test)]
mod tests;
