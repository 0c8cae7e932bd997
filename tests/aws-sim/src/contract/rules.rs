//! Clauses about listener rules.

use super::*;
use aws_load_balancer_controller::aws_api::Attributes;

impl TestAccount {
    async fn priorities(&self, listener: &Listener) -> Result<Vec<(String, Option<i32>)>, CloudError> {
        let request = |marker| DescribeRules { listener_arn: listener.arn.as_str().into(), marker };
        let rules = all_pages(|marker| self.send(request(marker))).await?;
        Ok(rules.into_iter().map(|rule| (rule.arn, rule.priority)).collect())
    }
}

pub(super) async fn a_priority_belongs_to_one_rule(account: TestAccount) -> Promise {
    let listener = account.http_listener(&account.alb().await?, 80).await?;
    account.rule(&listener, 1).await?;
    refused(account.rule(&listener, 1).await, "PriorityInUse")
}

pub(super) async fn priorities_are_swapped_at_once(account: TestAccount) -> Promise {
    let listener = account.http_listener(&account.alb().await?, 80).await?;
    let (a, b) = (account.rule(&listener, 1).await?, account.rule(&listener, 2).await?);
    let set = |pairs: Vec<(&Rule, i32)>| SetRulePriorities {
        priorities: pairs.into_iter().map(|(rule, priority)| (rule.arn.as_str().into(), priority)).collect(),
    };
    refused(account.send(set(vec![(&a, 2)])).await, "PriorityInUse")?;
    account.send(set(vec![(&a, 2), (&b, 1)])).await?;
    let found = account.priorities(&listener).await?;
    same(found.into_iter().take(2).collect(), vec![(b.arn, Some(1)), (a.arn, Some(2))])
}

pub(super) async fn rules_are_listed_by_priority_with_the_default_last(account: TestAccount) -> Promise {
    let listener = account.http_listener(&account.alb().await?, 80).await?;
    for priority in [30, 4, 200] {
        account.rule(&listener, priority).await?;
    }
    let found = account.priorities(&listener).await?.into_iter().map(|(_, priority)| priority);
    same(found.collect(), vec![Some(4), Some(30), Some(200), None])
}

pub(super) async fn the_default_rule_cannot_be_deleted(account: TestAccount) -> Promise {
    let listener = account.http_listener(&account.alb().await?, 80).await?;
    for (arn, _) in account.priorities(&listener).await? {
        refused(account.send(DeleteRule { arn: arn.into() }).await, "OperationNotPermitted")?;
    }
    Ok(())
}

pub(super) async fn too_many_condition_values_are_refused(account: TestAccount) -> Promise {
    let listener = account.http_listener(&account.alb().await?, 80).await?;
    let values = (0..6).map(|n| format!("/{n}")).collect();
    let conditions = vec![RuleCondition::PathPattern(ValuesOrRegexes { values, regexes: Vec::new() })];
    let request = CreateRule { conditions, ..rule_on(&listener, 1, vec![not_found()]) };
    refused(account.send(request).await, "ValidationError")
}

pub(super) async fn a_rule_keeps_its_target_group_in_use(account: TestAccount) -> Promise {
    let listener = account.http_listener(&account.alb().await?, 80).await?;
    let group = account.send(account.ip_group(Protocol::Http)).await?;
    let rule = account.send(rule_on(&listener, 1, vec![forward_to([group.arn.as_str()])])).await?;
    let delete = || DeleteTargetGroup { arn: group.arn.as_str().into() };
    refused(account.send(delete()).await, "ResourceInUse")?;
    account.send(DeleteRule { arn: rule.arn.into() }).await?;
    Ok(account.send(delete()).await?)
}

pub(super) async fn modifying_without_transforms_removes_them(account: TestAccount) -> Promise {
    let listener = account.http_listener(&account.alb().await?, 80).await?;
    let mut request = rule_on(&listener, 1, vec![not_found()]);
    let rewrites = vec![("^/a/".to_owned(), "/b/".to_owned())];
    request.transforms = vec![RuleTransform { kind: "url-rewrite".to_owned(), rewrites }];
    let rule = account.send(request.clone()).await?;
    same(rule.transforms.len(), 1)?;
    let CreateRule { conditions, actions, .. } = request;
    account.send(ModifyRule { arn: rule.arn.into(), conditions, actions, transforms: Vec::new() }).await?;
    let asked = DescribeRules { listener_arn: listener.arn.as_str().into(), marker: None };
    let found = account.send(asked).await?.items.into_iter().map(|rule| rule.transforms.len());
    same(found.collect(), vec![0, 0])
}

pub(super) async fn sticky_targets_need_a_sticky_group(account: TestAccount) -> Promise {
    let listener = account.http_listener(&account.alb().await?, 80).await?;
    let (one, other) = (
        account.send(account.ip_group(Protocol::Http)).await?,
        account.send(account.ip_group(Protocol::Http)).await?,
    );
    let split = forward_to([one.arn.as_str(), other.arn.as_str()]);
    let attributes = |on: &str| ModifyTargetGroupAttributes {
        arn: one.arn.as_str().into(),
        attributes: Attributes::from([("stickiness.enabled".to_owned(), on.to_owned())]),
    };
    let rule = account.send(rule_on(&listener, 1, vec![split.clone()])).await?;
    refused(account.send(attributes("true")).await, "InvalidConfigurationRequest")?;
    account.send(DeleteRule { arn: rule.arn.into() }).await?;
    account.send(attributes("true")).await?;
    refused(account.send(rule_on(&listener, 1, vec![split.clone()])).await, "InvalidLoadBalancerAction")?;
    let ListenerAction::Forward(forward) = split else { return Ok(()) };
    let stickiness = Some(TargetGroupStickiness { enabled: Some(true), duration_seconds: Some(60) });
    let sticky = ListenerAction::Forward(ForwardAction { stickiness, ..forward });
    account.send(rule_on(&listener, 1, vec![sticky])).await?;
    Ok(())
}

pub(super) async fn a_default_rule_has_tags_of_its_own(account: TestAccount) -> Promise {
    let listener = account.http_listener(&account.alb().await?, 80).await?;
    let asked = DescribeRules { listener_arn: listener.arn.as_str().into(), marker: None };
    let rules = account.send(asked).await?.items;
    let arn = rules.into_iter().find(|rule| rule.priority.is_none()).map(|rule| rule.arn).unwrap_or_default();
    let tags = Tags::from([("team".to_owned(), "web".to_owned())]);
    account.send(AddTags { arn: arn.as_str().into(), tags: tags.clone() }).await?;
    let found = account.send(DescribeTags { arns: vec![arn.clone(), listener.arn.clone()] }).await?;
    same(found.get(&arn).cloned(), Some(tags))?;
    same(found.get(&listener.arn).cloned(), Some(Tags::new()))
}
