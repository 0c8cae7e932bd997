//! Dry runs of what the controller changes in EC2.
//!
//! Conditions of policies look at a group's tags. So a dry run is about a group as the controller would change it: one of
//! its own, and one of the nodes. Where there is none, nothing is asked.

use super::needs::Need;
use super::results::{CheckMethod, DenialReason, PermissionOutcome, PermissionResult, UnknownReason};
use crate::aws::{Cloud, pages, send};
use crate::aws_api::ec2::{
    AuthorizeIngress, CreateSecurityGroup, CreateTags, DeleteSecurityGroup, DeleteTags,
    DescribeSecurityGroups, DryRun, Filter, IngressRule, RevokeIngress, RuleSource,
};
use crate::aws_api::iam::{CLUSTER_TAG, Statement, permission};
use crate::aws_api::{Action, CloudError, Ref, Tags};
use crate::config::Config;
use futures::future::join_all;

/// How EC2 refuses for lack of permission.
const UNAUTHORIZED: &str = "UnauthorizedOperation";
/// An address of documentation, which nobody has.
/// Source: <https://www.rfc-editor.org/rfc/rfc5737>
const DOCUMENTATION_ADDRESS: &str = "192.0.2.1/32";

/// A dry run, and the needs that it tells of.
struct DryRunCheck {
    change: DryRun,
    needs: Vec<Need>,
}

/// Asks everything that there is a group for.
pub(super) async fn run(cloud: &dyn Cloud, config: &Config) -> Vec<PermissionResult> {
    let own = Filter::new(format!("tag:{CLUSTER_TAG}"), [config.cluster_name.as_str()]);
    let of_nodes = Filter::new("tag-key", [format!("kubernetes.io/cluster/{}", config.cluster_name)]);
    let own = find_group(cloud, config, own).await;
    let of_nodes = find_group(cloud, config, of_nodes).await;
    let questions = dry_runs(config, own, of_nodes);
    let results = questions.into_iter().map(|question| async move {
        let DryRunCheck { change, needs } = question;
        (to_outcome(send(cloud, change).await), needs)
    });
    let results = join_all(results).await.into_iter();
    let results = results.flat_map(|(outcome, needs)| {
        needs.into_iter().map(move |need| PermissionResult {
            need,
            means: CheckMethod::DryRun,
            outcome: outcome.clone(),
        })
    });
    results.collect()
}

/// A security group of the VPC; `None` also if nobody knows, because then there is no group to ask about.
async fn find_group(cloud: &dyn Cloud, config: &Config, filter: Filter) -> Option<Ref> {
    let filters = vec![Filter::new("vpc-id", [config.vpc_id.as_str()]), filter];
    let request = DescribeSecurityGroups { filters, ..DescribeSecurityGroups::default() };
    let groups = pages::all(cloud, request).await.ok()?;
    groups.into_iter().next().map(|group| Ref::Known(group.id))
}

fn to_outcome(answer: Result<(), CloudError>) -> PermissionOutcome {
    match answer {
        Ok(()) => PermissionOutcome::Granted,
        Err(error) if error.is(&[UNAUTHORIZED]) => PermissionOutcome::Refused(DenialReason::said(&error)),
        Err(error) => PermissionOutcome::Unknown(UnknownReason::Error(error)),
    }
}

fn dry_runs(config: &Config, own: Option<Ref>, of_nodes: Option<Ref>) -> Vec<DryRunCheck> {
    let mut questions = vec![creation(config)];
    questions.extend(own.into_iter().flat_map(of_own_group));
    questions.extend(of_nodes.into_iter().flat_map(|group| rules(&group, Statement::ChangeTargetRules)));
    questions
}

/// With the cluster tag, as the controller creates its groups: so the tags are asked about as well.
fn creation(config: &Config) -> DryRunCheck {
    let change = CreateSecurityGroup {
        name: "k8s-doctor".to_owned(),
        description: "[k8s] dry run of doctor".to_owned(),
        vpc_id: config.vpc_id.clone(),
        tags: Tags::from([(CLUSTER_TAG.to_owned(), config.cluster_name.clone())]),
    };
    DryRunCheck {
        change: change.into(),
        needs: vec![
            need(Statement::CreateSecurityGroup, Action::CreateSecurityGroup),
            need(Statement::TagNewSecurityGroup, Action::CreateTags),
        ],
    }
}

fn of_own_group(group: Ref) -> Vec<DryRunCheck> {
    let tags = Tags::from([("elbv2.k8s.aws/doctor".to_owned(), "dry-run".to_owned())]);
    let mut questions = rules(&group, Statement::ChangeSecurityGroup);
    questions.extend([
        dry_run_of(DeleteSecurityGroup { group_id: group.clone() }, Statement::ChangeSecurityGroup),
        dry_run_of(
            CreateTags { resource_id: group.clone(), tags: tags.clone() },
            Statement::TagSecurityGroup,
        ),
        dry_run_of(DeleteTags { resource_id: group, tags }, Statement::TagSecurityGroup),
    ]);
    questions
}

fn rules(group: &Ref, statement: Statement) -> Vec<DryRunCheck> {
    let rules = vec![IngressRule {
        protocol: "tcp".to_owned(),
        from_port: Some(443),
        to_port: Some(443),
        source: RuleSource::Ipv4(DOCUMENTATION_ADDRESS.to_owned()),
        description: None,
    }];
    vec![
        dry_run_of(AuthorizeIngress { group_id: group.clone(), rules: rules.clone() }, statement),
        dry_run_of(RevokeIngress { group_id: group.clone(), rules }, statement),
    ]
}

fn dry_run_of(change: impl Into<DryRun>, statement: Statement) -> DryRunCheck {
    let change = change.into();
    let needs = vec![need(statement, change.action())];
    DryRunCheck { change, needs }
}

fn need(statement: Statement, action: Action) -> Need {
    Need { statement, permission: permission(action), is_on_behalf: false }
}

#[cfg(test)]
mod tests;
