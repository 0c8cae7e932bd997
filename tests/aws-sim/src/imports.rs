//! Certificates that are imported into ACM.
//!
//! Source: <https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html> and, for imports under an ARN,
//! <https://docs.aws.amazon.com/acm/latest/userguide/import-reimport.html>.

use crate::{
    World,
    refusal::{CallResult, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::acm::{
    Certificate, CertificateBody, CertificateStatus, GetCertificate, ImportCertificate,
};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use std::{collections::BTreeMap, sync::Arc};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// What was imported, by ARN.
#[derive(Clone, Debug, Default)]
pub(crate) struct Imported {
    pub(crate) bodies: BTreeMap<String, Arc<ImportedBody>>,
    /// Imports so far, with those under an ARN that was there.
    count: usize,
}

/// A certificate with its key.
pub(crate) struct ImportedBody {
    /// Which import it was.
    pub(crate) number: usize,
    pub(crate) certificate: String,
    pub(crate) chain: String,
    pub(crate) key: Arc<CertifiedKey>,
    /// Kind and size of the key.
    kind: (String, usize),
}

impl std::fmt::Debug for ImportedBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "import {}", self.number)
    }
}

impl PartialEq for ImportedBody {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for ImportedBody {}

impl World {
    /// How many imports there were, those under an ARN that was there included.
    pub fn imports(&self) -> usize {
        self.acm.imported.count
    }

    /// ARNs and tags of the imported certificates.
    pub fn imported_certificates(&self) -> BTreeMap<String, aws_load_balancer_controller::aws_api::Tags> {
        let tags = |arn: &String| (arn.clone(), self.acm.tags_of(arn));
        self.acm.imported.bodies.keys().map(tags).collect()
    }

    pub(crate) fn get_certificate(&self, request: &GetCertificate) -> CallResult<CertificateBody> {
        let body = self.acm.imported.bodies.get(&request.arn);
        let body = body.ok_or_else(|| {
            refuse("ResourceNotFoundException", format!("Could not find certificate {}.", request.arn))
        })?;
        Ok(CertificateBody { certificate: body.certificate.clone(), chain: body.chain.clone() })
    }

    pub(crate) fn import_certificate(&mut self, request: &ImportCertificate) -> CallResult<String> {
        let invalid = |text: &str| refuse("ValidationException", text.to_owned());
        ensure(self.acm.imported.count < self.settings.quotas.imports, || {
            refuse("LimitExceededException", "Error: Cannot import certificate. You have reached your limit")
        })?;
        let ders = |text: &str| {
            let all = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
            all.map_err(|_| invalid("The certificate is not valid PEM"))
        };
        let (certificate, chain) = (ders(&request.certificate)?, ders(&request.chain)?);
        let [leaf] = certificate.as_slice() else {
            return Err(invalid("The certificate field contains more than one certificate"));
        };
        let not_x509 = || invalid("The certificate is not a valid X.509 certificate");
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| not_x509())?;
        let mut issued = parsed.issuer().as_raw().to_vec();
        for der in &chain {
            let (_, issuer) = X509Certificate::from_der(der).map_err(|_| not_x509())?;
            ensure(issuer.subject().as_raw() == issued, || {
                invalid("Could not validate the certificate with the certificate chain")
            })?;
            issued = issuer.issuer().as_raw().to_vec();
        }
        let key = PrivateKeyDer::from_pem_slice(request.private_key.reveal().as_bytes())
            .ok()
            .and_then(|key| aws_lc_rs::sign::any_supported_type(&key).ok())
            .ok_or_else(|| invalid("The private key is not supported"))?;
        let all: Vec<_> = certificate.iter().chain(&chain).cloned().collect();
        let certified = CertifiedKey::new(all, key);
        certified.keys_match().map_err(|_| invalid("The private key does not match the certificate"))?;
        let info = parsed.public_key();
        let kind = (info.algorithm.algorithm.to_id_string(), info.subject_public_key.data.len());
        if let Some(arn) = &request.arn {
            let former = self.acm.imported.bodies.get(arn).ok_or_else(|| {
                refuse("ResourceNotFoundException", format!("Could not find certificate {arn}."))
            })?;
            ensure(request.tags.is_empty(), || invalid("Tagging is not permitted on re-import."))?;
            ensure(former.kind == kind, || invalid("The key type and size cannot be changed on re-import."))?;
        }
        let arn = request.arn.clone().unwrap_or_else(|| self.new_certificate_arn());
        let names = parsed.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        });
        let described = Certificate {
            arn: arn.clone(),
            kind: "IMPORTED".to_owned(),
            domains: names.collect(),
            status: CertificateStatus::Issued,
            not_after: Some(parsed.validity().not_after.timestamp()),
            ..Certificate::default()
        };
        self.acm.imported.count += 1;
        let body = ImportedBody {
            number: self.acm.imported.count,
            certificate: request.certificate.clone(),
            chain: request.chain.clone(),
            key: Arc::new(certified),
            kind,
        };
        self.acm.imported.bodies.insert(arn.clone(), Arc::new(body));
        self.acm.certificates.insert(arn.clone(), described);
        if request.arn.is_none() {
            self.acm.set_tags(&arn, request.tags.clone());
        }
        Ok(arn)
    }
}
