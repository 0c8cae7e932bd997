//! What every adapter over an SDK client needs: errors, references and empty lists.
//!
//! Errors are told apart by `ProvideErrorMetadata::code()`, never by generated enum variants, so that SDK clients and our
//! own EC2 client are treated alike.

use crate::aws_api::{Action, CloudError, Ref};
use crate::fence::NotSent;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use std::error::Error;

/// The outcome of an SDK call.
pub(super) type SdkResult<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// The answer of an SDK call, or its error in the port's terms.
pub(super) fn answered<T, E>(action: Action, sent: SdkResult<T, E>) -> Result<T, CloudError>
where
    E: Error + ProvideErrorMetadata + 'static,
{
    sent.map_err(|error| failed(action, &error))
}

/// Like [`answered`], for operations whose answer says nothing.
pub(super) fn done<T, E>(action: Action, sent: SdkResult<T, E>) -> Result<(), CloudError>
where
    E: Error + ProvideErrorMetadata + 'static,
{
    answered(action, sent).map(|_| ())
}

/// An SDK error in the port's terms.
fn failed<E>(action: Action, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let operation = action.name();
    if NotSent::caused(error) {
        return CloudError::Fenced { operation };
    }
    match error {
        SdkError::ServiceError(answer) => CloudError::Service {
            operation,
            code: error
                .code()
                .map_or_else(|| format!("Http{}", answer.raw().status().as_u16()), str::to_owned),
            message: error.message().map_or_else(|| chain(answer.err()), str::to_owned),
            request_id: error.request_id().map(str::to_owned),
        },
        SdkError::ResponseError(_) => CloudError::Malformed { operation, message: chain(error) },
        _ => CloudError::Unreachable { operation, message: chain(error) },
    }
}

/// An error and what caused it, on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        // why: some SDK errors repeat their source's text
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

/// The id behind a reference, or [`CloudError::Unresolved`].
pub(super) fn id(action: Action, reference: &Ref) -> Result<String, CloudError> {
    reference
        .resolved()
        .map(str::to_owned)
        .map_err(|source| CloudError::Unresolved { operation: action.name(), source })
}

/// The ids behind references.
pub(super) fn ids(action: Action, references: &[Ref]) -> Result<Vec<String>, CloudError> {
    references.iter().map(|reference| id(action, reference)).collect()
}

/// A list, or nothing when it is empty: the Query protocol would send an empty list as an empty parameter.
pub(super) fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// Converts every item of a list AWS may leave out.
pub(super) fn each<S, T>(list: Option<Vec<S>>, convert: impl FnMut(S) -> T) -> Vec<T> {
    list.unwrap_or_default().into_iter().map(convert).collect()
}

/// What an answer lists, if each of it says which resource it is: what has no id cannot be told from what is not there.
pub(super) fn named<T>(
    action: Action,
    items: Vec<T>,
    name: impl Fn(&T) -> &str,
) -> Result<Vec<T>, CloudError> {
    if items.iter().any(|item| name(item).is_empty()) {
        return Err(lacks(action, "id of something it lists"));
    }
    Ok(items)
}

/// Like [`CloudError::Malformed`], for an answer that lacks something it must have.
pub(super) fn lacks(action: Action, what: &str) -> CloudError {
    CloudError::Malformed { operation: action.name(), message: format!("the answer has no {what}") }
}

/// The error of a request that lacks something it must have: nothing was sent.
pub(super) fn incomplete(action: Action, error: &dyn Error) -> CloudError {
    CloudError::Malformed { operation: action.name(), message: chain(error) }
}

#[cfg(test)]
mod tests;
