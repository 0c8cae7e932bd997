//! The AWS Load Balancer Controller.

pub mod annotations;
pub mod api;
#[cfg(feature = "shell")]
pub mod aws;
pub mod cloud;
pub mod config;
pub mod finding;
pub mod inputs;
pub mod model;
