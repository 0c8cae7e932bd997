//! Settings of the whole group that several members may give: all must say the same.
//!
//! Upstream stops at a conflict. Here the lower-ordered member has the say, and the others are told.

use super::scope::{Ledger, MemberView, Scope};
use crate::build::Origin;
use crate::finding::Finding;
use crate::inputs::{Halt, Questions};

/// What a member says about a setting.
#[derive(Clone, Debug)]
pub(super) struct Claim<T> {
    pub value: T,
    pub origin: Origin,
}

impl<T> Claim<T> {
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

/// What the group says about a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Settled<T> {
    /// This.
    Given(T),
    /// Nothing.
    Absent,
    /// Something that cannot be made out: who says it makes a mistake, or is misplaced. What is live shall stay.
    Unknown,
}

impl<T> Settled<T> {
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
        live: impl FnOnce() -> Result<Option<T>, Halt>,
        default: impl FnOnce() -> T,
    ) -> Result<T, Halt> {
        match self {
            Self::Given(value) => Ok(value),
            Self::Absent => Ok(default()),
            Self::Unknown => Ok(live()?.unwrap_or_else(default)),
        }
    }
}

/// Asks every member and settles on the first answer. `same` tells whether two answers agree, `show` names one in messages.
pub(super) fn settle<'a, T>(
    scope: &Scope<'a>,
    ledger: &mut Ledger,
    ask: impl Fn(&MemberView<'a>) -> Result<Option<Claim<T>>, Halt>,
    same: impl Fn(&T, &T) -> bool,
    show: impl Fn(&T) -> String,
) -> Result<Settled<T>, Halt> {
    let mut chosen: Option<(Claim<T>, String)> = None;
    let (mut doubtful, mut questions) = (scope.has_misplaced(), Questions::default());
    for member in scope.settlers() {
        let Some(answer) = questions.collect(ledger.attempt_setting(member, ask(member)))? else { continue };
        let Some(answer) = answer else {
            doubtful = true;
            continue;
        };
        match (&chosen, answer) {
            (_, None) => {}
            (None, Some(claim)) => chosen = Some((claim, member.key.to_string())),
            (Some((first, _)), Some(claim)) if same(&first.value, &claim.value) => {}
            (Some((first, winner)), Some(claim)) => {
                ledger
                    .tell(member.index, conflict(&claim, &show(&claim.value), &show(&first.value), winner))?;
            }
        }
    }
    questions.ask()?;
    Ok(match chosen {
        Some((claim, _)) => Settled::Given(claim.value),
        None if doubtful => Settled::Unknown,
        None => Settled::Absent,
    })
}

/// [`settle`] for values that are compared and shown as they are.
pub(super) fn settle_plain<'a, T: PartialEq + ToString>(
    scope: &Scope<'a>,
    ledger: &mut Ledger,
    ask: impl Fn(&MemberView<'a>) -> Result<Option<Claim<T>>, Halt>,
) -> Result<Settled<T>, Halt> {
    settle(scope, ledger, ask, T::eq, T::to_string)
}

fn conflict<T>(claim: &Claim<T>, mine: &str, theirs: &str, winner: &str) -> Finding {
    contradicts(&claim.origin, mine, theirs, winner)
}

/// The finding of a member whose setting contradicts that of a lower-ordered one.
pub(super) fn contradicts(origin: &Origin, mine: &str, theirs: &str, winner: &str) -> Finding {
    origin
        .error(format!("{mine} conflicts with {theirs} of Ingress {winner}, which comes first in the group"))
        .hint("say the same on all members, or on one only")
}
