//! An AWS in which everything that an object names exists and fits.
//!
//! Builds in it fail only for what is wrong with the object itself: what AWS or other objects would have to say never
//! decides. So what is refused at admission cannot be built in any account, and what AWS alone can refuse stays with the
//! reconcile.

use crate::annotations::ingress::of as ingress_annotations;
use crate::annotations::{Annotations, NLB_PREFIX, parse, service as keys};
use crate::api::{Ingress, IntOrString, ObjectMeta, Service, ServicePort};
use crate::aws_api::acm::Certificate;
use crate::aws_api::ec2::{RouteTable, SecurityGroup, Subnet, Vpc};
use crate::aws_api::elbv2::{IpAddressType, LoadBalancerType, Scheme};
use crate::aws_api::{Secret, Tags};
use crate::config::Config;
use crate::facts::group::backends;
use crate::facts::{ExistingLoadBalancer, Facts, LiveStack, Lookup, SecretCertificate, SubnetLookup};
use crate::model::LOAD_BALANCER_ID;
use k8s_openapi::api::core::v1::ServiceSpec;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Subnets found where nothing says how many there must be.
const SOME_SUBNETS: usize = 3;
/// How many subnets carry one name.
const SUBNETS_OF_ONE_NAME: usize = 16;
/// why: a load balancer in local zones may have a single subnet, so no number of subnets is wrong.
const ZONE_TYPE: &str = "local-zone";
const SECURITY_GROUP: &str = "sg-0123456789abcdef0";
const ACCOUNT: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012";

/// Services that are known as they are, by namespace and name.
pub type KnownServices = BTreeMap<(String, String), Arc<Service>>;

/// What the permissive AWS looks like for one object.
#[derive(Clone, Debug, Default)]
pub struct PermissiveAws {
    /// The load balancer that is there already.
    existing: Option<ExistingLoadBalancer>,
    /// Per subnet, the static addresses that must lie in it.
    addresses: Vec<SubnetAddresses>,
    /// Where the list of subnets mentions each id or name.
    listed: BTreeMap<String, Vec<usize>>,
    /// Hosts that certificates must cover.
    hosts: BTreeSet<String>,
    /// Ports that every other Service has.
    ports: BTreeSet<PortRef>,
    /// Ports that other Services are asked for besides, by name of the Service.
    asked: BTreeMap<String, BTreeSet<PortRef>>,
    /// Services that are as they are.
    services: Arc<KnownServices>,
}

#[derive(Clone, Debug, Default)]
struct SubnetAddresses {
    ipv4: Option<String>,
    ipv6: Vec<String>,
}

impl PermissiveAws {
    /// The world that fits a Service's static addresses and actions.
    pub fn for_service(service: &Service) -> Self {
        let annotations = Annotations::new(NLB_PREFIX, service.metadata.annotations.as_ref());
        let list = |suffix| annotations.list(suffix).unwrap_or_default();
        let (ipv4, ipv6) = (list(keys::PRIVATE_IPV4_ADDRESSES), list(keys::IPV6_ADDRESSES));
        let (prefixes, allocations) = (list(keys::SOURCE_NAT_PREFIXES), list(keys::EIP_ALLOCATIONS));
        // why: the first list decides; another of a different length is then wrong whatever AWS says.
        let lists = [&allocations, &ipv4, &ipv6, &prefixes];
        let count = lists.iter().map(|list| list.len()).find(|count| *count > 0).unwrap_or(SOME_SUBNETS);
        let addresses = (0..count).map(|at| SubnetAddresses {
            ipv4: ipv4.get(at).cloned(),
            ipv6: ipv6.get(at).into_iter().chain(prefixes.get(at)).map(|text| without_length(text)).collect(),
        });
        Self {
            addresses: addresses.collect(),
            listed: mentions(list(keys::SUBNETS)),
            ports: annotations.string(keys::HEALTH_CHECK_PORT).map(PortRef::of_text).into_iter().collect(),
            asked: referenced_ports(service.metadata.annotations.as_ref()),
            ..Self::default()
        }
    }

    /// The world that fits an Ingress's hosts, backends and Elastic IPs.
    pub fn for_ingress(ingress: &Ingress) -> Self {
        let annotations = ingress_annotations(ingress.metadata.annotations.as_ref());
        let allocations = annotations.list("frontend-nlb-eip-allocations").unwrap_or_default();
        let count = if allocations.is_empty() { SOME_SUBNETS } else { allocations.len() };
        let mut asked = referenced_ports(ingress.metadata.annotations.as_ref());
        for service in backends(ingress).into_iter().filter_map(|backend| backend.service.as_ref()) {
            let ports = asked.entry(service.name.clone()).or_default();
            let port = service.port.iter();
            ports.extend(port.clone().filter_map(|port| port.name.clone().map(PortRef::Named)));
            ports.extend(port.filter_map(|port| port.number.map(PortRef::Number)));
        }
        Self {
            addresses: vec![SubnetAddresses::default(); count],
            hosts: hosts(ingress),
            ports: annotations.string("healthcheck-port").map(PortRef::of_text).into_iter().collect(),
            asked,
            ..Self::default()
        }
    }

    /// The world that fits all members of a group.
    pub fn for_group<'i>(members: impl Iterator<Item = &'i Ingress>) -> Self {
        let mut all = Self::default();
        for permissive_aws in members.map(Self::for_ingress) {
            all.hosts.extend(permissive_aws.hosts);
            all.ports.extend(permissive_aws.ports);
            for (service, ports) in permissive_aws.asked {
                all.asked.entry(service).or_default().extend(ports);
            }
            let is_given = permissive_aws.addresses.len() != SOME_SUBNETS;
            if all.addresses.is_empty() || is_given {
                all.addresses = permissive_aws.addresses;
            }
        }
        all
    }

    /// The same, but these Services are as they are.
    #[must_use]
    pub fn with_known_services(mut self, services: &Arc<KnownServices>) -> Self {
        self.services = services.clone();
        self
    }

    /// The same, with a load balancer of this scheme from before.
    #[must_use]
    pub fn with_existing(
        mut self,
        kind: LoadBalancerType,
        scheme: Scheme,
        has_security_groups: bool,
    ) -> Self {
        let subnet_ids = (0..self.addresses.len().max(1)).map(found_id).collect();
        self.existing = Some(ExistingLoadBalancer {
            arn: format!("{ACCOUNT}:loadbalancer/existing"),
            kind,
            scheme,
            ip_address_type: IpAddressType::Ipv4,
            subnet_ids,
            security_groups: has_security_groups.then(|| SECURITY_GROUP.to_owned()).into_iter().collect(),
            resource_id: Some(LOAD_BALANCER_ID.to_owned()),
        });
        self
    }

    /// Answers a question.
    pub fn answer(&self, lookup: Lookup, facts: &mut Facts, config: &Config) {
        match lookup {
            Lookup::ExistingLoadBalancers(stack) => {
                facts.existing_load_balancers.insert(stack, Ok(self.existing.iter().cloned().collect()));
            }
            Lookup::LiveStack(stack) => {
                facts.live_stacks.insert(stack, Ok(Arc::new(LiveStack::default())));
            }
            Lookup::Subnets(lookup) => {
                let found = self.subnets(&lookup);
                facts.subnets.insert(lookup, Ok(found));
            }
            Lookup::RouteTables => {
                facts.route_tables.insert((), Ok(vec![RouteTable { main: true, ..RouteTable::default() }]));
            }
            Lookup::ZoneTypes(zones) => {
                facts.zone_types.extend(zones.into_iter().map(|zone| (zone, Ok(ZONE_TYPE.to_owned()))));
            }
            Lookup::SecurityGroupsById(ids) => {
                let groups =
                    ids.iter().map(|id| SecurityGroup { id: id.clone(), ..SecurityGroup::default() });
                let groups = Ok(groups.collect());
                facts.security_groups_by_id.insert(ids, groups);
            }
            Lookup::SecurityGroupsByName(names) => {
                let groups = Ok(names.iter().map(named_group).collect());
                facts.security_groups_by_name.insert(names, groups);
            }
            Lookup::BackendSecurityGroup => {
                facts.backend_security_group.insert((), Ok(SECURITY_GROUP.to_owned()));
            }
            Lookup::Vpc => {
                facts.vpc.insert((), Ok(vpc(config)));
            }
            Lookup::ManagedCertificates => drop(facts.managed_certificates.insert((), Ok(BTreeSet::new()))),
            Lookup::Certificates => {
                facts.certificates.insert((), Ok(Arc::new(vec![self.certificate(config)])));
            }
            Lookup::TrustStores(names) => {
                let arn =
                    |name: &String| (name.clone(), format!("{ACCOUNT}:truststore/{name}/0123456789abcdef"));
                let stores = Ok(names.iter().map(arn).collect());
                facts.trust_stores.insert(names, stores);
            }
            Lookup::TargetGroupByName(name) => {
                let arn = format!("{ACCOUNT}:targetgroup/{name}/0123456789abcdef");
                facts.target_groups_by_name.insert(name, Ok(Some(arn)));
            }
            Lookup::WebAclByName(name) => {
                let arn = format!("arn:aws:wafv2:us-west-2:123456789012:regional/webacl/{name}/0123");
                facts.web_acls_by_name.insert(name, Ok(Some(arn)));
            }
            Lookup::Service { namespace, name } => {
                let key = (namespace, name);
                let service = self.services.get(&key).cloned();
                let service = service.unwrap_or_else(|| Arc::new(self.service(&key.0, &key.1)));
                facts.services.insert(key, Ok(Some(service)));
            }
            Lookup::SecretCertificate { namespace, name } => {
                let arn = format!("arn:aws:acm:us-west-2:123456789012:certificate/{namespace}.{name}");
                let answer = SecretCertificate { arn: Some(arn), problem: None };
                facts.secret_certificates.insert((namespace, name), Ok(answer));
            }
            Lookup::SecretCheck { namespace, name } => {
                facts.secret_checks.insert((namespace, name), Ok(None));
            }
            Lookup::Secret { namespace, name } => {
                let key = |key: &str| (key.to_owned(), Secret::new("x"));
                let data = BTreeMap::from([key("clientID"), key("clientSecret")]);
                facts.secrets.insert((namespace, name), Ok(Some(data)));
            }
        }
    }

    fn subnets(&self, lookup: &SubnetLookup) -> Vec<Subnet> {
        match lookup {
            SubnetLookup::Ids(ids) => {
                let place = |at, id: &String| self.position_in_list(id, 0).unwrap_or(at);
                ids.iter().enumerate().map(|(at, id)| self.subnet(place(at, id), id.clone(), None)).collect()
            }
            SubnetLookup::Names(names) => names.iter().flat_map(|name| self.subnets_by_name(name)).collect(),
            SubnetLookup::Tags(_) | SubnetLookup::All => {
                (0..self.addresses.len().max(1)).map(|at| self.subnet(at, found_id(at), None)).collect()
            }
        }
    }

    /// The n-th mention of a name takes its n-th subnet, so all of them are there.
    fn subnets_by_name<'a>(&'a self, name: &'a String) -> impl Iterator<Item = Subnet> + 'a {
        let subnet = move |round| {
            let at = self.position_in_list(name, round).unwrap_or(self.addresses.len());
            self.subnet(at, format!("subnet-{round:02}-{name}"), Some(name))
        };
        (0..SUBNETS_OF_ONE_NAME).map(subnet)
    }

    /// Where the list of subnets mentions one for the n-th time.
    fn position_in_list(&self, item: &str, n: usize) -> Option<usize> {
        self.listed.get(item)?.get(n).copied()
    }

    fn subnet(&self, at: usize, id: String, name: Option<&String>) -> Subnet {
        let addresses = self.addresses.get(at).cloned().unwrap_or_default();
        let mut ipv6 = addresses.ipv6;
        if ipv6.is_empty() {
            ipv6.push(format!("2001:db8:0:{:x}::", at % 0xffff));
        }
        Subnet {
            availability_zone: format!("zone-of-{id}"),
            availability_zone_id: format!("zone-id-of-{id}"),
            id,
            cidr_block: addresses
                .ipv4
                .map_or_else(|| format!("10.0.{}.0/24", at % 256), |ip| format!("{ip}/32")),
            ipv6_cidr_blocks: ipv6.into_iter().map(|ip| (format!("{ip}/128"), true)).collect(),
            available_ip_address_count: 1000,
            tags: name.map(|name| ("Name".to_owned(), name.clone())).into_iter().collect(),
            ..Subnet::default()
        }
    }

    fn certificate(&self, config: &Config) -> Certificate {
        Certificate {
            arn: "arn:aws:acm:us-west-2:123456789012:certificate/benevolent".to_owned(),
            kind: "AMAZON_ISSUED".to_owned(),
            domains: self.hosts.iter().cloned().collect(),
            certificate_authority_arn: config.allowed_certificate_authority_arns.first().cloned(),
            ..Certificate::default()
        }
    }

    /// A Service that has every port it is asked for, and a node port for each.
    fn service(&self, namespace: &str, name: &str) -> Service {
        let asked = self.asked.get(name).into_iter().flatten();
        let ports = self.ports.iter().chain(asked).zip(1..).map(|(port, at)| match port {
            PortRef::Number(number) => service_port(None, *number, at),
            PortRef::Named(name) => service_port(Some(name.clone()), at, at),
        });
        let spec = ServiceSpec {
            type_: Some("LoadBalancer".to_owned()),
            ports: Some(ports.collect()),
            ..Default::default()
        };
        let metadata = ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        };
        Service { metadata, spec: Some(spec), status: None }
    }
}

fn hosts(ingress: &Ingress) -> BTreeSet<String> {
    let Some(spec) = &ingress.spec else { return BTreeSet::new() };
    let of_rules = spec.rules.iter().flatten().filter_map(|rule| rule.host.clone());
    let of_tls = spec.tls.iter().flatten().flat_map(|tls| tls.hosts.iter().flatten().cloned());
    of_rules.chain(of_tls).collect()
}

fn service_port(name: Option<String>, port: i32, at: i32) -> ServicePort {
    ServicePort {
        name,
        port,
        target_port: Some(IntOrString::Int(8080)),
        node_port: Some(30_000 + at),
        protocol: Some("TCP".to_owned()),
        app_protocol: None,
    }
}

fn found_id(at: usize) -> String {
    format!("subnet-{at:017x}")
}

fn named_group(name: &String) -> SecurityGroup {
    SecurityGroup {
        id: format!("sg-{name}"),
        tags: Tags::from([("Name".to_owned(), name.clone())]),
        ..SecurityGroup::default()
    }
}

fn vpc(config: &Config) -> Vpc {
    Vpc {
        id: config.vpc_id.clone(),
        ipv4_cidr_blocks: vec!["10.0.0.0/8".to_owned()],
        ipv6_cidr_blocks: vec!["2001:db8::/32".to_owned()],
        ..Vpc::default()
    }
}

/// An address without the `/80` behind it.
fn without_length(text: &str) -> String {
    text.split('/').next().unwrap_or_default().to_owned()
}

/// A port of a Service, as it is referred to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PortRef {
    Number(i32),
    Named(String),
}

impl PortRef {
    /// A text that is a number is the number.
    fn of_text(text: &str) -> Self {
        parse::int32(text).map_or_else(|| Self::Named(text.to_owned()), Self::Number)
    }
}

/// Where a list mentions each of its items.
fn mentions(list: Vec<String>) -> BTreeMap<String, Vec<usize>> {
    let mut mentions: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, item) in list.into_iter().enumerate() {
        mentions.entry(item).or_default().push(at);
    }
    mentions
}

type ReferencedPorts = BTreeMap<String, BTreeSet<PortRef>>;

/// Every `servicePort` that JSON annotations mention, as number and as name, by the `serviceName` beside it.
fn referenced_ports(annotations: Option<&BTreeMap<String, String>>) -> ReferencedPorts {
    let documents = annotations.into_iter().flatten().filter(|(key, _)| key.contains("/actions."));
    let mut asked = ReferencedPorts::new();
    for value in documents.filter_map(|(_, text)| serde_json::from_str(text).ok()) {
        collect_ports(&value, &mut asked);
    }
    asked
}

fn collect_ports(value: &Value, asked: &mut ReferencedPorts) {
    match value {
        Value::Object(fields) => {
            // why: of keys that differ in their case alone the last one counts, as where actions are read
            let field = |name: &str| {
                fields.iter().rfind(|(key, value)| !value.is_null() && key.eq_ignore_ascii_case(name))
            };
            let name = field("serviceName").and_then(|(_, name)| name.as_str());
            if let (Some(name), Some((_, port))) = (name, field("servicePort")) {
                asked.entry(name.to_owned()).or_default().extend(ports_of(port));
            }
            fields.values().for_each(|value| collect_ports(value, asked));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ports(item, asked)),
        _ => {}
    }
}

/// A port as number, as name, or as a name that is a number.
fn ports_of(port: &Value) -> Vec<PortRef> {
    match port {
        Value::Number(number) => {
            let number = number.as_i64().and_then(|number| i32::try_from(number).ok());
            number.map(PortRef::Number).into_iter().collect()
        }
        Value::String(text) => std::iter::once(PortRef::Named(text.clone()))
            .chain(parse::int32(text).map(PortRef::Number))
            .collect(),
        _ => Vec::new(),
    }
}
