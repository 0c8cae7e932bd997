//! Security groups of load balancers, and how long they hold them.

use crate::{
    World,
    refusal::{CallResult, bad_configuration, bad_value, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::{
    Ref,
    elbv2::{CreateLoadBalancer, LoadBalancerType, SetSecurityGroups},
};

impl World {
    pub(crate) fn set_security_groups(&mut self, request: &SetSecurityGroups) -> CallResult<()> {
        let lb = &self.elb.load_balancer(&request.arn)?.described;
        let is_network = lb.kind == LoadBalancerType::Network;
        ensure(!is_network || !lb.security_groups.is_empty(), || {
            bad_configuration(
                "You cannot set security groups on a Network Load Balancer which was created without any security groups.",
            )
        })?;
        ensure(is_network || request.enforce_inbound_rules_on_private_link.is_none(), || {
            bad_configuration(
                "Inbound rules on PrivateLink traffic can be enforced for load balancers of type 'network' only",
            )
        })?;
        ensure(!request.security_groups.is_empty(), || {
            bad_configuration("At least one security group must be specified")
        })?;
        let (previous, vpc_id) = (lb.security_groups.clone(), lb.vpc_id.clone());
        let groups = self.checked_groups(&request.security_groups, &vpc_id)?;
        let given_up: Vec<_> = previous.into_iter().filter(|id| !groups.contains(id)).collect();
        self.hold_groups(&given_up);
        let lb = &mut self.elb.load_balancer_mut(&request.arn)?.described;
        lb.security_groups = groups;
        if let Some(switch) = &request.enforce_inbound_rules_on_private_link {
            lb.enforce_inbound_rules_on_private_link = Some(switch.clone());
        }
        Ok(())
    }

    /// The groups a new load balancer gets: those asked for, or for an ALB the VPC's default group.
    pub(crate) fn initial_groups(
        &self,
        request: &CreateLoadBalancer,
        vpc_id: &str,
    ) -> CallResult<Vec<String>> {
        let groups = self.checked_groups(&request.security_groups, vpc_id)?;
        if !groups.is_empty() || request.kind != LoadBalancerType::Application {
            return Ok(groups);
        }
        let mut of_vpc = self.ec2.security_groups.values().filter(|group| group.vpc_id == vpc_id);
        Ok(of_vpc.find(|group| group.name == "default").map(|group| group.id.clone()).into_iter().collect())
    }

    /// Keeps groups in use until the interfaces that had them are gone.
    pub(crate) fn hold_groups(&mut self, ids: &[String]) {
        let until = self.now() + self.settings.delays.interface_release;
        self.elb.held_groups.extend(ids.iter().map(|id| (id.clone(), until)));
    }

    /// Whether interfaces of a load balancer have this security group.
    pub(crate) fn load_balancers_hold(&self, group_id: &str) -> bool {
        let lingering = self.elb.held_groups.get(group_id).is_some_and(|until| *until > self.now());
        let has = |groups: &[String]| groups.iter().any(|id| id == group_id);
        lingering || self.elb.load_balancers.values().any(|lb| has(&lb.described.security_groups))
    }

    fn checked_groups(&self, wanted: &[Ref], vpc_id: &str) -> CallResult<Vec<String>> {
        let most = self.settings.quotas.security_groups_per_load_balancer;
        ensure(wanted.len() <= most, || {
            bad_configuration("The maximum number of security groups per load balancer has been reached.")
        })?;
        let mut groups: Vec<String> = Vec::new();
        for id in wanted {
            let id = id.resolved()?;
            ensure(id.starts_with("sg-"), || bad_value(format!("Security group '{id}' is not valid")))?;
            let group = self.ec2.security_groups.get(id).ok_or_else(|| {
                refuse("InvalidSecurityGroup", format!("The security group '{id}' does not exist"))
            })?;
            ensure(group.vpc_id == vpc_id, || bad_configuration("One or more security groups are invalid"))?;
            if !groups.iter().any(|known| known == id) {
                groups.push(id.to_owned());
            }
        }
        Ok(groups)
    }
}
