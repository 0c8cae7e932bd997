//! Errors of AWS calls.

/// Why an AWS call failed, as far as the controller can tell apart.
///
/// Decisions are made on [`CloudError::code`], never on message text, so that SDK clients, our own EC2 client and the
/// simulator are treated alike.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// AWS answered with an error.
    #[error("{operation}: {code}: {message}{}", request_id.as_deref().map(|id| format!(" (request id {id})")).unwrap_or_default())]
    Service {
        /// Operation as AWS spells it.
        operation: &'static str,
        /// Error code, for example `TargetGroupNotFound`.
        code: String,
        /// AWS's own words.
        message: String,
        /// AWS request id, for support cases.
        request_id: Option<String>,
    },
    /// No answer: connection, credentials or time-out. The call may or may not have taken effect.
    #[error("{operation}: no answer: {message}")]
    Unreachable {
        /// Operation as AWS spells it.
        operation: &'static str,
        /// What went wrong, without secrets.
        message: String,
    },
    /// The answer could not be understood.
    #[error("{operation}: unexpected answer: {message}")]
    Malformed {
        /// Operation as AWS spells it.
        operation: &'static str,
        /// What was expected.
        message: String,
    },
    /// This replica is not the leader (any more) and must not write.
    #[error("{operation}: not sent: this replica is not the leader")]
    Fenced {
        /// Operation as AWS spells it.
        operation: &'static str,
    },
    /// The request still holds a reference that nothing resolved.
    #[error("{operation}: {source}")]
    Unresolved {
        /// Operation as AWS spells it.
        operation: &'static str,
        /// The symbol without an id.
        source: super::Unresolved,
    },
}

impl CloudError {
    /// AWS's error code, if AWS answered.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Service { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether AWS answered with one of these codes.
    pub fn is(&self, codes: &[&str]) -> bool {
        self.code().is_some_and(|code| codes.contains(&code))
    }

    /// The operation that failed.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Service { operation, .. }
            | Self::Unreachable { operation, .. }
            | Self::Malformed { operation, .. }
            | Self::Fenced { operation }
            | Self::Unresolved { operation, .. } => operation,
        }
    }

    /// Whether AWS asked us to slow down.
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/throttling.html>
    pub fn is_throttled(&self) -> bool {
        self.is(&[
            "Throttling",
            "ThrottlingException",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "Throttled",
        ])
    }
}
