//! A Gateway takes over the load balancer of an Ingress group: which group it asks for, which resource becomes which, and whether
//! everything stays as it is.
//!
//! Load balancer, listeners, rules, target groups and security group keep their ARNs and ids; what changes is whose they are: tags in
//! AWS and labels of TargetGroupBindings. Whatever would be made, deleted or answer requests in another way stands in the way of it.

pub mod pairing;
pub mod proof;
pub mod request;

pub use pairing::{ServicePorts, pair_target_groups};
pub use proof::{TakeOverObstacle, obstacles, strict};
pub use request::{TakeOverRequest, take_over_of};
