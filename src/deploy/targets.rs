//! Registration of targets: what pods and nodes need done in AWS, quickly and in the right order.
//!
//! [`target_registrar`] keeps the state of each target group and registers and deregisters; [`zones`] says which targets
//! need a zone; [`interfaces`] finds the security groups that traffic to targets passes, and [`rules`] keeps their rules;
//! [`batch`] sends calls about several items so that one bad item costs itself alone;
//! [`ownership`] remembers which targets of a shared target group are this cluster's. [`traits`] is what all of this needs
//! from Kubernetes.
//!
//! Matches upstream's `pkg/targetgroupbinding` and `pkg/networking`. No lock is held while AWS is asked, so one slow
//! target group keeps nobody else waiting; only calls about the same security group queue up behind each other.

pub mod batch;
pub mod interfaces;
mod needs;
pub mod ownership;
mod refused_items;
pub mod rules;
pub mod target_registrar;
pub mod traits;
pub mod zones;
