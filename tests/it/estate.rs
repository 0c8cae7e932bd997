//! What a change costs does not depend on how many objects there are, and what an object takes in memory neither.

use allocation_counter::measure;
use rig::estate::{EVENTS, Estate, KINDS};

const SMALL: usize = 500;
const LARGE: usize = 2000;
/// Two doublings, each of which may cost a tenth more.
const LIMIT: f64 = 1.21;
/// Events of one kind that are measured together.
const EVENTS_AT_ONCE: usize = 100;
/// What a doubling of objects may take of memory.
const MEMORY_LIMIT: f64 = 2.05;

#[allow(clippy::cast_precision_loss, reason = "a ratio")]
fn ratio(larger: u64, smaller: u64) -> f64 {
    larger as f64 / smaller as f64
}

/// Bytes that events of each kind allocate.
fn cost(size: usize) -> Vec<u64> {
    let estate = Estate::of(size);
    let events = |act: fn(&Estate, usize, usize), time: usize| {
        (0..EVENTS_AT_ONCE).for_each(|event| act(&estate, event * (size / EVENTS_AT_ONCE), time));
    };
    let of_event = |act| {
        events(act, 1);
        measure(|| events(act, 2)).bytes_total
    };
    EVENTS.iter().map(|(_, act)| of_event(*act)).collect()
}

#[test]
fn what_a_change_allocates_does_not_grow_with_the_number_of_objects() {
    let (small, large) = (cost(SMALL), cost(LARGE));
    let mut grown = Vec::new();
    for (((name, _), small), large) in EVENTS.iter().zip(small).zip(large) {
        println!("{name}: {small} → {large} bytes");
        if ratio(large, small.max(1)) > LIMIT {
            grown.push(format!("{name}: {small} → {large} bytes"));
        }
    }
    assert!(grown.is_empty(), "{grown:#?}");
}

#[test]
fn twice_as_many_objects_take_twice_the_memory() {
    for kind in KINDS {
        let estate = Estate::new();
        let first = measure(|| estate.add(kind, 0, SMALL)).bytes_current;
        let second = measure(|| estate.add(kind, SMALL, SMALL)).bytes_current;
        let (first, all) = (u64::try_from(first).unwrap(), u64::try_from(first + second).unwrap());
        println!("{kind:?}: {} bytes each", all / (2 * SMALL as u64));
        assert!(ratio(all, first) <= MEMORY_LIMIT, "{kind:?}: {first} → {all} bytes");
    }
}
