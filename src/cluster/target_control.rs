//! Settings of the ALB target-control agent, read when a pod needs them.

use super::ApiError;
use crate::admission::target_control::{CONFIG_NAME, FALLBACK_NAMESPACE};
use crate::api::{AlbTargetControlConfig, AlbTargetControlConfigSpec};
use kube::{Api, Client};

/// Reads the settings.
pub struct TargetControlSettings(Client);

impl TargetControlSettings {
    /// Nothing is read before a pod needs it.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// The settings that count for pods of a namespace: its own, else those in `kube-system`.
    pub async fn read(&self, namespace: &str) -> Result<Option<AlbTargetControlConfigSpec>, ApiError> {
        for namespace in [namespace, FALLBACK_NAMESPACE] {
            let api: Api<AlbTargetControlConfig> = Api::namespaced(self.0.clone(), namespace);
            if let Some(found) = api.get_opt(CONFIG_NAME).await? {
                return Ok(Some(found.spec));
            }
        }
        Ok(None)
    }
}
