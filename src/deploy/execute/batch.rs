//! Calls of a plan that may be made at the same time.

use crate::aws_api::Action;
use crate::plan::{Op, Step, StepId};
use std::collections::BTreeSet;

/// Calls of one deployment that are under way at a time.
///
/// why so few: AWS lets an account make ten changes a second, and other stacks have changes to make, too
const AT_ONCE: usize = 5;

/// How many of the steps from this place on may be performed at the same time: calls of one kind, each about a resource of its
/// own, none of which needs what another one does. At least one.
pub(super) fn size(steps: &[Step], place: usize) -> usize {
    let Some((first, others)) = steps.get(place..).and_then(<[Step]>::split_first) else { return 1 };
    let Some(action) = action(first).filter(|action| goes_side_by_side(*action)) else { return 1 };
    let mut resources = BTreeSet::from([&first.resource]);
    let mut size = 1;
    for step in others.iter().take(AT_ONCE - 1) {
        let is_alike = self::action(step) == Some(action);
        let waits = step.after.iter().any(|before| *before >= StepId(place));
        if !is_alike || waits || !resources.insert(&step.resource) {
            break;
        }
        size += 1;
    }
    size
}

fn action(step: &Step) -> Option<Action> {
    match &step.op {
        Op::Aws(request) => Some(request.action()),
        _ => None,
    }
}

/// Calls that stacks have many of, and whose order among each other is of no importance.
fn goes_side_by_side(action: Action) -> bool {
    matches!(
        action,
        Action::CreateTargetGroup
            | Action::ModifyTargetGroup
            | Action::ModifyTargetGroupAttributes
            | Action::DeleteTargetGroup
            | Action::CreateListener
            | Action::ModifyListenerAttributes
            | Action::CreateRule
            | Action::ModifyRule
            | Action::DeleteRule
            | Action::AddTags
            | Action::RemoveTags
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_api::elbv2::{AddTags, DeleteRule};
    use crate::aws_api::{Ref, Tags};
    use crate::plan::Stage;

    fn delete(resource: &str) -> Step {
        Step::aws(Stage::Rules, resource, DeleteRule { arn: Ref::from(resource) }, "nobody asked for it")
    }

    fn tag(resource: &str) -> Step {
        let request = AddTags { arn: Ref::from(resource), tags: Tags::new() };
        Step::aws(Stage::Rules, resource, request, "tags differ")
    }

    #[test]
    fn equal_calls_about_different_resources_go_side_by_side() {
        let steps = [delete("a"), delete("b"), tag("a"), tag("b"), tag("a"), delete("c").after([StepId(1)])];
        let sizes: Vec<usize> = (0..steps.len()).map(|place| size(&steps, place)).collect();
        assert_eq!(sizes, [2, 1, 2, 2, 1, 1]);
    }

    #[test]
    fn what_one_needs_of_another_comes_first_and_many_go_in_turns() {
        let steps = [delete("a"), delete("b").after([StepId(0)])];
        assert_eq!(size(&steps, 0), 1);
        let names: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        let steps: Vec<Step> = names.iter().map(|name| delete(name)).collect();
        assert_eq!((size(&steps, 0), size(&steps, 10), size(&steps, 12)), (AT_ONCE, 2, 1));
    }
}
