#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws::CloudFuture;
use crate::aws_api::iam::{Role, SimulationPage};
use crate::aws_api::{Request, Response};
use std::sync::Mutex;

const CALLER: &str = "arn:aws:sts::1:assumed-role/controller/session";
const ARN: &str = "arn:aws:iam::1:role/controller";

type Simulate = dyn Fn(&SimulatePrincipalPolicy) -> Result<SimulationPage, CloudError> + Send + Sync;

/// An IAM that answers by a function, and remembers what it was asked.
struct Iam {
    simulate: Box<Simulate>,
    role: Result<Role, CloudError>,
    heard: Mutex<Vec<SimulatePrincipalPolicy>>,
}

impl Iam {
    fn new(
        simulate: impl Fn(&SimulatePrincipalPolicy) -> Result<SimulationPage, CloudError> + Send + Sync + 'static,
    ) -> Self {
        Self { simulate: Box::new(simulate), role: Err(error("AccessDenied", "")), heard: Mutex::default() }
    }

    fn calls(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

impl Cloud for Iam {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            match request {
                Request::GetRole(_) => self.role.clone().map(Response::GetRole),
                Request::SimulatePrincipalPolicy(request) => {
                    self.heard.lock().unwrap().push(request.clone());
                    (self.simulate)(&request).map(Response::SimulatePrincipalPolicy)
                }
                other => panic!("nothing else is asked: {other:?}"),
            }
        })
    }
}

fn error(code: &str, message: &str) -> CloudError {
    CloudError::Service {
        operation: "SimulatePrincipalPolicy",
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: None,
    }
}

fn ruling(decision: Decision) -> Ruling {
    Ruling { decision, missing_keys: Vec::new(), allowed_by_boundary: None }
}

fn evaluation(permission: &str, overall: Ruling) -> Evaluation {
    Evaluation {
        permission: permission.to_owned(),
        overall,
        by_resource: BTreeMap::new(),
        allowed_by_organization: None,
    }
}

/// All permissions of a request are ruled alike.
fn alike(request: &SimulatePrincipalPolicy, ruling: &Ruling) -> SimulationPage {
    let evaluations = request.permissions.iter().map(|permission| evaluation(permission, ruling.clone()));
    SimulationPage { evaluations: evaluations.collect(), marker: None }
}

fn situated(
    statement: Statement,
    permission: &str,
    request_context: RequestContext,
    resources: &[&str],
) -> NeedInContext {
    let need = Need { statement, permission: permission.to_owned(), is_on_behalf: false };
    NeedInContext { need, request_context, resources: resources.iter().map(ToString::to_string).collect() }
}

fn two() -> Vec<NeedInContext> {
    vec![
        situated(Statement::Targets, "e:RegisterTargets", RequestContext::Foreign, &["arn:tg"]),
        situated(Statement::Targets, "e:DeregisterTargets", RequestContext::Foreign, &["arn:tg"]),
    ]
}

async fn simulate(iam: &Iam, caller: &str, needs: Vec<NeedInContext>) -> Vec<PermissionOutcome> {
    let identity = CallerIdentity { account: "1".to_owned(), arn: caller.to_owned() };
    let config = Config { region: "r".to_owned(), ..Config::default() };
    let results = run(iam, &identity, &ArnScope::of(&identity, &config), &config, needs).await;
    results.into_iter().map(|result| result.outcome).collect()
}

/// What one need comes to that is ruled so.
fn outcome_of(statement: Statement, ruling: Ruling, organization: Option<bool>) -> PermissionOutcome {
    let found = Evaluation { allowed_by_organization: organization, ..evaluation("e:X", ruling) };
    outcome(statement, &found, &found.overall)
}

#[test]
fn every_way_to_be_refused_has_its_own_outcome() {
    let denied = |decision: Decision, missing: &[&str], boundary: Option<bool>| Ruling {
        decision,
        missing_keys: missing.iter().map(ToString::to_string).collect(),
        allowed_by_boundary: boundary,
    };
    let refused = PermissionOutcome::Refused;
    let uncertain = |refusal: DenialReason, key: &str| {
        PermissionOutcome::Uncertain(refusal, BTreeSet::from([key.to_owned()]))
    };
    let (implicit, explicit) = (|| Decision::ImplicitDeny, || Decision::ExplicitDeny);
    let tag = "aws:RequestTag/elbv2.k8s.aws/cluster";
    let cases = [
        (
            Statement::Change,
            denied(Decision::Allowed, &[], Some(true)),
            Some(true),
            PermissionOutcome::Granted,
        ),
        // Keys that only other statements ask for say nothing of what is allowed.
        (
            Statement::Change,
            denied(Decision::Allowed, &["aws:SourceIp"], None),
            None,
            PermissionOutcome::Granted,
        ),
        (Statement::Change, denied(implicit(), &[], None), None, refused(DenialReason::NotAllowed)),
        (Statement::Change, denied(explicit(), &[], None), Some(true), refused(DenialReason::Denied)),
        (Statement::Change, denied(implicit(), &[], None), Some(false), refused(DenialReason::Organization)),
        (Statement::Change, denied(explicit(), &[], None), Some(false), refused(DenialReason::Organization)),
        (
            Statement::Change,
            denied(implicit(), &[], Some(false)),
            Some(true),
            refused(DenialReason::Boundary),
        ),
        (Statement::Change, denied(implicit(), &[], Some(true)), None, refused(DenialReason::NotAllowed)),
        (
            Statement::Change,
            denied(implicit(), &["aws:SourceIp"], None),
            None,
            uncertain(DenialReason::NotAllowed, "aws:SourceIp"),
        ),
        (
            Statement::Change,
            denied(explicit(), &["aws:SourceIp"], None),
            None,
            uncertain(DenialReason::Denied, "aws:SourceIp"),
        ),
        // Keys of our own policy are left out where the controller's requests have none of them either.
        (
            Statement::Change,
            denied(implicit(), &["AWS:requesttag/elbv2.k8s.aws/cluster", "ec2:CreateAction"], None),
            None,
            refused(DenialReason::NotAllowed),
        ),
        // This statement holds only where the tag is absent, and that may be what the simulation cannot tell.
        (
            Statement::Tag,
            denied(implicit(), &[tag, "ec2:CreateAction"], None),
            None,
            uncertain(DenialReason::NotAllowed, tag),
        ),
        (
            Statement::Change,
            denied(Decision::Other(String::new()), &[], None),
            None,
            PermissionOutcome::Unknown(UnknownReason::NotMentioned),
        ),
    ];
    for (number, (statement, ruling, organization, expected)) in cases.into_iter().enumerate() {
        assert_eq!(outcome_of(statement, ruling, organization), expected, "case {number}");
    }
}

#[tokio::test]
async fn a_situation_is_one_call_with_its_context_in_the_name_of_the_role() {
    let iam = Iam::new(|request| Ok(alike(request, &ruling(Decision::Allowed))));
    let mut needs = two();
    needs.push(situated(Statement::Change, "e:DeleteLoadBalancer", RequestContext::Own, &["arn:lb"]));
    assert_eq!(
        simulate(&iam, CALLER, needs).await,
        [PermissionOutcome::Granted, PermissionOutcome::Granted, PermissionOutcome::Granted]
    );
    let heard = iam.heard.lock().unwrap();
    let [own, foreign] = heard.as_slice() else { panic!("two calls expected: {heard:?}") };
    assert_eq!(own.permissions, ["e:DeleteLoadBalancer"]);
    assert!(own.context.contains_key("aws:ResourceTag/elbv2.k8s.aws/cluster"));
    assert_eq!(foreign.permissions, ["e:DeregisterTargets", "e:RegisterTargets"]);
    assert_eq!(foreign.resources, ["arn:tg"]);
    assert_eq!(foreign.principal_arn, ARN);
    assert_eq!(foreign.context["aws:PrincipalArn"], ARN);
    assert_eq!(foreign.context["aws:RequestedRegion"], "r");
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let iam = Iam::new(|request| {
        let (permission, marker) = match request.marker {
            None => ("e:RegisterTargets", Some("more".to_owned())),
            Some(_) => ("E:deregistertargets", None),
        };
        let evaluations = vec![evaluation(permission, ruling(Decision::Allowed))];
        Ok(SimulationPage { evaluations, marker })
    });
    assert_eq!(simulate(&iam, CALLER, two()).await, [PermissionOutcome::Granted, PermissionOutcome::Granted]);
    assert_eq!(iam.calls(), 2);
}

#[tokio::test]
async fn a_permission_has_to_be_granted_on_each_resource_on_which_it_is_needed() {
    let iam = Iam::new(|request| {
        let mut found = evaluation("e:AddTags", ruling(Decision::ExplicitDeny));
        for resource in &request.resources {
            let denied = resource == "arn:rule";
            let decision = if denied { Decision::ExplicitDeny } else { Decision::Allowed };
            found.by_resource.insert(resource.clone(), ruling(decision));
        }
        Ok(SimulationPage { evaluations: vec![found], marker: None })
    });
    let needs = vec![
        situated(Statement::Tag, "e:AddTags", RequestContext::Own, &["arn:lb", "arn:tg"]),
        situated(Statement::TagListeners, "e:AddTags", RequestContext::Own, &["arn:listener", "arn:rule"]),
    ];
    assert_eq!(
        simulate(&iam, CALLER, needs).await,
        [PermissionOutcome::Granted, PermissionOutcome::Refused(DenialReason::Denied)]
    );
    assert_eq!(iam.calls(), 1);
}

#[tokio::test]
async fn what_has_to_be_simulated_apart_is() {
    let named = "Invalid Input Actions: [e:DeregisterTargets] and [e:RegisterTargets] require different authorization information.";
    for message in [named, "they require different authorization information"] {
        let iam = Iam::new(move |request| match request.permissions.len() {
            1 => Ok(alike(request, &ruling(Decision::Allowed))),
            _ => Err(error("InvalidInput", message)),
        });
        assert_eq!(
            simulate(&iam, CALLER, two()).await,
            [PermissionOutcome::Granted, PermissionOutcome::Granted]
        );
        assert_eq!(iam.calls(), 3);
    }
}

#[test]
fn groups_are_taken_as_iam_names_them() {
    let all: Vec<String> = ["e:A", "e:B", "e:C"].map(str::to_owned).into();
    let groups = |message: &str| split(&all, &error("InvalidInput", message));
    let text = "Actions: [e:A,e:C] and [E:b] require different authorization information.";
    assert_eq!(groups(text), Some(vec![vec!["e:A".to_owned(), "e:C".to_owned()], vec!["e:B".to_owned()]]));
    let one_by_one = Some(all.iter().map(|one| vec![one.clone()]).collect());
    assert_eq!(groups("Actions: [e:A] and [e:B] require different authorization information."), one_by_one);
    assert_eq!(groups("Invalid ARN"), None);
    assert_eq!(split(&all[..1], &error("InvalidInput", text)), None);
}

#[tokio::test]
async fn the_first_failure_ends_the_simulation_and_is_what_is_said_of_the_rest() {
    let failures = [
        error("AccessDenied", "User: u is not authorized to perform: iam:SimulatePrincipalPolicy"),
        error("Throttling", "Rate exceeded"),
        error("InvalidInput", "Invalid ARN"),
        CloudError::Unreachable { operation: "SimulatePrincipalPolicy", message: "timed out".to_owned() },
    ];
    for failure in failures {
        let said = failure.clone();
        let iam = Iam::new(move |_| Err(said.clone()));
        let mut needs = two();
        needs.push(situated(Statement::Change, "e:DeleteLoadBalancer", RequestContext::Own, &[]));
        let expected = PermissionOutcome::Unknown(UnknownReason::Error(failure));
        assert_eq!(simulate(&iam, CALLER, needs).await, [expected.clone(), expected.clone(), expected]);
        assert_eq!(iam.calls(), 1);
    }
}

#[tokio::test]
async fn a_role_with_a_path_is_found_by_its_name() {
    const WITH_PATH: &str = "arn:aws:iam::1:role/eks/controller";
    for refusal in ["NoSuchEntity", "AccessDenied"] {
        let mut iam = Iam::new(move |request| {
            if request.principal_arn == WITH_PATH {
                return Ok(alike(request, &ruling(Decision::Allowed)));
            }
            Err(error(refusal, "no"))
        });
        let untried = PermissionOutcome::Unknown(UnknownReason::Error(error(refusal, "no")));
        assert_eq!(simulate(&iam, CALLER, two()).await, [untried.clone(), untried]);
        iam.role = Ok(Role { arn: WITH_PATH.to_owned() });
        assert_eq!(
            simulate(&iam, CALLER, two()).await,
            [PermissionOutcome::Granted, PermissionOutcome::Granted]
        );
        assert_eq!(iam.heard.lock().unwrap().last().unwrap().context["aws:PrincipalArn"], WITH_PATH);
    }
}

#[tokio::test]
async fn who_is_neither_user_nor_role_is_not_simulated() {
    let iam = Iam::new(|_| panic!("not to be asked"));
    let silent = PermissionOutcome::Unknown(UnknownReason::NoPrincipal);
    assert_eq!(simulate(&iam, "arn:aws:iam::1:root", two()).await, [silent.clone(), silent]);
}

#[tokio::test]
async fn what_the_answer_leaves_out_is_untried() {
    let iam = Iam::new(|_| {
        let evaluations = vec![evaluation("e:RegisterTargets", ruling(Decision::Allowed))];
        Ok(SimulationPage { evaluations, marker: None })
    });
    let expected = [PermissionOutcome::Granted, PermissionOutcome::Unknown(UnknownReason::NotMentioned)];
    assert_eq!(simulate(&iam, CALLER, two()).await, expected);
}
