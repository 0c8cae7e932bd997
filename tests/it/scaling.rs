//! Twice as much takes at most about twice as much memory, and nothing of the largest size takes long: every annotation, rules,
//! ports, ranges, keys and the lists of our own kinds, through admission, build, diff, digest and rendering. What it takes in
//! time is measured by `cargo bench --package rig --bench scaling`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use allocation_counter::measure;
use rig::scaling::{Family, families, go_all_the_way};
use std::time::Duration;

/// What share of the largest size is tried: a debug build is slow enough to tell.
const SHARE: usize = 2;
/// The most that a doubling may cost.
const LIMIT: f64 = 2.3;
/// Memory that does not depend on the size, in bytes.
const CONSTANT: u64 = 512 * 1024;
/// How long the processor may work for an object in a debug build; an optimised one takes about a tenth.
const LONGEST: Duration = Duration::from_secs(5);

/// Time that the processor has worked for this thread. why: what else runs on the machine must not count
fn worked() -> Duration {
    // why: where the system does not say it, memory alone is judged
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_else(|_| String::new());
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

struct Cost {
    bytes: u64,
    time: Duration,
}

fn cost(family: &Family, size: usize) -> Cost {
    let object = family.object(size);
    let began = worked();
    let bytes = measure(|| {
        std::hint::black_box(go_all_the_way(&object));
    })
    .bytes_total;
    Cost { bytes, time: worked().saturating_sub(began) }
}

/// What is wrong with a family, if anything.
fn judge(family: &Family) -> Option<String> {
    let size = family.full / SHARE;
    let (half, full) = (cost(family, size / 2), cost(family, size));
    #[allow(clippy::cast_precision_loss, reason = "a ratio")]
    let ratio = (full.bytes.saturating_sub(CONSTANT)) as f64 / half.bytes.max(CONSTANT) as f64;
    let line = format!("{}: {} bytes, ×{ratio:.2}, {:.2?}", family.name, full.bytes, full.time);
    println!("{line}");
    (ratio > LIMIT || full.time > LONGEST).then_some(line)
}

fn judge_those(is_chosen: impl Fn(&Family) -> bool) {
    let wrong: Vec<String> = families().iter().filter(|family| is_chosen(family)).filter_map(judge).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn has_annotation(family: &Family) -> bool {
    family.name.contains('/')
}

#[test]
fn what_every_annotation_of_services_costs_grows_with_its_length() {
    judge_those(|family| has_annotation(family) && family.name.starts_with("Service"));
}

#[test]
fn what_every_annotation_of_ingresses_costs_grows_with_its_length() {
    judge_those(|family| has_annotation(family) && family.name.starts_with("Ingress"));
}

#[test]
fn what_rules_ports_ranges_keys_and_lists_cost_grows_with_their_number() {
    judge_those(|family| !has_annotation(family));
}

mod arbitrary_values;
