//! A small world that answers every question a build asks.

use crate::api::{Ingress, IngressClassParams, ObjectKey, Service};
use crate::aws_api::Secret;
use crate::aws_api::acm::Certificate;
use crate::aws_api::ec2::{SecurityGroup, Subnet};
use crate::aws_api::elbv2::{IpAddressType, LoadBalancerType, Scheme};
use crate::builder::ingress::{BuiltGroup, MemberState, build};
use crate::config::Config;
use crate::facts::group::{IngressGroup, Member, explicit_group, implicit_group};
use crate::facts::{
    BuildError, ExistingLoadBalancer, Facts, LiveStack, Lookup, LookupFailure, SecretCertificate,
    SubnetLookup,
};
use crate::model::{ResourceId, Stack};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Objects and AWS resources that exist.
#[derive(Clone, Default)]
pub struct World {
    pub config: Config,
    pub services: Vec<Service>,
    pub certificates: Vec<Certificate>,
    pub managed_certificates: BTreeSet<String>,
    pub secrets: BTreeMap<String, BTreeMap<String, Secret>>,
    /// What ACM has of TLS Secrets, by name.
    pub secret_certificates: BTreeMap<String, SecretCertificate>,
    pub existing: Vec<ExistingLoadBalancer>,
    pub live: LiveStack,
    pub asked: Vec<Lookup>,
}

impl World {
    pub fn new() -> Self {
        let config = Config {
            cluster_name: "prod-east".into(),
            vpc_id: "vpc-1".into(),
            region: "us-west-2".into(),
            ..Config::default()
        };
        Self { config, services: vec![service("web", &json!({}))], ..Self::default() }
    }

    /// Builds, answering questions until there are none.
    pub fn build(&mut self, group: &IngressGroup) -> BuiltGroup {
        let mut facts = Facts::default();
        for _ in 0..200 {
            match build(group, &facts, &self.config) {
                Ok(built) => return built,
                Err(BuildError::MissingFacts(lookups)) => {
                    for lookup in lookups {
                        self.asked.push(lookup.clone());
                        self.answer(&mut facts, lookup);
                    }
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        panic!("asks for ever");
    }

    /// Builds a group all of whose members are sound.
    pub fn stack(&mut self, group: &IngressGroup) -> Stack {
        let built = self.build(group);
        for member in &built.members {
            assert_eq!(member.state, MemberState::Built, "{}: {:?}", member.key, member.findings);
        }
        built.stack.unwrap()
    }

    /// Builds a group of one, and says why it cannot be built.
    pub fn refusal(&mut self, ingress: Ingress) -> String {
        let built = self.build(&alone(ingress));
        assert_eq!(built.stack, None, "was built");
        built.members[0].findings[0].to_string()
    }

    fn answer(&self, facts: &mut Facts, lookup: Lookup) {
        match lookup {
            Lookup::ExistingLoadBalancers(stack) => {
                facts.existing_load_balancers.insert(stack, Ok(self.existing.clone()));
            }
            Lookup::LiveStack(stack) => {
                facts.live_stacks.insert(stack, Ok(Arc::new(self.live.clone())));
            }
            Lookup::Subnets(lookup) => {
                let found = subnets().into_iter().filter(|subnet| match &lookup {
                    SubnetLookup::Ids(ids) => ids.contains(&subnet.id),
                    SubnetLookup::Names(_) => false,
                    SubnetLookup::Tags(_) | SubnetLookup::All => true,
                });
                let found = Ok(found.collect());
                facts.subnets.insert(lookup, found);
            }
            Lookup::ZoneTypes(zones) => {
                facts
                    .zone_types
                    .extend(zones.into_iter().map(|zone| (zone, Ok("availability-zone".to_owned()))));
            }
            Lookup::SecurityGroupsById(ids) => {
                let known = ids.iter().filter(|id| id.as_str() != "sg-none");
                let found =
                    known.map(|id| SecurityGroup { id: id.clone(), ..SecurityGroup::default() }).collect();
                facts.security_groups_by_id.insert(ids, Ok(found));
            }
            Lookup::SecurityGroupsByName(names) => {
                facts.security_groups_by_name.insert(names, Ok(Vec::new()));
            }
            Lookup::BackendSecurityGroup => {
                facts.backend_security_group.insert((), Ok("sg-backend".into()));
            }
            Lookup::Certificates => {
                facts.certificates.insert((), Ok(Arc::new(self.certificates.clone())));
            }
            Lookup::ManagedCertificates => {
                facts.managed_certificates.insert((), Ok(self.managed_certificates.clone()));
            }
            Lookup::TrustStores(names) => {
                let known = names.iter().filter(|name| *name == "clients");
                let found = known.map(|name| (name.clone(), format!("arn:truststore/{name}"))).collect();
                facts.trust_stores.insert(names, Ok(found));
            }
            Lookup::TargetGroupByName(name) => {
                let arn = (name == "outside").then(|| "arn:outside".to_owned());
                facts.target_groups_by_name.insert(name, Ok(arn));
            }
            Lookup::WebAclByName(name) => {
                let arn = (name == "wall").then(|| "arn:wall".to_owned());
                facts.web_acls_by_name.insert(name, Ok(arn));
            }
            Lookup::Service { namespace, name } => {
                let found = self.services.iter().find(|service| {
                    let key = ObjectKey::of(*service);
                    key.namespace() == namespace && key.name() == name
                });
                let found = found.map(|service| Arc::new(service.clone()));
                facts.services.insert((namespace, name), Ok(found));
            }
            Lookup::SecretCertificate { namespace, name } => {
                let answer = self.secret_certificates.get(&name).cloned().unwrap_or_default();
                facts.secret_certificates.insert((namespace, name), Ok(answer));
            }
            Lookup::SecretCheck { namespace, name } => {
                facts.secret_checks.insert((namespace, name), Ok(None));
            }
            Lookup::Secret { namespace, name } => {
                let answer = match name.as_str() {
                    "forbidden" => {
                        Err(LookupFailure { code: None, message: "secrets is forbidden".into(), part: None })
                    }
                    name => Ok(self.secrets.get(name).cloned()),
                };
                facts.secrets.insert((namespace, name), answer);
            }
            Lookup::RouteTables | Lookup::Vpc => panic!("unexpected question {lookup:?}"),
        }
    }
}

fn subnets() -> Vec<Subnet> {
    let subnet = |id: &str, zone: &str| Subnet {
        id: id.into(),
        vpc_id: "vpc-1".into(),
        availability_zone: zone.into(),
        availability_zone_id: zone.into(),
        available_ip_address_count: 100,
        ipv6_cidr_blocks: vec![("2001:db8::/64".into(), true)],
        ..Subnet::default()
    };
    vec![subnet("subnet-a", "us-west-2a"), subnet("subnet-b", "us-west-2b")]
}

/// A Service `shop/<name>` with port 80 (named `http`, target port 8080, node port 30080); `patch` is merged into it.
pub fn service(name: &str, patch: &Value) -> Service {
    let mut manifest = json!({
        "metadata": {"namespace": "shop", "name": name, "uid": "11111111-2222-3333-4444-555555555555"},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}]},
    });
    merge(&mut manifest, patch);
    serde_json::from_value(manifest).unwrap()
}

/// An Ingress `shop/<name>` with rules as given and annotations without their prefix.
pub fn ingress(name: &str, annotations: &[(&str, &str)], rules: Value) -> Ingress {
    let annotations: BTreeMap<String, &str> = annotations
        .iter()
        .map(|(suffix, value)| (format!("alb.ingress.kubernetes.io/{suffix}"), *value))
        .collect();
    let manifest = json!({
        "metadata": {"namespace": "shop", "name": name, "annotations": annotations},
        "spec": {"rules": rules},
    });
    serde_json::from_value(manifest).unwrap()
}

/// One rule entry of a host with paths to port 80 of Services.
pub fn rule(host: &str, paths: &[(&str, &str, &str)]) -> Value {
    let paths: Vec<Value> = paths
        .iter()
        .map(|(kind, path, service)| path_to(kind, path, service, &json!({"number": 80})))
        .collect();
    let mut rule = json!({"http": {"paths": paths}});
    if !host.is_empty() {
        rule["host"] = json!(host);
    }
    rule
}

pub fn path_to(kind: &str, path: &str, service: &str, port: &Value) -> Value {
    json!({"path": path, "pathType": kind, "backend": {"service": {"name": service, "port": port}}})
}

/// One path of the Service `web`.
pub fn to_web(path: &str) -> Value {
    json!([rule("", &[("Prefix", path, "web")])])
}

/// One path that `actions.<name>` decides about.
pub fn by_action(path: &str, name: &str) -> Value {
    json!([{"http": {"paths": [path_to("Prefix", path, name, &json!({"name": "use-annotation"}))]}}])
}

pub fn member(ingress: Ingress) -> Member {
    Member {
        key: ObjectKey::of(&ingress),
        ingress: Arc::new(ingress),
        params: None,
        defect: None,
        refusal: None,
    }
}

pub fn with_params(mut member: Member, spec: Value) -> Member {
    let params: IngressClassParams =
        serde_json::from_value(json!({"metadata": {"name": "params"}, "spec": spec})).unwrap();
    member.params = Some(Arc::new(params));
    member
}

/// An Ingress that is a group of its own.
pub fn alone(ingress: Ingress) -> IngressGroup {
    let member = member(ingress);
    IngressGroup { id: implicit_group(&member.key), members: vec![member], departing: Vec::new() }
}

/// The explicit group `edge`.
pub fn together(members: Vec<Member>) -> IngressGroup {
    IngressGroup { id: explicit_group("edge"), members, departing: Vec::new() }
}

pub fn existing(scheme: Scheme) -> ExistingLoadBalancer {
    ExistingLoadBalancer {
        arn: "arn:alb".into(),
        kind: LoadBalancerType::Application,
        scheme,
        ip_address_type: IpAddressType::Ipv4,
        subnet_ids: vec!["subnet-x".into(), "subnet-y".into()],
        security_groups: vec!["sg-live".into()],
        resource_id: Some("LoadBalancer".into()),
    }
}

pub fn id(text: &str) -> ResourceId {
    ResourceId::from(text)
}

fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}
