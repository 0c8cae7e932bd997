//! Settings of the ALB target-control agent, read when a pod needs them.

use crate::admit::target_control::{CONFIG_NAME, FALLBACK_NAMESPACE};
use crate::api::{AlbTargetControlConfig, AlbTargetControlConfigSpec};
use kube::{Api, Client};

/// Reads the settings.
pub struct TargetControlSettings(Client);

impl TargetControlSettings {
    /// Nothing is read before a pod needs it.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// The settings that count for pods of a namespace: its own, else those in `kube-system`. What cannot be read is not
    /// there.
    pub async fn read(&self, namespace: &str) -> Option<AlbTargetControlConfigSpec> {
        for namespace in [namespace, FALLBACK_NAMESPACE] {
            let api: Api<AlbTargetControlConfig> = Api::namespaced(self.0.clone(), namespace);
            match api.get_opt(CONFIG_NAME).await {
                Ok(Some(found)) => return Some(found.spec),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(namespace, name = CONFIG_NAME, %error, "target-control settings not read");
                }
            }
        }
        None
    }
}
