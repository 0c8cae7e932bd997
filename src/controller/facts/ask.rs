//! The AWS side of gathering: one function a question.

use super::memory::Certificates;
use crate::aws::{Cloud, pages, send};
use crate::cloud::CloudError;
use crate::cloud::acm::Certificate;
use crate::cloud::ec2::{
    DescribeAvailabilityZones, DescribeRouteTables, DescribeSecurityGroups, DescribeSubnets, DescribeVpcs,
    Filter, RouteTable, SecurityGroup, Subnet, Vpc,
};
use crate::cloud::elbv2::{DescribeTargetGroups, DescribeTrustStores};
use crate::cloud::protection::ListWafv2WebAcls;
use crate::config::Config;
use crate::inputs::{Facts, LookupFailure, Query, SubnetQuery};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What AWS said.
#[derive(Clone, Debug)]
pub enum Answer {
    Subnets(Vec<Subnet>),
    RouteTables(Vec<RouteTable>),
    ZoneTypes(BTreeMap<String, String>),
    SecurityGroups(Vec<SecurityGroup>),
    Vpc(Vpc),
    Certificates(Arc<Vec<Certificate>>),
    TrustStores(BTreeMap<String, String>),
    Arn(Option<String>),
    NotOfAws,
}

/// Asks AWS. Questions about the cluster are not for AWS and have no answer here.
pub async fn ask(
    cloud: &dyn Cloud,
    config: &Config,
    certificates: &Certificates,
    query: &Query,
) -> Result<Answer, CloudError> {
    match query {
        Query::Subnets(subnets) => ask_subnets(cloud, config, subnets).await,
        Query::RouteTables => {
            let request = DescribeRouteTables { filters: vec![in_vpc(config)], ..Default::default() };
            pages::all(cloud, request).await.map(Answer::RouteTables)
        }
        Query::ZoneTypes(ids) => ask_zone_types(cloud, ids).await,
        Query::SecurityGroupsById(ids) => {
            let request = DescribeSecurityGroups { group_ids: distinct(ids), ..Default::default() };
            pages::all(cloud, request).await.map(Answer::SecurityGroups)
        }
        Query::SecurityGroupsByName(names) => {
            let filters = vec![Filter::new("tag:Name", distinct(names)), in_vpc(config)];
            let request = DescribeSecurityGroups { filters, ..Default::default() };
            pages::all(cloud, request).await.map(Answer::SecurityGroups)
        }
        Query::Vpc => ask_vpc(cloud, config).await,
        Query::Certificates => certificates.list(cloud).await.map(Arc::new).map(Answer::Certificates),
        Query::TrustStores(names) => ask_trust_stores(cloud, names).await,
        Query::TargetGroupByName(name) => ask_target_group(cloud, name).await,
        Query::WebAclByName(name) => ask_web_acl(cloud, name).await,
        Query::ExistingLoadBalancers(_)
        | Query::LiveStack(_)
        | Query::BackendSecurityGroup
        | Query::Service { .. }
        | Query::Secret { .. } => Ok(Answer::NotOfAws),
    }
}

/// The content of an answer to its own kind of question; questions and answers are paired by [`ask`].
macro_rules! content {
    ($answer:ident, $variant:ident) => {
        $answer.and_then(|answer| match answer {
            Answer::$variant(found) => Ok(found),
            _ => Err(unexpected("it belongs to another question")),
        })
    };
}

/// Adds the answer (or why there is none) to the facts.
pub fn insert(facts: &mut Facts, query: Query, answer: Result<Answer, LookupFailure>) {
    match query {
        Query::Subnets(key) => drop(facts.subnets.insert(key, content!(answer, Subnets))),
        Query::RouteTables => drop(facts.route_tables.insert((), content!(answer, RouteTables))),
        Query::ZoneTypes(ids) => insert_zone_types(facts, ids, &content!(answer, ZoneTypes)),
        Query::SecurityGroupsById(key) => {
            facts.security_groups_by_id.insert(key, content!(answer, SecurityGroups));
        }
        Query::SecurityGroupsByName(key) => {
            facts.security_groups_by_name.insert(key, content!(answer, SecurityGroups));
        }
        Query::Vpc => drop(facts.vpc.insert((), content!(answer, Vpc))),
        Query::Certificates => drop(facts.certificates.insert((), content!(answer, Certificates))),
        Query::TrustStores(key) => drop(facts.trust_stores.insert(key, content!(answer, TrustStores))),
        Query::TargetGroupByName(key) => {
            facts.target_groups_by_name.insert(key, content!(answer, Arn));
        }
        Query::WebAclByName(key) => drop(facts.web_acls_by_name.insert(key, content!(answer, Arn))),
        Query::ExistingLoadBalancers(_)
        | Query::LiveStack(_)
        | Query::BackendSecurityGroup
        | Query::Service { .. }
        | Query::Secret { .. } => {}
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

async fn ask_subnets(cloud: &dyn Cloud, config: &Config, query: &SubnetQuery) -> Result<Answer, CloudError> {
    let mut request = DescribeSubnets::default();
    match query {
        SubnetQuery::Ids(ids) => request.subnet_ids = distinct(ids),
        SubnetQuery::Names(names) => {
            request.filters = vec![Filter::new("tag:Name", distinct(names)), in_vpc(config)];
        }
        SubnetQuery::Tags(tags) => {
            request.filters.push(in_vpc(config));
            let by_tag =
                |(key, values): &(String, Vec<String>)| Filter::new(format!("tag:{key}"), values.clone());
            request.filters.extend(tags.iter().map(by_tag));
        }
        SubnetQuery::All => request.filters = vec![in_vpc(config)],
    }
    pages::all(cloud, request).await.map(Answer::Subnets)
}

async fn ask_zone_types(cloud: &dyn Cloud, ids: &[String]) -> Result<Answer, CloudError> {
    let zones = send(cloud, DescribeAvailabilityZones { zone_ids: distinct(ids) }).await?;
    Ok(Answer::ZoneTypes(zones.into_iter().map(|zone| (zone.zone_id, zone.zone_type)).collect()))
}

async fn ask_vpc(cloud: &dyn Cloud, config: &Config) -> Result<Answer, CloudError> {
    let request = DescribeVpcs { vpc_ids: vec![config.vpc_id.clone()], ..Default::default() };
    let vpc = pages::all(cloud, request).await?.into_iter().next();
    vpc.map(Answer::Vpc).ok_or_else(|| CloudError::Service {
        operation: "DescribeVpcs",
        code: "InvalidVpcID.NotFound".to_owned(),
        message: format!("there is no VPC {}", config.vpc_id),
        request_id: None,
    })
}

async fn ask_trust_stores(cloud: &dyn Cloud, names: &[String]) -> Result<Answer, CloudError> {
    let request = DescribeTrustStores { names: distinct(names), ..Default::default() };
    let found = match pages::all(cloud, request).await {
        Err(error) if error.is(&["TrustStoreNotFound"]) => Vec::new(),
        found => found?,
    };
    Ok(Answer::TrustStores(found.into_iter().map(|store| (store.name, store.arn)).collect()))
}

async fn ask_target_group(cloud: &dyn Cloud, name: &str) -> Result<Answer, CloudError> {
    let request = DescribeTargetGroups { names: vec![name.to_owned()], ..Default::default() };
    match send(cloud, request).await {
        Ok(page) => Ok(Answer::Arn(page.items.into_iter().next().map(|group| group.arn))),
        Err(error) if error.is(&["TargetGroupNotFound"]) => Ok(Answer::Arn(None)),
        Err(error) => Err(error),
    }
}

async fn ask_web_acl(cloud: &dyn Cloud, name: &str) -> Result<Answer, CloudError> {
    let found = pages::all(cloud, ListWafv2WebAcls::default()).await?;
    Ok(Answer::Arn(found.into_iter().find(|(found, _)| found == name).map(|(_, arn)| arn)))
}
