//! Layer 2: what users ask for, typed and with its origin, in whichever objects they wrote it.
//!
//! A front end reads one kind of source: [`service`] reads annotations of a Service, [`ingress`] the merged
//! members of an Ingress group, [`gateway`] a Gateway with its configuration and routes. All of them yield [`NlbSettings`] or
//! [`AlbSettings`], and the builders in [`builder`](crate::builder) make a stack of these. The
//! files here are what front ends share: they resolve what users name (subnets, security groups, certificates) to what AWS
//! calls it.

mod addresses;
pub mod alb;
pub mod certificates;
pub mod diagnostics;
pub mod gateway;
pub mod health_check;
pub mod ingress;
pub mod load_balancer;
pub mod names;
pub mod origin;
pub mod ports;
pub mod security_groups;
pub mod service;
pub mod shared_setting;
pub mod subnets;
pub mod tags;
pub mod target_group;
pub mod tls_secrets;

pub use alb::{AlbListenerSettings, AlbSettings};
pub use diagnostics::{ContributorWarning, Diagnostics, WarningKind};
pub use health_check::{HealthCheckDefaults, HealthCheckSettings, SuccessCodes};
pub use load_balancer::{LoadBalancerSettings, NlbListenerSettings, NlbSettings, SecurityGroupSettings};
pub use origin::{Origin, Sourced};
pub use target_group::{
    Backend, LoadBalancerBackend, LoadBalancerNaming, MissingBackend, ServiceBackend, TargetGroupNaming,
    TargetGroupSettings,
};
