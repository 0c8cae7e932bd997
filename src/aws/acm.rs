//! ACM through its SDK client.

use super::sdk::{answered, each, lacks, named};
use crate::aws_api::acm::{Certificate, CertificatePage, DescribeCertificate, ListCertificates};
use crate::aws_api::{Action, CloudError, Request, Response};
use aws_sdk_acm::Client;
use aws_sdk_acm::types::{CertificateStatus, Filters, KeyAlgorithm};

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    match request {
        Request::ListCertificates(request) => list(client, request).await.map(Response::ListCertificates),
        Request::DescribeCertificate(request) => {
            describe(client, request).await.map(Response::DescribeCertificate)
        }
        other => Err(super::misrouted(other.action())),
    }
}

async fn list(client: &Client, request: ListCertificates) -> Result<CertificatePage, CloudError> {
    // why: without this filter ACM lists RSA certificates of up to 2048 bits only
    let key_types = KeyAlgorithm::values().iter().copied().map(KeyAlgorithm::from).collect();
    let call = client
        .list_certificates()
        .certificate_statuses(CertificateStatus::Issued)
        .includes(Filters::builder().set_key_types(Some(key_types)).build())
        .set_next_token(request.next_token);
    let answer = answered(Action::ListCertificates, call.send().await)?;
    let arns = each(answer.certificate_summary_list, |summary| summary.certificate_arn.unwrap_or_default());
    let arns = named(Action::ListCertificates, arns, |arn| arn)?;
    Ok(CertificatePage { arns, next_token: answer.next_token })
}

async fn describe(client: &Client, request: DescribeCertificate) -> Result<Certificate, CloudError> {
    const ACTION: Action = Action::DescribeCertificate;
    let answer = answered(ACTION, client.describe_certificate().certificate_arn(request.arn).send().await)?;
    let detail = answer.certificate.ok_or_else(|| lacks(ACTION, "certificate"))?;
    Ok(Certificate {
        arn: detail.certificate_arn.unwrap_or_default(),
        kind: detail.r#type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        domains: detail.subject_alternative_names.unwrap_or_default(),
        certificate_authority_arn: detail.certificate_authority_arn,
    })
}
