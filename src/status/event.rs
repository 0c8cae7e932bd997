//! Events: their reasons and sentences, which users and alerts match on.
//!
//! Upstream: `pkg/k8s/events.go` and the controllers that record them.

use std::fmt::Display;

/// Whether an event is good news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr)]
pub enum EventKind {
    /// As it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

impl EventKind {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why an event is emitted: a closed set, also used as metric label and log field.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::VariantArray,
)]
pub enum Reason {
    /// Everything is as wanted.
    SuccessfullyReconciled,
    /// What the user wrote cannot be built.
    FailedBuildModel,
    /// AWS or the API server refused a change.
    FailedDeployModel,
    /// The finalizer could not be added.
    FailedAddFinalizer,
    /// The finalizer could not be removed.
    FailedRemoveFinalizer,
    /// The status could not be written.
    FailedUpdateStatus,
    /// The status could not be cleared (Services).
    FailedCleanupStatus,
    /// An Ingress belongs to no group because its settings contradict.
    FailedLoadGroupID,
    /// Targets could not be brought in line (TargetGroupBindings).
    FailedReconcile,
    /// Targets could not be removed (TargetGroupBindings).
    FailedCleanup,
    /// Security-group rules could not be brought in line (TargetGroupBindings).
    FailedNetworkReconcile,
    /// A Service, or its port, does not exist or can have no targets.
    BackendNotFound,
    /// A rule or a setting has no effect (Ingresses).
    WithoutEffect,
    /// The deletion waits for deletion protection to be switched off (Ingresses).
    DeletionProtected,
    /// An endpoint never can be one, or AWS cannot be asked about it (GlobalAccelerators).
    FailedEndpointLoad,
    /// AWS refused a change (GlobalAccelerators).
    FailedDeploy,
    /// Endpoints are left out until they can be used (GlobalAccelerators).
    WarningEndpoints,
    /// The last targets stay although they are no endpoints any more (TargetGroupBindings and their Services).
    KeptLastTargets,
    /// Targets have been waiting to be registered for long (TargetGroupBindings).
    RegistrationDelayed,
}

impl Reason {
    /// As events spell it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The event's sentence about a cause.
    fn sentence(self, cause: &dyn Display) -> String {
        match self {
            Self::SuccessfullyReconciled => "Successfully reconciled".to_owned(),
            Self::FailedBuildModel => format!("Failed build model due to {cause}"),
            Self::FailedDeployModel => format!("Failed deploy model due to {cause}"),
            Self::FailedAddFinalizer => format!("Failed add finalizer due to {cause}"),
            Self::FailedRemoveFinalizer => format!("Failed remove finalizer due to {cause}"),
            Self::FailedUpdateStatus | Self::FailedCleanupStatus => {
                format!("Failed update status due to {cause}")
            }
            Self::FailedLoadGroupID => format!("failed load groupID due to {cause}"),
            Self::FailedReconcile => format!("Failed reconcile due to {cause}"),
            Self::FailedCleanup => format!("Failed cleanup due to {cause}"),
            Self::FailedEndpointLoad => format!("Failed to reconcile due to {cause}"),
            Self::FailedDeploy => format!("Failed to deploy stack due to {cause}"),
            Self::WarningEndpoints => {
                format!("Detected endpoints which did not load successfully: {cause}")
            }
            Self::DeletionProtected => format!("Deletion waits: {cause}"),
            Self::FailedNetworkReconcile
            | Self::BackendNotFound
            | Self::WithoutEffect
            | Self::KeptLastTargets
            | Self::RegistrationDelayed => cause.to_string(),
        }
    }
}

/// One event about one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// Good news or bad.
    pub kind: EventKind,
    /// Why.
    pub reason: Reason,
    /// The sentence that users read; stable, so that equal events count up.
    pub message: String,
}

impl Event {
    /// The good news.
    pub fn reconciled() -> Self {
        let reason = Reason::SuccessfullyReconciled;
        Self { kind: EventKind::Normal, reason, message: reason.sentence(&"") }
    }

    /// Bad news and what caused it.
    pub fn warning(reason: Reason, cause: &dyn Display) -> Self {
        Self { kind: EventKind::Warning, reason, message: reason.sentence(cause) }
    }
}

#[cfg(test)]
mod tests;
