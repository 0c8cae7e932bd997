//! Listener rules.

use super::{actions, conditions, tags};
use crate::aws::sdk::{answered, done, each, id, lacks, named, some};
use crate::aws_api::elbv2::{
    CreateRule, DeleteRule, DescribeRules, ModifyRule, Page, Rule, RuleTransform, SetRulePriorities,
};
use crate::aws_api::{Action, CloudError};
use aws_sdk_elasticloadbalancingv2::{Client, types};

pub(super) async fn describe(client: &Client, request: DescribeRules) -> Result<Page<Rule>, CloudError> {
    const ACTION: Action = Action::DescribeRules;
    let call =
        client.describe_rules().listener_arn(id(ACTION, &request.listener_arn)?).set_marker(request.marker);
    let answer = answered(ACTION, call.send().await)?;
    let items = named(ACTION, each(answer.rules, rule), |one| &one.arn)?;
    Ok(Page { items, next_marker: answer.next_marker })
}

pub(super) async fn create(client: &Client, request: CreateRule) -> Result<Rule, CloudError> {
    const ACTION: Action = Action::CreateRule;
    let CreateRule { listener_arn, priority, conditions, actions, transforms, tags } = request;
    let call = client
        .create_rule()
        .listener_arn(id(ACTION, &listener_arn)?)
        .priority(priority)
        .set_conditions(some(conditions::to_sdk(conditions)))
        .set_actions(some(actions::to_sdk(ACTION, actions)?))
        .set_transforms(some(to_transforms(transforms)))
        .set_tags(tags::to_sdk(tags));
    let answer = answered(ACTION, call.send().await)?;
    let created = answer.rules.unwrap_or_default().into_iter().next();
    created.map(rule).filter(|one| !one.arn.is_empty()).ok_or_else(|| lacks(ACTION, "rule"))
}

pub(super) async fn modify(client: &Client, request: ModifyRule) -> Result<(), CloudError> {
    const ACTION: Action = Action::ModifyRule;
    let ModifyRule { arn, conditions, actions, transforms } = request;
    let call = client
        .modify_rule()
        .rule_arn(id(ACTION, &arn)?)
        .set_conditions(some(conditions::to_sdk(conditions)))
        .set_actions(some(actions::to_sdk(ACTION, actions)?));
    let call = match some(to_transforms(transforms)) {
        Some(transforms) => call.set_transforms(Some(transforms)),
        None => call.reset_transforms(true),
    };
    done(ACTION, call.send().await)
}

pub(super) async fn delete(client: &Client, request: DeleteRule) -> Result<(), CloudError> {
    const ACTION: Action = Action::DeleteRule;
    let call = client.delete_rule().rule_arn(id(ACTION, &request.arn)?);
    done(ACTION, call.send().await)
}

pub(super) async fn set_priorities(client: &Client, request: SetRulePriorities) -> Result<(), CloudError> {
    const ACTION: Action = Action::SetRulePriorities;
    let mut pairs = Vec::with_capacity(request.priorities.len());
    for (rule, priority) in request.priorities {
        pairs
            .push(types::RulePriorityPair::builder().rule_arn(id(ACTION, &rule)?).priority(priority).build());
    }
    let call = client.set_rule_priorities().set_rule_priorities(some(pairs));
    done(ACTION, call.send().await)
}

fn rule(sdk: types::Rule) -> Rule {
    Rule {
        arn: sdk.rule_arn.unwrap_or_default(),
        // why: the default rule's priority is the word `default`
        priority: sdk.priority.and_then(|priority| priority.parse().ok()),
        conditions: conditions::from_sdk(sdk.conditions),
        actions: actions::from_sdk(sdk.actions),
        transforms: each(sdk.transforms, transform),
    }
}

fn transform(sdk: types::RuleTransform) -> RuleTransform {
    let rewrites = sdk
        .url_rewrite_config
        .and_then(|config| config.rewrites)
        .or_else(|| sdk.host_header_rewrite_config.and_then(|config| config.rewrites));
    RuleTransform {
        kind: sdk.r#type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        rewrites: each(rewrites, |rewrite| {
            (rewrite.regex.unwrap_or_default(), rewrite.replace.unwrap_or_default())
        }),
    }
}

fn to_transforms(transforms: Vec<RuleTransform>) -> Vec<types::RuleTransform> {
    transforms.into_iter().map(to_transform).collect()
}

fn to_transform(transform: RuleTransform) -> types::RuleTransform {
    let RuleTransform { kind, rewrites } = transform;
    let kind = types::TransformTypeEnum::from(kind.as_str());
    let rewrites: Vec<_> = rewrites.into_iter().map(to_rewrite).collect();
    let builder = types::RuleTransform::builder();
    let builder = if kind == types::TransformTypeEnum::HostHeaderRewrite {
        let config = types::HostHeaderRewriteConfig::builder().set_rewrites(Some(rewrites)).build();
        builder.host_header_rewrite_config(config)
    } else {
        let config = types::UrlRewriteConfig::builder().set_rewrites(Some(rewrites)).build();
        builder.url_rewrite_config(config)
    };
    builder.r#type(kind).build()
}

fn to_rewrite((regex, replace): (String, String)) -> types::RewriteConfig {
    types::RewriteConfig::builder().regex(regex).replace(replace).build()
}
