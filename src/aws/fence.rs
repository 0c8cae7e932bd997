//! The fence: a replica that is not the leader reads, but never writes.

use super::{Answer, Cloud};
use crate::cloud::{CloudError, Request};

/// Tells, at the moment of a write, whether this replica may write.
pub type MayWrite = std::sync::Arc<dyn Fn() -> bool + Send + Sync>;

/// A `Cloud` that refuses writes while `may_write` says no.
pub struct Fenced<C> {
    inner: C,
    may_write: MayWrite,
}

impl<C> Fenced<C> {
    /// Fences the writes to `inner`.
    pub fn new(inner: C, may_write: MayWrite) -> Self {
        Self { inner, may_write }
    }
}

impl<C: Cloud> Cloud for Fenced<C> {
    fn call(&self, request: Request) -> Answer<'_> {
        let action = request.action();
        if action.is_write() && !(self.may_write)() {
            return Box::pin(async move { Err(CloudError::Fenced { operation: action.name() }) });
        }
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests;
