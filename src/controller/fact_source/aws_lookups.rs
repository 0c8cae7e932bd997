//! The AWS side of gathering: one function a question.

use super::certificates::Certificates;
use crate::aws::{Cloud, pages, send};
use crate::aws_api::CloudError;
use crate::aws_api::acm::Certificate;
use crate::aws_api::ec2::{
    DescribeAvailabilityZones, DescribeRouteTables, DescribeSecurityGroups, DescribeSubnets, DescribeVpcs,
    Filter, RouteTable, SecurityGroup, Subnet, Vpc,
};
use crate::aws_api::elbv2::{DescribeTargetGroups, DescribeTrustStores};
use crate::aws_api::protection::ListWafv2WebAcls;
use crate::config::Config;
use crate::facts::{Facts, Lookup, LookupFailure, SubnetLookup};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What AWS said.
#[derive(Clone, Debug)]
pub enum AwsFact {
    Subnets(Vec<Subnet>),
    RouteTables(Vec<RouteTable>),
    ZoneTypes(BTreeMap<String, String>),
    SecurityGroups(Vec<SecurityGroup>),
    Vpc(Vpc),
    Certificates(Arc<Vec<Certificate>>),
    TrustStores(BTreeMap<String, String>),
    Arn(Option<String>),
    NotFromAws,
}

/// Asks AWS. Questions about the cluster are not for AWS and have no answer here.
pub async fn look_up(
    cloud: &dyn Cloud,
    config: &Config,
    certificates: &Certificates,
    lookup: &Lookup,
) -> Result<AwsFact, CloudError> {
    match lookup {
        Lookup::Subnets(subnets) => look_up_subnets(cloud, config, subnets).await,
        Lookup::RouteTables => {
            let request = DescribeRouteTables { filters: vec![in_vpc(config)], ..Default::default() };
            pages::all(cloud, request).await.map(AwsFact::RouteTables)
        }
        Lookup::ZoneTypes(ids) => look_up_zone_types(cloud, ids).await,
        Lookup::SecurityGroupsById(ids) => {
            let request = DescribeSecurityGroups { group_ids: distinct(ids), ..Default::default() };
            pages::all(cloud, request).await.map(AwsFact::SecurityGroups)
        }
        Lookup::SecurityGroupsByName(names) => {
            let filters = vec![Filter::new("tag:Name", distinct(names)), in_vpc(config)];
            let request = DescribeSecurityGroups { filters, ..Default::default() };
            pages::all(cloud, request).await.map(AwsFact::SecurityGroups)
        }
        Lookup::Vpc => look_up_vpc(cloud, config).await,
        Lookup::Certificates => certificates.list(cloud).await.map(Arc::new).map(AwsFact::Certificates),
        Lookup::TrustStores(names) => look_up_trust_stores(cloud, names).await,
        Lookup::TargetGroupByName(name) => look_up_target_group(cloud, name).await,
        Lookup::WebAclByName(name) => look_up_web_acl(cloud, name).await,
        Lookup::ExistingLoadBalancers(_)
        | Lookup::LiveStack(_)
        | Lookup::BackendSecurityGroup
        | Lookup::ManagedCertificates
        | Lookup::Service { .. }
        | Lookup::Secret { .. }
        | Lookup::SecretCertificate { .. }
        | Lookup::SecretCheck { .. } => Ok(AwsFact::NotFromAws),
    }
}

/// The content of an answer to its own kind of question; questions and answers are paired by [`look_up`].
macro_rules! content {
    ($answer:ident, $variant:ident) => {
        $answer.and_then(|answer| match answer {
            AwsFact::$variant(found) => Ok(found),
            _ => Err(unexpected("it belongs to another question")),
        })
    };
}

/// Adds the answer (or why there is none) to the facts.
pub fn insert(facts: &mut Facts, lookup: Lookup, answer: Result<AwsFact, LookupFailure>) {
    match lookup {
        Lookup::Subnets(key) => drop(facts.subnets.insert(key, content!(answer, Subnets))),
        Lookup::RouteTables => drop(facts.route_tables.insert((), content!(answer, RouteTables))),
        Lookup::ZoneTypes(ids) => insert_zone_types(facts, ids, &content!(answer, ZoneTypes)),
        Lookup::SecurityGroupsById(key) => {
            facts.security_groups_by_id.insert(key, content!(answer, SecurityGroups));
        }
        Lookup::SecurityGroupsByName(key) => {
            facts.security_groups_by_name.insert(key, content!(answer, SecurityGroups));
        }
        Lookup::Vpc => drop(facts.vpc.insert((), content!(answer, Vpc))),
        Lookup::Certificates => drop(facts.certificates.insert((), content!(answer, Certificates))),
        Lookup::TrustStores(key) => drop(facts.trust_stores.insert(key, content!(answer, TrustStores))),
        Lookup::TargetGroupByName(key) => {
            facts.target_groups_by_name.insert(key, content!(answer, Arn));
        }
        Lookup::WebAclByName(key) => drop(facts.web_acls_by_name.insert(key, content!(answer, Arn))),
        Lookup::ExistingLoadBalancers(_)
        | Lookup::LiveStack(_)
        | Lookup::BackendSecurityGroup
        | Lookup::ManagedCertificates
        | Lookup::Service { .. }
        | Lookup::Secret { .. }
        | Lookup::SecretCertificate { .. }
        | Lookup::SecretCheck { .. } => {}
    }
}

/// An answer without a zone that was asked for says nothing of it.
fn insert_zone_types(
    facts: &mut Facts,
    ids: Vec<String>,
    answer: &Result<BTreeMap<String, String>, LookupFailure>,
) {
    facts.zone_types.extend(ids.into_iter().map(|id| {
        let kind = answer.as_ref().map_err(Clone::clone).and_then(|found| {
            let lacks = || unexpected(&format!("DescribeAvailabilityZones says nothing of zone {id}"));
            found.get(&id).cloned().ok_or_else(lacks)
        });
        (id, kind)
    }));
}

fn unexpected(what: &str) -> LookupFailure {
    LookupFailure { code: None, message: format!("unexpected answer: {what}"), part: None }
}

fn in_vpc(config: &Config) -> Filter {
    Filter::new("vpc-id", [config.vpc_id.clone()])
}

fn distinct(items: &[String]) -> Vec<String> {
    items.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

async fn look_up_subnets(
    cloud: &dyn Cloud,
    config: &Config,
    lookup: &SubnetLookup,
) -> Result<AwsFact, CloudError> {
    let mut request = DescribeSubnets::default();
    match lookup {
        SubnetLookup::Ids(ids) => request.subnet_ids = distinct(ids),
        SubnetLookup::Names(names) => {
            request.filters = vec![Filter::new("tag:Name", distinct(names)), in_vpc(config)];
        }
        SubnetLookup::Tags(tags) => {
            request.filters.push(in_vpc(config));
            let by_tag =
                |(key, values): &(String, Vec<String>)| Filter::new(format!("tag:{key}"), values.clone());
            request.filters.extend(tags.iter().map(by_tag));
        }
        SubnetLookup::All => request.filters = vec![in_vpc(config)],
    }
    pages::all(cloud, request).await.map(AwsFact::Subnets)
}

async fn look_up_zone_types(cloud: &dyn Cloud, ids: &[String]) -> Result<AwsFact, CloudError> {
    let zones = send(cloud, DescribeAvailabilityZones { zone_ids: distinct(ids) }).await?;
    Ok(AwsFact::ZoneTypes(zones.into_iter().map(|zone| (zone.zone_id, zone.zone_type)).collect()))
}

async fn look_up_vpc(cloud: &dyn Cloud, config: &Config) -> Result<AwsFact, CloudError> {
    let request = DescribeVpcs { vpc_ids: vec![config.vpc_id.clone()], ..Default::default() };
    let vpc = pages::all(cloud, request).await?.into_iter().next();
    vpc.map(AwsFact::Vpc).ok_or_else(|| CloudError::Service {
        operation: "DescribeVpcs",
        code: "InvalidVpcID.NotFound".to_owned(),
        message: format!("there is no VPC {}", config.vpc_id),
        request_id: None,
    })
}

async fn look_up_trust_stores(cloud: &dyn Cloud, names: &[String]) -> Result<AwsFact, CloudError> {
    let request = DescribeTrustStores { names: distinct(names), ..Default::default() };
    let found = match pages::all(cloud, request).await {
        Err(error) if error.is(&["TrustStoreNotFound"]) => Vec::new(),
        found => found?,
    };
    Ok(AwsFact::TrustStores(found.into_iter().map(|store| (store.name, store.arn)).collect()))
}

async fn look_up_target_group(cloud: &dyn Cloud, name: &str) -> Result<AwsFact, CloudError> {
    let request = DescribeTargetGroups { names: vec![name.to_owned()], ..Default::default() };
    match send(cloud, request).await {
        Ok(page) => Ok(AwsFact::Arn(page.items.into_iter().next().map(|group| group.arn))),
        Err(error) if error.is(&["TargetGroupNotFound"]) => Ok(AwsFact::Arn(None)),
        Err(error) => Err(error),
    }
}

async fn look_up_web_acl(cloud: &dyn Cloud, name: &str) -> Result<AwsFact, CloudError> {
    let found = pages::all(cloud, ListWafv2WebAcls::default()).await?;
    Ok(AwsFact::Arn(found.into_iter().find(|(found, _)| found == name).map(|(_, arn)| arn)))
}
