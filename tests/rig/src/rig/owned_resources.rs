//! What a controller has made in AWS, told by names, so that two accounts can be compared.

use aws_load_balancer_controller::aws::pages::Paged;
use aws_load_balancer_controller::aws_api::{
    Ref,
    ec2::{DescribeSecurityGroups, SecurityGroup},
    elbv2::{
        DescribeListenerAttributes, DescribeListenerCertificates, DescribeListeners,
        DescribeLoadBalancerAttributes, DescribeLoadBalancers, DescribeRules, DescribeTags,
        DescribeTargetGroupAttributes, DescribeTargetGroups, DescribeTargetHealth, Listener, LoadBalancer,
        Protocol, Rule, TargetGroup, TargetHealth, TargetHealthState,
    },
};
use aws_sim::{Sim, World};
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

/// Every page of a list; `None`: it is refused.
fn all<R: Paged>(world: &mut World, mut request: R) -> Option<Vec<R::Item>> {
    let mut found = Vec::new();
    loop {
        let (items, token) = R::split(world.ask(request.clone()).ok()?);
        found.extend(items);
        match token {
            Some(token) => request.continue_at(token),
            None => return Some(found),
        }
    }
}

/// Everything that a controller can have made.
#[derive(Clone, Debug, Default)]
pub struct OwnedResources {
    /// Load balancers.
    pub load_balancers: Vec<LoadBalancer>,
    /// Listeners.
    pub listeners: Vec<Listener>,
    /// Rules with a priority, in its order, by ARN of the listener.
    pub rules: BTreeMap<String, Vec<Rule>>,
    /// Target groups.
    pub target_groups: Vec<TargetGroup>,
    /// Targets by ARN of the target group.
    pub targets: BTreeMap<String, Vec<TargetHealth>>,
    /// Security groups, those that were there before included.
    pub security_groups: Vec<SecurityGroup>,
    /// Attributes, tags and certificates by ARN, as text.
    details: BTreeMap<String, String>,
    /// Which resource of which stack they are, by ARN.
    roles: BTreeMap<String, String>,
}

impl OwnedResources {
    /// Looks at an account.
    pub fn of(aws: &Sim) -> Self {
        aws.world(|world| Self::look(world).unwrap_or_default())
    }

    fn look(world: &mut World) -> Option<Self> {
        let mut found = Self {
            load_balancers: all(world, DescribeLoadBalancers::default())?,
            target_groups: all(world, DescribeTargetGroups::default())?,
            security_groups: all(world, DescribeSecurityGroups::default())?,
            ..Self::default()
        };
        for load_balancer in found.load_balancers.clone() {
            let arn = Ref::from(load_balancer.arn.as_str());
            let attributes = world.ask(DescribeLoadBalancerAttributes { arn: arn.clone() }).ok()?;
            found.details.insert(load_balancer.arn, format!("{attributes:?}"));
            let listeners = DescribeListeners { load_balancer_arn: arn, ..DescribeListeners::default() };
            for listener in all(world, listeners)? {
                found.look_at_listener(world, listener)?;
            }
        }
        for group in found.target_groups.clone() {
            let arn = Ref::from(group.arn.as_str());
            let attributes = world.ask(DescribeTargetGroupAttributes { arn: arn.clone() }).ok()?;
            found.details.insert(group.arn.clone(), format!("{attributes:?}"));
            let targets = world.ask(DescribeTargetHealth { arn, targets: Vec::new() }).ok()?;
            found.targets.insert(group.arn, targets);
        }
        found.look_at_tags(world)?;
        Some(found)
    }

    fn look_at_listener(&mut self, world: &mut World, listener: Listener) -> Option<()> {
        let arn = Ref::from(listener.arn.as_str());
        let mut text = String::new();
        if listener.ssl_policy.is_some() {
            let request = DescribeListenerCertificates { listener_arn: arn.clone(), ..Default::default() };
            let found = all(world, request)?;
            let mut certificates: Vec<_> =
                found.into_iter().map(|found| (found.is_default, found.arn)).collect();
            certificates.sort();
            let _ = write!(text, "{certificates:?}");
        }
        if listener.protocol != Protocol::Tls {
            let attributes = world.ask(DescribeListenerAttributes { arn: arn.clone() }).ok()?;
            let _ = write!(text, "{attributes:?}");
        }
        let request = DescribeRules { listener_arn: arn, ..DescribeRules::default() };
        let mut rules = all(world, request).unwrap_or_default();
        rules.retain(|rule| rule.priority.is_some());
        rules.sort_by_key(|rule| rule.priority);
        self.details.insert(listener.arn.clone(), text);
        self.rules.insert(listener.arn.clone(), rules);
        self.listeners.push(listener);
        Some(())
    }

    fn look_at_tags(&mut self, world: &mut World) -> Option<()> {
        let rules = self.rules.values().flatten().map(|rule| rule.arn.clone());
        let arns: Vec<String> = self.details.keys().cloned().chain(rules).collect();
        for chunk in arns.chunks(20) {
            let request = DescribeTags { arns: chunk.iter().map(|arn| arn.as_str().into()).collect() };
            for (arn, tags) in world.ask(request).ok()? {
                let _ = write!(self.details.entry(arn.clone()).or_default(), "{tags:?}");
                let of_stack =
                    tags.iter().filter(|(key, _)| key.contains(".k8s.aws/")).map(|(_, value)| value);
                self.roles.insert(arn, of_stack.cloned().collect::<Vec<_>>().join(" "));
            }
        }
        Some(())
    }

    /// The listener of a load balancer on a port; of the only load balancer if there is one.
    pub fn listener(&self, port: i32) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.port == port)
    }

    /// Target group by ARN.
    pub fn target_group(&self, arn: &str) -> Option<&TargetGroup> {
        self.target_groups.iter().find(|group| group.arn == arn)
    }

    /// How many targets are healthy, by name of the target group.
    pub fn healthy(&self) -> BTreeMap<String, usize> {
        let count = |group: &TargetGroup| {
            let targets = self.targets.get(&group.arn).map(Vec::as_slice).unwrap_or_default();
            targets.iter().filter(|target| target.state == TargetHealthState::Healthy).count()
        };
        self.target_groups.iter().map(|group| (group.name.clone(), count(group))).collect()
    }

    /// Everything as sorted lines without ids: equal for accounts that serve the same.
    pub fn lines(&self) -> Vec<String> {
        let names = self.names();
        let detail = |arn: &str| self.details.get(arn).map(String::as_str).unwrap_or_default();
        let mut lines = Vec::new();
        for one in &self.load_balancers {
            let (arn, dns_name) = (String::new(), String::new());
            let mut security_groups: Vec<_> =
                one.security_groups.iter().map(|id| rename(id, &names)).collect();
            security_groups.sort();
            let mut zones = one.zones.clone();
            zones.sort_by(|a, b| a.subnet_id.cmp(&b.subnet_id));
            let same = LoadBalancer { arn, dns_name, security_groups, zones, ..one.clone() };
            lines.push(format!("{same:?} {}", detail(&one.arn)));
        }
        for one in &self.target_groups {
            let same = TargetGroup { arn: String::new(), ..one.clone() };
            lines.push(format!("{same:?} {} {:?}", detail(&one.arn), self.targets_of(one)));
        }
        for one in &self.listeners {
            let same = Listener { arn: String::new(), ..one.clone() };
            lines.push(format!("{same:?} {}", detail(&one.arn)));
            for rule in self.rules.get(&one.arn).into_iter().flatten() {
                let same = Rule { arn: String::new(), ..rule.clone() };
                lines.push(format!("{} {same:?} {}", one.arn, detail(&rule.arn)));
            }
        }
        for one in &self.security_groups {
            let mut rules: Vec<_> =
                one.ingress.iter().map(|rule| rename(&format!("{rule:?}"), &names)).collect();
            rules.sort();
            let same = SecurityGroup { id: String::new(), ingress: Vec::new(), ..one.clone() };
            lines.push(format!("{same:?} {rules:?}"));
        }
        let mut lines: Vec<String> = lines.iter().map(|line| rename(line, &names)).collect();
        lines.sort();
        lines
    }

    /// A text with names in place of the ids of what was found.
    pub fn rename(&self, text: &str) -> String {
        let mut names = self.names();
        for one in &self.target_groups {
            names.retain(|(id, _)| *id != one.arn && *id != one.name);
            names.push((one.arn.clone(), format!("tg:{}", one.name)));
        }
        for (listener, rules) in &self.rules {
            let listener = rename(listener, &names);
            let name = |rule: &Rule| format!("{listener}:{}", rule.priority.unwrap_or_default());
            names.extend(rules.iter().map(|rule| (rule.arn.clone(), name(rule))));
        }
        names.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
        rename(text, &names)
    }

    fn targets_of(&self, group: &TargetGroup) -> Vec<String> {
        let targets = self.targets.get(&group.arn).map(Vec::as_slice).unwrap_or_default();
        let is_in = |target: &&TargetHealth| target.state != TargetHealthState::Draining;
        let mut targets: Vec<_> =
            targets.iter().filter(is_in).map(|target| format!("{:?}", target.target)).collect();
        targets.sort();
        targets
    }

    /// Ids and ARNs with the names that stand for them.
    fn names(&self) -> Vec<(String, String)> {
        let mut names: Vec<(String, String)> = Vec::new();
        for one in &self.load_balancers {
            names.push((one.arn.clone(), format!("lb:{}", one.name)));
        }
        for one in &self.target_groups {
            // why: the name is made when it is created, of settings that may have changed since
            let role = self.roles.get(&one.arn).filter(|role| !role.is_empty()).unwrap_or(&one.name);
            names.extend([(one.arn.clone(), format!("tg:{role}")), (one.name.clone(), format!("tg:{role}"))]);
        }
        for one in &self.listeners {
            let owner = self.load_balancers.iter().find(|owner| owner.arn == one.load_balancer_arn);
            let owner = owner.map(|owner| owner.name.as_str()).unwrap_or_default();
            names.push((one.arn.clone(), format!("ls:{owner}:{}", one.port)));
        }
        for one in &self.security_groups {
            names.push((one.id.clone(), format!("sg:{}", one.name)));
        }
        // why: an ARN may begin with another one
        names.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
        names
    }
}

impl fmt::Display for OwnedResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn rename(line: &str, names: &[(String, String)]) -> String {
    names.iter().fold(line.to_owned(), |line, (id, name)| line.replace(id, name))
}
