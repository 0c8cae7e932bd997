//! Layer 2: what to tell the world after a reconcile: status to write, events to emit.
//!
//! Pure functions from what is there and what happened to what to write; nothing to write means nothing is written.

pub mod binding;
pub mod event;
pub mod explanation;
pub mod ingress;
pub mod service;
