//! The record of the targets that this cluster registered in a target group it shares with others.

use super::traits::{ApiFailure, BindingApi};
use crate::api::ObjectKey;
use crate::targets::multi_cluster::{self, OwnedTargetIds};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The records, each read once a process and written when it changes.
pub struct OwnedTargets {
    api: Arc<dyn BindingApi>,
    known: Mutex<BTreeMap<ObjectKey, OwnedTargetIds>>,
}

impl OwnedTargets {
    /// Knows nothing until it is asked.
    pub fn new(api: Arc<dyn BindingApi>) -> Self {
        Self { api, known: Mutex::default() }
    }

    /// The record of a binding; `None`: there is none.
    pub async fn load(&self, binding: &ObjectKey) -> Result<Option<OwnedTargetIds>, ApiFailure> {
        if let Some(owned) = self.known.lock().get(binding) {
            return Ok(Some(owned.clone()));
        }
        let found = self.api.read_config_map(&multi_cluster::config_map_key(binding)).await?;
        let owned = found.as_ref().map(multi_cluster::parse_owned);
        if let Some(owned) = &owned {
            self.known.lock().insert(binding.clone(), owned.clone());
        }
        Ok(owned)
    }

    /// Writes the record, unless it is known to say so already.
    pub async fn store(&self, binding: &ObjectKey, owned: OwnedTargetIds) -> Result<(), ApiFailure> {
        if self.known.lock().get(binding) == Some(&owned) {
            return Ok(());
        }
        self.api.write_config_map(multi_cluster::render_owned(binding, &owned)).await?;
        self.known.lock().insert(binding.clone(), owned);
        Ok(())
    }

    /// Forgets a binding; deletes its record if the target group is shared. (Where it is not, a record may stem from a
    /// time when it was, and upstream leaves that one alone.)
    pub async fn remove(&self, binding: &ObjectKey, is_shared: bool) -> Result<(), ApiFailure> {
        self.known.lock().remove(binding);
        if is_shared {
            self.api.delete_config_map(&multi_cluster::config_map_key(binding)).await?;
        }
        Ok(())
    }
}
