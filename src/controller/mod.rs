//! Layer 4: the queue and the five steps: gather, build, diff, execute, report.

pub mod binding;
pub mod board;
pub mod context;
pub mod dispatch;
pub mod engine;
pub mod facts;
pub mod gather;
pub mod ingress;
mod plan_annotation;
pub mod process;
pub mod queue;
pub mod secrets;
pub mod service;
pub mod talkers;
mod trouble;
pub mod worker;

pub use worker::Verdict;
