use super::*;
use crate::finding::Finding;

#[test]
fn subnets_are_named_by_zone() {
    let subnet = |id: &str, zone: &str| Subnet {
        id: id.to_owned(),
        availability_zone: zone.to_owned(),
        ..Subnet::default()
    };
    let chosen = Ok(vec![subnet("subnet-1", "a"), subnet("subnet-2", "b")]);
    let check = subnet_check(&LoadBalancerType::Application, &Scheme::Internal, chosen);
    assert_eq!(check.subject, "Subnets for internal application load balancers");
    assert_eq!(check.detail, "subnet-1 in a, subnet-2 in b");
}

#[test]
fn a_scheme_without_subnets_is_bad_only_if_the_other_has_none_either() {
    let finding = || {
        let finding = Finding::error(&ObjectRef::default(), "no suitable subnet").hint("tag them");
        Err(GatherError::Invalid(Box::new(finding)))
    };
    let missing = || subnet_check(&LoadBalancerType::Network, &Scheme::Internal, finding());
    let results = |checks| blame(checks).iter().map(|check| check.result).collect::<Vec<_>>();
    assert_eq!(results(vec![missing(), Check::ok("", "")]), [CheckResult::Warn, CheckResult::Ok]);
    assert_eq!(results(vec![missing(), missing()]), [CheckResult::Fail, CheckResult::Fail]);
    assert_eq!(missing().remedy.as_deref(), Some("tag them"));
}
