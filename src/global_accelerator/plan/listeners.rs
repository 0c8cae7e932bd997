//! Listeners: which stay, change, go and come, and what has to give way to them.
//!
//! AWS refuses a listener whose ports another one of its protocol has, or a port override leads to. So what is in the way goes first:
//! listeners that are not wanted and share ports with those that change, and port overrides. What else is not wanted goes
//! before new listeners come, because an accelerator can have only so many.

use super::groups::plan_groups;
use super::matching::{conflicts, differs, match_listeners};
use super::placed::{PlacedListener, keep_overrides};
use super::updates::{ListenerChange, order};
use super::{AcceleratorStage, AcceleratorStep, AskedFlags, ObservedListeners};
use crate::aws_api::global_accelerator::{
    CreateAcceleratorListener, DeleteAcceleratorListener, DeleteEndpointGroup, EndpointGroup,
    Listener as Found, PortOverride, PortRange, UpdateAcceleratorListener,
};
use crate::aws_api::{Ref, Symbol, SymbolKind};
use crate::global_accelerator::{Listener, ports};
use std::collections::BTreeSet;

/// What brings the listeners of an accelerator, with their endpoint groups, to what is wanted.
pub fn plan_listeners(
    accelerator_arn: &str,
    wanted: &[Listener],
    observed: &ObservedListeners,
    asked: &AskedFlags,
) -> Vec<AcceleratorStep> {
    let found: Vec<&Found> = observed.listeners.iter().map(|(listener, _)| listener).collect();
    let mut matched = match_listeners(wanted, &found);
    let kept: BTreeSet<usize> = matched.iter().flatten().copied().collect();
    let in_the_way: BTreeSet<usize> = (0..found.len())
        .filter(|index| !kept.contains(index))
        .filter(|index| is_in_the_way(found.get(*index), wanted, &matched))
        .collect();
    let changes: Vec<Option<&Listener>> = change_of_each(found.len(), wanted, &matched);
    let mut steps = Vec::new();
    for index in &in_the_way {
        steps.extend(observed.listeners.get(*index).into_iter().flat_map(delete));
    }
    let mut listeners = observed.listeners.clone();
    let all_ranges: Vec<PortRange> = wanted.iter().flat_map(|one| one.port_ranges.clone()).collect();
    for (index, (found, groups)) in listeners.iter_mut().enumerate() {
        if !in_the_way.contains(&index) {
            let change = changes.get(index).copied().flatten();
            let ranges = change.filter(|wanted| differs(wanted, found)).map(|wanted| &*wanted.port_ranges);
            steps.extend(groups.iter_mut().filter_map(|group| clear_overrides(group, &all_ranges, ranges)));
        }
    }
    let pairs = matched.iter().enumerate().filter_map(|(number, place)| Some((number, (*place)?)));
    for change in order(wanted, &found, &pairs.collect::<Vec<_>>()) {
        steps.extend(change_steps(&change, wanted, &listeners));
        if let ListenerChange::Replace { wanted: number, .. } = change
            && let Some(place) = matched.get_mut(number)
        {
            *place = None;
        }
    }
    for (index, listener) in listeners.iter().enumerate() {
        if !kept.contains(&index) && !in_the_way.contains(&index) {
            steps.extend(delete(listener));
        }
    }
    let mut placed = Vec::new();
    for (index, (listener, place)) in wanted.iter().zip(&matched).enumerate() {
        let known = place.and_then(|index| listeners.get(index));
        let (arn, groups) = if let Some((found, groups)) = known {
            (Ref::Known(found.arn.clone()), groups.clone())
        } else {
            let symbol = symbol(index);
            let step = create(accelerator_arn, listener).for_listener(index, None);
            steps.push(step.making(symbol.clone()));
            (Ref::Pending(symbol), Vec::new())
        };
        placed.push(PlacedListener { wanted: listener, arn, groups });
    }
    steps.extend(plan_groups(placed, asked));
    steps
}

/// What takes all listeners away.
pub fn deletion(observed: &ObservedListeners) -> Vec<AcceleratorStep> {
    observed.listeners.iter().flat_map(delete).collect()
}

fn symbol(index: usize) -> Symbol {
    Symbol { kind: SymbolKind::AcceleratorListenerArn, id: format!("Listener-{index}") }
}

/// For each listener of AWS, the wanted one that it becomes.
fn change_of_each<'a>(
    count: usize,
    wanted: &'a [Listener],
    matched: &[Option<usize>],
) -> Vec<Option<&'a Listener>> {
    let mut changes = vec![None; count];
    for (listener, place) in wanted.iter().zip(matched) {
        if let Some(change) = place.and_then(|index| changes.get_mut(index)) {
            *change = Some(listener);
        }
    }
    changes
}

fn is_in_the_way(found: Option<&&Found>, wanted: &[Listener], matched: &[Option<usize>]) -> bool {
    let placed = wanted.iter().zip(matched).filter(|(_, place)| place.is_some());
    found.is_some_and(|found| placed.into_iter().any(|(listener, _)| conflicts(listener, found)))
}

fn create(accelerator_arn: &str, listener: &Listener) -> AcceleratorStep {
    let request = CreateAcceleratorListener {
        accelerator_arn: accelerator_arn.to_owned(),
        protocol: listener.protocol.clone(),
        port_ranges: listener.port_ranges.clone(),
        client_affinity: listener.client_affinity.clone(),
    };
    AcceleratorStep::new(AcceleratorStage::Listeners, request)
}

/// What AWS is asked for a change.
fn change_steps(
    change: &ListenerChange,
    wanted: &[Listener],
    listeners: &[(Found, Vec<EndpointGroup>)],
) -> Vec<AcceleratorStep> {
    let (number, place, ranges) = match change {
        ListenerChange::Update { wanted, found } | ListenerChange::Replace { wanted, found } => {
            (*wanted, *found, None)
        }
        ListenerChange::Shrink { wanted, found, ranges } => (*wanted, *found, Some(ranges.clone())),
    };
    let (Some(wanted), Some(listener)) = (wanted.get(number), listeners.get(place)) else {
        return Vec::new();
    };
    if matches!(change, ListenerChange::Replace { .. }) {
        return delete(listener);
    }
    let request = UpdateAcceleratorListener {
        arn: listener.0.arn.clone(),
        protocol: wanted.protocol.clone(),
        port_ranges: ranges.unwrap_or_else(|| wanted.port_ranges.clone()),
        client_affinity: wanted.client_affinity.clone(),
    };
    let step = AcceleratorStep::new(AcceleratorStage::Listeners, request);
    vec![step.for_listener(number, None)]
}

/// Takes a listener away: its endpoint groups first.
fn delete((listener, groups): &(Found, Vec<EndpointGroup>)) -> Vec<AcceleratorStep> {
    let of_groups = groups.iter().map(|group| {
        AcceleratorStep::new(AcceleratorStage::Listeners, DeleteEndpointGroup { arn: group.arn.clone() })
    });
    let own = AcceleratorStep::new(
        AcceleratorStage::Listeners,
        DeleteAcceleratorListener { arn: listener.arn.clone() },
    );
    of_groups.chain([own]).collect()
}

/// Takes those port overrides of a group away that would make AWS refuse the wanted listeners. `changed`: the ports that its own
/// listener gets.
fn clear_overrides(
    group: &mut EndpointGroup,
    all_ranges: &[PortRange],
    changed: Option<&[PortRange]>,
) -> Option<AcceleratorStep> {
    let fits = |one: &PortOverride| {
        !ports::contain(all_ranges, one.endpoint_port)
            && changed.is_none_or(|ranges| ports::contain(ranges, one.listener_port))
    };
    keep_overrides(group, AcceleratorStage::Listeners, fits)
}
