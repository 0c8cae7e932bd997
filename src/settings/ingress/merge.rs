//! Settings of the whole group that several members may give: all must say the same.
//!
//! Upstream stops at a conflict. Here the lower-ordered member has the say, and the others are told.

use super::context::{GroupContext, MemberView};
use crate::facts::{BuildError, MissingLookups};
use crate::finding::Finding;
use crate::settings::{Diagnostics, Origin, Sourced};

/// What the group says about a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Merged<T> {
    /// This.
    Given(T),
    /// Nothing.
    Absent,
    /// Something that cannot be made out: who says it makes a mistake, or is misplaced. What is live shall stay.
    Unknown,
}

impl<T> Merged<T> {
    /// The value, if one was made out.
    pub fn given(self) -> Option<T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Unknown => None,
        }
    }

    /// The value; where it cannot be made out the live one; else the default.
    pub fn resolve(
        self,
        live: impl FnOnce() -> Result<Option<T>, BuildError>,
        default: impl FnOnce() -> T,
    ) -> Result<T, BuildError> {
        match self {
            Self::Given(value) => Ok(value),
            Self::Absent => Ok(default()),
            Self::Unknown => Ok(live()?.unwrap_or_else(default)),
        }
    }
}

/// Asks every member and settles on the first answer. `same` tells whether two answers agree, `show` names one in messages.
pub(super) fn merge<'a, T>(
    group: &GroupContext<'a>,
    diagnostics: &mut Diagnostics,
    ask: impl Fn(&MemberView<'a>) -> Result<Option<Sourced<T>>, BuildError>,
    same: impl Fn(&T, &T) -> bool,
    show: impl Fn(&T) -> String,
) -> Result<Merged<T>, BuildError> {
    let mut chosen: Option<(Sourced<T>, String)> = None;
    let (mut doubtful, mut questions) = (group.has_unplaceable(), MissingLookups::default());
    for member in group.members_with_settings() {
        let Some(answer) = questions.collect(diagnostics.catch_setting(member.index, ask(member)))? else {
            continue;
        };
        let Some(answer) = answer else {
            doubtful = true;
            continue;
        };
        match (&chosen, answer) {
            (_, None) => {}
            (None, Some(claim)) => chosen = Some((claim, member.key.to_string())),
            (Some((first, _)), Some(claim)) if same(&first.value, &claim.value) => {}
            (Some((first, winner)), Some(claim)) => {
                diagnostics.report(
                    member.index,
                    conflict(&claim, &show(&claim.value), &show(&first.value), winner),
                )?;
            }
        }
    }
    questions.ask()?;
    Ok(match chosen {
        Some((claim, _)) => Merged::Given(claim.value),
        None if doubtful => Merged::Unknown,
        None => Merged::Absent,
    })
}

/// [`merge`] for values that are compared and shown as they are.
pub(super) fn merge_plain<'a, T: PartialEq + ToString>(
    group: &GroupContext<'a>,
    diagnostics: &mut Diagnostics,
    ask: impl Fn(&MemberView<'a>) -> Result<Option<Sourced<T>>, BuildError>,
) -> Result<Merged<T>, BuildError> {
    merge(group, diagnostics, ask, T::eq, T::to_string)
}

fn conflict<T>(claim: &Sourced<T>, mine: &str, theirs: &str, winner: &str) -> Finding {
    contradicts(&claim.origin, mine, theirs, winner)
}

/// The finding of a member whose setting contradicts that of a lower-ordered one.
pub(super) fn contradicts(origin: &Origin, mine: &str, theirs: &str, winner: &str) -> Finding {
    origin
        .error(format!("{mine} conflicts with {theirs} of Ingress {winner}, which comes first in the group"))
        .hint("say the same on all members, or on one only")
}
