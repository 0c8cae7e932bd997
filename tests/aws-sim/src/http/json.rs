//! Services that speak JSON 1.1: ACM, WAFv2, WAF Classic (regional), Shield and Global Accelerator.

use super::{Failure, global_accelerator};
use crate::Sim;
use aws_load_balancer_controller::aws_api::{Request, Response, Secret, Tags, acm::*, protection::*};
use base64::Engine as _;
use serde_json::{Value, json};

/// Answers one call. The target is a service's model name and the operation: `CertificateManager.ListCertificates`.
pub(super) async fn answer(sim: &Sim, target: &str, body: &[u8]) -> Result<String, Failure> {
    let input: Value = serde_json::from_slice(body)
        .map_err(|error| Failure::refused("SerializationException", error.to_string()))?;
    let request = read(target, &input)
        .ok_or_else(|| Failure::refused("UnknownOperationException", format!("{target} is not simulated")))?;
    let resource = text(&input, "ResourceArn");
    write(sim.perform(request).await?, &resource).map(|answer| answer.to_string())
}

fn read(target: &str, input: &Value) -> Option<Request> {
    let (service, operation) = target.rsplit_once('.')?;
    if service == global_accelerator::SERVICE {
        return global_accelerator::read(operation, input);
    }
    let arn = || text(input, "ResourceArn").into();
    Some(match (service, operation) {
        ("CertificateManager", "ListCertificates") => {
            let any_status = input.get("CertificateStatuses").is_none();
            ListCertificates { any_status, next_token: maybe(input, "NextToken") }.into()
        }
        ("CertificateManager", "DescribeCertificate") => {
            DescribeCertificate { arn: text(input, "CertificateArn") }.into()
        }
        ("CertificateManager", "ListTagsForCertificate") => {
            ListCertificateTags { arn: text(input, "CertificateArn") }.into()
        }
        ("CertificateManager", "DeleteCertificate") => {
            DeleteCertificate { arn: text(input, "CertificateArn") }.into()
        }
        ("CertificateManager", "GetCertificate") => {
            GetCertificate { arn: text(input, "CertificateArn") }.into()
        }
        ("CertificateManager", "ImportCertificate") => ImportCertificate {
            arn: maybe(input, "CertificateArn"),
            certificate: blob(input, "Certificate"),
            chain: blob(input, "CertificateChain"),
            private_key: Secret::new(blob(input, "PrivateKey")),
            tags: tags(input),
        }
        .into(),
        ("CertificateManager", "RequestCertificate") => RequestCertificate {
            domain: text(input, "DomainName"),
            names: texts(input, "SubjectAlternativeNames"),
            authority: maybe(input, "CertificateAuthorityArn"),
            token: text(input, "IdempotencyToken"),
            tags: tags(input),
        }
        .into(),
        ("AWSWAF_20190729", "GetWebACLForResource") => GetWafv2WebAcl { resource_arn: arn() }.into(),
        ("AWSWAF_20190729", "ListWebACLs") => {
            ListWafv2WebAcls { next_marker: maybe(input, "NextMarker") }.into()
        }
        ("AWSWAF_20190729", "AssociateWebACL") => {
            AssociateWafv2WebAcl { web_acl_arn: text(input, "WebACLArn"), resource_arn: arn() }.into()
        }
        ("AWSWAF_20190729", "DisassociateWebACL") => DisassociateWafv2WebAcl { resource_arn: arn() }.into(),
        ("AWSWAF_Regional_20161128", "GetWebACLForResource") => {
            GetWafRegionalWebAcl { resource_arn: arn() }.into()
        }
        ("AWSWAF_Regional_20161128", "AssociateWebACL") => {
            AssociateWafRegionalWebAcl { web_acl_id: text(input, "WebACLId"), resource_arn: arn() }.into()
        }
        ("AWSWAF_Regional_20161128", "DisassociateWebACL") => {
            DisassociateWafRegionalWebAcl { resource_arn: arn() }.into()
        }
        ("AWSShield_20160616", "GetSubscriptionState") => GetShieldSubscription {}.into(),
        ("AWSShield_20160616", "DescribeProtection") => {
            DescribeShieldProtection { resource_arn: arn() }.into()
        }
        ("AWSShield_20160616", "CreateProtection") => {
            CreateShieldProtection { resource_arn: arn(), name: text(input, "Name") }.into()
        }
        ("AWSShield_20160616", "DeleteProtection") => {
            DeleteShieldProtection { protection_id: text(input, "ProtectionId") }.into()
        }
        _ => return None,
    })
}

fn write(response: Response, resource_arn: &str) -> Result<Value, Failure> {
    Ok(match response {
        Response::ListCertificates(page) => {
            let summary = |summary: CertificateSummary| {
                json!({
                    "CertificateArn": summary.arn,
                    "Status": summary.status,
                    "Type": summary.kind,
                    "SubjectAlternativeNameSummaries": summary.domains,
                    "HasAdditionalSubjectAlternativeNames": summary.has_more_domains,
                    "InUse": summary.is_in_use,
                    "NotAfter": summary.not_after,
                })
            };
            let list: Vec<_> = page.certificates.into_iter().map(summary).collect();
            with_token(json!({"CertificateSummaryList": list}), "NextToken", page.next_token)
        }
        Response::DescribeCertificate(certificate) => json!({"Certificate": certificate_json(&certificate)}),
        Response::ListCertificateTags(tags) => {
            let tag = |(key, value): (String, String)| json!({"Key": key, "Value": value});
            json!({"Tags": tags.into_iter().map(tag).collect::<Vec<_>>()})
        }
        Response::RequestCertificate(arn) | Response::ImportCertificate(arn) => {
            json!({"CertificateArn": arn})
        }
        Response::GetCertificate(body) => {
            let mut value = json!({"Certificate": body.certificate});
            if let Some(fields) = value.as_object_mut().filter(|_| !body.chain.is_empty()) {
                fields.insert("CertificateChain".to_owned(), body.chain.into());
            }
            value
        }
        Response::GetWafv2WebAcl(arn) => arn.map_or(json!({}), |arn| json!({"WebACL": web_acl(&arn)})),
        Response::ListWafv2WebAcls(page) => {
            let list: Vec<_> = page.web_acls.iter().map(|(_, arn)| web_acl(arn)).collect();
            with_token(json!({"WebACLs": list}), "NextMarker", page.next_marker)
        }
        Response::GetWafRegionalWebAcl(id) => {
            id.map_or(json!({}), |id| json!({"WebACLSummary": {"WebACLId": id, "Name": id}}))
        }
        Response::GetShieldSubscription(active) => {
            json!({"SubscriptionState": if active { "ACTIVE" } else { "INACTIVE" }})
        }
        Response::DescribeShieldProtection(protection) => {
            let protection = protection.ok_or_else(|| {
                Failure::refused("ResourceNotFoundException", "The referenced protection does not exist.")
            })?;
            json!({"Protection": {"Id": protection.id, "Name": protection.name, "ResourceArn": resource_arn}})
        }
        Response::CreateShieldProtection(()) => json!({"ProtectionId": "simulated"}),
        other => global_accelerator::write(other),
    })
}

fn certificate_json(certificate: &Certificate) -> Value {
    let Certificate {
        arn,
        kind,
        domains,
        certificate_authority_arn,
        status,
        failure_reason,
        not_after,
        in_use_by,
        validations,
    } = certificate;
    let validation = |one: &DomainValidation| {
        let record = one.record.as_ref();
        let record =
            record.map(|record| json!({"Name": record.name, "Type": record.kind, "Value": record.value}));
        let mut option = json!({"DomainName": one.domain, "ValidationMethod": "DNS"});
        if let (Some(record), Some(fields)) = (record, option.as_object_mut()) {
            fields.insert("ResourceRecord".to_owned(), record);
        }
        option
    };
    let mut value = json!({
        "CertificateArn": arn,
        "DomainName": domains.first(),
        "SubjectAlternativeNames": domains,
        "Type": kind,
        "Status": status,
        "InUseBy": in_use_by,
        "NotAfter": not_after,
        "DomainValidationOptions": validations.iter().map(validation).collect::<Vec<_>>(),
    });
    if let (Some(reason), Some(fields)) = (failure_reason, value.as_object_mut()) {
        fields.insert("FailureReason".to_owned(), json!(reason));
    }
    if let (Some(authority), Some(fields)) = (certificate_authority_arn, value.as_object_mut()) {
        fields.insert("CertificateAuthorityArn".to_owned(), json!(authority));
    }
    value
}

/// A web ACL; the last parts of its ARN are its name and id.
fn web_acl(arn: &str) -> Value {
    let mut parts = arn.rsplit('/');
    let id = parts.next().unwrap_or_default();
    let name = parts.next().unwrap_or_default();
    json!({"ARN": arn, "Id": id, "Name": name, "LockToken": id, "DefaultAction": {"Allow": {}}, "VisibilityConfig": {
        "SampledRequestsEnabled": false, "CloudWatchMetricsEnabled": false, "MetricName": name,
    }})
}

pub(super) fn with_token(mut value: Value, name: &str, token: Option<String>) -> Value {
    if let (Some(token), Some(fields)) = (token, value.as_object_mut()) {
        fields.insert(name.to_owned(), json!(token));
    }
    value
}

fn texts(input: &Value, name: &str) -> Vec<String> {
    let items = input.get(name).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn tags(input: &Value) -> Tags {
    let tags = input.get("Tags").and_then(Value::as_array).into_iter().flatten();
    tags.map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect()
}

/// Bytes, which JSON has in base64.
fn blob(input: &Value, name: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text(input, name)).ok();
    // Nothing is no certificate, and refused as such.
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

pub(super) fn text(input: &Value, name: &str) -> String {
    maybe(input, name).unwrap_or_default()
}

pub(super) fn maybe(input: &Value, name: &str) -> Option<String> {
    input.get(name).and_then(Value::as_str).map(str::to_owned)
}
