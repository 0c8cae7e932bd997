use super::*;
use crate::cli::doctor::CheckResult;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn definition() -> CustomResourceDefinition {
    crds().into_iter().next().unwrap()
}

#[test]
fn an_old_api_server_is_named_with_its_version() {
    let check = version_check(&Ok((1, 21, "v1.21.0".to_owned())));
    assert_eq!(check.result, CheckResult::Fail);
    assert_eq!(version_check(&Ok((1, 36, "v1.36.3".to_owned()))).detail, "version v1.36.3");
}

#[test]
fn an_api_server_whose_pods_cannot_sleep_is_told_of() {
    let check = drain_check(&(1, 29, "v1.29.4".to_owned()));
    assert_eq!(check.result, CheckResult::Warn);
    assert!(check.detail.contains("v1.29.4"), "{}", check.detail);
    assert_eq!(drain_check(&(1, 30, "v1.30.0".to_owned())).result, CheckResult::Ok);
}

#[test]
fn a_definition_without_a_field_is_out_of_date() {
    let ours = definition();
    assert_eq!(definition_check("d", &ours, Ok(Some(ours.clone()))).result, CheckResult::Ok);
    assert_eq!(definition_check("d", &ours, Ok(None)).detail, "not installed");
    let mut old = ours.clone();
    let schema = old.spec.versions[0].schema.as_mut().unwrap().open_api_v3_schema.as_mut().unwrap();
    let spec = schema.properties.as_mut().unwrap().get_mut("spec").unwrap();
    spec.properties.as_mut().unwrap().remove("group").unwrap();
    let check = definition_check("d", &ours, Ok(Some(old)));
    assert_eq!(check.detail, "out of date: 2 fields are missing, v1beta1.spec.group is one");
    assert!(check.remedy.unwrap().contains("crds | kubectl apply"));
}

#[test]
fn nobody_leads_once_the_lease_is_old() {
    let lease = |holder: &str, renewed: i64| {
        let spec = LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            renew_time: Some(MicroTime(at(renewed))),
            ..LeaseSpec::default()
        };
        Ok(Some(Lease { spec: Some(spec), ..Lease::default() }))
    };
    assert_eq!(lease_check(lease("pod-a", 95), at(100)), Check::ok("Leader", "pod-a"));
    assert_eq!(lease_check(lease("pod-a", 40), at(100)).result, CheckResult::Fail);
    assert_eq!(lease_check(lease("", 99), at(100)).result, CheckResult::Fail);
    assert_eq!(lease_check(Ok(None), at(100)).result, CheckResult::Fail);
}

#[test]
fn webhooks_without_an_authority_are_bad() {
    let webhook = |authorities: &[u8]| RegisteredWebhook {
        name: "vservice".to_owned(),
        is_required: true,
        authorities: authorities.to_vec(),
    };
    let check = webhook_registration_check("c", Ok(vec![webhook(b"")]), at(0));
    assert_eq!(check.detail, "vservice trusts no certificate, so what it checks is refused");
    assert_eq!(webhook_registration_check("c", Ok(Vec::new()), at(0)).detail, "not registered");
}

#[test]
fn a_call_that_fails_is_told_from_one_that_may_not_be_tried() {
    let status = |message: &str| {
        let status = kube::core::Status::failure(message, "InternalError");
        Error::Api(Box::new(status))
    };
    let failed = webhook_call_check(Err(status(
        "Internal error occurred: failed calling webhook \"m\": no endpoints",
    )));
    assert_eq!(failed.result, CheckResult::Fail);
    assert_eq!(webhook_call_check(Err(status("services is forbidden"))).result, CheckResult::Warn);
    assert_eq!(webhook_call_check(Ok(())).result, CheckResult::Ok);
}
