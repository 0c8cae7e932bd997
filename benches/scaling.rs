//! Whether twice as much takes more than twice as long: `cargo bench --package rig --bench scaling`.
//!
//! Every family of [`rig::scaling`] goes the whole way at a quarter, half and all of its largest size. Ends with status 1 if a
//! doubling takes more than 2.3 times as long. Words after `--` choose families that have one of them in their name.
#![allow(missing_docs, clippy::disallowed_methods, clippy::indexing_slicing, reason = "a benchmark")]

use rig::scaling::{Family, families, go_all_the_way};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The most that a doubling may cost.
const LIMIT: f64 = 2.3;
/// What is faster is not judged: the clock and the caches have the say.
const NOISE: Duration = Duration::from_millis(4);
/// How often a family is measured before it is taken for slow.
const TRIES: usize = 4;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let chosen = |family: &Family| words.is_empty() || words.iter().any(|word| family.name.contains(word));
    let slow = families().into_iter().filter(chosen).filter(|family| !is_fine(family)).count();
    println!("{slow} families take more than {LIMIT} times as long for twice as much");
    if slow == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures a family, again while it looks slow, and says what came of it.
fn is_fine(family: &Family) -> bool {
    let mut best = [Duration::MAX; 3];
    for _ in 0..TRIES {
        for (place, part) in best.iter_mut().zip([4, 2, 1]) {
            *place = (*place).min(time(family, family.full / part));
        }
        if worst_ratio(&best) <= LIMIT {
            break;
        }
    }
    let ratio = worst_ratio(&best);
    let mark = if ratio <= LIMIT { "" } else { "  SLOW" };
    println!("{:>9.2?} {:>9.2?} {:>9.2?}  ×{ratio:.2}  {}{mark}", best[0], best[1], best[2], family.name);
    ratio <= LIMIT
}

fn worst_ratio(best: &[Duration; 3]) -> f64 {
    let pairs = best.iter().zip(best.iter().skip(1)).filter(|(_, larger)| **larger > NOISE);
    pairs
        .map(|(smaller, larger)| larger.as_secs_f64() / smaller.max(&(NOISE / 3)).as_secs_f64())
        .fold(0.0, f64::max)
}

fn time(family: &Family, size: usize) -> Duration {
    let object = family.object(size);
    let round = || {
        let began = Instant::now();
        black_box(go_all_the_way(black_box(&object)));
        began.elapsed()
    };
    let first = round();
    // why: what takes long is measured well enough by one round
    if first > NOISE * 25 { first } else { (0..2).map(|_| round()).fold(first, Duration::min) }
}
