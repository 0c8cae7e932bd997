//! A simulator of the part of AWS that the load balancer controller talks to.
//!
//! [`World`] is one in-memory state machine of Elastic Load Balancing v2, EC2, ACM, Route 53, WAF, Shield, STS and IAM: a request of the
//! controller's own vocabulary (`aws_api::Request`) goes in, AWS's answer or AWS's error comes out. It knows no I/O, and its
//! time is a [`Clock`] that tests move. Two faces show it:
//!
//! - [`Sim`] is an implementation of the controller's `Cloud` port, in process, with faults at any call;
//! - [`http`] speaks AWS's wire protocols, for the AWS SDKs and the AWS CLI.
//!
//! Where AWS documents a rule it is kept; where it does not, the simulator refuses rather than guesses.

pub mod any_certificate;
pub mod call_log;
pub mod clock;
pub mod contract;
pub mod data_plane;
pub mod echo;
pub mod faults;
pub mod http;
pub mod identity;
pub mod settings;
pub mod sim;
pub mod world;
pub mod world_builder;

mod acm;
mod ec2;
mod elb;
mod global_accelerator;
mod iam;
mod ids;
mod imports;
mod page;
mod protection;
mod read_lag;
mod refusal;
mod route53;
mod sts;
mod tags;

pub use call_log::{Call, Outcome};
pub use clock::Clock;
pub use data_plane::{DataPlane, Network, PlaneSettings};
pub use faults::{Calls, Effect, Fault};
pub use identity::Identity;
pub use settings::{Delays, Health, Quotas, Settings};
pub use sim::Sim;
pub use world::{Account, World};
pub use world_builder::WorldBuilder;
