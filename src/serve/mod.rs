//! Layer 4: what listens. The TLS webhook server, health probes and metrics.

pub use axum::Router;

pub mod admin;
pub mod bodies;
pub mod certificate;
pub mod connections;
pub mod lean;
pub mod listener;
pub mod lookups;
pub mod review;
pub mod steps;
mod watched;
pub mod webhook;
