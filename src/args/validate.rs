//! Values that contradict each other or that nothing can be done with, in upstream's order: the first one ends the process.

use crate::api::meta::TRACKING_TAGS;
use crate::aws_api::elbv2::{Scheme, TargetType};
use crate::config::Config;

/// Why the flags cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// No cluster name.
    #[error("--cluster-name must be given: the name of the cluster, as in its tags")]
    ClusterName,
    /// A tag that is the controller's own.
    #[error("--{flag} must not name {key}: the controller knows its own resources by this tag")]
    TrackingTag {
        /// The flag.
        flag: &'static str,
        /// The tag key.
        key: String,
    },
    /// A tag that is both ours and not ours.
    #[error("--default-tags and --external-managed-tags both name {0}")]
    TagInBoth(String),
    /// No such target type.
    #[error("--default-target-type is {0:?}, expected \"instance\" or \"ip\"")]
    TargetType(String),
    /// No such scheme.
    #[error("--default-load-balancer-scheme is {0:?}, expected \"internal\" or \"internet-facing\"")]
    Scheme(String),
    /// Not the id of a security group.
    #[error("--backend-security-group is {0:?}, expected an id that starts with \"sg-\"")]
    BackendSecurityGroup(String),
    /// Rules of a group that is not used.
    #[error("--enable-manage-backend-security-group-rules needs --enable-backend-security-group")]
    ManagedRules,
    /// Not a label.
    #[error("--required-secrets-label is {0:?}, expected key=value")]
    SecretsLabel(String),
    /// Not the name of an object.
    #[error("--{flag} is {value:?}, expected namespace/name")]
    ObjectName {
        /// The flag.
        flag: &'static str,
        /// The offending value.
        value: String,
    },
    /// A certificate of our own that nobody would use.
    #[error("--webhook-cert-secret needs --{0}")]
    OwnCertificates(&'static str),
    /// Not a TCP port.
    #[error("--webhook-bind-port is {0}, expected a port between 0 and 65535")]
    Port(i64),
}

/// Checks what upstream checks, in upstream's order. The label has been split already and is checked last.
pub(super) fn check(config: &Config, secrets_label: &str) -> Result<(), ArgsError> {
    if config.cluster_name.is_empty() {
        return Err(ArgsError::ClusterName);
    }
    check_tags(config)?;
    if !matches!(config.default_target_type, TargetType::Instance | TargetType::Ip) {
        return Err(ArgsError::TargetType(config.default_target_type.to_string()));
    }
    if !matches!(config.default_load_balancer_scheme, Scheme::Internal | Scheme::InternetFacing) {
        return Err(ArgsError::Scheme(config.default_load_balancer_scheme.to_string()));
    }
    let group = &config.backend_security_group;
    if !group.is_empty() && !group.starts_with("sg-") {
        return Err(ArgsError::BackendSecurityGroup(group.clone()));
    }
    if config.enable_manage_backend_security_group_rules && !config.enable_backend_security_group {
        return Err(ArgsError::ManagedRules);
    }
    if config.required_secrets_label.is_none() && !secrets_label.is_empty() {
        return Err(ArgsError::SecretsLabel(secrets_label.to_owned()));
    }
    Ok(())
}

fn check_tags(config: &Config) -> Result<(), ArgsError> {
    let tracking = |key: &&String| TRACKING_TAGS.contains(&key.as_str());
    if let Some(key) = config.default_tags.keys().find(tracking) {
        return Err(ArgsError::TrackingTag { flag: "default-tags", key: key.clone() });
    }
    if let Some(key) = config.external_managed_tags.iter().find(tracking) {
        return Err(ArgsError::TrackingTag { flag: "external-managed-tags", key: key.clone() });
    }
    match config.external_managed_tags.iter().find(|key| config.default_tags.contains_key(*key)) {
        Some(key) => Err(ArgsError::TagInBoth(key.clone())),
        None => Ok(()),
    }
}

/// Splits a label at its first `=`; both sides must have something.
pub(super) fn parse_label(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    (!key.is_empty() && !value.is_empty()).then(|| (key.to_owned(), value.to_owned()))
}
