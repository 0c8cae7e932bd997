//! Layer 4: what listens. The TLS webhook server, health probes and metrics.

pub use axum::Router;

pub mod admin;
pub mod bodies;
pub mod bounded_json;
pub mod certificate;
pub mod connections;
pub mod console;
pub mod listener;
pub mod lookups;
mod metered_stream;
pub mod pod_drain;
pub mod request_facts;
pub mod review;
pub mod steps;
pub mod webhook;
pub mod webhooks;
