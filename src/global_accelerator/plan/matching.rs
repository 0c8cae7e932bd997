//! Which listener of AWS becomes which wanted one, so that as little as possible changes.

use crate::aws_api::global_accelerator::{Listener as Found, PortRange};
use crate::global_accelerator::{Listener, ports};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Listeners that are less alike than this have nothing in common.
const LEAST: i64 = 15;

/// For each wanted listener, the place of the listener of AWS that becomes it.
pub(super) fn match_listeners(wanted: &[Listener], found: &[&Found]) -> Vec<Option<usize>> {
    let mut matched = vec![None; wanted.len()];
    let mut taken = BTreeSet::new();
    for (listener, place) in wanted.iter().zip(&mut matched) {
        let same = |index: &usize| {
            found.get(*index).is_some_and(|other| {
                other.protocol == listener.protocol
                    && sorted(&other.port_ranges) == sorted(&listener.port_ranges)
            })
        };
        *place = (0..found.len()).filter(|index| !taken.contains(index)).find(same);
        taken.extend(*place);
    }
    let mut pairs = Vec::new();
    for (index, listener) in wanted.iter().enumerate().filter(|(index, _)| matched.get(*index) == Some(&None))
    {
        for (other, candidate) in found.iter().enumerate().filter(|(other, _)| !taken.contains(other)) {
            let score = likeness(listener, candidate);
            if score >= LEAST {
                pairs.push((Reverse(score), index, other));
            }
        }
    }
    // why the places too: equals are paired in the same way each time
    pairs.sort_unstable();
    for (_, index, other) in pairs {
        if let Some(place @ None) = matched.get_mut(index)
            && taken.insert(other)
        {
            *place = Some(other);
        }
    }
    matched
}

fn sorted(ranges: &[PortRange]) -> Vec<PortRange> {
    let mut ranges = ranges.to_vec();
    ranges.sort();
    ranges
}

/// How alike two listeners are, as upstream counts it: protocol, common ports, client affinity.
fn likeness(wanted: &Listener, found: &Found) -> i64 {
    let (common, all) = ports::common_and_all(&wanted.port_ranges, &found.port_ranges);
    let by_protocol = if wanted.protocol == found.protocol { 40 } else { 0 };
    let by_ports = (common * 100).checked_div(all).unwrap_or(0);
    let by_affinity = if wanted.client_affinity == found.client_affinity { 10 } else { 0 };
    by_protocol + by_ports + by_affinity
}

/// Whether AWS would refuse a listener because of another one.
pub(super) fn conflicts(wanted: &Listener, found: &Found) -> bool {
    wanted.protocol == found.protocol && ports::common_and_all(&wanted.port_ranges, &found.port_ranges).0 > 0
}

/// Whether a listener of AWS is not as it is wanted.
pub(super) fn differs(wanted: &Listener, found: &Found) -> bool {
    wanted.protocol != found.protocol
        || wanted.client_affinity != found.client_affinity
        || sorted(&wanted.port_ranges) != sorted(&found.port_ranges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_api::global_accelerator::{AcceleratorProtocol, ClientAffinity};

    fn wanted(protocol: AcceleratorProtocol, ranges: &[(i32, i32)]) -> Listener {
        Listener {
            protocol,
            port_ranges: ranges.iter().map(|(from, to)| PortRange { from: *from, to: *to }).collect(),
            client_affinity: ClientAffinity::None,
            groups: Vec::new(),
        }
    }

    fn found(protocol: AcceleratorProtocol, ranges: &[(i32, i32)]) -> Found {
        let Listener { protocol, port_ranges, client_affinity, .. } = wanted(protocol, ranges);
        Found { arn: "arn".to_owned(), protocol, port_ranges, client_affinity }
    }

    #[test]
    fn likeness_is_counted_as_upstream_counts_it() {
        let (tcp, udp) = (AcceleratorProtocol::Tcp, AcceleratorProtocol::Udp);
        for (one, other, expected) in [
            (wanted(tcp.clone(), &[(80, 81), (443, 443)]), found(tcp.clone(), &[(80, 80), (443, 443)]), 116),
            (wanted(udp.clone(), &[(80, 80)]), found(tcp.clone(), &[(80, 80)]), 110),
            (wanted(tcp.clone(), &[(80, 80)]), found(tcp.clone(), &[(81, 81)]), 50),
            (wanted(tcp, &[(80, 80)]), found(udp, &[(81, 81)]), 10),
        ] {
            assert_eq!(likeness(&one, &other), expected);
        }
    }

    #[test]
    fn equal_listeners_are_paired_and_the_likest_of_the_rest() {
        let tcp = || AcceleratorProtocol::Tcp;
        let have = [
            found(tcp(), &[(80, 80)]),
            found(tcp(), &[(443, 443)]),
            found(AcceleratorProtocol::Udp, &[(53, 53)]),
        ];
        let have: Vec<&Found> = have.iter().collect();
        let asked = [
            wanted(tcp(), &[(443, 444)]),
            wanted(tcp(), &[(80, 80)]),
            wanted(AcceleratorProtocol::Udp, &[(9000, 9000)]),
            wanted(tcp(), &[(8080, 8080)]),
        ];
        assert_eq!(match_listeners(&asked, &have), [Some(1), Some(0), Some(2), None]);
        assert_eq!(match_listeners(&[], &have), []);
        assert_eq!(match_listeners(&asked[..1], &[]), [None]);
    }

    #[test]
    fn two_wanted_listeners_never_become_one() {
        let have = [found(AcceleratorProtocol::Tcp, &[(80, 80)])];
        let have: Vec<&Found> = have.iter().collect();
        let twice =
            [wanted(AcceleratorProtocol::Tcp, &[(80, 80)]), wanted(AcceleratorProtocol::Tcp, &[(80, 80)])];
        assert_eq!(match_listeners(&twice, &have), [Some(0), None]);
    }
}
