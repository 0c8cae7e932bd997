#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

/// Characters that IAM counts of a managed policy; white space is free.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const LARGEST: usize = 6144;

fn permissions(policy: &Policy) -> BTreeSet<&str> {
    policy.statement.iter().flat_map(|statement| &statement.action).map(String::as_str).collect()
}

#[test]
fn every_operation_is_allowed() {
    let (policy, besides) = (Policy::of(Partition::Aws, PolicyParts::ALL), Policy::of_global_accelerator());
    let allowed: BTreeSet<&str> = permissions(&policy).union(&permissions(&besides)).copied().collect();
    let besides =
        [Action::GetCallerIdentity, Action::DryRun, Action::GetRole, Action::SimulatePrincipalPolicy];
    for action in Action::VARIANTS.iter().copied().filter(|action| !besides.contains(action)) {
        assert!(allowed.contains(permission(action).as_str()), "{}", permission(action));
    }
}

#[test]
fn reading_is_never_allowed_as_a_change_nor_a_change_as_reading() {
    for action in Action::VARIANTS {
        let reads = statements_of(*action).contains(&Statement::Read);
        assert!(!(reads && action.is_write()), "{action:?}");
    }
}

#[test]
fn resources_that_exist_are_changed_only_if_they_are_ours() {
    let policy = Policy::of(Partition::Aws, PolicyParts::default());
    let key = "aws:ResourceTag/elbv2.k8s.aws/cluster";
    for permission in ["elasticloadbalancing:DeleteLoadBalancer", "ec2:DeleteSecurityGroup"] {
        let allowing = policy.statement.iter().filter(|statement| statement.action.contains(permission));
        for statement in allowing {
            assert_eq!(statement.condition["Null"][key], ["false"], "{permission} by {}", statement.sid);
        }
    }
}

#[test]
fn a_policy_fits_into_a_managed_one() {
    for partition in Partition::VARIANTS {
        let policy = Policy::of(*partition, PolicyParts::default()).render().unwrap();
        let size = policy.chars().filter(|letter| !letter.is_whitespace()).count();
        assert!(size <= LARGEST, "{partition:?}: {size}");
    }
}

#[test]
fn isolated_partitions_lack_what_their_iam_does_not_know_and_name_themselves_in_arns() {
    let (usual, isolated) = (
        Policy::of(Partition::Aws, PolicyParts::default()),
        Policy::of(Partition::AwsIsoB, PolicyParts::default()),
    );
    let lacking: Vec<_> = permissions(&usual).difference(&permissions(&isolated)).copied().collect();
    assert_eq!(
        lacking,
        [
            "elasticloadbalancing:DescribeCapacityReservation",
            "elasticloadbalancing:DescribeListenerAttributes",
            "elasticloadbalancing:DescribeTrustStores",
            "elasticloadbalancing:ModifyCapacityReservation",
            "elasticloadbalancing:ModifyListenerAttributes",
        ]
    );
    let text = isolated.render().unwrap();
    assert!(text.contains("arn:aws-iso-b:ec2:*:*:security-group/*") && !text.contains("arn:aws:"));
}

#[test]
fn what_only_doctor_asks_is_not_allowed_by_the_policy() {
    let policy = Policy::of(Partition::Aws, PolicyParts::default());
    let allowed = permissions(&policy);
    let asked = ["iam:GetRole", "iam:SimulatePrincipalPolicy", "ec2:DryRun"];
    assert!(asked.iter().all(|permission| !allowed.contains(permission)), "{allowed:?}");
}

#[test]
fn the_cluster_tag_must_not_be_in_requests_that_tag_what_exists() {
    let absent_in = |statement: Statement| statement.condition_keys().0;
    let tag = BTreeSet::from(["aws:RequestTag/elbv2.k8s.aws/cluster".to_owned()]);
    for statement in Statement::VARIANTS {
        let is_tagging =
            matches!(statement, Statement::Tag | Statement::TagSecurityGroup | Statement::TagAccelerators);
        assert_eq!(absent_in(*statement), if is_tagging { tag.clone() } else { BTreeSet::new() });
    }
}

#[test]
fn the_principal_behind_a_caller_is_a_user_or_a_role() {
    let role = |partition: &str| {
        Some(Principal::Role {
            name: "controller".to_owned(),
            arn: format!("arn:{partition}:iam::111122223333:role/controller"),
        })
    };
    let user = "arn:aws:iam::111122223333:user/people/ann";
    let cases = [
        ("arn:aws:sts::111122223333:assumed-role/controller/i-0123", role("aws")),
        ("arn:aws-cn:sts::111122223333:assumed-role/controller/a/b", role("aws-cn")),
        (user, Some(Principal::User(user.to_owned()))),
        ("arn:aws:iam::111122223333:root", None),
        ("arn:aws:sts::111122223333:federated-user/ann", None),
        ("controller", None),
        ("", None),
    ];
    for (caller, expected) in cases {
        assert_eq!(Principal::of(caller), expected, "{caller}");
    }
}

#[test]
fn what_a_feature_needs_is_allowed_only_when_asked_for() {
    let usual = Policy::of(Partition::Aws, PolicyParts::default());
    let requested =
        Policy::of(Partition::Aws, PolicyParts { requested_certificates: true, ..PolicyParts::default() });
    let more: Vec<_> = permissions(&requested).difference(&permissions(&usual)).copied().collect();
    assert_eq!(
        more,
        [
            "acm-pca:GetCertificate",
            "acm-pca:IssueCertificate",
            "acm-pca:ListPermissions",
            "acm:AddTagsToCertificate",
            "acm:DeleteCertificate",
            "acm:ListTagsForCertificate",
            "acm:RequestCertificate",
            "route53:ChangeResourceRecordSets",
            "route53:ListHostedZones",
        ]
    );
    let statement = |permission: &str| {
        requested.statement.iter().find(|one| one.action.contains(permission)).unwrap().condition.clone()
    };
    let is_tagged = |of: &str| {
        Conditions::from([("Null", BTreeMap::from([(format!("aws:{of}/{CLUSTER_TAG}"), vec!["false"])]))])
    };
    assert_eq!(statement("acm:DeleteCertificate"), is_tagged("ResourceTag"));
    assert_eq!(statement("acm:RequestCertificate"), is_tagged("RequestTag"));
}

#[test]
fn certificates_of_secrets_are_imported_with_the_tag_and_changed_only_if_they_have_it() {
    let usual = Policy::of(Partition::Aws, PolicyParts::default());
    let parts = PolicyParts { secret_certificates: true, ..PolicyParts::default() };
    let policy = Policy::of(Partition::Aws, parts);
    let more: Vec<_> = permissions(&policy).difference(&permissions(&usual)).copied().collect();
    assert_eq!(
        more,
        [
            "acm:AddTagsToCertificate",
            "acm:DeleteCertificate",
            "acm:GetCertificate",
            "acm:ImportCertificate",
            "acm:ListTagsForCertificate",
        ]
    );
    let tagged = |permission: &str| -> Vec<String> {
        let of = policy.statement.iter().filter(|one| one.action.contains(permission));
        of.flat_map(|one| one.condition["Null"].keys().cloned()).collect()
    };
    let [request, resource] = ["Request", "Resource"].map(|of| format!("aws:{of}Tag/{CLUSTER_TAG}"));
    assert_eq!(tagged("acm:ImportCertificate"), [request.clone(), resource.clone()]);
    assert_eq!(tagged("acm:AddTagsToCertificate"), [request]);
    assert_eq!(tagged("acm:DeleteCertificate"), std::slice::from_ref(&resource));
    assert_eq!(tagged("acm:GetCertificate"), [resource]);
}

#[test]
fn accelerators_are_changed_only_if_they_are_ours_and_by_nobody_else() {
    let (usual, policy) = (Policy::of(Partition::Aws, PolicyParts::ALL), Policy::of_global_accelerator());
    assert!(!permissions(&usual).iter().any(|permission| permission.starts_with("globalaccelerator:")));
    let size = policy.render().unwrap().chars().filter(|letter| !letter.is_whitespace()).count();
    assert!(size <= LARGEST, "{size}");
    for statement in policy.statement.iter().filter(|statement| statement.resource != ["*"]) {
        let keys: Vec<&String> = statement.condition["StringEquals"].keys().collect();
        assert!(keys[0].ends_with("Tag/aga.k8s.aws/resource"), "{keys:?}");
        assert!(statement.condition["Null"].keys().any(|key| key.ends_with("elbv2.k8s.aws/cluster")));
    }
    let create =
        policy.statement.iter().find(|one| one.action.contains("globalaccelerator:CreateAccelerator"));
    assert_eq!(create.unwrap().condition["Null"]["aws:RequestTag/elbv2.k8s.aws/cluster"], ["false"]);
}
