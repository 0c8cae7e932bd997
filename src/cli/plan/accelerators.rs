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
            Ok(AcceleratorPlan { steps, waiting }) => {
                steps.iter().try_for_each(|step| render(step, f))?;
                waiting.iter().try_for_each(|endpoint| writeln!(f, "  ? {endpoint}"))
            }
        }
    }
}

fn render(step: &AcceleratorStep, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let op = Op::Aws(Box::new(step.request.clone()));
    let place = if step.place.is_empty() { String::new() } else { format!("  # {}", step.place) };
    writeln!(f, "  {} {}{place}", sign(&op), op.verb())?;
    op.details().into_iter().try_for_each(|(name, value)| writeln!(f, "      {name}: {value}"))
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
