//! Dry runs of what the controller changes in EC2.
//!
//! Conditions of policies look at a group's tags. So a dry run is about a group as the controller would change it: one of
//! its own, and one of the nodes. Where there is none, nothing is asked.

use super::needs::Need;
use super::trials::{Means, Outcome, Refusal, Silence, Trial};
use crate::aws::{Cloud, pages, send};
use crate::cloud::ec2::{
    AuthorizeIngress, CreateSecurityGroup, CreateTags, DeleteSecurityGroup, DeleteTags,
    DescribeSecurityGroups, DryRun, Filter, IngressRule, RevokeIngress, RuleSource,
};
use crate::cloud::iam::{CLUSTER_TAG, Statement, permission};
use crate::cloud::{Action, CloudError, Ref, Tags};
use crate::config::Config;
use futures::future::join_all;

/// How EC2 refuses for lack of permission.
const UNAUTHORIZED: &str = "UnauthorizedOperation";
/// An address of documentation, which nobody has.
/// Source: <https://www.rfc-editor.org/rfc/rfc5737>
const NOBODY: &str = "192.0.2.1/32";

/// A dry run, and the needs that it tells of.
struct Question {
    change: DryRun,
    needs: Vec<Need>,
}

/// Asks everything that there is a group for.
pub(super) async fn run(cloud: &dyn Cloud, config: &Config) -> Vec<Trial> {
    let own = Filter::new(format!("tag:{CLUSTER_TAG}"), [config.cluster_name.as_str()]);
    let of_nodes = Filter::new("tag-key", [format!("kubernetes.io/cluster/{}", config.cluster_name)]);
    let own = find_group(cloud, config, own).await;
    let of_nodes = find_group(cloud, config, of_nodes).await;
    let questions = questions(config, own, of_nodes);
    let trials = questions.into_iter().map(|question| async move {
        let Question { change, needs } = question;
        (judge(send(cloud, change).await), needs)
    });
    let trials = join_all(trials).await.into_iter();
    let trials = trials.flat_map(|(outcome, needs)| {
        needs.into_iter().map(move |need| Trial { need, means: Means::DryRun, outcome: outcome.clone() })
    });
    trials.collect()
}

/// A security group of the VPC; `None` also if nobody knows, because then there is no group to ask about.
async fn find_group(cloud: &dyn Cloud, config: &Config, filter: Filter) -> Option<Ref> {
    let filters = vec![Filter::new("vpc-id", [config.vpc_id.as_str()]), filter];
    let request = DescribeSecurityGroups { filters, ..DescribeSecurityGroups::default() };
    let groups = pages::all(cloud, request).await.ok()?;
    groups.into_iter().next().map(|group| Ref::Known(group.id))
}

fn judge(answer: Result<(), CloudError>) -> Outcome {
    match answer {
        Ok(()) => Outcome::Granted,
        Err(error) if error.is(&[UNAUTHORIZED]) => Outcome::Refused(Refusal::said(&error)),
        Err(error) => Outcome::Untried(Silence::Error(error)),
    }
}

fn questions(config: &Config, own: Option<Ref>, of_nodes: Option<Ref>) -> Vec<Question> {
    let mut questions = vec![creation(config)];
    questions.extend(own.into_iter().flat_map(of_own_group));
    questions.extend(of_nodes.into_iter().flat_map(|group| rules(&group, Statement::ChangeTargetRules)));
    questions
}

/// With the cluster tag, as the controller creates its groups: so the tags are asked about as well.
fn creation(config: &Config) -> Question {
    let change = CreateSecurityGroup {
        name: "k8s-doctor".to_owned(),
        description: "[k8s] dry run of doctor".to_owned(),
        vpc_id: config.vpc_id.clone(),
        tags: Tags::from([(CLUSTER_TAG.to_owned(), config.cluster_name.clone())]),
    };
    Question {
        change: change.into(),
        needs: vec![
            need(Statement::CreateSecurityGroup, Action::CreateSecurityGroup),
            need(Statement::TagNewSecurityGroup, Action::CreateTags),
        ],
    }
}

fn of_own_group(group: Ref) -> Vec<Question> {
    let tags = Tags::from([("elbv2.k8s.aws/doctor".to_owned(), "dry-run".to_owned())]);
    let mut questions = rules(&group, Statement::ChangeSecurityGroup);
    questions.extend([
        question(DeleteSecurityGroup { group_id: group.clone() }, Statement::ChangeSecurityGroup),
        question(CreateTags { resource_id: group.clone(), tags: tags.clone() }, Statement::TagSecurityGroup),
        question(DeleteTags { resource_id: group, tags }, Statement::TagSecurityGroup),
    ]);
    questions
}

fn rules(group: &Ref, statement: Statement) -> Vec<Question> {
    let rules = vec![IngressRule {
        protocol: "tcp".to_owned(),
        from_port: Some(443),
        to_port: Some(443),
        source: RuleSource::Ipv4(NOBODY.to_owned()),
        description: None,
    }];
    vec![
        question(AuthorizeIngress { group_id: group.clone(), rules: rules.clone() }, statement),
        question(RevokeIngress { group_id: group.clone(), rules }, statement),
    ]
}

fn question(change: impl Into<DryRun>, statement: Statement) -> Question {
    let change = change.into();
    let needs = vec![need(statement, change.action())];
    Question { change, needs }
}

fn need(statement: Statement, action: Action) -> Need {
    Need { statement, permission: permission(action), is_on_behalf: false }
}

#[cfg(test)]
mod tests;
