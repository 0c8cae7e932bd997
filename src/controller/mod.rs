//! Layer 4: the queue and the five steps: gather, build, diff, execute, report.

pub mod queue;
pub mod worker;

pub use worker::Verdict;
