#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws;
use crate::aws_api::acm::{CertificatePage, CertificateSummary};
use crate::aws_api::{Request, Response};
use std::sync::atomic::{AtomicUsize, Ordering};

/// ACM with an imported and an issued certificate; counts what it is asked.
#[derive(Default)]
struct Acm {
    lists: AtomicUsize,
    described: Mutex<Vec<String>>,
}

impl Cloud for Acm {
    fn call(&self, request: Request) -> aws::CloudFuture<'_> {
        let answer = match request {
            Request::ListCertificates(_) => {
                self.lists.fetch_add(1, Ordering::Relaxed);
                let listed = |arn: &str| CertificateSummary { arn: arn.to_owned(), ..Default::default() };
                let certificates = ["IMPORTED", "AMAZON_ISSUED", "gone"].map(listed).to_vec();
                Ok(Response::ListCertificates(CertificatePage { certificates, next_token: None }))
            }
            Request::DescribeCertificate(DescribeCertificate { arn }) => {
                self.described.lock().push(arn.clone());
                describe(arn)
            }
            other => panic!("unexpected {other:?}"),
        };
        Box::pin(async { answer })
    }
}

fn describe(arn: String) -> Result<Response, CloudError> {
    if arn == "gone" {
        return Err(CloudError::Service {
            operation: "DescribeCertificate",
            code: "ResourceNotFoundException".to_owned(),
            message: String::new(),
            request_id: None,
        });
    }
    let (kind, domains) = (arn.clone(), vec!["example.com".to_owned()]);
    Ok(Response::DescribeCertificate(Certificate { arn, kind, domains, ..Certificate::default() }))
}

async fn arns(certificates: &Certificates, acm: &Acm) -> Vec<String> {
    let found = certificates.list(acm).await.unwrap();
    found.into_iter().map(|certificate| certificate.arn).collect()
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_described_again_only_when_it_may_have_changed() {
    let (certificates, acm) = (Certificates::default(), Acm::default());
    assert_eq!(arns(&certificates, &acm).await, ["IMPORTED", "AMAZON_ISSUED"]);
    let cases = [
        (Duration::from_mins(4), vec!["gone"]),
        (Duration::from_mins(2), vec!["IMPORTED", "gone"]),
        (Duration::from_hours(10), vec!["IMPORTED", "AMAZON_ISSUED", "gone"]),
    ];
    for (pause, expected) in cases {
        acm.described.lock().clear();
        tokio::time::advance(pause).await;
        assert_eq!(arns(&certificates, &acm).await, ["IMPORTED", "AMAZON_ISSUED"]);
        assert_eq!(*acm.described.lock(), expected, "after {pause:?}");
    }
}
