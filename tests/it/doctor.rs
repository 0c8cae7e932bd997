//! `doctor` on permissions: what it says of what the caller may do, over the wire, without a write.

use aws_load_balancer_controller::args::ReportFormat;
use aws_load_balancer_controller::aws::decorators::Decorators;
use aws_load_balancer_controller::aws::throttle::Throttles;
use aws_load_balancer_controller::aws::{AwsCloud, AwsSettings, Cloud, send};
use aws_load_balancer_controller::aws_api::ec2::{CreateSecurityGroup, DryRun};
use aws_load_balancer_controller::aws_api::sts::GetCallerIdentity;
use aws_load_balancer_controller::aws_api::{Action, Request, Service, Tags};
use aws_load_balancer_controller::cli::CommandReport as _;
use aws_load_balancer_controller::cli::doctor::permissions::check;
use aws_load_balancer_controller::cli::doctor::{Check, CheckResult, DoctorReport};
use aws_load_balancer_controller::config::Config;
use aws_sim::{Calls, Effect, Fault, Identity, Sim, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const CLUSTER_TAG: &str = "elbv2.k8s.aws/cluster";

/// A simulated AWS over HTTP, and a visitor of it, who may not write.
struct Stage {
    sim: Sim,
    cloud: Arc<dyn Cloud>,
    config: Config,
    _server: JoinSet<()>,
}

impl Stage {
    async fn new(identity: Identity) -> Self {
        let mut world = World::demo();
        world.settings.identity = Box::new(identity);
        world.subscribe_to_shield();
        let config = Config {
            cluster_name: "demo".to_owned(),
            region: world.account.region.clone(),
            vpc_id: world.id("VPC").to_owned(),
            ..Config::default()
        };
        let sim = Sim::new(world);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        let served = sim.clone();
        server.spawn(async move { aws_sim::http::serve(served, listener).await.unwrap() });
        let cloud = connect(&url, &config.region).await;
        Self { sim, cloud, config, _server: server }
    }

    /// A security group of the cluster, as the controller makes them.
    fn add_own_group(&self) {
        let group = CreateSecurityGroup {
            name: "k8s-traffic".to_owned(),
            description: "own".to_owned(),
            vpc_id: self.config.vpc_id.clone(),
            tags: Tags::from([(CLUSTER_TAG.to_owned(), "demo".to_owned())]),
        };
        self.sim.world(|world| world.ask(group)).unwrap();
    }

    async fn checks(&self) -> Vec<Check> {
        let identity = send(&*self.cloud, GetCallerIdentity {}).await.unwrap();
        check(&*self.cloud, &identity, &self.config).await
    }

    /// What is not `ok`.
    async fn complaints(&self) -> Vec<String> {
        let checks = self.checks().await.into_iter().filter(|check| check.result != CheckResult::Ok);
        checks.map(|check| format!("{:?} {}: {}", check.result, check.subject, check.detail)).collect()
    }

    fn count(&self, action: Action) -> usize {
        self.sim.calls().iter().filter(|call| call.action() == action).count()
    }
}

async fn connect(url: &str, region: &str) -> Arc<dyn Cloud> {
    let endpoints: BTreeMap<String, String> =
        Service::KNOWN.iter().map(|service| ((*service).to_owned(), url.to_owned())).collect();
    let settings =
        AwsSettings { region: region.to_owned(), max_attempts: 1, endpoints, ..AwsSettings::default() };
    let aws = AwsCloud::connect_with_keys(&settings, Arc::new(()), "AKIDEXAMPLE", "secret").await.unwrap();
    let may_write: aws_load_balancer_controller::fence::MayWrite = Arc::new(|| false);
    let guards =
        Decorators { throttles: Throttles::none(), observer: Arc::new(()), may_write: may_write.clone() };
    guards.wrap(aws.fenced_by(may_write))
}

fn set(permissions: &[&str]) -> BTreeSet<String> {
    permissions.iter().map(ToString::to_string).collect()
}

/// Whether a text begins as expected, where `…` is any text.
fn is_like(expected: &str, text: &str) -> bool {
    let (first, rest) = expected.split_once('…').unwrap_or((expected, ""));
    text.strip_prefix(first).is_some_and(|tail| tail.contains(rest))
}

#[tokio::test]
async fn the_controllers_own_policy_is_found_sound() {
    for has_own_group in [false, true] {
        let stage = Stage::new(Identity::default()).await;
        if has_own_group {
            stage.add_own_group();
        }
        assert_eq!(stage.complaints().await, [""; 0]);
        let dry_runs = stage.count(Action::DryRun);
        assert_eq!(dry_runs, if has_own_group { 8 } else { 3 });
    }
}

#[tokio::test]
async fn nothing_is_written_whatever_the_caller_may_do() {
    let everything = Identity::default();
    let nothing = Identity {
        denied: set(&["ec2:CreateSecurityGroup", "iam:SimulatePrincipalPolicy"]),
        ..Identity::default()
    };
    for identity in [everything, nothing] {
        let stage = Stage::new(identity).await;
        stage.add_own_group();
        let before = stage.sim.world(|world| world.resources());
        stage.checks().await;
        assert_eq!(stage.sim.writes().len(), 0);
        assert!(stage.count(Action::DryRun) > 0 && stage.count(Action::SimulatePrincipalPolicy) > 0);
        assert_eq!(stage.sim.world(|world| world.resources()), before);
    }
}

#[tokio::test]
async fn each_way_to_lack_a_permission_is_told_from_the_others() {
    let rule = || set(&["elasticloadbalancing:CreateRule"]);
    let group = || set(&["ec2:CreateSecurityGroup"]);
    let usual = Identity::default;
    let condition =
        BTreeMap::from([("elasticloadbalancing:CreateRule".to_owned(), "aws:SourceIp".to_owned())]);
    let simulate = "iam:SimulatePrincipalPolicy";
    let cases: [(Identity, &[&str]); 10] = [
        (
            Identity { lacks: rule(), ..usual() },
            &[
                "Fail Permissions to change: no policy allows elasticloadbalancing:CreateRule (CreateListeners)",
            ],
        ),
        (
            Identity { denied: rule(), ..usual() },
            &[
                "Fail Permissions to change: a policy denies elasticloadbalancing:CreateRule (CreateListeners)",
            ],
        ),
        (
            Identity { organization_lacks: rule(), ..usual() },
            &[
                "Fail Permissions to change: the organization's policies do not allow elasticloadbalancing:CreateRule (CreateListeners)",
            ],
        ),
        (
            Identity { boundary_lacks: rule(), ..usual() },
            &[
                "Fail Permissions to change: the permissions boundary does not allow elasticloadbalancing:CreateRule (CreateListeners)",
            ],
        ),
        (
            Identity { conditions: condition, ..usual() },
            &[
                "Warn Permissions to change: in a simulation that does not know the condition keys aws:SourceIp: no policy allows elasticloadbalancing:CreateRule (CreateListeners)",
            ],
        ),
        (
            Identity { lacks: group(), ..usual() },
            &[
                "Fail Permissions to change: not granted: ec2:CreateSecurityGroup (CreateSecurityGroup), ec2:CreateTags (TagNewSecurityGroup): You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/load-balancer-controller/simulated is not authorized to perform: ec2:CreateSecurityGroup on resource: arn:aws:ec2:us-west-2:123456789012:security-group/* because no identity-based policy allows the ec2:CreateSecurityGroup action.",
            ],
        ),
        (
            Identity { lacks: set(&["ec2:DescribeCoipPools"]), ..usual() },
            &["Warn Further permissions: no policy allows ec2:DescribeCoipPools (Read)"],
        ),
        (Identity { role_path: "/eks/".to_owned(), ..usual() }, &[]),
        (
            Identity {
                simulated_apart: set(&["elasticloadbalancing:SetWebAcl", "ec2:DeleteTags"]),
                ..usual()
            },
            &[],
        ),
        (
            Identity { lacks: set(&[simulate]), ..usual() },
            &[
                "Warn Permissions to change: could not be tried: ec2:AuthorizeSecurityGroupIngress, ec2:CreateTags, ec2:DeleteSecurityGroup and … more: SimulatePrincipalPolicy: AccessDenied: User: ",
                "Warn Further permissions: could not be tried: …: SimulatePrincipalPolicy: AccessDenied: ",
            ],
        ),
    ];
    for (identity, expected) in cases {
        let complaints = Stage::new(identity.clone()).await.complaints().await;
        let is_expected = complaints.len() == expected.len()
            && complaints.iter().zip(expected).all(|(said, expected)| is_like(expected, said));
        assert!(is_expected, "{identity:?}\nexpected {expected:#?}\nsaid {complaints:#?}");
    }
}

#[tokio::test]
async fn an_own_group_shows_what_is_lacking_on_own_groups() {
    let stage = Stage::new(Identity { lacks: set(&["ec2:DeleteTags"]), ..Identity::default() }).await;
    stage.add_own_group();
    let complaints = stage.complaints().await;
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(
        complaints[0].starts_with(
            "Fail Permissions to change: not granted: ec2:DeleteTags (TagSecurityGroup): You are"
        ),
        "{complaints:?}"
    );
}

#[tokio::test]
async fn who_is_no_principal_is_told_so() {
    let root = Identity { caller: "arn:aws:iam::123456789012:root".to_owned(), ..Identity::default() };
    let complaints = Stage::new(root).await.complaints().await;
    let expected = "IAM simulates the policies of a user or a role only";
    assert!(
        complaints.len() == 2 && complaints.iter().all(|said| said.ends_with(expected)),
        "{complaints:?}"
    );
}

#[tokio::test]
async fn a_user_is_simulated_under_its_own_name() {
    let user = "arn:aws:iam::123456789012:user/people/ann".to_owned();
    let stage = Stage::new(Identity { caller: user.clone(), ..Identity::default() }).await;
    assert_eq!(stage.complaints().await, [""; 0]);
    let calls = stage.sim.calls();
    let principals = calls.iter().filter_map(|call| match &call.request {
        Request::SimulatePrincipalPolicy(request) => Some(&request.principal_arn),
        _ => None,
    });
    assert_eq!(principals.collect::<BTreeSet<_>>(), BTreeSet::from([&user]));
}

#[tokio::test]
async fn a_situation_costs_one_call_or_as_many_as_iam_has_pages() {
    let stage = Stage::new(Identity::default()).await;
    stage.checks().await;
    let calls = stage.count(Action::SimulatePrincipalPolicy);
    assert_eq!(
        calls, 6,
        "own, foreign, new load balancers, new target groups, the first one, and what is general"
    );
    stage.sim.clear_calls();
    stage.sim.world(|world| world.settings.page_size = 5);
    assert_eq!(stage.complaints().await, [""; 0]);
    assert!(stage.count(Action::SimulatePrincipalPolicy) > calls);
}

#[tokio::test]
async fn throttled_iam_is_asked_no_more_and_leaves_a_warning() {
    let stage = Stage::new(Identity::default()).await;
    stage.sim.arm(Fault::on(Calls::Of(Action::SimulatePrincipalPolicy), Effect::Throttle));
    let complaints = stage.complaints().await;
    let expected = "SimulatePrincipalPolicy: Throttling: Rate exceeded";
    assert!(
        complaints.iter().all(|said| said.starts_with("Warn") && said.contains(expected)),
        "{complaints:?}"
    );
    assert_eq!((complaints.len(), stage.count(Action::SimulatePrincipalPolicy)), (2, 1));
}

#[tokio::test]
async fn what_a_dry_run_does_not_tell_is_simulated() {
    let creation = |request: &Request| matches!(request, Request::DryRun(DryRun::CreateSecurityGroup(_)));
    let fault = || Fault::on(Calls::matching(creation), Effect::fail("RequestLimitExceeded"));
    let stage = Stage::new(Identity::default()).await;
    stage.sim.arm(fault());
    assert_eq!(stage.complaints().await, [""; 0]);
    let simulate = set(&["iam:SimulatePrincipalPolicy"]);
    let stage = Stage::new(Identity { lacks: simulate, ..Identity::default() }).await;
    stage.sim.arm(fault());
    let complaints = stage.complaints().await;
    let told = "Warn Permissions to change: could not be tried: ec2:CreateSecurityGroup, ec2:CreateTags: CreateSecurityGroup: RequestLimitExceeded: injected by the simulator";
    assert!(complaints.iter().any(|said| said.starts_with(told)), "{complaints:#?}");
}

#[tokio::test]
async fn an_examination_fails_by_what_is_refused_and_not_by_what_is_unknown() {
    let lacks = |permission: &str| Identity { lacks: set(&[permission]), ..Identity::default() };
    let cases = [
        (Identity::default(), 0, "ok"),
        (lacks("iam:SimulatePrincipalPolicy"), 0, "warn"),
        (lacks("elasticloadbalancing:CreateRule"), 1, "FAIL"),
    ];
    for (identity, status, mark) in cases {
        let mut report = DoctorReport::default();
        report.extend(Stage::new(identity).await.checks().await);
        assert_eq!(report.exit_status(), status);
        let text = report.render(ReportFormat::Text);
        assert!(text.contains(&format!("{mark:4}  Permissions to change: ")), "{text}");
        assert_eq!(report.render(ReportFormat::Markdown), text);
        let json: serde_json::Value = serde_json::from_str(&report.render(ReportFormat::Json)).unwrap();
        let checks = json["checks"].as_array().unwrap();
        let is_told = |check: &serde_json::Value| {
            check["subject"] == "Permissions to change" && check["result"] == mark
        };
        assert!(checks.iter().any(is_told), "{json}");
    }
}

#[tokio::test]
async fn the_door_of_a_visitor_lets_no_change_pass_but_dry_runs() {
    let stage = Stage::new(Identity::default()).await;
    let group = CreateSecurityGroup {
        name: "k8s-x".to_owned(),
        description: "x".to_owned(),
        vpc_id: stage.config.vpc_id.clone(),
        tags: Tags::from([(CLUSTER_TAG.to_owned(), "demo".to_owned())]),
    };
    assert!(send(&*stage.cloud, group.clone()).await.is_err());
    assert_eq!(stage.sim.calls().len(), 0);
    assert_eq!(send(&*stage.cloud, DryRun::from(group)).await, Ok(()));
    assert_eq!((stage.sim.calls().len(), stage.sim.writes().len()), (1, 0));
}
