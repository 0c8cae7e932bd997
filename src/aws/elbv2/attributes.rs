//! Attributes of load balancers, listeners and target groups: one shape in three spellings.

use crate::aws::sdk::{answered, done, id, some};
use crate::aws_api::elbv2::{
    DescribeListenerAttributes, DescribeLoadBalancerAttributes, DescribeTargetGroupAttributes,
    ModifyListenerAttributes, ModifyLoadBalancerAttributes, ModifyTargetGroupAttributes,
};
use crate::aws_api::{Action, Attributes, CloudError};
use aws_sdk_elasticloadbalancingv2::{Client, types};

macro_rules! attributes {
    ($kind:ident, $arn:ident,
     $describe:ident = $describe_action:ident $describe_call:ident,
     $modify:ident = $modify_action:ident $modify_call:ident) => {
        pub(super) async fn $describe(
            client: &Client,
            request: $describe_action,
        ) -> Result<Attributes, CloudError> {
            const ACTION: Action = Action::$describe_action;
            let call = client.$describe_call().$arn(id(ACTION, &request.arn)?);
            let answer = answered(ACTION, call.send().await)?;
            let pairs = answer.attributes.unwrap_or_default().into_iter();
            Ok(pairs.filter_map(|pair| Some((pair.key?, pair.value.unwrap_or_default()))).collect())
        }

        pub(super) async fn $modify(client: &Client, request: $modify_action) -> Result<(), CloudError> {
            const ACTION: Action = Action::$modify_action;
            let pairs = request.attributes.into_iter();
            let pairs = pairs.map(|(key, value)| types::$kind::builder().key(key).value(value).build());
            let call =
                client.$modify_call().$arn(id(ACTION, &request.arn)?).set_attributes(some(pairs.collect()));
            done(ACTION, call.send().await)
        }
    };
}

attributes!(LoadBalancerAttribute, load_balancer_arn,
    describe_load_balancer = DescribeLoadBalancerAttributes describe_load_balancer_attributes,
    modify_load_balancer = ModifyLoadBalancerAttributes modify_load_balancer_attributes);
attributes!(ListenerAttribute, listener_arn,
    describe_listener = DescribeListenerAttributes describe_listener_attributes,
    modify_listener = ModifyListenerAttributes modify_listener_attributes);
attributes!(TargetGroupAttribute, target_group_arn,
    describe_target_group = DescribeTargetGroupAttributes describe_target_group_attributes,
    modify_target_group = ModifyTargetGroupAttributes modify_target_group_attributes);
