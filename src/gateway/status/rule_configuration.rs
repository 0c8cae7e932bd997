//! The status of a ListenerRuleConfiguration.

use crate::api::ObjectKey;
use crate::api::gateway_config::{ActionType, ListenerRuleConfiguration, ListenerRuleConfigurationStatus};

/// The Secret that a ListenerRuleConfiguration needs: that of its first action that logs in with OpenID Connect.
pub fn secret_of(configuration: &ListenerRuleConfiguration) -> Option<ObjectKey> {
    let mut actions = configuration.spec.actions.iter().flatten();
    let action = actions.find(|action| action.type_ == ActionType::AuthenticateOidc)?;
    let secret = &action.authenticate_oidc_config.as_ref()?.secret;
    Some(ObjectKey::of(configuration).sibling(secret.name.as_str()))
}

/// Its status; `None` if it says that already. `missing` is the Secret that it needs, if that is not there.
pub fn rule_configuration_status(
    configuration: &ListenerRuleConfiguration,
    missing: Option<&ObjectKey>,
) -> Option<ListenerRuleConfigurationStatus> {
    let message = missing.map_or_else(|| "Accepted".to_owned(), |key| format!("secret [{key}] not found"));
    let new = ListenerRuleConfigurationStatus {
        observed_generation: configuration.metadata.generation,
        accepted: Some(missing.is_none()),
        message: Some(message),
    };
    (configuration.status.as_ref() != Some(&new)).then_some(new)
}

#[cfg(test)]
mod tests;
