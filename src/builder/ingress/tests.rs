#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::needless_pass_by_value, clippy::type_complexity)] // why: manifests and tables read best as literals

mod certificates;
pub(crate) mod fixture;
mod group;
mod load_balancer;
mod retained;
mod rules;
mod target_groups;
