//! Layer 0: what the controller says to AWS and what it hears back, as plain data.
//!
//! Every AWS operation the product uses is one row of [`operations`]: its service, its wire name, whether it changes
//! anything, its request and its response. Throttling, fencing, metrics, fault injection, the IAM policy and the
//! simulator all derive from that table. Nothing here does I/O; the port that performs requests is `aws::Cloud`.

#[macro_use]
mod string_enum;

pub mod acm;
pub mod ec2;
pub mod elbv2;
pub mod error;
pub mod global_accelerator;
pub mod iam;
pub mod items;
pub mod operations;
pub mod protection;
pub mod reference;
pub mod references;
pub mod route53;
pub mod secret;
pub mod sts;

pub use error::CloudError;
pub use operations::{Action, Effect, Operation, Request, Response, Service};
pub use reference::{Ref, Symbol, SymbolKind, Unresolved};
pub use references::ResolvedIds;
pub use secret::Secret;

use std::collections::BTreeMap;

/// Tags of one resource, sorted by key as every AWS call sends them.
pub type Tags = BTreeMap<String, String>;

/// Attributes of a load balancer, listener or target group, sorted by key.
pub type Attributes = BTreeMap<String, String>;
