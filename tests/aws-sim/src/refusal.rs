//! Errors the world answers with, before they know their operation.

use aws_load_balancer_controller::aws_api::{CloudError, Unresolved};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// AWS's error code and words.
    Service { code: &'static str, message: String },
    /// The request holds a reference that nothing resolved: it could never be sent.
    Unresolved(Unresolved),
}

/// What became of a request.
pub(crate) type CallResult<T> = Result<T, Refusal>;

impl Refusal {
    /// The error that a caller of this operation sees.
    pub(crate) fn of(self, operation: &'static str, request_id: String) -> CloudError {
        match self {
            Self::Service { code, message } => CloudError::Service {
                operation,
                code: code.to_owned(),
                message,
                request_id: Some(request_id),
            },
            Self::Unresolved(source) => CloudError::Unresolved { operation, source },
        }
    }
}

impl From<Unresolved> for Refusal {
    fn from(unresolved: Unresolved) -> Self {
        Self::Unresolved(unresolved)
    }
}

/// A refusal with this code.
pub(crate) fn refuse(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::Service { code, message: message.into() }
}

/// Elastic Load Balancing's refusal of a value.
pub(crate) fn bad_value(message: impl Into<String>) -> Refusal {
    refuse("ValidationError", message)
}

/// Elastic Load Balancing's refusal of a word that it does not know.
pub(crate) fn bad_word(field: &str, value: impl std::fmt::Display) -> Refusal {
    bad_value(format!(
        "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must satisfy enum value set"
    ))
}

/// Elastic Load Balancing's refusal of a combination of values.
pub(crate) fn bad_configuration(message: impl Into<String>) -> Refusal {
    refuse("InvalidConfigurationRequest", message)
}

/// Refuses unless a condition holds.
pub(crate) fn ensure(holds: bool, refusal: impl FnOnce() -> Refusal) -> CallResult<()> {
    if holds { Ok(()) } else { Err(refusal()) }
}
