//! AWS's side: credentials, VPC, subnets and permissions.

use super::{Check, Verdict, permissions, stacks};
use crate::aws::send;
use crate::cli::visit::{Account, Visit};
use crate::cloud::ec2::{DescribeVpcs, Subnet};
use crate::cloud::elbv2::{IpAddressType, LoadBalancerType, Scheme};
use crate::cloud::sts::{CallerIdentity, GetCallerIdentity};
use crate::cluster::stores::Stores;
use crate::cluster::survey::Survey;
use crate::controller::facts::FactSource;
use crate::controller::gather::{self, BuildFailure};
use crate::finding::ObjectRef;
use crate::inputs::Facts;
use crate::model::{Owner, StackId};
use crate::settings::Origin;
use crate::settings::subnets::Placement;

const CREDENTIALS: &str =
    "give the ServiceAccount a role: EKS Pod Identity, or the annotation eks.amazonaws.com/role-arn";

pub(super) async fn check(visit: &Visit, survey: &Survey) -> Vec<Check> {
    let account = match visit.account().await {
        Ok(account) => account,
        Err(error) => return vec![Check::bad("AWS", error.to_string())],
    };
    let identity = match send(&*account.cloud, GetCallerIdentity {}).await {
        Ok(identity) => identity,
        Err(error) => return vec![Check::bad("AWS credentials", error.to_string()).remedy(CREDENTIALS)],
    };
    let CallerIdentity { account: number, arn } = &identity;
    let mut checks = vec![
        Check::good("AWS credentials", format!("{arn}, account {number}, region {}", account.config.region)),
        check_vpc(&account).await,
    ];
    let stores = Stores::new(&account.config);
    let facts = account.facts(&visit.client, &stores, account.cloud.clone());
    checks.extend(check_subnets(&account, &facts).await);
    checks.extend(permissions::check(&*account.cloud, &identity, &account.config).await);
    checks.extend(stacks::check(visit, survey, &account).await);
    checks
}

async fn check_vpc(account: &Account) -> Check {
    let id = &account.config.vpc_id;
    let request = DescribeVpcs { vpc_ids: vec![id.clone()], ..DescribeVpcs::default() };
    match send(&*account.cloud, request).await {
        Ok(page) if !page.items.is_empty() => Check::good("VPC", id.clone()),
        Ok(_) => Check::bad("VPC", format!("{id} does not exist in region {}", account.config.region)),
        Err(error) => Check::bad("VPC", error.to_string())
            .remedy("check --aws-vpc-id and --aws-region: both must be those of the cluster"),
    }
}

/// Where load balancers without a word about subnets would be placed: the controller's own choice.
async fn check_subnets(account: &Account, facts: &FactSource) -> Vec<Check> {
    let mut checks = Vec::new();
    for kind in [LoadBalancerType::Application, LoadBalancerType::Network] {
        let schemes = [Scheme::InternetFacing, Scheme::Internal];
        let mut of_kind = Vec::new();
        for scheme in schemes {
            let chosen = choose_subnets(account, facts, kind.clone(), scheme.clone()).await;
            of_kind.push(judge_subnets(&kind, &scheme, chosen));
        }
        checks.extend(blame(of_kind));
    }
    checks
}

/// One scheme without subnets may be meant so; none with subnets is not.
fn blame(mut checks: Vec<Check>) -> Vec<Check> {
    if checks.iter().all(|check| check.verdict != Verdict::Good) {
        for check in &mut checks {
            check.verdict = Verdict::Bad;
        }
    }
    checks
}

async fn choose_subnets(
    account: &Account,
    source: &FactSource,
    kind: LoadBalancerType,
    scheme: Scheme,
) -> Result<Vec<Subnet>, BuildFailure> {
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

fn judge_subnets(
    kind: &LoadBalancerType,
    scheme: &Scheme,
    chosen: Result<Vec<Subnet>, BuildFailure>,
) -> Check {
    let subject = format!("Subnets for {scheme} {kind} load balancers");
    match chosen {
        Ok(subnets) => {
            let place = |subnet: &Subnet| format!("{} in {}", subnet.id, subnet.availability_zone);
            Check::good(subject, subnets.iter().map(place).collect::<Vec<_>>().join(", "))
        }
        Err(BuildFailure::Finding(finding)) => {
            let check = Check::doubtful(subject, finding.message);
            finding.hint.into_iter().fold(check, Check::remedy)
        }
        Err(other) => Check::bad(subject, other.to_string()),
    }
}

#[cfg(test)]
mod tests;
