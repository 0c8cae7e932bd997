//! Errors of AWS calls.

/// Ends the readable part of EC2's refusals: what follows is for `aws sts decode-authorization-message`, and differs each time.
/// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html>
pub const ENCODED: &str = "Encoded authorization failure message:";

/// Why an AWS call failed, as far as the controller can tell apart.
///
/// Decisions are made on [`CloudError::code`], never on message text, so that SDK clients, our own EC2 client and the
/// simulator are treated alike.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// AWS answered with an error. Its text is the same each time AWS refuses the same: events are counted by their text, and
    /// [`CloudError::in_full`] has the rest.
    #[error("{operation}: {code}: {}", lasting(message))]
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

    /// With all that AWS said, also what differs each time, and the request id for a support case: for the log.
    pub fn in_full(&self) -> String {
        let Self::Service { operation, code, message, request_id } = self else { return self.to_string() };
        let request_id = request_id.as_deref().unwrap_or("none");
        format!("{operation}: {code}: {message} (request id {request_id})")
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
        self.is(THROTTLING)
    }
}

/// Codes with which AWS asks to slow down.
const THROTTLING: &[&str] =
    &["Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "Throttled"];

/// Whether AWS asks to slow down with this code.
pub fn is_throttling(code: &str) -> bool {
    THROTTLING.contains(&code)
}

/// AWS's words without what differs each time.
fn lasting(message: &str) -> &str {
    message.split_once(ENCODED).map_or(message, |(before, _)| before).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_refusal_is_the_same_each_time_and_the_log_has_the_rest() {
        let denied = |request_id: &str, encoded: &str| CloudError::Service {
            operation: "AuthorizeSecurityGroupIngress",
            code: "UnauthorizedOperation".to_owned(),
            message: format!("You are not authorized. Encoded authorization failure message: {encoded}"),
            request_id: Some(request_id.to_owned()),
        };
        let (first, second) = (denied("1", "aBc"), denied("2", "XyZ"));
        let text = "AuthorizeSecurityGroupIngress: UnauthorizedOperation: You are not authorized.";
        assert_eq!((first.to_string(), second.to_string()), (text.to_owned(), text.to_owned()));
        assert_eq!(
            second.in_full(),
            format!("{text} Encoded authorization failure message: XyZ (request id 2)")
        );
    }
}
