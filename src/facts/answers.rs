//! Answers to the questions of a build.

use super::{BuildError, LiveStack, Lookup, SubnetLookup};
use crate::aws_api::Secret;
use crate::aws_api::acm::Certificate;
use crate::aws_api::ec2::{RouteTable, SecurityGroup, Subnet, Vpc};
use crate::aws_api::elbv2::{IpAddressType, LoadBalancerType, Scheme};
use crate::finding::Part;
use crate::model::StackId;
use k8s_openapi::api::core::v1::Service;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why a question has no answer: AWS or the API server refused. Stable text, it ends in events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LookupFailure {
    /// AWS error code, if there is one.
    pub code: Option<String>,
    /// What happened, in the words of who was asked.
    pub message: String,
    /// What could not be built for lack of it.
    pub part: Option<Part>,
}

/// A load balancer that carries a stack's tags, as far as builds care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingLoadBalancer {
    /// Its ARN, by which all calls name it.
    pub arn: String,
    /// Whether it is an ALB or an NLB.
    pub kind: LoadBalancerType,
    /// Whether it is reached from the internet.
    pub scheme: Scheme,
    /// The address families that it has.
    pub ip_address_type: IpAddressType,
    /// Subnets in the order AWS lists its zones.
    pub subnet_ids: Vec<String>,
    /// Ids of its security groups.
    pub security_groups: Vec<String>,
    /// Value of the stack's resource tag, if it has one.
    pub resource_id: Option<String>,
}

/// What ACM has of a TLS Secret. Without an ARN there is a problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretCertificate {
    /// ARN of the certificate that listeners shall use: that of an earlier content of the Secret if the present one cannot be used.
    pub arn: Option<String>,
    /// Why the Secret as it is cannot be used.
    pub problem: Option<String>,
}

type Answers<K, V> = BTreeMap<K, Result<V, LookupFailure>>;

/// What is known so far. `None` in an answer means: there is no such object.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Answers to [`Lookup::ExistingLoadBalancers`].
    pub existing_load_balancers: Answers<StackId, Vec<ExistingLoadBalancer>>,
    /// Answers to [`Lookup::LiveStack`].
    pub live_stacks: Answers<StackId, Arc<LiveStack>>,
    /// Answers to [`Lookup::Subnets`].
    pub subnets: Answers<SubnetLookup, Vec<Subnet>>,
    /// Answer to [`Lookup::RouteTables`].
    pub route_tables: Answers<(), Vec<RouteTable>>,
    /// Answers to [`Lookup::ZoneTypes`]: zone id to zone type.
    pub zone_types: Answers<String, String>,
    /// Answers to [`Lookup::SecurityGroupsById`].
    pub security_groups_by_id: Answers<Vec<String>, Vec<SecurityGroup>>,
    /// Answers to [`Lookup::SecurityGroupsByName`].
    pub security_groups_by_name: Answers<Vec<String>, Vec<SecurityGroup>>,
    /// Answer to [`Lookup::BackendSecurityGroup`].
    pub backend_security_group: Answers<(), String>,
    /// Answer to [`Lookup::Vpc`].
    pub vpc: Answers<(), Vpc>,
    /// Answer to [`Lookup::Certificates`].
    pub certificates: Answers<(), Arc<Vec<Certificate>>>,
    /// Answer to [`Lookup::ManagedCertificates`].
    pub managed_certificates: Answers<(), BTreeSet<String>>,
    /// Answers to [`Lookup::TrustStores`]: name to ARN, missing ones left out.
    pub trust_stores: Answers<Vec<String>, BTreeMap<String, String>>,
    /// Answers to [`Lookup::TargetGroupByName`].
    pub target_groups_by_name: Answers<String, Option<String>>,
    /// Answers to [`Lookup::WebAclByName`].
    pub web_acls_by_name: Answers<String, Option<String>>,
    /// Answers to [`Lookup::Service`] by namespace and name.
    pub services: Answers<(String, String), Option<Arc<Service>>>,
    /// Answers to [`Lookup::Secret`] by namespace and name: its data.
    pub secrets: Answers<(String, String), Option<BTreeMap<String, Secret>>>,
    /// Answers to [`Lookup::SecretCertificate`] by namespace and name.
    pub secret_certificates: Answers<(String, String), SecretCertificate>,
    /// Answers to [`Lookup::SecretCheck`] by namespace and name: why it could not be imported.
    pub secret_checks: Answers<(String, String), Option<String>>,
}

fn answer<'a, K: Ord, V>(
    answers: &'a Answers<K, V>,
    key: &K,
    lookup: impl FnOnce() -> Lookup,
) -> FactResult<'a, V> {
    match answers.get(key) {
        Some(Ok(value)) => Ok(Ok(value)),
        Some(Err(failure)) => Ok(Err(failure.clone())),
        None => Err(lookup().into()),
    }
}

/// The answer to a question (or why there is none); the outer error is the question, when nobody asked it yet.
pub type FactResult<'a, T> = Result<Result<&'a T, LookupFailure>, BuildError>;

impl Facts {
    /// Load balancers that carry the stack's tags.
    pub fn existing_load_balancers(&self, stack: &StackId) -> FactResult<'_, Vec<ExistingLoadBalancer>> {
        answer(&self.existing_load_balancers, stack, || Lookup::ExistingLoadBalancers(stack.clone()))
    }

    /// What AWS holds of a stack now.
    pub fn live_stack(&self, stack: &StackId) -> FactResult<'_, Arc<LiveStack>> {
        answer(&self.live_stacks, stack, || Lookup::LiveStack(stack.clone()))
    }

    /// The subnets that a look-up found.
    pub fn subnets(&self, lookup: &SubnetLookup) -> FactResult<'_, Vec<Subnet>> {
        answer(&self.subnets, lookup, || Lookup::Subnets(lookup.clone()))
    }

    /// Route tables of the VPC.
    pub fn route_tables(&self) -> FactResult<'_, Vec<RouteTable>> {
        answer(&self.route_tables, &(), || Lookup::RouteTables)
    }

    /// Type of a zone, by zone id.
    pub fn zone_type(&self, zone_id: &str) -> Result<&str, BuildError> {
        let lookup = || Lookup::ZoneTypes(vec![zone_id.to_owned()]);
        Ok(answer(&self.zone_types, &zone_id.to_owned(), lookup)??)
    }

    /// Security groups by id.
    pub fn security_groups_by_id(&self, ids: &Vec<String>) -> FactResult<'_, Vec<SecurityGroup>> {
        answer(&self.security_groups_by_id, ids, || Lookup::SecurityGroupsById(ids.clone()))
    }

    /// Security groups by `Name` tag.
    pub fn security_groups_by_name(&self, names: &Vec<String>) -> FactResult<'_, Vec<SecurityGroup>> {
        answer(&self.security_groups_by_name, names, || Lookup::SecurityGroupsByName(names.clone()))
    }

    /// Id of the shared backend security group.
    pub fn backend_security_group(&self) -> FactResult<'_, String> {
        answer(&self.backend_security_group, &(), || Lookup::BackendSecurityGroup)
    }

    /// The controller's VPC.
    pub fn vpc(&self) -> FactResult<'_, Vpc> {
        answer(&self.vpc, &(), || Lookup::Vpc)
    }

    /// All issued certificates.
    pub fn certificates(&self) -> FactResult<'_, Arc<Vec<Certificate>>> {
        answer(&self.certificates, &(), || Lookup::Certificates)
    }

    /// ARNs of the certificates that were made for Ingresses.
    pub fn managed_certificates(&self) -> FactResult<'_, BTreeSet<String>> {
        answer(&self.managed_certificates, &(), || Lookup::ManagedCertificates)
    }

    /// ARNs of trust stores by name.
    pub fn trust_stores(&self, names: &Vec<String>) -> FactResult<'_, BTreeMap<String, String>> {
        answer(&self.trust_stores, names, || Lookup::TrustStores(names.clone()))
    }

    /// ARN of a target group by name.
    pub fn target_group_by_name(&self, name: &str) -> FactResult<'_, Option<String>> {
        answer(&self.target_groups_by_name, &name.to_owned(), || Lookup::TargetGroupByName(name.to_owned()))
    }

    /// ARN of a web ACL by name.
    pub fn web_acl_by_name(&self, name: &str) -> FactResult<'_, Option<String>> {
        answer(&self.web_acls_by_name, &name.to_owned(), || Lookup::WebAclByName(name.to_owned()))
    }

    /// A Service that was looked up.
    pub fn service(&self, namespace: &str, name: &str) -> FactResult<'_, Option<Arc<Service>>> {
        answer(&self.services, &(namespace.to_owned(), name.to_owned()), || Lookup::Service {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// A Secret's contents.
    pub fn secret(&self, namespace: &str, name: &str) -> FactResult<'_, Option<BTreeMap<String, Secret>>> {
        answer(&self.secrets, &(namespace.to_owned(), name.to_owned()), || Lookup::Secret {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The certificate that ACM has of a TLS Secret.
    pub fn secret_certificate(&self, namespace: &str, name: &str) -> FactResult<'_, SecretCertificate> {
        let key = (namespace.to_owned(), name.to_owned());
        answer(&self.secret_certificates, &key, || Lookup::SecretCertificate {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Why a TLS Secret could not be imported; `None`: it could.
    pub fn secret_check(&self, namespace: &str, name: &str) -> FactResult<'_, Option<String>> {
        answer(&self.secret_checks, &(namespace.to_owned(), name.to_owned()), || Lookup::SecretCheck {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}
