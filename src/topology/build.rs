//! Putting the tree together: what stands at the top, and below it.

use super::kubernetes::binding_state;
use super::sources::StackInAws;
use super::tree::{Tree, object_item};
use super::{Item, Topology, TopologyKind, TopologySources, target_group};
use crate::api::ObjectKey;
use crate::model::StackId;
use std::collections::BTreeMap;

/// The tree of everything that the sources tell of.
pub fn build(sources: &TopologySources<'_>) -> Topology {
    let mut items = BTreeMap::new();
    let roots = build_each(sources, &mut |item| {
        items.insert(item.id.clone(), item);
    });
    Topology { without_aws: sources.aws.as_ref().err().cloned(), roots, items }
}

/// The same item by item, each once, in no order; answers the ids at the top. Only what hangs on one of them is held at a time.
pub fn build_each(sources: &TopologySources<'_>, each: &mut dyn FnMut(Item)) -> Vec<String> {
    let mut tree = Tree::new(sources, each);
    tree.services();
    tree.groups();
    tree.gateways();
    tree.other_bindings();
    tree.accelerators();
    tree.finish()
}

impl<'a> Tree<'a> {
    /// Target groups of a stack that hang on nothing yet.
    pub(super) fn target_groups_of(&mut self, stack: &StackId, held: Option<&'a StackInAws>) -> Vec<String> {
        let mut rest = Vec::new();
        for group in held.iter().flat_map(|held| &held.target_groups) {
            let id = target_group::id_of_arn(&group.entity.arn);
            if !self.has(&id) {
                rest.push(self.target_group(&group.entity.arn));
            }
        }
        for binding in self.bindings_by_stack.remove(stack).unwrap_or_default() {
            let id = target_group::id_of_binding(&binding);
            if !self.has(&id) {
                rest.push(self.bound_target_group(&binding));
            }
        }
        rest
    }

    /// TargetGroupBindings that users made, and those of stacks that nobody owns any more.
    fn other_bindings(&mut self) {
        let orphans = std::mem::take(&mut self.bindings_by_stack).into_values().flatten();
        let others: Vec<_> = std::mem::take(&mut self.other_bindings).into_iter().chain(orphans).collect();
        for binding in others {
            let group = self.bound_target_group(&binding);
            let mut item = object_item(TopologyKind::TargetGroupBinding, &ObjectKey::of(&*binding));
            item.label = target_group::service_port(&binding);
            binding_state(&binding, &self.sources.events).give(&mut item);
            item.children.push(group);
            self.give_root(item);
        }
    }
}
