//! Whether what one change costs depends on how many objects there are: `cargo bench --package rig --bench estate`.
//!
//! Every event of [`rig::estate`] at 1,000, 2,000, 4,000 and 8,000 objects of each kind: how many a second. Ends with status 1 if a
//! doubling makes one of them more than 1.1 times as dear.
#![allow(missing_docs, clippy::disallowed_methods, clippy::indexing_slicing, reason = "a benchmark")]

use rig::estate::{EVENTS, Estate};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const SIZES: [usize; 4] = [1000, 2000, 4000, 8000];
/// The most that a doubling may cost.
const LIMIT: f64 = 1.1;
/// Events of a round, of which the fastest of so many counts.
const EVENTS_PER_ROUND: usize = 500;
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    let costs: Vec<Vec<Duration>> = SIZES.iter().map(|size| measure(&Estate::of(*size), *size)).collect();
    println!("{:<40} {:>10} {:>10} {:>10} {:>10}  ×", "a second, of so many objects", 1000, 2000, 4000, 8000);
    let mut slow = 0;
    for (place, (name, _)) in EVENTS.iter().enumerate() {
        let of_event: Vec<f64> = costs.iter().map(|of_size| of_size[place].as_secs_f64()).collect();
        // why over all doublings: the clock and the caches of the processor have their say in each
        let ratio = (of_event[3] / of_event[0]).cbrt();
        slow += usize::from(ratio > LIMIT);
        let mark = if ratio > LIMIT { "  SLOW" } else { "" };
        print!("{name:<40}");
        #[allow(clippy::cast_precision_loss, reason = "a few hundred")]
        for cost in &of_event {
            print!(" {:>10.0}", EVENTS_PER_ROUND as f64 / cost);
        }
        println!("  {ratio:.2}{mark}");
    }
    println!("{slow} events cost more than {LIMIT} times as much where there are twice as many objects");
    if slow == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How long a round of each event takes.
fn measure(estate: &Estate, size: usize) -> Vec<Duration> {
    let round = |time: usize, act: fn(&Estate, usize, usize)| {
        let began = Instant::now();
        for event in 0..EVENTS_PER_ROUND {
            act(estate, event * (size / EVENTS_PER_ROUND), time);
        }
        began.elapsed()
    };
    let of_event = |act| (1..=ROUNDS).map(|time| round(time, act)).min().unwrap_or_default();
    EVENTS.iter().map(|(_, act)| of_event(*act)).collect()
}
