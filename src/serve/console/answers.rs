//! Answers of the console's API. One that is being made is given to all who ask for the same meanwhile.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, WeakShared};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer in JSON.
#[derive(Clone, Debug)]
pub(super) struct JsonAnswer {
    status: StatusCode,
    body: Bytes,
}

impl JsonAnswer {
    /// A value.
    pub fn of(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(text) => Self { status: StatusCode::OK, body: text.into() },
            Err(error) => Self::failure(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }

    /// Why there is none: `{"error": text}`.
    pub fn failure(status: StatusCode, text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self { status, body: json!({"error": text}).to_string().into() }
    }
}

impl IntoResponse for JsonAnswer {
    fn into_response(self) -> Response {
        (self.status, [(header::CONTENT_TYPE, JSON)], self.body).into_response()
    }
}

/// Answers that are being made, by what was asked. None is kept when it has been given.
#[derive(Default)]
pub(super) struct SharedAnswers(Mutex<BTreeMap<String, WeakShared<BoxFuture<'static, JsonAnswer>>>>);

impl SharedAnswers {
    /// The answer to a question: the one that is being made, or a new one.
    pub async fn get(
        &self,
        question: String,
        make: impl FnOnce() -> BoxFuture<'static, JsonAnswer>,
    ) -> JsonAnswer {
        let shared = {
            let mut answers = self.0.lock();
            answers.retain(|_, answer| answer.upgrade().is_some());
            let known = answers.get(&question).and_then(WeakShared::upgrade);
            known.unwrap_or_else(|| {
                let made = make().shared();
                answers.extend(made.downgrade().map(|weak| (question, weak)));
                made
            })
        };
        shared.await
    }
}
