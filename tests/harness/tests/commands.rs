//! The commands beside the controller, on a real cluster and the simulator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::process::Output;

use aws_load_balancer_controller::aws_api::Action;
use aws_sim::{Calls, Effect, Fault};
use harness::{
    assets::controller_binary,
    walkthrough::{Walkthrough, progress::Progress},
};
use serde_json::Value;
use tokio::process::Command;

const ECHO: &str = include_str!("../manifests/echo.yaml");
const GAME: &str = include_str!("../manifests/game-2048.yaml");

/// A Service in a subnet that does not exist, which only AWS knows.
const UNBUILDABLE: &str = r"
apiVersion: v1
kind: Service
metadata:
  name: nowhere
  annotations: {service.beta.kubernetes.io/aws-load-balancer-subnets: subnet-00000000000000000}
spec: {type: LoadBalancer, loadBalancerClass: service.k8s.aws/nlb, ports: [{port: 80}]}
";

/// The access key of the commands; the replicas of the controller have others.
const VISITOR: &str = "visitor";

/// What a command printed, and how it ended.
struct CommandOutput {
    text: String,
    status: i32,
}

/// Runs a command of the binary as a user would, beside the installed controller.
async fn ask(walk: &Walkthrough, command: &str, arguments: &[&str]) -> CommandOutput {
    let kubeconfig = format!("--kubeconfig={}", walk.cluster.kubeconfig().display());
    let output: Output = Command::new(controller_binary().unwrap())
        .arg(command)
        .args(arguments)
        .arg(kubeconfig)
        .env_clear()
        .env("AWS_ENDPOINT_URL", walk.aws.endpoint())
        .env("AWS_ACCESS_KEY_ID", VISITOR)
        .env("AWS_SECRET_ACCESS_KEY", "demo")
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    CommandOutput { text, status: output.status.code().unwrap() }
}

fn contains(said: &CommandOutput, parts: &[&str]) {
    for part in parts {
        assert!(said.text.contains(part), "no {part:?} in:\n{}", said.text);
    }
}

#[tokio::test]
async fn a_process_that_cannot_start_says_why() {
    let cases: [(&[&str], i32, &str); 6] = [
        (&[], 1, "--cluster-name must be given"),
        (&["--cluster-name=c", "--backend-security-group=web"], 1, "--backend-security-group is \\\"web\\\""),
        (&["--cluster-name=c", "--kubeconfig=/nowhere"], 1, "/nowhere"),
        (&["--clustername=c"], 2, "a similar argument exists: '--cluster-name'"),
        (&["--cluster-name=c", "--feature-gates=ALBGateway=true"], 2, "did you mean ALBGatewayAPI?"),
        (&["--cluster-name=c", "--sync-period=soon"], 2, "expected a duration"),
    ];
    for (arguments, status, told) in cases {
        let output =
            Command::new(controller_binary().unwrap()).args(arguments).env_clear().output().await.unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(told), "{arguments:?}: {text}");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}");
        if status == 1 {
            let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(lines.last().unwrap()["level"], "error", "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_will_happen_and_changes_nothing() {
    let mut walk = Walkthrough::start(Progress::silent()).await.unwrap();
    walk.install().await.unwrap();
    let manifest = walk.cluster.home().write("echo.yaml", ECHO).unwrap();
    let manifest = manifest.display().to_string();
    let writes = walk.aws.count_calls().writes;

    let before = ask(&walk, "plan", &["-f", &manifest, "--exit-code"]).await;
    contains(&before, &["Service default/svc-nlb-ip-type", "+ CreateLoadBalancer", "+ CreateTargetGroup"]);
    contains(&before, &["Deployment deploy-echo: not planned", "in 1 of 1 stacks; 0 with mistakes"]);
    assert_eq!(before.status, 2, "{}", before.text);
    assert_eq!(walk.aws.count_calls().writes, writes, "a plan writes nothing");

    walk.expose_echo().await.unwrap();
    let after = ask(&walk, "plan", &["-f", &manifest, "--exit-code"]).await;
    contains(&after, &["0 changes, in 0 of 1 stacks"]);
    assert_eq!(after.status, 0, "{}", after.text);

    let other = walk.cluster.home().write("game.yaml", GAME).unwrap();
    let other = other.display().to_string();
    let new = ask(&walk, "plan", &["-f", &other]).await;
    contains(&new, &["Ingress game-2048/ingress-2048", "+ CreateLoadBalancer"]);
    assert_eq!(new.status, 0, "the namespace is in the same manifests: {}", new.text);
    walk.expose_game().await.unwrap();
    let everything = ask(&walk, "plan", &["--exit-code"]).await;
    contains(&everything, &["0 changes, in 0 of 2 stacks"]);
    let internal = GAME.replace("scheme: internet-facing", "scheme: internal");
    assert_ne!(internal, GAME);
    std::fs::write(&other, internal).unwrap();
    let replaced = ask(&walk, "plan", &["-f", &other]).await;
    contains(&replaced, &["Ingress game-2048/ingress-2048", "+ CreateLoadBalancer", "- DeleteLoadBalancer"]);
    assert_eq!(replaced.status, 0, "{}", replaced.text);
    walk.clean_up().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_that_of_the_cluster_and_of_aws() {
    let mut walk = Walkthrough::start(Progress::silent()).await.unwrap();
    walk.install().await.unwrap();
    walk.expose_echo().await.unwrap();
    let writes = walk.aws.count_calls().writes;

    let echo = ask(&walk, "status", &["-A", "--wait=2m"]).await;
    contains(
        &echo,
        &["✓ Service default/svc-nlb-ip-type", "✓ LoadBalancer k8s-default-", "Listener TCP:80", "healthy"],
    );
    assert_eq!(echo.status, 0, "{}", echo.text);
    let alone = ask(&walk, "status", &["svc/svc-nlb-ip-type", "--without-aws", "-o", "json"]).await;
    contains(
        &alone,
        &[r#""withoutAws": "--without-aws was given""#, r#""id": "service/default/svc-nlb-ip-type""#],
    );
    assert_eq!(alone.status, 0, "{}", alone.text);

    walk.cluster.apply(UNBUILDABLE).await.unwrap();
    let troubled = ask(&walk, "status", &["service", "nowhere"]).await;
    contains(&troubled, &["✗ Service default/nowhere  failed: ", "subnet-00000000000000000"]);
    assert_eq!(troubled.status, 1, "{}", troubled.text);
    let absent = ask(&walk, "status", &["ingress/none"]).await;
    contains(&absent, &["No Ingress none of the controller was found in namespace default."]);
    assert_eq!(absent.status, 1, "{}", absent.text);
    let misspelt = ask(&walk, "status", &["servise/none"]).await;
    contains(&misspelt, &["did you mean `service`?"]);
    assert_eq!(misspelt.status, 2, "{}", misspelt.text);

    let calls = walk.aws.sim().calls();
    let mut by_status = calls.iter().filter(|call| call.caller.as_deref() == Some(VISITOR));
    assert!(by_status.all(|call| !call.is_write()), "status writes nothing");
    assert!(walk.aws.count_calls().writes >= writes);
    walk.cluster.kubectl(&["delete", "service", "nowhere"]).await.unwrap();
    walk.clean_up().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_refused_by_the_plan_as_it_would_be_by_the_cluster() {
    let mut walk = Walkthrough::start(Progress::silent()).await.unwrap();
    walk.install().await.unwrap();
    let manifest = walk.cluster.home().write("typo.yaml", include_str!("../manifests/typo.yaml")).unwrap();
    let said = ask(&walk, "plan", &["-f", &manifest.display().to_string()]).await;
    contains(&said, &["would be refused", "internet-facng", "internet-facing"]);
    assert_eq!(said.status, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_a_sound_installation_sound_and_names_what_is_missing() {
    let mut walk = Walkthrough::start(Progress::silent()).await.unwrap();
    let nothing = ask(&walk, "doctor", &[]).await;
    contains(&nothing, &["API server: version v1.", "not installed", "crds | kubectl apply", "helm install"]);
    assert_eq!(nothing.status, 1, "{}", nothing.text);

    walk.install().await.unwrap();
    let sound = ask(&walk, "doctor", &[]).await;
    contains(&sound, &["ok    Definition targetgroupbindings.elbv2.k8s.aws", "ok    IngressClass: alb"]);
    contains(&sound, &["ok    Leader: ", "ok    Webhook calls", "ok    AWS credentials", "ok    VPC: vpc-"]);
    contains(&sound, &["ok    Subnets for internet-facing application load balancers: subnet-"]);
    contains(&sound, &["ok    Permissions to read: all ", " 0 FAIL"]);
    contains(&sound, &["ok    Permissions to change: all ", "ok    Further permissions: all "]);
    let calls = walk.aws.sim().calls();
    let by_doctor = calls.iter().filter(|call| call.caller.as_deref() == Some(VISITOR)).collect::<Vec<_>>();
    assert!(by_doctor.iter().any(|call| call.action() == Action::DryRun));
    assert!(by_doctor.iter().all(|call| !call.is_write()), "doctor writes nothing: {by_doctor:?}");
    assert_eq!(sound.status, 0, "{}", sound.text);

    walk.cluster.apply(UNBUILDABLE).await.unwrap();
    let troubled = ask(&walk, "doctor", &[]).await;
    contains(&troubled, &["FAIL  Service default/nowhere: ", "subnet-00000000000000000"]);
    assert_eq!(troubled.status, 1, "{}", troubled.text);
    walk.cluster.kubectl(&["delete", "service", "nowhere"]).await.unwrap();

    walk.aws.sim().arm(Fault::on(Calls::Of(Action::DescribeRules), Effect::fail("AccessDenied")));
    let lacking = ["elasticloadbalancing:DeleteRule".to_owned()];
    walk.aws.sim().world(|world| world.settings.identity.lacks.extend(lacking));
    walk.controller.take().unwrap().lock().await.kill9().await.unwrap();
    let ill = ask(&walk, "doctor", &[]).await;
    contains(&ill, &["FAIL  Webhook calls", "not granted: elasticloadbalancing:DescribeRules", "iam-policy"]);
    contains(
        &ill,
        &["FAIL  Permissions to change: no policy allows elasticloadbalancing:DeleteRule (CreateListeners)"],
    );
    assert_eq!(ill.status, 1, "{}", ill.text);
}
