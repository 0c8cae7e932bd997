//! The plans of GlobalAccelerators.

use super::{Planner, SIDE_BY_SIDE};
use crate::api::ObjectKey;
use crate::controller::global_accelerator::load_balancers::LoadBalancers;
use crate::controller::global_accelerator::planning::{AcceleratorPlan, plan_accelerator};
use crate::global_accelerator::plan::AcceleratorStep;
use crate::plan::Op;
use crate::plan::render::sign;
use futures::{StreamExt, stream};
use std::collections::BTreeSet;
use std::fmt;

/// The plan of one GlobalAccelerator.
#[derive(Clone, Debug)]
pub struct AcceleratorReport {
    /// Namespace and name.
    pub key: ObjectKey,
    /// The plan, or why there is none.
    pub plan: Result<AcceleratorPlan, String>,
}

impl AcceleratorReport {
    /// How many changes are planned.
    pub fn steps(&self) -> usize {
        self.plan.as_ref().map_or(0, |plan| plan.steps.len())
    }

    /// Kind, namespace and name.
    pub fn title(&self) -> String {
        format!("GlobalAccelerator {}", self.key)
    }
}

impl fmt::Display for AcceleratorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title())?;
        match &self.plan {
            Err(problem) => writeln!(f, "  ! {problem}"),
            Ok(plan) => render(plan).lines().try_for_each(|line| writeln!(f, "  {line}")),
        }
    }
}

/// A request, as plans of stacks have it.
pub(super) fn op_of(step: &AcceleratorStep) -> Op {
    Op::Aws(Box::new(step.request.clone()))
}

/// One line a step, its details below, as plans of stacks are printed; then what is waited for.
pub(super) fn render(plan: &AcceleratorPlan) -> String {
    let AcceleratorPlan { steps, waiting } = plan;
    let mut lines = Vec::new();
    for step in steps {
        let op = op_of(step);
        let place = if step.place.is_empty() { String::new() } else { format!("  # {}", step.place) };
        lines.push(format!("{} {}{place}", sign(&op), op.verb()));
        lines.extend(op.details().into_iter().map(|(name, value)| format!("    {name}: {value}")));
    }
    lines.extend(waiting.iter().map(|endpoint| format!("? {endpoint}")));
    lines.join("\n")
}

impl Planner<'_> {
    /// Plans GlobalAccelerators that there are.
    pub(super) async fn plan_accelerators(&self, keys: BTreeSet<ObjectKey>) -> Vec<AcceleratorReport> {
        let load_balancers = LoadBalancers::default();
        let plans = stream::iter(keys).map(|key| self.plan_one(key, &load_balancers)).buffered(SIDE_BY_SIDE);
        plans.filter_map(async |report| report).collect().await
    }

    async fn plan_one(&self, key: ObjectKey, load_balancers: &LoadBalancers) -> Option<AcceleratorReport> {
        let object = self.stores.accelerators.objects.get(&key)?;
        let (cloud, config) = (&*self.account.cloud, &self.account.config);
        let plan = plan_accelerator(&object, self.stores, load_balancers, cloud, config).await;
        Some(AcceleratorReport { key, plan })
    }
}
