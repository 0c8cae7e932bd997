//! Prints a plan like a reviewer's diff: one line a step, its details below. Secrets are redacted by their type.

mod content;

use super::step::{BindingWrite, Op, Step};
use super::{Plan, Problem, QuotaExceeded, Requeue};
use crate::aws_api::Effect;
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, known: _, shortfalls, revisits, notices, problems } = self;
        for step in steps {
            write!(f, "{step}")?;
        }
        for QuotaExceeded { quota, resource, step: _ } in shortfalls {
            writeln!(f, "! {resource}: probably exceeds the quota of {quota}")?;
        }
        for Requeue { after, why } in revisits {
            writeln!(f, "? again in {}s: {why}", after.as_secs())?;
        }
        for notice in notices {
            writeln!(f, "! {notice}")?;
        }
        for Problem { stage: _, resource, cause } in problems {
            writeln!(f, "! {resource}: {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage: _, resource, op, binds: _, after: _, why, on_failure: _ } = self;
        writeln!(f, "{} {} {resource}  # {why}", sign(op), op.verb())?;
        for (name, value) in op.details() {
            writeln!(f, "    {name}: {value}")?;
        }
        Ok(())
    }
}

impl Op {
    /// What it does, in one word: AWS's name of the call, or ours.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Aws(request) => request.action().name(),
            Self::CreateBinding(_) => "CreateTargetGroupBinding",
            Self::PatchBinding { .. } => "PatchTargetGroupBinding",
            Self::DeleteBinding(_) => "DeleteTargetGroupBinding",
            Self::AwaitBindingObserved(_) => "AwaitTargets",
            Self::AwaitBindingGone(_) => "AwaitTargetGroupBindingGone",
            Self::AwaitCertificateFree(_) => "AwaitCertificateFree",
        }
    }

    /// What it sends, as names and values for people. Secrets are redacted by their type.
    pub fn details(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Aws(request) => content::of_request(request),
            Self::CreateBinding(write) | Self::PatchBinding { write, .. } => {
                let BindingWrite { binding, labels } = &**write;
                let mut details = content::of_binding(binding);
                details.push(("labels", content::pairs(labels)));
                details
            }
            Self::DeleteBinding(_)
            | Self::AwaitBindingObserved(_)
            | Self::AwaitBindingGone(_)
            | Self::AwaitCertificateFree(_) => Vec::new(),
        }
    }
}

/// `+` for what creates, `~` for what changes, `-` for what deletes, `.` for what waits.
pub fn sign(op: &Op) -> char {
    match op {
        Op::CreateBinding(_) => '+',
        Op::PatchBinding { .. } => '~',
        Op::DeleteBinding(_) => '-',
        Op::AwaitBindingObserved(_) | Op::AwaitBindingGone(_) | Op::AwaitCertificateFree(_) => '.',
        Op::Aws(request) => match request.action().effect() {
            Effect::Create => '+',
            Effect::Read | Effect::Update => '~',
            Effect::Delete => '-',
        },
    }
}
