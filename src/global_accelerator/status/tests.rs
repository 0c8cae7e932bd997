#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::needless_pass_by_value)] // why: manifests are written in place

use super::*;
use crate::aws_api::global_accelerator::AcceleratorAddressType;
use crate::global_accelerator::fixture::accelerator;
use jiff::Timestamp;

fn shown(status: AcceleratorStatus) -> Accelerator {
    Accelerator {
        arn: "arn".to_owned(),
        name: "edge".to_owned(),
        ip_address_type: AcceleratorAddressType::Ipv4,
        enabled: true,
        status,
        dns_name: "a.example.com".to_owned(),
        dual_stack_dns_name: None,
        ip_sets: vec![("IPv4".to_owned(), vec!["192.0.2.1".to_owned()])],
    }
}

fn now() -> Time {
    Time(Timestamp::UNIX_EPOCH)
}

/// The object after a patch.
fn patched(mut object: GlobalAccelerator, outcome: &AcceleratorOutcome<'_>) -> GlobalAccelerator {
    let patch = super::patch(&object, outcome, now()).unwrap();
    let mut status = serde_json::to_value(object.status.clone().unwrap_or_default()).unwrap();
    json_patch::merge(&mut status, &patch);
    object.status = Some(serde_json::from_value(status).unwrap());
    object
}

fn condition(object: &GlobalAccelerator, kind: &str) -> String {
    let conditions = &object.status.as_ref().unwrap().conditions;
    let found = conditions.iter().find(|condition| condition.type_ == kind).unwrap();
    format!("{}/{}", found.status, found.reason)
}

#[test]
fn the_status_follows_the_accelerator_and_is_written_only_when_it_changes() {
    let object = accelerator(json!({}));
    let busy = shown(AcceleratorStatus::InProgress);
    let object = patched(object, &AcceleratorOutcome::Deployed(&busy));
    assert_eq!(condition(&object, "Ready"), "Unknown/AcceleratorProvisioning");
    assert_eq!(object.recorded_arn(), Some("arn"));
    let done = shown(AcceleratorStatus::Deployed);
    let object = patched(object, &AcceleratorOutcome::Deployed(&done));
    assert_eq!(condition(&object, "Ready"), "True/AcceleratorReady");
    assert_eq!(super::patch(&object, &AcceleratorOutcome::Deployed(&done), now()), None);
    assert_eq!(object.status.as_ref().unwrap().observed_generation, Some(2));
}

#[test]
fn a_dns_name_that_is_gone_is_taken_away_and_addresses_stay() {
    let mut both = shown(AcceleratorStatus::Deployed);
    both.dual_stack_dns_name = Some("dual.example.com".to_owned());
    let object = patched(accelerator(json!({})), &AcceleratorOutcome::Deployed(&both));
    let mut without = shown(AcceleratorStatus::Deployed);
    without.ip_sets.clear();
    let patch = super::patch(&object, &AcceleratorOutcome::Deployed(&without), now()).unwrap();
    assert_eq!(patch, json!({"dualStackDnsName": null}));
}

#[test]
fn failures_keep_what_is_known_of_the_accelerator() {
    let done = shown(AcceleratorStatus::Deployed);
    let object = patched(accelerator(json!({})), &AcceleratorOutcome::Deployed(&done));
    for (outcome, reason) in [
        (AcceleratorOutcome::DeploymentFailed, "False/DeploymentFailed"),
        (AcceleratorOutcome::ModelBuildFailed, "False/ModelBuildFailed"),
        (AcceleratorOutcome::EndpointLoadFailed, "False/EndpointLoadFailed"),
    ] {
        let failed = patched(object.clone(), &outcome);
        assert_eq!(condition(&failed, "Ready"), reason);
        assert_eq!(failed.recorded_arn(), Some("arn"));
    }
}

#[test]
fn a_deletion_that_waits_says_so() {
    let object = patched(accelerator(json!({})), &AcceleratorOutcome::Deleting);
    assert_eq!(condition(&object, "AcceleratorDisabling"), "True/AcceleratorDisabling");
    assert_eq!(condition(&object, "Ready"), "False/AcceleratorDeleting");
    assert_eq!(object.status.unwrap().status.as_deref(), Some("DELETING"));
}
