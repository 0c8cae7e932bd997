//! Errors of the API server in its own words.

use std::borrow::Cow;

/// What kept a call to the API server from succeeding; reads as the API server puts it.
#[derive(Debug, thiserror::Error)]
#[error("{}", said(.0))]
pub struct ApiError(#[from] pub kube::Error);

impl ApiError {
    /// Whether somebody else was faster.
    pub fn is_conflict(&self) -> bool {
        super::write::is_conflict(&self.0)
    }
}

/// What the API server said.
///
/// why: [`kube::Error`] shows the whole answer, structs and all, which would stand in events
pub fn said(error: &kube::Error) -> Cow<'_, str> {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => Cow::Borrowed(&status.message),
        kube::Error::Api(status) => Cow::Owned(format!("{} ({})", status.reason, status.code)),
        error => Cow::Owned(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn an_answer_is_told_in_its_own_words() {
        let refused = Status::failure("secrets \"oidc\" is forbidden", "Forbidden").with_code(403);
        let silent = Status::failure("", "Conflict").with_code(409);
        let told = [refused, silent].map(|status| ApiError(kube::Error::Api(Box::new(status))).to_string());
        assert_eq!(told, ["secrets \"oidc\" is forbidden", "Conflict (409)"]);
    }
}
