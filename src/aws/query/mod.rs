//! Our own small client of services that speak AWS's Query protocol: a form goes out, XML comes back.
//!
//! `aws-sdk-ec2` has 810 operations of which the controller uses 13, and costs more build time than everything else
//! together; of IAM `doctor` asks two questions. This client keeps what matters of a generated one: the SDK's orchestrator
//! (credentials, SigV4, retries, time-outs, clock skew), the endpoint rules and the error metadata. An operation is a
//! [`Query`]: how it is written as a form, and how its answer is read.

mod endpoint;
mod form;
mod transport;

pub(super) use endpoint::{Variant, resolve_ec2, resolve_iam};
pub(super) use form::Form;
pub(super) use transport::Client;

use super::shared_config::SharedConfig;
use crate::aws_api::{Action, CloudError, Operation, Service};
use quick_xml::events::Event;
use serde::de::DeserializeOwned;
use std::fmt::Display;

/// A service and where it answers.
pub(super) struct Api {
    /// The service.
    pub(super) service: Service,
    /// The API version that we speak.
    pub(super) version: &'static str,
    /// The service's name in signatures.
    pub(super) signing_name: &'static str,
    /// The region in signatures.
    pub(super) signing_region: String,
    /// Base URL.
    pub(super) url: String,
}

/// An operation as the Query protocol spells it.
pub(super) trait Query: Operation {
    /// Its parameters.
    fn form(&self) -> Result<Form, CloudError>;
    /// Its answer, from the body of a successful response.
    fn read(xml: &str) -> Result<Self::Output, CloudError>;
}

impl Variant {
    /// As environment and profile say.
    pub(super) fn of(shared: &SharedConfig) -> Self {
        let sdk = shared.sdk();
        Self {
            fips: sdk.use_fips().unwrap_or_default(),
            dual_stack: sdk.use_dual_stack().unwrap_or_default(),
        }
    }
}

/// Performs one call.
pub(super) async fn perform<Q: Query>(client: &Client, request: Q) -> Result<Q::Output, CloudError> {
    let body = client.send(Q::ACTION, request.form()?).await?;
    Q::read(&body)
}

/// Parses the answer of an operation: what stands between us and AWS may answer with another document.
pub(super) fn read<Q: Operation, T: DeserializeOwned>(xml: &str) -> Result<T, CloudError> {
    let expected = format!("{}Response", Q::ACTION.name());
    match root(xml) {
        Ok(root) if root == expected => {}
        Ok(root) => return Err(unreadable(Q::ACTION, &format!("{root:?} where {expected:?} is expected"))),
        Err(error) => return Err(unreadable(Q::ACTION, &error)),
    }
    quick_xml::de::from_str(xml).map_err(|error| unreadable(Q::ACTION, &error))
}

/// The name of a document's first element.
fn root(xml: &str) -> Result<String, quick_xml::Error> {
    let mut reader = quick_xml::Reader::from_str(xml);
    loop {
        match reader.read_event()? {
            Event::Start(element) | Event::Empty(element) => {
                return Ok(element.local_name().as_ref().to_owned());
            }
            Event::Eof => return Ok(String::new()),
            _ => {}
        }
    }
}

/// The error of an answer that is not what the operation promises.
fn unreadable(action: Action, error: &impl Display) -> CloudError {
    CloudError::Malformed { operation: action.name(), message: error.to_string() }
}

#[cfg(test)]
mod tests;
