//! ACM through its SDK client.

use super::sdk::{answered, done, each, lacks, named};
use crate::aws_api::acm::{
    Certificate, CertificateBody, CertificatePage, CertificateSummary, DeleteCertificate,
    DescribeCertificate, DomainValidation, GetCertificate, ImportCertificate, ListCertificateTags,
    ListCertificates, RequestCertificate, ValidationRecord,
};
use crate::aws_api::{Action, CloudError, Request, Response, Tags};
use aws_sdk_acm::Client;
use aws_sdk_acm::primitives::{Blob, DateTime};
use aws_sdk_acm::types;
use aws_sdk_acm::types::{CertificateStatus, Filters, KeyAlgorithm, Tag, ValidationMethod};
use aws_smithy_types::retry::RetryConfig;

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    match request {
        Request::ListCertificates(request) => list(client, request).await.map(Response::ListCertificates),
        Request::DescribeCertificate(request) => {
            describe(client, request).await.map(Response::DescribeCertificate)
        }
        Request::ListCertificateTags(request) => {
            list_tags(client, request).await.map(Response::ListCertificateTags)
        }
        Request::RequestCertificate(request) => {
            request_certificate(client, request).await.map(Response::RequestCertificate)
        }
        Request::GetCertificate(request) => get(client, request).await.map(Response::GetCertificate),
        Request::ImportCertificate(request) => import(client, request).await.map(Response::ImportCertificate),
        Request::DeleteCertificate(request) => delete(client, request).await.map(Response::DeleteCertificate),
        other => Err(super::misrouted(other.action())),
    }
}

async fn list(client: &Client, request: ListCertificates) -> Result<CertificatePage, CloudError> {
    // why: without this filter ACM lists RSA certificates of up to 2048 bits only
    let key_types = KeyAlgorithm::values().iter().copied().map(KeyAlgorithm::from).collect();
    let statuses = (!request.any_status).then(|| vec![CertificateStatus::Issued]);
    let call = client
        .list_certificates()
        .set_certificate_statuses(statuses)
        .includes(Filters::builder().set_key_types(Some(key_types)).build())
        .set_next_token(request.next_token);
    let answer = answered(Action::ListCertificates, call.send().await)?;
    let summaries = each(answer.certificate_summary_list, summary);
    let certificates = named(Action::ListCertificates, summaries, |summary| summary.arn.as_str())?;
    Ok(CertificatePage { certificates, next_token: answer.next_token })
}

fn summary(summary: types::CertificateSummary) -> CertificateSummary {
    CertificateSummary {
        arn: summary.certificate_arn.unwrap_or_default(),
        kind: summary.r#type.map(|kind| kind.as_str().into()).unwrap_or_default(),
        status: summary.status.map(|status| status.as_str().into()).unwrap_or_default(),
        domains: summary.subject_alternative_name_summaries.unwrap_or_default(),
        has_more_domains: summary.has_additional_subject_alternative_names.unwrap_or_default(),
        is_in_use: summary.in_use.unwrap_or_default(),
        not_after: summary.not_after.as_ref().map(DateTime::secs),
    }
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
        status: detail.status.map(|status| status.as_str().into()).unwrap_or_default(),
        failure_reason: detail.failure_reason.map(|reason| reason.as_str().to_owned()),
        not_after: detail.not_after.as_ref().map(DateTime::secs),
        in_use_by: detail.in_use_by.unwrap_or_default(),
        validations: each(detail.domain_validation_options, validation),
    })
}

fn validation(option: types::DomainValidation) -> DomainValidation {
    let record = option.resource_record.map(|record| ValidationRecord {
        name: record.name,
        kind: record.r#type.as_str().to_owned(),
        value: record.value,
    });
    DomainValidation { domain: option.domain_name, record }
}

async fn list_tags(client: &Client, request: ListCertificateTags) -> Result<Tags, CloudError> {
    let call = client.list_tags_for_certificate().certificate_arn(request.arn);
    let answer = answered(Action::ListCertificateTags, call.send().await)?;
    let tags = each(answer.tags, |tag| (tag.key, tag.value.unwrap_or_default()));
    Ok(tags.into_iter().collect())
}

async fn request_certificate(client: &Client, request: RequestCertificate) -> Result<String, CloudError> {
    const ACTION: Action = Action::RequestCertificate;
    let RequestCertificate { domain, names, authority, token, tags } = request;
    let call = client
        .request_certificate()
        .domain_name(domain)
        .set_subject_alternative_names(Some(names))
        .validation_method(ValidationMethod::Dns)
        .idempotency_token(token)
        .set_certificate_authority_arn(authority)
        .set_tags(Some(sdk_tags(ACTION, tags)?));
    // why: the SDK takes a used up quota for throttling, and would try again for minutes
    let answer = answered(ACTION, call.customize().config_override(tried_once()).send().await)?;
    answer.certificate_arn.ok_or_else(|| lacks(ACTION, "ARN of the certificate"))
}

async fn get(client: &Client, request: GetCertificate) -> Result<CertificateBody, CloudError> {
    const ACTION: Action = Action::GetCertificate;
    let answer = answered(ACTION, client.get_certificate().certificate_arn(request.arn).send().await)?;
    let certificate = answer.certificate.ok_or_else(|| lacks(ACTION, "certificate"))?;
    Ok(CertificateBody { certificate, chain: answer.certificate_chain.unwrap_or_default() })
}

async fn import(client: &Client, request: ImportCertificate) -> Result<String, CloudError> {
    const ACTION: Action = Action::ImportCertificate;
    let ImportCertificate { arn, certificate, chain, private_key, tags } = request;
    let tags = if arn.is_some() { None } else { Some(sdk_tags(ACTION, tags)?) };
    let call = client
        .import_certificate()
        .set_certificate_arn(arn)
        .certificate(Blob::new(certificate))
        .set_certificate_chain((!chain.is_empty()).then(|| Blob::new(chain)))
        .private_key(Blob::new(private_key.reveal()))
        .set_tags(tags);
    // why: what is tried again after an answer that got lost makes a second certificate
    let answer = answered(ACTION, call.customize().config_override(tried_once()).send().await)?;
    answer.certificate_arn.ok_or_else(|| lacks(ACTION, "ARN of the certificate"))
}

async fn delete(client: &Client, request: DeleteCertificate) -> Result<(), CloudError> {
    let call = client.delete_certificate().certificate_arn(request.arn);
    done(Action::DeleteCertificate, call.send().await)
}

fn tried_once() -> aws_sdk_acm::config::Builder {
    aws_sdk_acm::Config::builder().retry_config(RetryConfig::disabled())
}

fn sdk_tags(action: Action, tags: Tags) -> Result<Vec<Tag>, CloudError> {
    let tag = |(key, value)| Tag::builder().key(key).value(value).build();
    tags.into_iter()
        .map(tag)
        .collect::<Result<_, _>>()
        .map_err(|error| super::sdk::incomplete(action, &error))
}
