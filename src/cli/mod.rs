//! Layer 4: the commands beside the controller.
//!
//! They look and print; none changes anything. `plan` and `doctor` read a cluster and an AWS account through the same ports
//! and decide with the same functions as the controller, so what they say is what it would do.

pub mod annotations;
pub mod crds;
pub mod doctor;
pub mod iam_policy;
pub mod lint;
pub mod plan;
mod visit;

pub use visit::VisitError;

/// What a command came to.
pub trait Conclusion {
    /// The status to end with: 0 if there is nothing to worry about.
    fn exit_status(&self) -> u8;
}
