//! Numbers the rules of a listener.

use super::optimizer::Draft;
use super::scope::MemberView;
use crate::model::ResourceId;

/// The rules with their priorities, in group order from 1 on.
///
/// A member that was given up since AWS refused its rules keeps the priorities it was to have; those of rules that are not
/// there stay free. So nobody's rules move when it is tried again, nor when it is given up again.
pub(super) fn number(
    members: &[MemberView<'_>],
    listener: &ResourceId,
    drafts: Vec<Draft>,
) -> Vec<(i32, Draft)> {
    let mut numbered = Vec::with_capacity(drafts.len());
    let mut drafts = drafts.into_iter().peekable();
    let mut next = 1;
    for member in members {
        let own =
            std::iter::from_fn(|| drafts.next_if(|draft| draft.member == member.index)).collect::<Vec<_>>();
        let reserved = member.refusal.and_then(|refusal| refusal.priorities.get(listener));
        let (priorities, after) = priorities_of(&own, next, reserved);
        numbered.extend(priorities.into_iter().zip(own));
        next = after;
    }
    numbered
}

/// The priorities of a member's rules, and the first one after them.
fn priorities_of(own: &[Draft], next: i32, reserved: Option<&(i32, i32)>) -> (Vec<i32>, i32) {
    let after = own.iter().fold(next, |after, _| after.saturating_add(1));
    let in_turn = (next..after).collect();
    let Some((first, last)) = reserved else { return (in_turn, after) };
    let live: Vec<i32> = own.iter().filter_map(|draft| draft.kept).collect();
    let are_in_place = live.len() == own.len() && live.iter().all(|live| (first..=last).contains(&live));
    let after = next.saturating_add(last - first + 1).max(after);
    if are_in_place && live.is_sorted_by(|one, other| one < other) {
        return (live.iter().map(|live| next + (live - first)).collect(), after);
    }
    (in_turn, after)
}

#[cfg(test)]
mod tests;
