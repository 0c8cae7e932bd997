//! Sets of ports.

use crate::aws_api::global_accelerator::PortRange;

/// Whether a port lies in one of the ranges.
pub fn contain(ranges: &[PortRange], port: i32) -> bool {
    ranges.iter().any(|range| (range.from..=range.to).contains(&port))
}

/// Whether a port lies in one of these ranges, which are sorted and have no port in common.
pub fn contain_sorted(ranges: &[PortRange], port: i32) -> bool {
    let after = ranges.partition_point(|range| range.from <= port);
    let last = after.checked_sub(1).and_then(|index| ranges.get(index));
    last.is_some_and(|range| port <= range.to)
}

/// Ports as few ranges: sorted, without repetitions, neighbours together.
pub fn to_ranges(ports: &[i32]) -> Vec<PortRange> {
    let singles = ports.iter().map(|port| PortRange { from: *port, to: *port });
    union(&singles.collect::<Vec<_>>())
}

/// The same ports as few ranges.
pub fn union(ranges: &[PortRange]) -> Vec<PortRange> {
    let mut sorted = ranges.to_vec();
    sorted.sort();
    let mut merged: Vec<PortRange> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.from <= last.to.saturating_add(1) => last.to = last.to.max(range.to),
            _ => merged.push(range),
        }
    }
    merged
}

/// The ports that two sets have in common, as few ranges.
pub fn common(first: &[PortRange], second: &[PortRange]) -> Vec<PortRange> {
    let (first, second) = (union(first), union(second));
    let pairs = first.iter().flat_map(|one| second.iter().map(move |other| (one, other)));
    let both =
        pairs.map(|(one, other)| PortRange { from: one.from.max(other.from), to: one.to.min(other.to) });
    union(&both.filter(|range| range.from <= range.to).collect::<Vec<_>>())
}

/// How many ports two sets have in common, and how many there are in both together.
pub fn common_and_all(first: &[PortRange], second: &[PortRange]) -> (i64, i64) {
    let (first, second) = (union(first), union(second));
    let count = |ranges: &[PortRange]| ranges.iter().copied().map(size).sum::<i64>();
    let pairs = first.iter().flat_map(|one| second.iter().map(move |other| (one, other)));
    let common = pairs
        .map(|(one, other)| size(PortRange { from: one.from.max(other.from), to: one.to.min(other.to) }))
        .sum();
    (common, count(&first) + count(&second) - common)
}

/// How many ports a range has; none, if it ends before it begins.
fn size(range: PortRange) -> i64 {
    (i64::from(range.to) - i64::from(range.from) + 1).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(list: &[(i32, i32)]) -> Vec<PortRange> {
        list.iter().map(|(from, to)| PortRange { from: *from, to: *to }).collect()
    }

    #[test]
    fn ports_become_few_ranges() {
        for (ports, expected) in [
            (vec![], vec![]),
            (vec![443], vec![(443, 443)]),
            (vec![443, 80, 81, 80], vec![(80, 81), (443, 443)]),
            (vec![3, 1, 2, 5], vec![(1, 3), (5, 5)]),
        ] {
            assert_eq!(to_ranges(&ports), ranges(&expected), "{ports:?}");
        }
    }

    #[test]
    fn common_ports_are_counted_once() {
        for (first, second, expected) in [
            (vec![(80, 81), (443, 443)], vec![(80, 80), (443, 443)], (2, 3)),
            (vec![(1, 65_535)], vec![(1, 65_535), (80, 90)], (65_535, 65_535)),
            (vec![(80, 80)], vec![(81, 81)], (0, 2)),
            (vec![(9, 5)], vec![(5, 9)], (0, 5)),
        ] {
            assert_eq!(common_and_all(&ranges(&first), &ranges(&second)), expected, "{first:?} {second:?}");
        }
    }
}
