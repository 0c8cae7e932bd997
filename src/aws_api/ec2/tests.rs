use super::*;
use crate::aws_api::Service;
use strum::VariantArray as _;

#[test]
fn every_change_of_ec2_can_be_asked_about() {
    let changes: [Request; 6] = [
        CreateSecurityGroup::default().into(),
        DeleteSecurityGroup::default().into(),
        AuthorizeIngress::default().into(),
        RevokeIngress::default().into(),
        CreateTags::default().into(),
        DeleteTags::default().into(),
    ];
    let asked: Vec<Action> =
        changes.into_iter().filter_map(DryRun::of).map(|change| change.action()).collect();
    let is_change = |action: &Action| action.service() == Service::Ec2 && action.is_write();
    let all: Vec<Action> = Action::VARIANTS.iter().copied().filter(is_change).collect();
    assert_eq!(asked, all);
    assert_eq!(DryRun::of(DescribeVpcs::default().into()), None);
}

#[test]
fn a_dry_run_is_no_write() {
    let request = Request::from(DryRun::from(CreateTags::default()));
    assert!(!request.action().is_write());
}
