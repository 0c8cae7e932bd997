//! Answers of the console's API.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A value as JSON.
pub(super) fn json_answer(value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => ([(header::CONTENT_TYPE, JSON)], text).into_response(),
        Err(error) => ConsoleFailure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into(),
    }
}

/// Why there is no answer: `{"error": text}`.
#[derive(Debug)]
pub(super) struct ConsoleFailure {
    status: StatusCode,
    text: String,
}

impl ConsoleFailure {
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

impl From<ConsoleFailure> for Response {
    fn from(failure: ConsoleFailure) -> Self {
        let body = json!({"error": failure.text}).to_string();
        (failure.status, [(header::CONTENT_TYPE, JSON)], body).into_response()
    }
}
