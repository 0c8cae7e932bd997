//! What AWS promises a controller, as clauses that any AWS can be held to: this simulator, another emulator, or AWS.
//!
//! A clause makes what it needs through the `Cloud` port, with names of its own, and says where AWS's answer differs.

mod clauses;
mod listeners;
mod load_balancers;
mod rules;
mod security_groups;
mod target_groups;
mod targets;

pub use clauses::CLAUSES;

use aws_load_balancer_controller::{
    aws::{Cloud, send},
    aws_api::{CloudError, Operation, Ref, Tags, elbv2::*},
};
use std::{
    collections::BTreeMap,
    fmt::Debug,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// One promise.
#[derive(Clone, Copy)]
pub struct Clause {
    /// The promise as a sentence, words joined by underscores.
    pub name: &'static str,
    /// Puts it to the test.
    pub check: fn(TestAccount) -> Pin<Box<dyn Future<Output = Promise> + Send>>,
}

/// Whether a promise was kept.
pub type Promise = Result<(), Broken>;

/// How a promise was broken.
#[derive(Debug)]
pub enum Broken {
    /// A call failed that should not have.
    Call(CloudError),
    /// Something else was found than expected.
    Differs {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

impl From<CloudError> for Broken {
    fn from(error: CloudError) -> Self {
        Self::Call(error)
    }
}

/// Where clauses are tested: an AWS and what it holds to begin with.
#[derive(Clone)]
pub struct TestAccount {
    cloud: Arc<dyn Cloud>,
    ids: Arc<BTreeMap<String, String>>,
    made: Arc<AtomicUsize>,
}

impl TestAccount {
    /// An AWS with these ids and ARNs, under the names of [`crate::World::id`].
    pub fn new(cloud: Arc<dyn Cloud>, ids: BTreeMap<String, String>) -> Self {
        Self { cloud, ids: Arc::new(ids), made: Arc::new(AtomicUsize::new(0)) }
    }

    /// Sends a request.
    pub async fn send<O: Operation>(&self, operation: O) -> Result<O::Output, CloudError> {
        send(&*self.cloud, operation).await
    }

    /// The id under a well-known name.
    pub fn id(&self, name: &str) -> String {
        self.ids.get(name).cloned().unwrap_or_default()
    }

    /// A name that no other clause uses.
    pub fn name(&self, kind: &str) -> String {
        format!("{kind}-{}", self.made.fetch_add(1, Ordering::Relaxed))
    }

    /// A request for an internal load balancer in two private subnets.
    pub fn internal(&self, kind: LoadBalancerType) -> CreateLoadBalancer {
        let security_groups =
            if kind == LoadBalancerType::Application { vec![self.id("SG_1").into()] } else { Vec::new() };
        CreateLoadBalancer {
            name: self.name("lb"),
            kind,
            scheme: Scheme::Internal,
            ip_address_type: IpAddressType::Ipv4,
            subnet_mappings: ["PRIV_A", "PRIV_B"].map(|name| in_subnet(&self.id(name))).into(),
            security_groups,
            enable_prefix_for_ipv6_source_nat: None,
            ipv4_ipam_pool_id: None,
            customer_owned_ipv4_pool: None,
            tags: Tags::new(),
        }
    }

    /// A request for a target group of addresses.
    pub fn ip_group(&self, protocol: Protocol) -> CreateTargetGroup {
        CreateTargetGroup {
            name: self.name("tg"),
            target_type: TargetType::Ip,
            port: Some(80),
            protocol,
            protocol_version: None,
            ip_address_type: IpAddressType::Ipv4,
            vpc_id: self.id("VPC"),
            health_check: None,
            target_control_port: None,
            tags: Tags::new(),
        }
    }

    /// An internal ALB.
    pub async fn alb(&self) -> Result<LoadBalancer, CloudError> {
        self.send(self.internal(LoadBalancerType::Application)).await
    }

    /// A listener that answers with 404.
    pub async fn http_listener(&self, lb: &LoadBalancer, port: i32) -> Result<Listener, CloudError> {
        self.send(listener_on(lb, port, vec![not_found()])).await
    }

    /// A rule for a path that answers with 404.
    pub async fn rule(&self, listener: &Listener, priority: i32) -> Result<Rule, CloudError> {
        self.send(rule_on(listener, priority, vec![not_found()])).await
    }
}

/// A mapping of a subnet and no addresses.
pub fn in_subnet(id: &str) -> SubnetMapping {
    SubnetMapping { subnet_id: id.to_owned(), ..SubnetMapping::default() }
}

/// An action that answers with 404.
pub fn not_found() -> ListenerAction {
    ListenerAction::FixedResponse(FixedResponseAction {
        content_type: Some("text/plain".to_owned()),
        message_body: None,
        status_code: "404".to_owned(),
    })
}

/// An action that forwards to these target groups.
pub fn forward_to<'a>(arns: impl IntoIterator<Item = &'a str>) -> ListenerAction {
    let tuple = |arn: &str| TargetGroupTuple { target_group: Ref::from(arn), weight: None };
    ListenerAction::Forward(ForwardAction {
        target_groups: arns.into_iter().map(tuple).collect(),
        ..ForwardAction::default()
    })
}

/// Settings of a listener without TLS: HTTP on an ALB, TCP on an NLB.
pub fn plain_settings(
    lb: &LoadBalancer,
    port: i32,
    default_actions: Vec<ListenerAction>,
) -> ListenerSettings {
    let protocol = if lb.kind == LoadBalancerType::Application { Protocol::Http } else { Protocol::Tcp };
    ListenerSettings {
        port,
        protocol,
        default_actions,
        certificate: None,
        ssl_policy: None,
        alpn_policy: Vec::new(),
        mutual_authentication: None,
    }
}

/// A request for a listener without TLS.
pub fn listener_on(lb: &LoadBalancer, port: i32, actions: Vec<ListenerAction>) -> CreateListener {
    CreateListener {
        load_balancer_arn: lb.arn.as_str().into(),
        settings: plain_settings(lb, port, actions),
        tags: Tags::new(),
    }
}

/// A request for a rule on the path `/<priority>`.
pub fn rule_on(listener: &Listener, priority: i32, actions: Vec<ListenerAction>) -> CreateRule {
    let values = vec![format!("/{priority}")];
    CreateRule {
        listener_arn: listener.arn.as_str().into(),
        priority,
        conditions: vec![RuleCondition::PathPattern(ValuesOrRegexes { values, regexes: Vec::new() })],
        actions,
        ..CreateRule::default()
    }
}

/// Two things are the same.
#[expect(clippy::needless_pass_by_value, reason = "clauses compare what they have just computed")]
pub fn same<T: PartialEq + Debug>(found: T, expected: T) -> Promise {
    if found == expected {
        return Ok(());
    }
    Err(Broken::Differs { expected: format!("{expected:?}"), found: format!("{found:?}") })
}

/// A call failed with this code.
pub fn refused<T: Debug>(answer: Result<T, CloudError>, code: &str) -> Promise {
    match answer {
        Err(error) => same(error.code(), Some(code)),
        Ok(found) => Err(Broken::Differs { expected: code.to_owned(), found: format!("{found:?}") }),
    }
}

/// All pages of a list, given how to ask for one.
pub async fn all_pages<T, F>(mut ask: impl FnMut(Option<String>) -> F) -> Result<Vec<T>, CloudError>
where
    F: Future<Output = Result<Page<T>, CloudError>>,
{
    let (mut items, mut marker) = (Vec::new(), None);
    loop {
        let page = ask(marker.take()).await?;
        items.extend(page.items);
        marker = page.next_marker;
        if marker.is_none() {
            return Ok(items);
        }
    }
}
