//! The custom resources that configure Gateways: upstream's Go package `apis/gateway/v1`.
//!
//! [`LoadBalancerConfiguration`] for classes and Gateways, [`TargetGroupConfiguration`] for Services, and
//! [`ListenerRuleConfiguration`] for rules of routes. `v1beta1` has the same schema, is served, and is never read: the
//! API server hands out what is stored in either version.
//!
//! Defaults of the schema are set by the API server. Objects that no API server has seen (in a file that is checked)
//! do not have them, so whoever reads a field that has a default also says what absence means.

mod listener_rule;
mod load_balancer;
mod target_group;

pub use listener_rule::{
    ActionType, AuthenticateCognitoConfig, AuthenticateOidcConfig, ClaimFormat, FixedResponseConfig,
    FixedResponseContentType, ForwardActionConfig, JwtAdditionalClaim, JwtValidationConfig,
    ListenerRuleAction, ListenerRuleCondition, ListenerRuleConditionField, ListenerRuleConfiguration,
    ListenerRuleConfigurationSpec, ListenerRuleConfigurationStatus, OnUnauthenticatedRequest, RedirectConfig,
    SecretReference, SessionConfig, SourceIpConfig, TargetGroupStickinessConfig,
};
pub use load_balancer::{
    AlpnPolicy, ListenerConfiguration, LoadBalancerConfiguration, LoadBalancerConfigurationSpec, MergingMode,
    MinimumCapacity, MutualAuthenticationConfig, MutualAuthenticationMode, ShieldConfiguration,
    SubnetConfiguration, Switch, TargetGroupConfigurationReference, WafV2Configuration,
};
pub use target_group::{
    HealthCheckConfig, HealthCheckMatcher, HealthCheckProtocol, ProtocolVersion, RouteConfiguration,
    RouteIdentifier, TargetGroupConfiguration, TargetGroupConfigurationSpec, TargetGroupProps,
    TargetProtocol, TargetReference,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// API group of the kinds of this module.
pub const GROUP: &str = "gateway.k8s.aws";
/// Kind of [`LoadBalancerConfiguration`].
pub const LOAD_BALANCER_CONFIGURATION_KIND: &str = "LoadBalancerConfiguration";
/// Kind of [`TargetGroupConfiguration`].
pub const TARGET_GROUP_CONFIGURATION_KIND: &str = "TargetGroupConfiguration";
/// Kind of [`ListenerRuleConfiguration`].
pub const LISTENER_RULE_CONFIGURATION_KIND: &str = "ListenerRuleConfiguration";

/// An attribute of a load balancer, listener or target group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ConfiguredAttribute {
    /// Name of the attribute.
    pub key: String,
    /// Value of the attribute.
    pub value: String,
}

/// What the controller has seen; part of the schema, never written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationStatus {
    /// Generation of the configuration, as a Gateway uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_gateway_configuration_generation: Option<i64>,
    /// Generation of the configuration, as a GatewayClass uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_gateway_class_configuration_generation: Option<i64>,
}

/// Implements what every enumeration of a schema needs: its values, spelled as in manifests.
macro_rules! spelled {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            schemars::JsonSchema, strum::Display, strum::EnumString, strum::IntoStaticStr,
        )]
        pub enum $name {
            $(
                $(#[$doc])*
                #[serde(rename = $text)]
                #[strum(serialize = $text)]
                $variant,
            )+
        }
    };
}
use spelled;
