//! Failed calls, in the words of each protocol.

use super::{Protocol, xml::Xml};
use crate::refusal::Refusal;
use aws_load_balancer_controller::aws_api::CloudError;
use axum::{
    body::Body,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use std::io;

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// AWS says no.
    Refused { code: String, message: String },
    /// The connection breaks.
    HangUp,
}

impl Failure {
    pub(super) fn refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Refused { code: code.into(), message: message.into() }
    }

    /// The failure as a response.
    pub(super) fn reply(self, protocol: Protocol) -> Response {
        let Self::Refused { code, message } = self else { return hang_up() };
        let status = status_of(&code);
        match protocol {
            Protocol::Json => {
                let body = serde_json::json!({"__type": code, "message": message}).to_string();
                let headers =
                    [(CONTENT_TYPE.as_str(), "application/x-amz-json-1.1"), ("x-amzn-errortype", &code)];
                (status, headers, body).into_response()
            }
            Protocol::Ec2 => xml_reply(status, &ec2_error(&code, &message)),
            Protocol::Elb | Protocol::Sts | Protocol::Iam | Protocol::Route53 => {
                xml_reply(status, &query_error(&code, &message, status))
            }
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Service { code, message } => Self::refused(code, message),
            Refusal::Unresolved(unresolved) => Self::refused("InternalFailure", unresolved.to_string()),
        }
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        match error {
            CloudError::Service { code, message, .. } => Self::Refused { code, message },
            CloudError::Unreachable { .. } => Self::HangUp,
            other => Self::refused("InternalFailure", other.to_string()),
        }
    }
}

/// The HTTP status that goes with an error code.
/// Source: the common errors and the error responses of each service's API reference.
fn status_of(code: &str) -> StatusCode {
    match code {
        "InternalFailure" | "InternalError" => StatusCode::INTERNAL_SERVER_ERROR,
        "RequestLimitExceeded" | "ServiceUnavailable" | "Unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        "PriorRequestNotComplete" => StatusCode::TOO_MANY_REQUESTS,
        "NoSuchEntity" => StatusCode::NOT_FOUND,
        "DryRunOperation" => StatusCode::PRECONDITION_FAILED,
        "AccessDenied" | "UnauthorizedOperation" | "AuthFailure" | "ExpiredToken" => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn query_error(code: &str, message: &str, status: StatusCode) -> String {
    let kind = if status.is_server_error() { "Receiver" } else { "Sender" };
    let mut xml = Xml::default();
    xml.node("ErrorResponse", |xml| {
        xml.node("Error", |xml| {
            xml.leaf("Type", kind);
            xml.leaf("Code", code);
            xml.leaf("Message", message);
        });
        xml.leaf("RequestId", super::xml::REQUEST_ID);
    });
    xml.finish()
}

fn ec2_error(code: &str, message: &str) -> String {
    let mut xml = Xml::default();
    xml.node("Response", |xml| {
        xml.node("Errors", |xml| {
            xml.node("Error", |xml| {
                xml.leaf("Code", code);
                xml.leaf("Message", message);
            });
        });
        xml.leaf("RequestID", super::xml::REQUEST_ID);
    });
    xml.finish()
}

fn xml_reply(status: StatusCode, body: &str) -> Response {
    (status, [(CONTENT_TYPE, "text/xml")], body.to_owned()).into_response()
}

/// A response whose body breaks off before its first byte, so that the connection is closed.
fn hang_up() -> Response {
    let broken = Err::<Vec<u8>, _>(io::Error::from(io::ErrorKind::ConnectionReset));
    Body::from_stream(futures::stream::iter([broken])).into_response()
}
