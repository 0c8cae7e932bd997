//! Layer 4: the queue and the five steps: gather, build, diff, execute, report.

pub mod context;
pub mod event_handlers;
pub mod fact_source;
pub mod gateway;
pub mod gather;
pub mod global_accelerator;
pub mod ingress;
pub mod manager;
pub mod object_states;
mod plan_annotation;
pub mod process;
pub mod queue;
pub mod queues;
mod reconcile_error;
pub mod secrets;
pub mod service;
mod stack_claims;
pub mod target_group_binding;
pub mod top_talkers;
pub mod topology;
pub mod worker;

pub use worker::ReconcileResult;
