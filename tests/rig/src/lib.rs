//! The controller's machinery on simulators of AWS and of the API server.
//!
//! [`Rig`] runs what the process runs once it leads, with its own watches, queues, workers and timers
//! ([`aws_load_balancer_controller::controller::manager`]), in one process. Its time is tokio's: paused, hours of reconciling take
//! a moment, and every run of a test is the same. What it leaves out is the process around that machinery: flags, leader
//! election, webhooks, sockets; those are the harness's subject, which has a real control plane.
//!
//! [`webhooks()`] is what the webhook server knows, for those who test it without the rest.
//!
//! [`ApiServer`] is as much of an API server as the controller needs. It admits everything and runs no controllers.
// why: a part of tests, which may look at the clock and fail loudly; the bans are for the product.
#![allow(clippy::disallowed_methods, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

pub mod api_server;
pub mod estate;
pub mod faults;
pub mod fixtures;
pub mod load;
pub mod replica;
pub mod rig;
pub mod scaling;
pub mod webhooks;

pub use api_server::ApiServer;
pub use replica::{Line, Replica};
pub use rig::{Options, Rig};
pub use webhooks::webhooks;
