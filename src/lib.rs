//! The AWS Load Balancer Controller.

pub mod admit;
pub mod annotations;
pub mod api;
#[cfg(feature = "shell")]
pub mod aws;
pub mod build;
#[cfg(feature = "shell")]
pub mod clock;
pub mod cloud;
#[cfg(feature = "shell")]
pub mod cluster;
pub mod config;
#[cfg(feature = "shell")]
pub mod controller;
#[cfg(feature = "shell")]
pub mod deploy;
pub mod finding;
pub mod inputs;
pub mod model;
pub mod plan;
#[cfg(feature = "shell")]
pub mod serve;
pub mod status;
pub mod targets;
