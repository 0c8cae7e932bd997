//! What `plan` prints.

mod formats;

use super::AcceleratorReport;
use crate::args::ReportFormat;
use crate::cli::CommandReport;
use crate::finding::{Finding, Severity};
use crate::model::{Owner, StackId};
use crate::plan::Plan;
use crate::topology::PlanSource;
use std::fmt;

/// Status when something would change and the user asked to be told by status.
const CHANGES: u8 = 2;

/// The plans of all stacks that were looked at.
#[derive(Clone, Debug, Default)]
pub struct PlanReport {
    /// A plan a stack.
    pub stacks: Vec<StackReport>,
    /// The plans of GlobalAccelerators.
    pub accelerators: Vec<AcceleratorReport>,
    /// What would be done for all stacks together.
    pub shared: Vec<String>,
    /// Ingresses that belong to no group.
    pub problems: Vec<Finding>,
    /// Manifests that no load balancer is built from.
    pub skipped: Vec<String>,
    /// Whether changes are told by the exit status.
    pub exit_code: bool,
}

/// The plan of one stack.
#[derive(Clone, Debug)]
pub struct StackReport {
    id: StackId,
    findings: Vec<Finding>,
    plan: Option<Plan>,
    failure: Option<String>,
}

impl StackReport {
    /// Nothing planned yet.
    pub fn of(id: StackId) -> Self {
        Self { id, findings: Vec::new(), plan: None, failure: None }
    }

    /// Adds what is to be told to users.
    #[must_use]
    pub fn finding<'a>(mut self, findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        self.findings.extend(findings.into_iter().cloned());
        self
    }

    /// Adds the plan.
    #[must_use]
    pub fn planned(mut self, plan: Plan) -> Self {
        self.plan = Some(plan);
        self
    }

    /// Says why there is no plan.
    #[must_use]
    pub fn failed(mut self, failure: &dyn fmt::Display) -> Self {
        self.failure = Some(failure.to_string());
        self
    }

    /// How many changes are planned.
    pub fn steps(&self) -> usize {
        self.plan.as_ref().map_or(0, |plan| plan.steps.len())
    }

    /// Whose stack it is.
    pub fn id(&self) -> &StackId {
        &self.id
    }

    fn has_problems(&self) -> bool {
        self.failure().is_some()
    }
}

impl From<&StackReport> for PlanSource {
    fn from(report: &StackReport) -> Self {
        Self { steps: report.steps(), mistakes: report.findings.clone(), failure: report.failure.clone() }
    }
}

impl PlanReport {
    fn steps(&self) -> usize {
        let of_accelerators = self.accelerators.iter().map(AcceleratorReport::steps);
        self.shared.len() + self.stacks.iter().map(StackReport::steps).chain(of_accelerators).sum::<usize>()
    }

    fn mistakes(&self) -> usize {
        let of_stacks = self.stacks.iter().filter(|stack| stack.has_problems()).count();
        self.problems.len() + of_stacks + self.accelerators.iter().filter(|one| one.plan.is_err()).count()
    }
}

impl CommandReport for PlanReport {
    fn exit_status(&self) -> u8 {
        match (self.mistakes(), self.steps()) {
            (1.., _) => 1,
            (0, 1..) if self.exit_code => CHANGES,
            _ => 0,
        }
    }

    fn render(&self, output: ReportFormat) -> String {
        match output {
            ReportFormat::Text => self.to_string(),
            ReportFormat::Json => format!("{:#}\n", self.to_json()),
            ReportFormat::Markdown => formats::to_markdown(self),
        }
    }
}

impl fmt::Display for PlanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for skipped in &self.skipped {
            writeln!(f, "{skipped}: not planned, no load balancer is built from it")?;
        }
        for problem in &self.problems {
            writeln!(f, "! {problem}")?;
        }
        if !self.shared.is_empty() {
            writeln!(f, "Shared backend security group")?;
        }
        for write in &self.shared {
            writeln!(f, "  {write}")?;
        }
        for stack in self.stacks.iter().filter(|stack| stack.steps() > 0 || stack.has_problems()) {
            write!(f, "{stack}")?;
        }
        for accelerator in self.told_accelerators() {
            write!(f, "{accelerator}")?;
        }
        writeln!(f, "{}", self.summary())
    }
}

impl PlanReport {
    /// Whether everything can be built and is as wanted.
    pub fn has_nothing_to_do(&self) -> bool {
        self.steps() == 0 && self.mistakes() == 0
    }

    /// The report for programs.
    pub fn to_json(&self) -> serde_json::Value {
        formats::to_json(self)
    }

    /// How many changes and mistakes there are.
    pub fn summary(&self) -> String {
        let (all, steps, mistakes) = (self.stacks.len(), self.steps(), self.mistakes());
        let stacks = format!("{steps} changes, in {} of {all} stacks", self.changed());
        let accelerators = self.accelerators.len();
        if accelerators == 0 {
            return format!("{stacks}; {mistakes} with mistakes");
        }
        let changed = self.accelerators.iter().filter(|one| one.steps() > 0).count();
        format!("{stacks} and {changed} of {accelerators} accelerators; {mistakes} with mistakes")
    }

    /// Accelerators that change, wait for something, or cannot be planned.
    fn told_accelerators(&self) -> impl Iterator<Item = &AcceleratorReport> {
        let waits = |one: &AcceleratorReport| one.plan.as_ref().is_ok_and(|plan| !plan.waiting.is_empty());
        self.accelerators.iter().filter(move |one| one.steps() > 0 || one.plan.is_err() || waits(one))
    }

    fn changed(&self) -> usize {
        self.stacks.iter().filter(|stack| stack.steps() > 0).count()
    }
}

impl StackReport {
    /// Why the stack cannot be built or planned; `None`: it can.
    pub fn failure(&self) -> Option<String> {
        let mistake = self.findings.iter().find(|finding| finding.severity == Severity::Error);
        self.failure.clone().or_else(|| mistake.map(ToString::to_string))
    }

    /// What kind of stack it is, and its name.
    pub fn title(&self) -> String {
        let kind = match (self.id.owner, self.id.namespace.is_empty()) {
            (Owner::Service, _) => "Service",
            (Owner::Ingress, true) => "Ingress group",
            (Owner::Ingress, false) => "Ingress",
            (Owner::AlbGateway | Owner::NlbGateway, _) => "Gateway",
        };
        format!("{kind} {}", self.id)
    }
}

impl fmt::Display for StackReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title())?;
        for finding in &self.findings {
            writeln!(f, "  ! {finding}")?;
        }
        if let Some(failure) = &self.failure {
            writeln!(f, "  ! {failure}")?;
        }
        let plan = self.plan.as_ref().map(ToString::to_string).unwrap_or_default();
        plan.lines().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

#[cfg(test)]
mod tests;
