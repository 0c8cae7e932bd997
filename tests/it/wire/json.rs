//! ACM, WAF, Shield and STS through their SDKs.

use super::{connect, script::Script};
use aws_load_balancer_controller::aws::send;
use aws_load_balancer_controller::aws_api::Ref;
use aws_load_balancer_controller::aws_api::acm::{DescribeCertificate, ListCertificates, RequestCertificate};
use aws_load_balancer_controller::aws_api::protection::{
    DescribeShieldProtection, GetShieldSubscription, GetWafRegionalWebAcl, GetWafv2WebAcl, ListWafv2WebAcls,
};
use aws_load_balancer_controller::aws_api::sts::GetCallerIdentity;

#[tokio::test]
async fn issued_certificates_of_every_key_type_are_listed() {
    let script =
        Script::start([(200, r#"{"CertificateSummaryList": [{"CertificateArn": "c"}], "NextToken": "t"}"#)])
            .await;
    let page = send(&connect(&script).await, ListCertificates::default()).await.unwrap();
    let arns: Vec<_> = page.certificates.into_iter().map(|summary| summary.arn).collect();
    assert_eq!((arns, page.next_token.as_deref()), (vec!["c".to_owned()], Some("t")));
    let body: serde_json::Value = serde_json::from_str(&script.heard()[0].body).unwrap();
    assert_eq!(body["CertificateStatuses"], serde_json::json!(["ISSUED"]));
    assert!(body["Includes"]["keyTypes"].as_array().unwrap().contains(&"EC_prime256v1".into()), "{body}");
}

#[tokio::test]
async fn a_certificate_is_read_with_domains_and_issuer() {
    let body = r#"{"Certificate": {"CertificateArn": "c", "Type": "PRIVATE", "SubjectAlternativeNames": ["a"], "CertificateAuthorityArn": "ca"}}"#;
    let script = Script::start([(200, body)]).await;
    let certificate =
        send(&connect(&script).await, DescribeCertificate { arn: "c".to_owned() }).await.unwrap();
    assert_eq!(certificate.kind, "PRIVATE");
    assert_eq!(certificate.domains, ["a"]);
    assert_eq!(certificate.certificate_authority_arn.as_deref(), Some("ca"));
}

#[tokio::test]
async fn a_used_up_quota_of_certificates_is_not_tried_again() {
    let refusal = r#"{"__type": "LimitExceededException", "message": "Error: you have reached your limit"}"#;
    let script = Script::start([(400, refusal), (200, r#"{"CertificateArn": "c"}"#)]).await;
    let request = RequestCertificate {
        domain: "a.example.com".to_owned(),
        names: vec!["a.example.com".to_owned()],
        token: "0123".to_owned(),
        ..RequestCertificate::default()
    };
    let error = send(&connect(&script).await, request).await.unwrap_err();
    assert!(error.is(&["LimitExceededException"]), "{error}");
    let [heard] = script.heard().try_into().unwrap();
    let body: serde_json::Value = serde_json::from_str(&heard.body).unwrap();
    assert_eq!((&body["ValidationMethod"], &body["IdempotencyToken"]), (&"DNS".into(), &"0123".into()));
    assert_eq!(body.get("CertificateAuthorityArn"), None);
}

#[tokio::test]
async fn a_load_balancer_without_web_acl_has_none() {
    let script = Script::start([(200, "{}"), (200, "{}")]).await;
    let cloud = connect(&script).await;
    let resource_arn = Ref::from("lb");
    assert_eq!(send(&cloud, GetWafv2WebAcl { resource_arn: resource_arn.clone() }).await.unwrap(), None);
    assert_eq!(send(&cloud, GetWafRegionalWebAcl { resource_arn }).await.unwrap(), None);
}

#[tokio::test]
async fn regional_web_acls_are_listed_by_name() {
    let body = r#"{"WebACLs": [{"Name": "n", "ARN": "a", "Id": "i", "LockToken": "l"}]}"#;
    let script = Script::start([(200, body)]).await;
    let page = send(&connect(&script).await, ListWafv2WebAcls::default()).await.unwrap();
    assert_eq!(page.web_acls, [("n".to_owned(), "a".to_owned())]);
    assert!(script.heard()[0].body.contains("REGIONAL"));
}

#[tokio::test]
async fn shield_tells_subscription_and_a_missing_protection_is_none() {
    let missing = r#"{"__type": "ResourceNotFoundException", "message": "no"}"#;
    let script = Script::start([(200, r#"{"SubscriptionState": "ACTIVE"}"#), (400, missing)]).await;
    let cloud = connect(&script).await;
    assert!(send(&cloud, GetShieldSubscription {}).await.unwrap());
    assert_eq!(send(&cloud, DescribeShieldProtection { resource_arn: Ref::from("lb") }).await.unwrap(), None);
}

#[tokio::test]
async fn sts_tells_who_we_are() {
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn</Arn><Account>123456789012</Account>\
                </GetCallerIdentityResult></GetCallerIdentityResponse>";
    let script = Script::start([(200, body)]).await;
    let identity = send(&connect(&script).await, GetCallerIdentity {}).await.unwrap();
    assert_eq!((identity.account.as_str(), identity.arn.as_str()), ("123456789012", "arn"));
}
