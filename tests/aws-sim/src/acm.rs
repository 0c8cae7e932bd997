//! ACM: certificates that listeners can use.

use crate::{
    World,
    page::page,
    refusal::{CallResult, refuse},
};
use aws_load_balancer_controller::aws_api::acm::{
    Certificate, CertificatePage, DescribeCertificate, ListCertificates,
};
use std::collections::BTreeMap;

/// Issued certificates by ARN.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acm {
    pub(crate) certificates: BTreeMap<String, Certificate>,
}

impl World {
    pub(crate) fn list_certificates(&self, request: &ListCertificates) -> CallResult<CertificatePage> {
        let arns = self.acm.certificates.keys().map(|arn| (arn.clone(), arn.clone()));
        let bad_token = || refuse("ValidationException", "The next token is not valid");
        let (arns, next_token) =
            page(arns, request.next_token.as_deref(), self.settings.page_size, bad_token)?;
        Ok(CertificatePage { arns, next_token })
    }

    pub(crate) fn describe_certificate(&self, request: &DescribeCertificate) -> CallResult<Certificate> {
        self.acm.certificates.get(&request.arn).cloned().ok_or_else(|| {
            refuse("ResourceNotFoundException", format!("Could not find certificate {}.", request.arn))
        })
    }
}
