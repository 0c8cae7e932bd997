//! The port to TargetGroupBinding objects.

use crate::api::{ObjectKey, TargetGroupBinding};
use crate::model::StackId;
use futures::future::BoxFuture;
use serde_json::Value;

/// The future of one call.
pub type BindingFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Reads and writes TargetGroupBinding objects.
pub trait BindingStore: Send + Sync {
    /// The bindings with all of the stack's labels, in every watched namespace, sorted by namespace and name. Comes from
    /// a cache and may lag.
    fn of_stack(&self, stack: &StackId) -> Vec<TargetGroupBinding>;
    /// One binding as it is now.
    fn get(&self, key: ObjectKey) -> BindingFuture<'_, Option<TargetGroupBinding>>;
    /// Creates a binding.
    fn create(&self, binding: TargetGroupBinding) -> BindingFuture<'_, TargetGroupBinding>;
    /// Applies a JSON merge patch.
    fn patch(&self, key: ObjectKey, patch: Value) -> BindingFuture<'_, TargetGroupBinding>;
    /// Deletes a binding; one that is gone already is fine.
    fn delete(&self, key: ObjectKey) -> BindingFuture<'_, ()>;
}

/// Why the API server did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// An object of that name exists.
    #[error("TargetGroupBinding {0} exists already")]
    AlreadyExists(ObjectKey),
    /// There is no such object.
    #[error("TargetGroupBinding {0} does not exist")]
    NotFound(ObjectKey),
    /// Somebody else changed it meanwhile.
    #[error("TargetGroupBinding {0} was changed meanwhile")]
    Conflict(ObjectKey),
    /// The API server or an admission webhook refused.
    #[error("TargetGroupBinding {key} was refused: {message}")]
    Refused {
        /// The binding that was to be written.
        key: ObjectKey,
        /// What the API server said.
        message: String,
    },
    /// Nobody knows whether it was written.
    #[error("TargetGroupBinding {key}: no answer: {message}")]
    Unreachable {
        /// The binding that was to be written.
        key: ObjectKey,
        /// What went wrong.
        message: String,
    },
}
