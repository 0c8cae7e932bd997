//! Issues and rotates the certificate authority and the serving certificate of admission webhooks.
//!
//! A pure state machine: [`decide`] looks at the time, at what is kept in a Secret ([`Bundle`]) and at a [`RotationPolicy`], and
//! says what is to be done; [`advance`] does it and gives the next `Bundle`. No clock, no I/O and no state of its own: all
//! that must be remembered is in the certificates. Whoever runs it stores each `Bundle` with compare-and-swap, so that
//! any number of replicas agree on one.
//!
//! # Rotation without a failed call
//!
//! An API server trusts what is in `caBundle`, a replica serves what is in the Secret, and either learns of a change
//! when it learns of it. So trust always comes before use and goes after it:
//!
//! ```text
//!             ca.crt       tls.crt signed by    what comes next, when
//! steady      [A]          A                    AddCa, when A nears its end
//! announced   [A, B]       A                    IssueLeaf, when B has been trusted for `propagation_time`
//! switched    [A, B]       B                    DropCas, when the leaf has been served for `overlap`
//! steady      [B]          B
//! ```
//!
//! Where rotations follow each other faster than `overlap`, each forgets those that were replaced long enough ago.
//!
//! The serving certificate alone is renewed by its authority, whose key is kept too; nobody has to trust anything new.

mod bundle;
mod decide;
mod inspect;
mod issue;
mod policy;

pub use bundle::{Bundle, SECRET_CA, SECRET_CA_KEY, SECRET_CERT, SECRET_KEY};
pub use decide::{Decision, IssueReason, decide};
pub use issue::{IssueError, advance};
pub use policy::{RotationPolicy, service_names};

#[cfg(test)]
mod tests;
