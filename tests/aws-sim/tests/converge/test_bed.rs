//! A simulated AWS, an API server that only knows TargetGroupBindings, and a deployer that can be killed.

use super::stacks;
use aws_load_balancer_controller::api::{ObjectKey, TargetGroupBinding, TargetGroupBindingStatus};
use aws_load_balancer_controller::aws_api::ec2::DescribeSecurityGroups;
use aws_load_balancer_controller::aws_api::elbv2::{
    DeleteRule, DeleteTargetGroup, DescribeListeners, DescribeLoadBalancers, DescribeRules,
    DescribeTargetGroups, FixedResponseAction, Listener, ListenerAction, ListenerSettings, LoadBalancer,
    ModifyListener, ModifyLoadBalancerAttributes, Rule, TargetGroup,
};
use aws_load_balancer_controller::aws_api::{Action, Attributes, Operation};
use aws_load_balancer_controller::deploy::binding_store::BindingFuture;
use aws_load_balancer_controller::deploy::{BindingStore, Deployed, Deployer, ResourceCache, StoreError};
use aws_load_balancer_controller::model::{Stack, StackId};
use aws_sim::Sim;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

/// Runs a test body in time that passes only when everybody waits.
pub fn run<T>(body: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(body)
}

/// How many there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub load_balancers: usize,
    pub listeners: usize,
    pub rules: usize,
    pub target_groups: usize,
    pub security_groups: usize,
    pub bindings: usize,
}

/// Everything a deployment touches.
pub struct TestBed {
    pub sim: Sim,
    store: Arc<Store>,
    deployer: Deployer,
    foreign_groups: usize,
    manages_certificates: bool,
}

impl TestBed {
    pub fn new() -> Self {
        Self::with(false)
    }

    /// `manages_certificates`: whether certificate management is on.
    pub fn with(manages_certificates: bool) -> Self {
        let sim = Sim::new(stacks::world());
        let store = Arc::new(Store::default());
        let deployer = deployer(&sim, &store, manages_certificates);
        let mut test_bed = Self { sim, store, deployer, foreign_groups: 0, manages_certificates };
        test_bed.foreign_groups = test_bed.counts().security_groups;
        test_bed
    }

    pub fn deployer(&self) -> &Deployer {
        &self.deployer
    }

    /// Kills the controller and starts it again.
    pub fn restart(&mut self) {
        self.sim.revive();
        self.deployer = deployer(&self.sim, &self.store, self.manages_certificates);
    }

    /// Deploys a stack that has to succeed, looking again as often as it is asked to.
    pub async fn deploy(&self, stack: &Stack) -> Deployed {
        for _ in 0..8 {
            let revisit = match self.deployer.deploy(stack).await {
                Ok(deployed) if deployed.revisit.is_none() => return deployed,
                Ok(deployed) => deployed.revisit,
                Err(failure) => {
                    assert!(failure.failures.is_empty(), "{failure}");
                    failure.revisit
                }
            };
            tokio::time::sleep(revisit.unwrap_or_default()).await;
        }
        panic!("{} does not come to rest", stack.id)
    }

    /// Deploys a stack as the controller would: again after a failure, and from scratch after a crash.
    pub async fn converge(&mut self, stack: &Stack) {
        let mut last = None;
        for _ in 0..12 {
            match self.deployer.deploy(stack).await {
                Ok(deployed) if deployed.revisit.is_none() => return,
                ended => last = Some(ended),
            }
            let revisit = last.as_ref().and_then(|ended| match ended {
                Ok(deployed) => deployed.revisit,
                Err(failure) => failure.revisit,
            });
            tokio::time::sleep(revisit.unwrap_or_default()).await;
            if self.sim.has_crashed() {
                self.restart();
            }
        }
        panic!("{} does not converge: {last:?}", stack.id)
    }

    pub async fn sweep(&self) -> Vec<StackId> {
        self.deployer.sweep().await.unwrap()
    }

    /// What was asked of AWS to change something.
    pub fn writes(&self) -> Vec<Action> {
        self.sim.writes().iter().map(|call| call.request.action()).collect()
    }

    /// AWS and the cluster hold what the stack wants, and no more.
    pub fn check(&self, stack: &Stack, context: &str) {
        let wanted = Counts {
            load_balancers: stack.load_balancers.len(),
            listeners: stack.listeners.len(),
            rules: stack.rules.len(),
            target_groups: stack.target_groups.len(),
            security_groups: stack.security_groups.len() + self.foreign_groups,
            bindings: stack.bindings.len(),
        };
        assert_eq!(self.counts(), wanted, "{context}");
        let mut priorities: Vec<i32> = self.rules().iter().filter_map(|rule| rule.priority).collect();
        priorities.sort_unstable();
        let mut wanted: Vec<i32> = stack.rules.keys().map(|(_, priority)| *priority).collect();
        wanted.sort_unstable();
        assert_eq!(priorities, wanted, "{context}");
    }

    pub fn check_nothing_left(&self, context: &str) {
        let wanted = Counts { security_groups: self.foreign_groups, ..Counts::default() };
        assert_eq!(self.counts(), wanted, "{context}");
    }

    pub fn counts(&self) -> Counts {
        Counts {
            load_balancers: self.load_balancers().len(),
            listeners: self.listeners().len(),
            rules: self.rules().len(),
            target_groups: self.target_groups().len(),
            security_groups: self.call(DescribeSecurityGroups::default()).items.len(),
            bindings: self.store.objects.lock().len(),
        }
    }

    /// Lifts the account's limits.
    pub fn allow_many(&self) {
        self.sim.world(|world| {
            world.settings.quotas.application_load_balancers = 1000;
            world.settings.quotas.network_load_balancers = 1000;
        });
    }

    /// Somebody protects all load balancers by hand.
    pub fn protect_load_balancers(&self) {
        for load_balancer in self.load_balancers() {
            let attributes =
                Attributes::from([("deletion_protection.enabled".to_owned(), "true".to_owned())]);
            self.call(ModifyLoadBalancerAttributes { arn: load_balancer.arn.into(), attributes });
        }
    }

    /// Somebody deletes a rule by hand.
    pub fn delete_one_rule(&self) {
        let rule = self.rules().remove(0);
        self.call(DeleteRule { arn: rule.arn.into() });
    }

    /// Somebody deletes all target groups by hand, and what uses them.
    pub fn delete_target_groups(&self) {
        for rule in self.rules() {
            self.call(DeleteRule { arn: rule.arn.into() });
        }
        for listener in self.listeners() {
            let response =
                FixedResponseAction { status_code: "503".to_owned(), ..FixedResponseAction::default() };
            let settings = ListenerSettings {
                port: listener.port,
                protocol: listener.protocol,
                default_actions: vec![ListenerAction::FixedResponse(response)],
                certificate: listener.certificates.first().map(|arn| arn.as_str().into()),
                ssl_policy: listener.ssl_policy,
                alpn_policy: Vec::new(),
                mutual_authentication: None,
            };
            self.call(ModifyListener { arn: listener.arn.into(), settings });
        }
        for group in self.target_groups() {
            self.call(DeleteTargetGroup { arn: group.arn.into() });
        }
    }

    fn load_balancers(&self) -> Vec<LoadBalancer> {
        self.call(DescribeLoadBalancers::default()).items
    }

    fn target_groups(&self) -> Vec<TargetGroup> {
        self.call(DescribeTargetGroups::default()).items
    }

    fn listeners(&self) -> Vec<Listener> {
        let of = |load_balancer: LoadBalancer| {
            let load_balancer_arn = load_balancer.arn.into();
            self.call(DescribeListeners { load_balancer_arn, ..DescribeListeners::default() }).items
        };
        self.load_balancers().into_iter().flat_map(of).collect()
    }

    fn rules(&self) -> Vec<Rule> {
        let of = |listener: Listener| {
            self.call(DescribeRules { listener_arn: listener.arn.into(), ..DescribeRules::default() }).items
        };
        self.listeners().into_iter().flat_map(of).filter(|rule| rule.priority.is_some()).collect()
    }

    /// Asks the world behind the controller's back.
    fn call<O: Operation>(&self, operation: O) -> O::Output {
        let request = operation.into();
        O::output(self.sim.world(|world| world.perform(&request)).unwrap()).unwrap()
    }
}

fn deployer(sim: &Sim, store: &Arc<Store>, manages_certificates: bool) -> Deployer {
    let mut config = stacks::config(sim);
    config.features.enable_certificate_management = manages_certificates;
    let inventory = Arc::new(ResourceCache::new(&config));
    Deployer::new(
        Arc::new(sim.clone()),
        Arc::clone(store) as Arc<dyn BindingStore>,
        inventory,
        Arc::new(config),
    )
}

/// TargetGroupBindings, and a controller for them that acts at once.
#[derive(Default)]
struct Store {
    objects: Mutex<BTreeMap<ObjectKey, TargetGroupBinding>>,
}

impl Store {
    fn put(&self, mut binding: TargetGroupBinding) -> TargetGroupBinding {
        let generation = binding.metadata.generation.unwrap_or_default() + 1;
        binding.metadata.generation = Some(generation);
        let observed_generation = Some(generation);
        binding.status =
            Some(TargetGroupBindingStatus { observed_generation, ..TargetGroupBindingStatus::default() });
        self.objects.lock().insert(ObjectKey::of(&binding), binding.clone());
        binding
    }
}

impl BindingStore for Store {
    fn of_stack(&self, stack: &StackId) -> Vec<TargetGroupBinding> {
        let labels = stack.labels();
        let objects = self.objects.lock();
        let is_of_stack = |binding: &&TargetGroupBinding| {
            let own = binding.metadata.labels.clone().unwrap_or_default();
            labels.iter().all(|(key, value)| own.get(key) == Some(value))
        };
        objects.values().filter(is_of_stack).cloned().collect()
    }

    fn get(&self, key: ObjectKey) -> BindingFuture<'_, Option<TargetGroupBinding>> {
        Box::pin(async move { Ok(self.objects.lock().get(&key).cloned()) })
    }

    fn create(&self, binding: TargetGroupBinding) -> BindingFuture<'_, TargetGroupBinding> {
        Box::pin(async move {
            let key = ObjectKey::of(&binding);
            if self.objects.lock().contains_key(&key) {
                return Err(StoreError::AlreadyExists(key));
            }
            Ok(self.put(binding))
        })
    }

    fn patch(&self, key: ObjectKey, patch: Value) -> BindingFuture<'_, TargetGroupBinding> {
        Box::pin(async move {
            let known = self.objects.lock().get(&key).cloned();
            let mut object = serde_json::to_value(known.ok_or(StoreError::NotFound(key))?).unwrap();
            merge(&mut object, &patch);
            Ok(self.put(serde_json::from_value(object).unwrap()))
        })
    }

    fn delete(&self, key: ObjectKey) -> BindingFuture<'_, ()> {
        Box::pin(async move {
            self.objects.lock().remove(&key);
            Ok(())
        })
    }
}

fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        object.clone_from(patch);
        return;
    };
    if !object.is_object() {
        *object = Value::Object(serde_json::Map::new());
    }
    let fields = object.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
