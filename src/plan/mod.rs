//! Layer 2: from the world that is to the world that is wanted, as a list of steps.
//!
//! [`diff`](diff::diff) compares a [`Stack`](crate::model::Stack) with what was observed ([`Actual`]) and answers a [`Plan`]: typed, ordered,
//! printable. Nothing here performs anything; `deploy` does.
//!
//! Matches upstream's `pkg/deploy` and `pkg/equality`: which differences count, which calls they lead to, and what is left
//! alone, so that an estate that upstream made gives an empty plan. Differs on purpose where upstream hurts: new things
//! are made before old ones go (unless a quota or a name forces the other order), a step that fails holds up only what
//! depends on it, OIDC actions and other values that AWS does not return are not written again and again.

pub mod actual;
pub mod binding;
pub mod certificates;
pub mod diff;
pub mod digest;
pub mod impact;
pub mod quotas;
pub mod render;
pub mod step;

pub use actual::Actual;
pub use diff::{DiffError, PlanContext, diff};
pub use digest::{AppliedSecrets, Digest, Seal};
pub use quotas::{ExhaustedQuotas, Quota};
pub use step::{BindingWrite, LeavingBinding, OnFailure, Op, Stage, Step, StepId};

use crate::aws_api::elbv2::{FixedResponseAction, ListenerAction};
use crate::aws_api::{CloudError, Request, ResolvedIds, SymbolKind};
use crate::model::ResourceAddress;
use std::collections::BTreeSet;
use std::time::Duration;

/// What to do, in order, to make the world as it is wanted. `Display` prints it like a reviewer's diff, secrets redacted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The steps; each comes after all it depends on.
    pub steps: Vec<Step>,
    /// Ids of the stack's resources that exist already.
    pub known: ResolvedIds,
    /// What is wanted and probably does not fit a quota: tried at the end, when all that can go has gone.
    pub shortfalls: Vec<QuotaExceeded>,
    /// When to look again although nothing failed.
    pub revisits: Vec<Requeue>,
    /// What the user should know although nothing is done about it.
    pub notices: Vec<String>,
    /// What keeps resources from being as wanted, and no step can help.
    pub problems: Vec<Problem>,
}

impl Plan {
    /// Whether there is nothing to do, neither now nor later.
    pub fn is_empty(&self) -> bool {
        let Self { steps, known: _, shortfalls: _, revisits, notices: _, problems: _ } = self;
        steps.is_empty() && revisits.is_empty()
    }

    /// The same plan with some of its steps only, which do not wait for the others.
    #[must_use]
    pub fn only(self, chosen: &BTreeSet<StepId>) -> Self {
        let Self { steps, known, shortfalls: _, revisits: _, notices: _, problems: _ } = self;
        let numbered = steps.into_iter().enumerate().filter(|(at, _)| chosen.contains(&StepId(*at)));
        let mut steps: Vec<Step> = numbered.map(|(_, step)| step).collect();
        for step in &mut steps {
            step.after.clear();
            answer_meanwhile(&mut step.op, &known);
        }
        Self { steps, known, ..Self::default() }
    }

    /// A step by its id.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.get(id.0)
    }
}

/// why: a listener that is tried alone cannot forward to target groups that are only made with it
fn answer_meanwhile(op: &mut Op, known: &ResolvedIds) {
    let Op::Aws(request) = op else { return };
    let is_unknown = request
        .pending()
        .iter()
        .any(|symbol| symbol.kind == SymbolKind::TargetGroupArn && !known.contains_key(symbol));
    let Request::CreateListener(create) = &mut **request else { return };
    if is_unknown {
        create.settings.default_actions = vec![ListenerAction::FixedResponse(FixedResponseAction {
            content_type: Some("text/plain".to_owned()),
            message_body: None,
            status_code: "404".to_owned(),
        })];
    }
}

/// Something wanted for which AWS probably has no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaExceeded {
    /// The quota.
    pub quota: Quota,
    /// What does not fit: its id in the stack.
    pub resource: ResourceAddress,
    /// The step that tries it nevertheless.
    pub step: StepId,
}

/// What keeps a resource from being as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of resource it is about.
    pub stage: Stage,
    /// The resource.
    pub resource: ResourceAddress,
    /// What is the matter.
    pub cause: ProblemCause,
}

/// What is the matter with a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemCause {
    /// AWS could not be asked.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// Somebody has to do something about it.
    #[error("{0}")]
    UserMustAct(String),
}

/// A reason to look again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requeue {
    /// After this long.
    pub after: Duration,
    /// What is waited for.
    pub why: String,
}
