//! The integration tests: one binary, one module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod architecture;
mod args;
mod backend_security_group;
mod bindings;
mod breakages;
mod cases;
mod certificates;
mod chart;
mod checks;
mod docs;
mod doctor;
mod drift;
mod faults;
mod figures;
mod groups;
mod in_use;
mod lag;
mod lint;
mod logs;
mod metrics;
mod nodes;

mod reads;
mod refusals;
mod secrets;
mod server;
mod services;
mod targets;
mod terms;
mod told;
mod watchdog;
mod webhook;
mod wire;
