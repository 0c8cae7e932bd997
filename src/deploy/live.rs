//! Reads what AWS has of an Ingress group in full, for a group with a member that cannot be built.
//!
//! What the broken member had stays as it is, so the build must see it (see `builder::ingress`).

use super::Deployer;
use super::resource_cache::{StackResources, WithTags};
use crate::api::TargetGroupBinding;
use crate::aws::pages;
use crate::aws_api::elbv2::{
    DescribeListenerCertificates, DescribeListeners, DescribeRules, Listener, ListenerCertificate, Protocol,
};
use crate::aws_api::{CloudError, Ref};
use crate::facts::{LiveListener, LiveRule, LiveStack, LiveTargetGroup};
use crate::model::{LOAD_BALANCER_ID, StackId};
use futures::future::try_join_all;
use std::sync::Arc;

impl Deployer {
    /// The live resources of a stack.
    pub async fn live(&self, stack: &StackId) -> Result<LiveStack, CloudError> {
        self.resource_cache.ready(&*self.cloud).await?;
        let stack_resources = self.resource_cache.stack_resources(stack, &*self.cloud).await?;
        let StackResources { load_balancers, target_groups, security_groups, .. } = stack_resources;
        let resource = stack.resource_tag_key();
        let alb = load_balancers
            .into_values()
            .find(|held| held.tags.get(&resource).is_some_and(|id| id == LOAD_BALANCER_ID));
        let (listeners, load_balancer_tags) = match alb.map(|held| *held) {
            Some(WithTags { entity: alb, tags }) => (self.live_listeners(&alb.arn).await?, tags),
            None => Default::default(),
        };
        let bindings: Vec<Arc<TargetGroupBinding>> =
            self.bindings.of_stack(stack).into_iter().map(Arc::new).collect();
        Ok(LiveStack {
            load_balancer_tags,
            managed_security_group: security_groups.into_values().next().map(|group| *group),
            listeners,
            target_groups: target_groups
                .into_values()
                .map(|held| LiveTargetGroup { target_group: held.entity, tags: held.tags })
                .collect(),
            bindings,
        })
    }

    async fn live_listeners(&self, load_balancer_arn: &str) -> Result<Vec<LiveListener>, CloudError> {
        let load_balancer_arn = Ref::from(load_balancer_arn);
        let request = DescribeListeners { load_balancer_arn, ..DescribeListeners::default() };
        let listeners = pages::all(&*self.cloud, request).await?;
        try_join_all(listeners.into_iter().map(|listener| self.live_listener(listener))).await
    }

    async fn live_listener(&self, listener: Listener) -> Result<LiveListener, CloudError> {
        let listener_arn = Ref::from(listener.arn.as_str());
        let certificates = DescribeListenerCertificates { listener_arn: listener_arn.clone(), marker: None };
        let certificates = async {
            let is_secure = matches!(listener.protocol, Protocol::Https | Protocol::Tls);
            if is_secure { pages::all(&*self.cloud, certificates).await } else { Ok(Vec::new()) }
        };
        let rules = pages::all(&*self.cloud, DescribeRules { listener_arn, marker: None });
        let (certificates, rules) = futures::try_join!(certificates, rules)?;
        let rules: Vec<_> = rules.into_iter().filter(|rule| rule.priority.is_some()).collect();
        let arns =
            rules.iter().map(|rule| rule.arn.clone()).chain([listener.arn.clone()]).collect::<Vec<_>>();
        let mut tags = pages::tags(&*self.cloud, &arns).await?;
        Ok(LiveListener {
            certificates: default_first(certificates),
            tags: tags.remove(&listener.arn).unwrap_or_default(),
            rules: rules
                .into_iter()
                .map(|rule| LiveRule { tags: tags.remove(&rule.arn).unwrap_or_default(), rule })
                .collect(),
            listener,
        })
    }
}

fn default_first(mut certificates: Vec<ListenerCertificate>) -> Vec<String> {
    certificates.sort_by_key(|certificate| !certificate.is_default);
    let mut arns: Vec<String> = Vec::new();
    for certificate in certificates {
        if !arns.contains(&certificate.arn) {
            arns.push(certificate.arn);
        }
    }
    arns
}
