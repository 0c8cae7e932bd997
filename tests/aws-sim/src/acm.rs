//! ACM: certificates that listeners can use.

use crate::{
    World,
    imports::Imported,
    page::page,
    refusal::{CallResult, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::Tags;
use aws_load_balancer_controller::aws_api::acm::{
    Certificate, CertificatePage, CertificateStatus, CertificateSummary, DeleteCertificate,
    DescribeCertificate, DomainValidation, ListCertificateTags, ListCertificates, RequestCertificate,
    ValidationRecord,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long ACM remembers a request by its token.
const TOKEN_KEPT: Duration = Duration::from_hours(1);
/// Names of a certificate.
const MAX_NAMES: usize = 10;

/// Certificates by ARN.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acm {
    pub(crate) certificates: BTreeMap<String, Certificate>,
    tags: BTreeMap<String, Tags>,
    /// When each was asked for, and how long its records and its validation take.
    asked: BTreeMap<String, (Duration, Duration, Duration)>,
    /// Requests by their tokens, with the ARN that was answered.
    tokens: BTreeMap<String, (Duration, RequestCertificate, String)>,
    /// Private authorities.
    pub(crate) authorities: BTreeSet<String>,
    /// How many were made.
    made: usize,
    pub(crate) imported: Imported,
}

impl Acm {
    pub(crate) fn tags_of(&self, arn: &str) -> Tags {
        self.tags.get(arn).cloned().unwrap_or_default()
    }

    pub(crate) fn set_tags(&mut self, arn: &str, tags: Tags) {
        self.tags.insert(arn.to_owned(), tags);
    }
}

impl World {
    /// Adds a private authority.
    pub fn add_certificate_authority(&mut self, arn: &str) {
        self.acm.authorities.insert(arn.to_owned());
    }

    /// Certificates that were asked for, as they are described.
    pub fn requested_certificates(&mut self) -> Vec<Certificate> {
        let arns: Vec<String> = self.acm.asked.keys().cloned().collect();
        let asked = arns.iter().filter_map(|arn| self.acm.certificates.get(arn));
        asked.map(|certificate| self.described(certificate)).collect()
    }

    /// How many certificates were made for requests, those that are gone included.
    pub fn certificates_made(&self) -> usize {
        self.acm.made
    }

    pub(crate) fn list_certificates(&self, request: &ListCertificates) -> CallResult<CertificatePage> {
        let described = self.acm.certificates.values().map(|certificate| self.described(certificate));
        let shown = described
            .filter(|certificate| request.any_status || certificate.status == CertificateStatus::Issued);
        let summaries = shown.map(|certificate| (certificate.arn.clone(), summary(certificate)));
        let bad_token = || refuse("ValidationException", "The next token is not valid");
        let (certificates, next_token) =
            page(summaries, request.next_token.as_deref(), self.settings.page_size, bad_token)?;
        Ok(CertificatePage { certificates, next_token })
    }

    pub(crate) fn describe_certificate(&self, request: &DescribeCertificate) -> CallResult<Certificate> {
        self.certificate(&request.arn).map(|certificate| self.described(certificate))
    }

    pub(crate) fn list_certificate_tags(&self, request: &ListCertificateTags) -> CallResult<Tags> {
        self.certificate(&request.arn)?;
        Ok(self.acm.tags.get(&request.arn).cloned().unwrap_or_default())
    }

    pub(crate) fn request_certificate(&mut self, request: &RequestCertificate) -> CallResult<String> {
        let now = self.now();
        let known = self.acm.tokens.get(&request.token);
        if let Some((at, same, arn)) = known
            && now < *at + TOKEN_KEPT
            && same == request
        {
            return Ok(arn.clone());
        }
        let bad_name = |name: &&String| !name.contains('.') || name.is_empty();
        if let Some(name) = request.names.iter().find(bad_name) {
            return Err(refuse("ValidationException", format!("'{name}' is not a domain name")));
        }
        ensure(request.names.len() <= MAX_NAMES, || {
            refuse("LimitExceededException", "Error: Cannot request more than 10 domain names")
        })?;
        let status = match &request.authority {
            None => CertificateStatus::PendingValidation,
            Some(arn) if !arn.contains(":acm-pca:") => {
                return Err(refuse("InvalidArnException", format!("Could not validate {arn}")));
            }
            Some(arn) if self.acm.authorities.contains(arn) => CertificateStatus::Issued,
            Some(_) => CertificateStatus::Failed,
        };
        let is_failed = status == CertificateStatus::Failed;
        let arn = self.new_certificate_arn();
        let certificate = Certificate {
            arn: arn.clone(),
            kind: if request.authority.is_some() { "PRIVATE" } else { "AMAZON_ISSUED" }.to_owned(),
            domains: request.names.clone(),
            certificate_authority_arn: request.authority.clone(),
            status,
            failure_reason: is_failed.then(|| "PCA_RESOURCE_NOT_FOUND".to_owned()),
            ..Certificate::default()
        };
        self.acm.made += 1;
        self.acm.certificates.insert(arn.clone(), certificate);
        self.acm.tags.insert(arn.clone(), request.tags.clone());
        let delays = &self.settings.delays;
        let asked = (now, delays.validation_records, delays.validation);
        self.acm.asked.insert(arn.clone(), asked);
        self.acm.tokens.insert(request.token.clone(), (now, request.clone(), arn.clone()));
        Ok(arn)
    }

    pub(crate) fn delete_certificate(&mut self, request: &DeleteCertificate) -> CallResult<()> {
        let arn = &request.arn;
        self.certificate(arn)?;
        ensure(self.uses_of_certificate(arn).is_empty(), || {
            refuse("ResourceInUseException", format!("Certificate {arn} is in use."))
        })?;
        self.acm.certificates.remove(arn);
        self.acm.tags.remove(arn);
        self.acm.asked.remove(arn);
        self.acm.imported.bodies.remove(arn);
        Ok(())
    }

    pub(crate) fn new_certificate_arn(&mut self) -> String {
        let id = self.ids.uuid();
        self.account.arn("acm", &format!("certificate/{id}"))
    }

    fn certificate(&self, arn: &str) -> CallResult<&Certificate> {
        let missing = || refuse("ResourceNotFoundException", format!("Could not find certificate {arn}."));
        self.acm.certificates.get(arn).ok_or_else(missing)
    }

    /// ARNs of the load balancers that use a certificate.
    fn uses_of_certificate(&self, arn: &str) -> Vec<String> {
        let listeners = self.elb.listeners.values().filter(|listener| {
            listener.described.certificates.iter().any(|one| one == arn)
                || listener.extra_certificates.contains(arn)
        });
        let users: BTreeSet<_> =
            listeners.map(|listener| listener.described.load_balancer_arn.clone()).collect();
        users.into_iter().collect()
    }

    /// A certificate as it is now: its names are validated once their records stand.
    fn described(&self, certificate: &Certificate) -> Certificate {
        let mut described = certificate.clone();
        described.in_use_by = self.uses_of_certificate(&certificate.arn);
        let Some((asked, until_records, until_issued)) = self.acm.asked.get(&certificate.arn) else {
            return described;
        };
        if certificate.kind != "AMAZON_ISSUED" {
            return described;
        }
        let age = self.now().saturating_sub(*asked);
        let has_records = age >= *until_records;
        let records: Vec<_> = certificate.domains.iter().map(|name| record_of(name)).collect();
        if has_records && age >= *until_issued && records.iter().all(|one| self.resolves(one)) {
            described.status = CertificateStatus::Issued;
        }
        let validations = certificate.domains.iter().zip(records).map(|(domain, record)| DomainValidation {
            domain: domain.clone(),
            record: has_records.then_some(record),
        });
        described.validations = validations.collect();
        described
    }
}

/// The record of a name, which its wildcard shares: always the same.
fn record_of(name: &str) -> ValidationRecord {
    let base = name.strip_prefix("*.").unwrap_or(name);
    let label = base.replace('.', "-");
    ValidationRecord {
        name: format!("_{label}.{base}."),
        kind: "CNAME".to_owned(),
        value: format!("_{label}.acm-validations.aws."),
    }
}

fn summary(certificate: Certificate) -> CertificateSummary {
    CertificateSummary {
        arn: certificate.arn,
        kind: certificate.kind.as_str().into(),
        status: certificate.status,
        domains: certificate.domains,
        has_more_domains: false,
        is_in_use: !certificate.in_use_by.is_empty(),
        not_after: certificate.not_after,
    }
}
