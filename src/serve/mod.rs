//! Layer 4: what listens. The TLS webhook server, health probes and metrics.

pub use axum::Router;

pub mod admin;
pub mod certificate;
pub mod listener;
pub mod review;
pub mod webhook;
