//! The order in which listeners change, so that no two of a protocol ever have a port in common: AWS would refuse the second.

use super::matching::{conflicts, differs};
use crate::aws_api::global_accelerator::{Listener as Found, PortRange};
use crate::global_accelerator::{Listener, ports};

/// What becomes of a listener of AWS on the way to a wanted one. Both are named by their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ListenerChange {
    /// It becomes the wanted one.
    Update { wanted: usize, found: usize },
    /// It gives up the ports that it loses, so that others can have them; it becomes the wanted one later.
    Shrink { wanted: usize, found: usize, ranges: Vec<PortRange> },
    /// It goes, and the wanted one is made anew: it keeps nothing, and others need what it has.
    Replace { wanted: usize, found: usize },
}

/// The changes of those listeners that become wanted ones (`pairs`: places of wanted and found ones).
pub(super) fn order(wanted: &[Listener], found: &[&Found], pairs: &[(usize, usize)]) -> Vec<ListenerChange> {
    let mut current: Vec<Option<Found>> = vec![None; found.len()];
    for (_, place) in pairs {
        if let (Some(slot), Some(listener)) = (current.get_mut(*place), found.get(*place)) {
            *slot = Some((*listener).clone());
        }
    }
    let is_open = |(number, place): &(usize, usize)| {
        let both = wanted.get(*number).zip(found.get(*place));
        both.is_some_and(|(wanted, found)| differs(wanted, found))
    };
    let mut open: Vec<(usize, usize)> = pairs.iter().copied().filter(is_open).collect();
    let mut changes = Vec::new();
    while !open.is_empty() {
        let free = open.iter().position(|(number, place)| is_free(wanted.get(*number), *place, &current));
        let Some(free) = free else {
            let Some(change) = make_room(wanted, &mut current, &mut open) else { break };
            changes.push(change);
            continue;
        };
        let (number, place) = open.remove(free);
        if let (Some(Some(listener)), Some(wanted)) = (current.get_mut(place), wanted.get(number)) {
            listener.protocol = wanted.protocol.clone();
            listener.port_ranges.clone_from(&wanted.port_ranges);
        }
        changes.push(ListenerChange::Update { wanted: number, found: place });
    }
    changes
}

/// Has the first one give up what it loses, or all: nobody can change because of another one.
fn make_room(
    wanted: &[Listener],
    current: &mut [Option<Found>],
    open: &mut Vec<(usize, usize)>,
) -> Option<ListenerChange> {
    let (number, place) = open.first().copied()?;
    let slot = current.get_mut(place)?;
    let kept = kept_ports(wanted.get(number), slot.as_ref());
    if let (Some(ranges), Some(listener)) = (kept, slot.as_mut()) {
        listener.port_ranges.clone_from(&ranges);
        // why: the next one may be free now, and this one waits for its turn
        open.rotate_left(1);
        return Some(ListenerChange::Shrink { wanted: number, found: place, ranges });
    }
    *slot = None;
    open.remove(0);
    Some(ListenerChange::Replace { wanted: number, found: place })
}

/// Whether no other listener has a port that this one gets.
fn is_free(wanted: Option<&Listener>, place: usize, current: &[Option<Found>]) -> bool {
    let others = current.iter().enumerate().filter(|(other, _)| *other != place);
    wanted.is_none_or(|wanted| {
        others.filter_map(|(_, found)| found.as_ref()).all(|found| !conflicts(wanted, found))
    })
}

/// The ports that a listener keeps, if it keeps some and loses others.
fn kept_ports(wanted: Option<&Listener>, found: Option<&Found>) -> Option<Vec<PortRange>> {
    let (wanted, found) = (wanted?, found?);
    let kept = ports::common(&wanted.port_ranges, &found.port_ranges);
    let is_less = kept != ports::union(&found.port_ranges);
    (wanted.protocol == found.protocol && !kept.is_empty() && is_less).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_api::global_accelerator::{AcceleratorProtocol, ClientAffinity};

    fn ranges(list: &[(i32, i32)]) -> Vec<PortRange> {
        list.iter().map(|(from, to)| PortRange { from: *from, to: *to }).collect()
    }

    /// Ports before and after.
    type Ports<'a> = (&'a [(i32, i32)], &'a [(i32, i32)]);

    fn changes(pairs: &[Ports<'_>]) -> Vec<ListenerChange> {
        let (protocol, client_affinity) = (AcceleratorProtocol::Tcp, ClientAffinity::None);
        let found: Vec<Found> = pairs
            .iter()
            .map(|(found, _)| Found {
                arn: String::new(),
                protocol: protocol.clone(),
                port_ranges: ranges(found),
                client_affinity: client_affinity.clone(),
            })
            .collect();
        let wanted: Vec<Listener> = pairs
            .iter()
            .map(|(_, wanted)| Listener {
                protocol: protocol.clone(),
                port_ranges: ranges(wanted),
                client_affinity: client_affinity.clone(),
                groups: Vec::new(),
            })
            .collect();
        let places: Vec<(usize, usize)> = (0..pairs.len()).map(|index| (index, index)).collect();
        order(&wanted, &found.iter().collect::<Vec<_>>(), &places)
    }

    #[test]
    fn whoever_gives_a_port_up_changes_first() {
        let given_up = changes(&[(&[(80, 80)], &[(80, 81)]), (&[(81, 82)], &[(82, 82)])]);
        let expected =
            [ListenerChange::Update { wanted: 1, found: 1 }, ListenerChange::Update { wanted: 0, found: 0 }];
        assert_eq!(given_up, expected);
        assert_eq!(changes(&[(&[(80, 80)], &[(80, 80)])]), []);
    }

    #[test]
    fn two_that_swap_ports_give_up_what_they_lose_first() {
        let swapped = changes(&[(&[(1, 2)], &[(2, 3)]), (&[(3, 4)], &[(4, 4), (1, 1)])]);
        let expected = [
            ListenerChange::Shrink { wanted: 0, found: 0, ranges: ranges(&[(2, 2)]) },
            ListenerChange::Update { wanted: 1, found: 1 },
            ListenerChange::Update { wanted: 0, found: 0 },
        ];
        assert_eq!(swapped, expected);
    }

    #[test]
    fn one_that_keeps_nothing_makes_room() {
        let swapped = changes(&[(&[(1, 1)], &[(2, 2)]), (&[(2, 2)], &[(1, 1)])]);
        let expected =
            [ListenerChange::Replace { wanted: 0, found: 0 }, ListenerChange::Update { wanted: 1, found: 1 }];
        assert_eq!(swapped, expected);
    }
}
