//! The AWS Load Balancer Controller.

#[cfg(feature = "shell")]
pub mod aws;
pub mod cloud;
