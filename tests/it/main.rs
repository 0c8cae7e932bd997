//! The integration tests: one binary, one module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod api_call_budget;
mod architecture;
mod args;
mod backend_security_group;
mod bindings;
mod calls_per_operation;
mod cases;
mod certificates;
mod chart;
mod checks;
mod console;
mod docs;
mod doctor;
mod drift;
mod eventual_consistency;
mod faults;
mod gateways;
mod global_accelerators;
mod groups;
mod invalid_members;
mod lint;
mod logs;
mod metrics;
mod migrate;
mod names;
mod nodes;
mod pod_drain;
mod resource_in_use;
mod sources;
mod status;

mod failed_reads;
mod fair_registration;
mod leadership;
mod refused_members;
mod requested_certificates;
mod secret_certificates;
mod secrets;
mod server;
mod services;
mod targets;
mod warning_events;
mod watchdog;
mod webhook;
mod wire;
