//! Why a check does not know what it must know of AWS. What AWS did not say is never taken for absence.

use super::Denial;
use crate::aws_api::CloudError;
use std::fmt;

/// Why a question to AWS has no answer to go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    class: Class,
    /// What was said.
    words: String,
}

/// What may be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// AWS answered: there is no such thing, or it can have no such name.
    Absent,
    /// AWS does not tell this caller.
    Denied,
    /// AWS was not asked, or did not answer this time.
    Later,
}

/// Beginnings of the codes that say that nothing has this ARN or name.
const ABSENT: &[&str] = &["TargetGroupNotFound", "ValidationError", "Invalid"];
/// Beginnings of the codes that say that the caller lacks a right.
const DENIED: &[&str] = &["AccessDenied", "Unauthorized", "OptInRequired"];
/// Codes that begin like others and are about who calls.
const OF_CALLERS: &[&str] = &["InvalidClientTokenId", "InvalidAccessKeyId"];

impl Unanswered {
    /// What an error of a read means.
    pub fn of(error: &CloudError) -> Self {
        let begins = |codes: &[&str]| {
            error.code().is_some_and(|code| codes.iter().any(|family| code.starts_with(family)))
        };
        let class = match error {
            _ if begins(DENIED) || error.is(OF_CALLERS) => Class::Denied,
            _ if begins(ABSENT) => Class::Absent,
            _ => Class::Later,
        };
        Self { class, words: error.to_string() }
    }

    /// The question was not put to AWS now.
    pub fn later(words: impl Into<String>) -> Self {
        Self { class: Class::Later, words: words.into() }
    }

    /// The refusal by a check that cannot do without. Where AWS may answer the next time, it says so to programs, too.
    pub(super) fn deny(&self, denied: impl Fn(&str) -> Denial) -> Denial {
        Denial { is_for_now: self.class == Class::Later, ..denied(&self.to_string()) }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = &self.words;
        match self.class {
            Class::Absent => write!(f, "{words}"),
            Class::Denied => write!(
                f,
                "AWS does not let the controller look, so it is not known whether it exists: {words}; grant the permission"
            ),
            Class::Later => write!(
                f,
                "AWS could not be asked, so it is not known whether it exists: {words}; apply the object again"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_failed_is_not_taken_for_absence() {
        let refused = |code: &str| CloudError::Service {
            operation: "DescribeTargetGroups",
            code: code.to_owned(),
            message: "words".to_owned(),
            request_id: None,
        };
        let unreachable =
            CloudError::Unreachable { operation: "DescribeTargetGroups", message: "timed out".to_owned() };
        let cases = [
            (refused("TargetGroupNotFound"), "", false),
            (refused("ValidationError"), "", false),
            (refused("AccessDenied"), "AWS does not let the controller look", false),
            (refused("InvalidClientTokenId"), "AWS does not let the controller look", false),
            (refused("Throttling"), "AWS could not be asked", true),
            (refused("InternalFailure"), "AWS could not be asked", true),
            (unreachable, "AWS could not be asked", true),
        ];
        for (error, beginning, is_for_now) in cases {
            let denial = Unanswered::of(&error).deny(|reason| Denial::new("check", reason));
            let expected = if beginning.is_empty() { error.to_string() } else { beginning.to_owned() };
            assert!(denial.message.starts_with(&expected), "{error}: {denial}");
            assert_eq!(denial.is_for_now, is_for_now, "{error}");
            assert!(denial.message.contains(&error.to_string()));
        }
    }
}
