//! AWS's side: credentials, VPC, subnets and permissions.

use super::{Check, CheckResult, certificates, permissions, stacks};
use crate::aws::send;
use crate::aws_api::ec2::{DescribeVpcs, Subnet};
use crate::aws_api::elbv2::{IpAddressType, LoadBalancerType, Scheme};
use crate::aws_api::sts::{CallerIdentity, GetCallerIdentity};
use crate::cli::session::{AwsSession, Session};
use crate::clock;
use crate::cluster::doctor_reads::DoctorReads;
use crate::cluster::stores::Stores;
use crate::controller::fact_source::FactSource;
use crate::controller::gather::{self, GatherError};
use crate::facts::Facts;
use crate::finding::ObjectRef;
use crate::model::{Owner, StackId};
use crate::settings::Origin;
use crate::settings::subnets::Placement;

const CREDENTIALS: &str =
    "give the ServiceAccount a role: EKS Pod Identity, or the annotation eks.amazonaws.com/role-arn";

pub(super) async fn check(session: &Session, reads: &DoctorReads) -> Vec<Check> {
    let account = match session.account().await {
        Ok(account) => account,
        Err(error) => return vec![Check::fail("AWS", error.to_string())],
    };
    let identity = match send(&*account.cloud, GetCallerIdentity {}).await {
        Ok(identity) => identity,
        Err(error) => return vec![Check::fail("AWS credentials", error.to_string()).remedy(CREDENTIALS)],
    };
    let CallerIdentity { account: number, arn } = &identity;
    let mut checks = vec![
        Check::ok("AWS credentials", format!("{arn}, account {number}, region {}", account.config.region)),
        check_vpc(&account).await,
    ];
    let stores = Stores::new(&account.config);
    let facts = account.facts(&session.client, &stores, account.cloud.clone());
    checks.extend(check_subnets(&account, &facts).await);
    checks.push(certificates::check(&*account.cloud, clock::now()).await);
    checks.extend(permissions::check(&*account.cloud, &identity, &account.config).await);
    checks.extend(stacks::check(session, reads, &account).await);
    checks
}

async fn check_vpc(account: &AwsSession) -> Check {
    let id = &account.config.vpc_id;
    let request = DescribeVpcs { vpc_ids: vec![id.clone()], ..DescribeVpcs::default() };
    match send(&*account.cloud, request).await {
        Ok(page) if !page.items.is_empty() => Check::ok("VPC", id.clone()),
        Ok(_) => Check::fail("VPC", format!("{id} does not exist in region {}", account.config.region)),
        Err(error) => Check::fail("VPC", error.to_string())
            .remedy("check --aws-vpc-id and --aws-region: both must be those of the cluster"),
    }
}

/// Where load balancers without a word about subnets would be placed: the controller's own choice.
async fn check_subnets(account: &AwsSession, facts: &FactSource) -> Vec<Check> {
    let mut checks = Vec::new();
    for kind in [LoadBalancerType::Application, LoadBalancerType::Network] {
        let schemes = [Scheme::InternetFacing, Scheme::Internal];
        let mut of_kind = Vec::new();
        for scheme in schemes {
            let chosen = choose_subnets(account, facts, kind.clone(), scheme.clone()).await;
            of_kind.push(subnet_check(&kind, &scheme, chosen));
        }
        checks.extend(blame(of_kind));
    }
    checks
}

/// One scheme without subnets may be meant so; none with subnets is not.
fn blame(mut checks: Vec<Check>) -> Vec<Check> {
    if checks.iter().all(|check| check.result != CheckResult::Ok) {
        for check in &mut checks {
            check.result = CheckResult::Fail;
        }
    }
    checks
}

async fn choose_subnets(
    account: &AwsSession,
    source: &FactSource,
    kind: LoadBalancerType,
    scheme: Scheme,
) -> Result<Vec<Subnet>, GatherError> {
    let nobody = StackId { owner: Owner::Service, namespace: String::new(), name: "doctor".to_owned() };
    let choose = |facts: &Facts| {
        let placement = Placement {
            kind: kind.clone(),
            scheme: scheme.clone(),
            ip_address_type: IpAddressType::Ipv4,
            origin: Origin::object(&ObjectRef::default()),
            facts,
            config: &account.config,
        };
        Ok(placement.discover()?.into_iter().cloned().collect())
    };
    gather::build(source, &nobody, choose).await
}

fn subnet_check(kind: &LoadBalancerType, scheme: &Scheme, chosen: Result<Vec<Subnet>, GatherError>) -> Check {
    let subject = format!("Subnets for {scheme} {kind} load balancers");
    match chosen {
        Ok(subnets) => {
            let place = |subnet: &Subnet| format!("{} in {}", subnet.id, subnet.availability_zone);
            Check::ok(subject, subnets.iter().map(place).collect::<Vec<_>>().join(", "))
        }
        Err(GatherError::Invalid(finding)) => {
            let check = Check::warn(subject, finding.message);
            finding.hint.into_iter().fold(check, Check::remedy)
        }
        Err(other) => Check::fail(subject, other.to_string()),
    }
}

#[cfg(test)]
mod tests;
