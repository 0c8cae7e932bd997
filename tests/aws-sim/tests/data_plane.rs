//! What load balancers of the simulator do with traffic, row by row as AWS documents it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::items_after_statements,
    clippy::type_complexity,
    clippy::float_cmp,
    clippy::needless_pass_by_value,
    missing_docs
)]

#[path = "data_plane/bed.rs"]
mod bed;
#[path = "data_plane/plane.rs"]
mod plane;
#[path = "data_plane/protocols.rs"]
mod protocols;
#[path = "data_plane/rules.rs"]
mod rules;
#[path = "data_plane/targets.rs"]
mod targets;
