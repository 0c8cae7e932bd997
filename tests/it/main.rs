//! The integration tests: one binary, one module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod architecture;
mod args;
mod backend_security_group;
mod breakages;
mod cases;
mod certificates;
mod chart;
mod checks;
mod docs;
mod figures;
mod groups;
mod lint;
mod logs;
mod metrics;
mod services;
mod targets;
mod webhook;
mod wire;
