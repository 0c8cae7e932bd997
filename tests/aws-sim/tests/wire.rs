//! The HTTP face, through the controller's real AWS clients and through bare HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use aws_load_balancer_controller::{
    aws::{AwsCloud, AwsSettings, send},
    aws_api::{
        CloudError, Secret,
        acm::*,
        ec2::*,
        elbv2,
        iam::{Context, GetRole, SimulatePrincipalPolicy},
        protection::*,
        route53::{CreateRecord, DeleteRecord, ListHostedZones},
        sts::GetCallerIdentity,
    },
};
use aws_sim::{
    Calls, Effect, Fault, Sim, World,
    contract::{CLAUSES, TestAccount},
    http,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, future::Future, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Serves a world while a test talks to it.
async fn with_server<F: Future<Output = ()>>(world: World, test: impl FnOnce(Sim, String) -> F) {
    let sim = Sim::new(world);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::select! {
        ended = http::serve(sim.clone(), listener) => panic!("the server ended: {ended:?}"),
        () = test(sim.clone(), address) => {}
    }
}

async fn client(address: &str) -> AwsCloud {
    let services = [
        "EC2",
        "Elastic Load Balancing v2",
        "ACM",
        "Route 53",
        "WAFV2",
        "WAF Regional",
        "Shield",
        "STS",
        "IAM",
    ];
    let endpoints: BTreeMap<_, _> =
        services.map(|service| (service.to_owned(), format!("http://{address}"))).into();
    let settings =
        AwsSettings { region: "us-west-2".to_owned(), max_attempts: 1, endpoints, ..AwsSettings::default() };
    AwsCloud::connect_with_keys(&settings, Arc::new(()), "AKIDEXAMPLE", "secret").await.unwrap()
}

/// One HTTP/1.1 exchange: status and body.
async fn exchange(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, body.to_owned())
}

async fn form(address: &str, form: &str) -> (u16, String) {
    exchange(address, "POST", "/", "content-type: application/x-www-form-urlencoded\r\n", form).await
}

async fn control(address: &str, method: &str, path: &str, body: Value) -> Value {
    let (status, answer) =
        exchange(address, method, path, "content-type: application/json\r\n", &body.to_string()).await;
    assert!(status < 300, "{path}: {status} {answer}");
    serde_json::from_str(&answer).unwrap_or(Value::Null)
}

/// Of one permission that the policy grants everywhere, and one that it grants on tagged groups.
fn simulation(group: Option<&str>) -> SimulatePrincipalPolicy {
    let arn = |id: &str| format!("arn:aws:ec2:us-west-2:123456789012:security-group/{id}");
    SimulatePrincipalPolicy {
        principal_arn: "arn:aws:iam::123456789012:role/load-balancer-controller".to_owned(),
        permissions: vec!["ec2:CreateSecurityGroup".to_owned(), "ec2:DeleteSecurityGroup".to_owned()],
        resources: group.map(arn).into_iter().collect(),
        context: Context::from([("ec2:Vpc".to_owned(), "arn:vpc".to_owned())]),
        marker: None,
    }
}

#[tokio::test]
async fn each_clause_is_kept_over_the_wire() {
    let mut broken = Vec::new();
    for clause in CLAUSES {
        with_server(World::demo(), |sim, address| {
            let broken = &mut broken;
            async move {
                let ids = sim.world(|world| world.ids().clone());
                let account = TestAccount::new(Arc::new(client(&address).await), ids);
                if let Err(how) = (clause.check)(account).await {
                    broken.push(format!("{}: {how:?}", clause.name));
                }
            }
        })
        .await;
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_described_arrives_as_the_world_has_it() {
    with_server(World::demo(), |sim, address| async move {
        let cloud = client(&address).await;
        macro_rules! same {
            ($($request:expr),* $(,)?) => {$(
                let expected = sim.world(|world| world.ask($request).unwrap());
                assert_eq!(send(&cloud, $request).await.unwrap(), expected);
            )*};
        }
        let certificate = sim.world(|world| world.id("CERT_1").to_owned());
        same![
            DescribeVpcs::default(),
            DescribeSubnets::default(),
            DescribeSecurityGroups::default(),
            DescribeRouteTables::default(),
            DescribeInstances::default(),
            DescribeNetworkInterfaces::default(),
            DescribeAvailabilityZones::default(),
            ListCertificates::default(),
            ListCertificates { any_status: true, next_token: None },
            DescribeCertificate { arn: certificate.clone() },
            ListWafv2WebAcls::default(),
            GetShieldSubscription {},
            GetCallerIdentity {},
            GetRole { name: "load-balancer-controller".to_owned() },
            simulation(None),
            simulation(Some("sg-1")),
            elbv2::DescribeTrustStores::default(),
        ];
    })
    .await;
}

#[tokio::test]
async fn certificates_are_asked_for_validated_and_deleted() {
    let mut world = World::demo();
    world.add_hosted_zone("Z1", "example.net", false);
    world.add_hosted_zone("Z2", "example.net", true);
    with_server(world, |sim, address| async move {
        let cloud = client(&address).await;
        let request = RequestCertificate {
            domain: "*.example.net".to_owned(),
            names: vec!["*.example.net".to_owned(), "example.net".to_owned()],
            authority: None,
            token: "t1".to_owned(),
            tags: [("a".to_owned(), "b".to_owned())].into(),
        };
        let arn = send(&cloud, request.clone()).await.unwrap();
        assert_eq!(
            send(&cloud, request.clone()).await.unwrap(),
            arn,
            "the same request, the same certificate"
        );
        assert_eq!(send(&cloud, ListCertificateTags { arn: arn.clone() }).await.unwrap(), request.tags);
        let described = send(&cloud, DescribeCertificate { arn: arn.clone() }).await.unwrap();
        assert_eq!(
            (&described.status, described.domains),
            (&CertificateStatus::PendingValidation, request.names)
        );
        let record = described.validations[0].record.clone().unwrap();
        let zones = send(&cloud, ListHostedZones::default()).await.unwrap().zones;
        let [public, private] = zones.as_slice() else { panic!("{zones:?}") };
        assert_eq!((public.is_private, private.is_private), (false, true));
        let create = CreateRecord { zone_id: public.id.clone(), record: record.clone() };
        send(&cloud, create.clone()).await.unwrap();
        let again = send(&cloud, create).await.unwrap_err();
        assert!(again.is(&["InvalidChangeBatch"]) && again.to_string().contains("already exists"), "{again}");
        let described = send(&cloud, DescribeCertificate { arn: arn.clone() }).await.unwrap();
        assert_eq!(described.status, CertificateStatus::Issued);
        let delete = DeleteRecord { zone_id: public.id.clone(), record, certificate: arn.clone() };
        send(&cloud, delete.clone()).await.unwrap();
        let again = send(&cloud, delete).await.unwrap_err();
        assert!(again.to_string().contains("not found"), "{again}");
        send(&cloud, DeleteCertificate { arn: arn.clone() }).await.unwrap();
        let gone = send(&cloud, DescribeCertificate { arn }).await.unwrap_err();
        assert!(gone.is(&["ResourceNotFoundException"]), "{gone}");
        let refused = RequestCertificate { names: vec!["a".to_owned()], token: "t2".to_owned(), ..request };
        sim.clear_calls();
        assert!(send(&cloud, refused).await.is_err());
    })
    .await;
}

/// A certificate of its own making, PEM, with its key.
fn pair(host: &str) -> (String, Secret) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), Secret::new(key.serialize_pem()))
}

#[tokio::test]
async fn certificates_are_imported_read_and_imported_again_under_their_arn() {
    with_server(World::demo(), |sim, address| async move {
        let cloud = client(&address).await;
        let tags = aws_load_balancer_controller::aws_api::Tags::from([("a".to_owned(), "b".to_owned())]);
        let (certificate, private_key) = pair("shop.example.com");
        let import = ImportCertificate {
            certificate,
            private_key,
            tags: tags.clone(),
            ..ImportCertificate::default()
        };
        let arn = send(&cloud, import.clone()).await.unwrap();
        assert_eq!(send(&cloud, ListCertificateTags { arn: arn.clone() }).await.unwrap(), tags);
        let all = ListCertificates { any_status: true, next_token: None };
        let listed = send(&cloud, all).await.unwrap().certificates;
        let listed = listed.into_iter().find(|one| one.arn == arn).unwrap();
        assert_eq!(listed.kind, CertificateKind::Imported);
        assert!(listed.not_after.is_some());
        let body = send(&cloud, GetCertificate { arn: arn.clone() }).await.unwrap();
        assert_eq!(body, CertificateBody { certificate: import.certificate.clone(), chain: String::new() });

        let (certificate, private_key) = pair("shop.example.com");
        let again = ImportCertificate { arn: Some(arn.clone()), certificate, private_key, ..import.clone() };
        assert_eq!(send(&cloud, again.clone()).await.unwrap(), arn);
        let body = send(&cloud, GetCertificate { arn: arn.clone() }).await.unwrap();
        assert_eq!(body.certificate, again.certificate);
        let stranger = pair("shop.example.com").1;
        let refused = ImportCertificate { private_key: stranger, ..again };
        let refused = send(&cloud, refused).await.unwrap_err();
        assert!(refused.is(&["ValidationException"]), "{refused}");
        assert_eq!(sim.world(|world| world.imports()), 2);
        send(&cloud, DeleteCertificate { arn: arn.clone() }).await.unwrap();
        let gone = send(&cloud, GetCertificate { arn }).await.unwrap_err();
        assert!(gone.is(&["ResourceNotFoundException"]), "{gone}");
    })
    .await;
}

#[tokio::test]
async fn web_acls_and_protections_come_and_go() {
    let mut world = World::demo();
    world.subscribe_to_shield();
    with_server(world, |sim, address| async move {
        let cloud: Arc<dyn aws_load_balancer_controller::aws::Cloud> = Arc::new(client(&address).await);
        let id = |name: &str| sim.world(|world| world.id(name).to_owned());
        let account = TestAccount::new(cloud, sim.world(|world| world.ids().clone()));
        let arn = account.alb().await.unwrap().arn;
        let resource_arn = || arn.as_str().into();
        let acl = AssociateWafv2WebAcl { web_acl_arn: id("WAF_1"), resource_arn: resource_arn() };
        account.send(acl).await.unwrap();
        let found = account.send(GetWafv2WebAcl { resource_arn: resource_arn() }).await.unwrap();
        assert_eq!(found, Some(id("WAF_1")));
        account.send(DisassociateWafv2WebAcl { resource_arn: resource_arn() }).await.unwrap();
        assert_eq!(account.send(GetWafv2WebAcl { resource_arn: resource_arn() }).await.unwrap(), None);

        let acl =
            AssociateWafRegionalWebAcl { web_acl_id: id("WAF_CLASSIC_1"), resource_arn: resource_arn() };
        account.send(acl).await.unwrap();
        let found = account.send(GetWafRegionalWebAcl { resource_arn: resource_arn() }).await.unwrap();
        assert_eq!(found, Some(id("WAF_CLASSIC_1")));
        account.send(DisassociateWafRegionalWebAcl { resource_arn: resource_arn() }).await.unwrap();

        assert_eq!(
            account.send(DescribeShieldProtection { resource_arn: resource_arn() }).await.unwrap(),
            None
        );
        let name = "managed by aws-load-balancer-controller".to_owned();
        account
            .send(CreateShieldProtection { resource_arn: resource_arn(), name: name.clone() })
            .await
            .unwrap();
        let found =
            account.send(DescribeShieldProtection { resource_arn: resource_arn() }).await.unwrap().unwrap();
        assert_eq!(found.name, name);
        account.send(DeleteShieldProtection { protection_id: found.id }).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn errors_are_written_as_each_service_writes_them() {
    with_server(World::demo(), |_, address| async move {
        let (status, body) =
            form(&address, "Action=DescribeLoadBalancers&Version=2015-12-01&Names.member.1=x").await;
        assert_eq!(status, 400);
        assert!(
            body.contains("<ErrorResponse><Error><Type>Sender</Type><Code>LoadBalancerNotFound</Code>"),
            "{body}"
        );

        let (status, body) =
            form(&address, "Action=DeleteSecurityGroup&Version=2016-11-15&GroupId=sg-0").await;
        assert_eq!(status, 400);
        assert!(body.contains("<Response><Errors><Error><Code>InvalidGroup.NotFound</Code>"), "{body}");

        let target = "x-amz-target: CertificateManager.DescribeCertificate\r\n";
        let (status, body) = exchange(&address, "POST", "/", target, r#"{"CertificateArn": "arn:x"}"#).await;
        assert_eq!(status, 400);
        assert!(body.contains(r#""__type":"ResourceNotFoundException""#), "{body}");

        let (status, body) = form(&address, "Action=CreateTrustStore&Version=2015-12-01").await;
        assert_eq!((status, body.contains("<Code>InvalidAction</Code>")), (400, true), "{body}");
    })
    .await;
}

#[tokio::test]
async fn what_a_form_leaves_out_of_a_change_stays() {
    with_server(World::demo(), |sim, address| async move {
        let account = TestAccount::new(Arc::new(sim.clone()), sim.world(|world| world.ids().clone()));
        let lb = account.alb().await.unwrap();
        let listener = account.http_listener(&lb, 80).await.unwrap();
        let rule = account.rule(&listener, 1).await.unwrap();
        let change = format!("Action=ModifyListener&Version=2015-12-01&ListenerArn={}&Port=81", listener.arn);
        let (status, body) = form(&address, &change).await;
        assert_eq!((status, body.contains("<Port>81</Port>")), (200, true), "{body}");
        let value = "Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/new";
        let change = format!("Action=ModifyRule&Version=2015-12-01&RuleArn={}&{value}", rule.arn);
        let (status, body) = form(&address, &change).await;
        assert_eq!(status, 200, "{body}");
        assert!(body.contains("/new") && body.contains("<StatusCode>404</StatusCode>"), "{body}");
        let asked = format!("Action=DescribeRules&Version=2015-12-01&RuleArns.member.1={}", rule.arn);
        let (_, body) = form(&address, &asked).await;
        assert_eq!(body.matches("<RuleArn>").count(), 1, "{body}");
    })
    .await;
}

#[tokio::test]
async fn lost_answers_break_the_connection() {
    with_server(World::demo(), |sim, address| async move {
        let account =
            TestAccount::new(Arc::new(client(&address).await), sim.world(|world| world.ids().clone()));
        sim.arm(Fault::on(Calls::Writes, Effect::LoseAnswer).times(1));
        let answer = account.alb().await;
        assert!(
            matches!(answer, Err(CloudError::Unreachable { .. } | CloudError::Malformed { .. })),
            "{answer:?}"
        );
        assert_eq!(sim.world(|world| world.resources().len()), World::demo().resources().len() + 1);
    })
    .await;
}

#[tokio::test]
async fn tests_look_behind_the_scenes_and_pull_strings() {
    with_server(World::demo(), |sim, address| async move {
        let account = TestAccount::new(Arc::new(sim.clone()), sim.world(|world| world.ids().clone()));
        account.alb().await.unwrap();
        let count = control(&address, "GET", "/_sim/count", Value::Null).await;
        assert_eq!((count["calls"].clone(), count["writes"].clone()), (json!(1), json!(1)));
        let calls = control(&address, "GET", "/_sim/calls?since=0", Value::Null).await;
        assert_eq!(calls["calls"][0]["action"], "CreateLoadBalancer");
        let state = control(&address, "GET", "/_sim/state", Value::Null).await;
        assert_eq!(state["loadBalancers"][0]["name"], "lb-0");
        assert_eq!(state["nodes"].as_array().unwrap().len(), 3);
        let throttle = json!({"calls": "CreateLoadBalancer", "effect": "throttle", "times": 1});
        control(&address, "POST", "/_sim/fault", throttle).await;
        assert!(account.alb().await.unwrap_err().is_throttled());
        control(&address, "POST", "/_sim/fault", json!({"effect": {"fail": {"code": "X"}}})).await;
        control(&address, "DELETE", "/_sim/fault", Value::Null).await;
        account.alb().await.unwrap();
        control(&address, "POST", "/_sim/advance", json!({"seconds": 5})).await;
        control(&address, "POST", "/_sim/delays", json!({"provisioning": 60})).await;
        assert_eq!(account.alb().await.unwrap().state, "provisioning");
        control(&address, "POST", "/_sim/health", json!({"default": "unhealthy"})).await;
        control(&address, "POST", "/_sim/reset-log", Value::Null).await;
        assert_eq!(control(&address, "GET", "/_sim/count", Value::Null).await["now"], json!(5.0));
        assert_eq!(sim.calls().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_always_ends_with_an_error() {
    let mut world = World::demo();
    world.settings.identity.lacks.insert("ec2:CreateTags".to_owned());
    with_server(world, |sim, address| async move {
        let vpc = sim.world(|world| world.id("VPC").to_owned());
        let creation = format!(
            "Action=CreateSecurityGroup&Version=2016-11-15&GroupName=a&GroupDescription=a&VpcId={vpc}&DryRun=true"
        );
        let (status, body) = form(&address, &creation).await;
        assert_eq!((status, body.contains("<Code>DryRunOperation</Code>")), (412, true), "{body}");
        let tagged = "TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=elbv2.k8s.aws/cluster&TagSpecification.1.Tag.1.Value=demo";
        let (status, body) = form(&address, &format!("{creation}&{tagged}")).await;
        assert_eq!((status, body.contains("<Code>UnauthorizedOperation</Code>")), (403, true), "{body}");
        assert!(body.contains("is not authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:"), "{body}");
        let absent = "Action=DeleteSecurityGroup&Version=2016-11-15&GroupId=sg-0&DryRun=true";
        let (status, body) = form(&address, absent).await;
        assert_eq!((status, body.contains("<Code>InvalidGroup.NotFound</Code>")), (400, true), "{body}");
        let (status, _) = form(&address, "Action=DescribeVpcs&Version=2016-11-15&DryRun=true").await;
        assert_eq!(status, 400);
        assert_eq!(sim.world(|world| world.resources()), World::demo().resources());
        assert_eq!((sim.calls().len(), sim.writes().len()), (3, 0));
    })
    .await;
}

#[tokio::test]
async fn what_the_caller_lacks_is_set_from_outside_and_told_by_iam() {
    with_server(World::demo(), |_, address| async move {
        let lacking = json!({"organizationLacks": ["ec2:CreateSecurityGroup"], "rolePath": "/eks/"});
        control(&address, "POST", "/_sim/identity", lacking).await;
        let asked = |path: &str| {
            format!(
                "Action=SimulatePrincipalPolicy&Version=2010-05-08&ActionNames.member.1=ec2:CreateSecurityGroup\
                 &PolicySourceArn=arn:aws:iam::123456789012:role{path}load-balancer-controller"
            )
        };
        let (status, body) = form(&address, &asked("/")).await;
        assert_eq!((status, body.contains("<Code>NoSuchEntity</Code>")), (404, true), "{body}");
        let (status, body) = form(&address, &asked("/eks/")).await;
        assert_eq!(status, 200, "{body}");
        let told = [
            "<AllowedByOrganizations>false</AllowedByOrganizations>",
            "<EvalDecision>implicitDeny</EvalDecision>",
            "<member>iam:AWSServiceName</member>",
        ];
        assert!(told.iter().all(|told| body.contains(told)), "{body}");
    })
    .await;
}
