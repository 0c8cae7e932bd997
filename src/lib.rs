//! The AWS Load Balancer Controller.

pub mod api;
#[cfg(feature = "shell")]
pub mod aws;
pub mod cloud;
