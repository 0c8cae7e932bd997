//! Elastic Load Balancing v2 through its SDK.

use super::{connect, script::Script};
use aws_load_balancer_controller::aws::send;
use aws_load_balancer_controller::aws_api::elbv2::{
    AuthenticationSession, CreateListener, CreateLoadBalancer, CreateRule, CreateTargetGroup,
    DescribeListeners, DescribeLoadBalancers, DescribeTargetGroups, DescribeTargetHealth,
    FixedResponseAction, ForwardAction, HealthCheck, IpAddressType, ListenerAction, ListenerSettings,
    LoadBalancerType, Matcher, ModifyIpPools, ModifyRule, OidcAction, Protocol, RegisterTargets,
    RuleCondition, RuleTransform, Scheme, SubnetMapping, Target, TargetGroupTuple, TargetHealthState,
    TargetType, ValuesOrRegexes,
};
use aws_load_balancer_controller::aws_api::{CloudError, Ref, Secret, Tags};

/// An answer without anything in it.
fn empty(operation: &str) -> String {
    format!("<{operation}Response><{operation}Result/></{operation}Response>")
}

/// Sends one request to an empty answer and returns the parameters after `Action` and `Version`.
async fn parameters<O>(operation: &str, request: O) -> Vec<String>
where
    O: aws_load_balancer_controller::aws_api::Operation,
{
    let script = Script::start([(200, empty(operation).as_str())]).await;
    let _ = send(&connect(&script).await, request).await;
    let form = script.heard()[0].form();
    assert_eq!(form[..2], [format!("Action={operation}"), "Version=2015-12-01".to_owned()]);
    form[2..].to_vec()
}

fn forward(arn: &str, weight: Option<i32>, plain: bool) -> ListenerAction {
    let target_groups = vec![TargetGroupTuple { target_group: Ref::from(arn), weight }];
    ListenerAction::Forward(ForwardAction { target_groups, stickiness: None, plain })
}

#[tokio::test]
async fn a_load_balancer_is_created_with_mappings_groups_and_tags() {
    let request = CreateLoadBalancer {
        name: "n".to_owned(),
        kind: LoadBalancerType::Network,
        scheme: Scheme::InternetFacing,
        ip_address_type: IpAddressType::Ipv4,
        subnet_mappings: vec![SubnetMapping {
            subnet_id: "subnet-1".to_owned(),
            allocation_id: Some("eipalloc-1".to_owned()),
            ..SubnetMapping::default()
        }],
        security_groups: vec![Ref::from("sg-1")],
        enable_prefix_for_ipv6_source_nat: Some("off".to_owned()),
        ipv4_ipam_pool_id: None,
        customer_owned_ipv4_pool: None,
        tags: Tags::from([("k".to_owned(), "v".to_owned())]),
    };
    let mut sent = parameters("CreateLoadBalancer", request).await;
    sent.sort();
    let expected = [
        "EnablePrefixForIpv6SourceNat=off",
        "IpAddressType=ipv4",
        "Name=n",
        "Scheme=internet-facing",
        "SecurityGroups.member.1=sg-1",
        "SubnetMappings.member.1.AllocationId=eipalloc-1",
        "SubnetMappings.member.1.SubnetId=subnet-1",
        "Tags.member.1.Key=k",
        "Tags.member.1.Value=v",
        "Type=network",
    ];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn listing_everything_sends_no_empty_lists() {
    assert!(parameters("DescribeLoadBalancers", DescribeLoadBalancers::default()).await.is_empty());
    assert!(parameters("DescribeTargetGroups", DescribeTargetGroups::default()).await.is_empty());
}

#[tokio::test]
async fn an_ipv4_target_group_does_not_name_its_family() {
    let request = CreateTargetGroup {
        name: "tg".to_owned(),
        target_type: TargetType::Ip,
        port: Some(80),
        protocol: Protocol::Http,
        protocol_version: Some("HTTP1".to_owned()),
        ip_address_type: IpAddressType::Ipv4,
        vpc_id: "vpc-1".to_owned(),
        health_check: Some(HealthCheck {
            port: Some("traffic-port".to_owned()),
            matcher: Some(Matcher { http_code: Some("200".to_owned()), grpc_code: None }),
            interval_seconds: Some(15),
            ..HealthCheck::default()
        }),
        target_control_port: None,
        tags: Tags::new(),
    };
    let mut sent = parameters("CreateTargetGroup", request).await;
    sent.sort();
    let expected = [
        "HealthCheckEnabled=true",
        "HealthCheckIntervalSeconds=15",
        "HealthCheckPort=traffic-port",
        "Matcher.HttpCode=200",
        "Name=tg",
        "Port=80",
        "Protocol=HTTP",
        "ProtocolVersion=HTTP1",
        "TargetType=ip",
        "VpcId=vpc-1",
    ];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn actions_carry_their_position_and_forward_has_two_spellings() {
    let oidc = ListenerAction::AuthenticateOidc(OidcAction {
        issuer: "i".to_owned(),
        client_id: Secret::new("id"),
        client_secret: Some(Secret::new("hush")),
        session: AuthenticationSession { session_timeout: Some(60), ..AuthenticationSession::default() },
        ..OidcAction::default()
    });
    let settings = ListenerSettings {
        port: 443,
        protocol: Protocol::Https,
        default_actions: vec![oidc, forward("tg", Some(1), false)],
        certificate: Some(Ref::from("cert")),
        ssl_policy: Some("p".to_owned()),
        alpn_policy: Vec::new(),
        mutual_authentication: None,
    };
    let request = CreateListener { load_balancer_arn: Ref::from("lb"), settings, tags: Tags::new() };
    let sent = parameters("CreateListener", request).await;
    for expected in [
        "Certificates.member.1.CertificateArn=cert",
        "DefaultActions.member.1.Type=authenticate-oidc",
        "DefaultActions.member.1.Order=1",
        "DefaultActions.member.1.AuthenticateOidcConfig.ClientSecret=hush",
        "DefaultActions.member.2.Order=2",
        "DefaultActions.member.2.ForwardConfig.TargetGroups.member.1.TargetGroupArn=tg",
        "DefaultActions.member.2.ForwardConfig.TargetGroups.member.1.Weight=1",
    ] {
        assert!(sent.contains(&expected.to_owned()), "{expected} in {sent:?}");
    }
    let request = ModifyRule {
        arn: Ref::from("rule"),
        conditions: Vec::new(),
        actions: vec![forward("tg", None, true)],
        transforms: Vec::new(),
    };
    let mut sent = parameters("ModifyRule", request).await;
    sent.sort();
    let expected = [
        "Actions.member.1.Order=1",
        "Actions.member.1.TargetGroupArn=tg",
        "Actions.member.1.Type=forward",
        "ResetTransforms=true",
        "RuleArn=rule",
    ];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn every_condition_and_transform_has_its_configuration() {
    let values = |value: &str| ValuesOrRegexes { values: vec![value.to_owned()], regexes: Vec::new() };
    let request = CreateRule {
        listener_arn: Ref::from("listener"),
        priority: 1,
        conditions: vec![
            RuleCondition::HostHeader(values("a.example")),
            RuleCondition::PathPattern(ValuesOrRegexes {
                values: Vec::new(),
                regexes: vec!["^/x".to_owned()],
            }),
            RuleCondition::HttpHeader { name: "X".to_owned(), values: values("y") },
            RuleCondition::HttpRequestMethod(vec!["GET".to_owned()]),
            RuleCondition::QueryString(vec![(None, "v".to_owned()), (Some("k".to_owned()), "w".to_owned())]),
            RuleCondition::SourceIp(vec!["10.0.0.0/8".to_owned()]),
        ],
        actions: vec![ListenerAction::FixedResponse(FixedResponseAction {
            status_code: "503".to_owned(),
            ..FixedResponseAction::default()
        })],
        transforms: vec![RuleTransform {
            kind: "url-rewrite".to_owned(),
            rewrites: vec![("a".to_owned(), "b".to_owned())],
        }],
        tags: Tags::new(),
    };
    let mut sent = parameters("CreateRule", request).await;
    sent.sort();
    let expected = [
        "Actions.member.1.FixedResponseConfig.StatusCode=503",
        "Actions.member.1.Order=1",
        "Actions.member.1.Type=fixed-response",
        "Conditions.member.1.Field=host-header",
        "Conditions.member.1.HostHeaderConfig.Values.member.1=a.example",
        "Conditions.member.2.Field=path-pattern",
        "Conditions.member.2.PathPatternConfig.RegexValues.member.1=^/x",
        "Conditions.member.3.Field=http-header",
        "Conditions.member.3.HttpHeaderConfig.HttpHeaderName=X",
        "Conditions.member.3.HttpHeaderConfig.Values.member.1=y",
        "Conditions.member.4.Field=http-request-method",
        "Conditions.member.4.HttpRequestMethodConfig.Values.member.1=GET",
        "Conditions.member.5.Field=query-string",
        "Conditions.member.5.QueryStringConfig.Values.member.1.Value=v",
        "Conditions.member.5.QueryStringConfig.Values.member.2.Key=k",
        "Conditions.member.5.QueryStringConfig.Values.member.2.Value=w",
        "Conditions.member.6.Field=source-ip",
        "Conditions.member.6.SourceIpConfig.Values.member.1=10.0.0.0/8",
        "ListenerArn=listener",
        "Priority=1",
        "Transforms.member.1.Type=url-rewrite",
        "Transforms.member.1.UrlRewriteConfig.Rewrites.member.1.Regex=a",
        "Transforms.member.1.UrlRewriteConfig.Rewrites.member.1.Replace=b",
    ];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn targets_and_pools_are_spelled_as_aws_wants_them() {
    let target = Target {
        id: Ref::from("10.0.0.1"),
        port: Some(80),
        availability_zone: Some("all".to_owned()),
        quic_server_id: None,
    };
    let sent =
        parameters("RegisterTargets", RegisterTargets { arn: Ref::from("tg"), targets: vec![target] }).await;
    let expected = [
        "TargetGroupArn=tg",
        "Targets.member.1.Id=10.0.0.1",
        "Targets.member.1.Port=80",
        "Targets.member.1.AvailabilityZone=all",
    ];
    assert_eq!(sent, expected);
    let sent =
        parameters("ModifyIpPools", ModifyIpPools { arn: Ref::from("lb"), ipv4_ipam_pool_id: None }).await;
    assert_eq!(sent, ["LoadBalancerArn=lb", "RemoveIpamPools.member.1=ipv4"]);
}

#[tokio::test]
async fn listeners_are_read_with_their_actions_in_order() {
    let body = "<DescribeListenersResponse><DescribeListenersResult><Listeners><member>
        <ListenerArn>l</ListenerArn><LoadBalancerArn>lb</LoadBalancerArn><Port>443</Port><Protocol>HTTPS</Protocol>
        <Certificates><member><CertificateArn>c</CertificateArn></member></Certificates>
        <DefaultActions>
          <member><Type>forward</Type><Order>2</Order><TargetGroupArn>tg</TargetGroupArn>
            <ForwardConfig><TargetGroups><member><TargetGroupArn>tg</TargetGroupArn><Weight>1</Weight></member></TargetGroups></ForwardConfig></member>
          <member><Type>fixed-response</Type><Order>1</Order><FixedResponseConfig><StatusCode>404</StatusCode></FixedResponseConfig></member>
          <member><Type>telepathy</Type><Order>3</Order></member>
        </DefaultActions></member></Listeners><NextMarker>m</NextMarker></DescribeListenersResult></DescribeListenersResponse>";
    let script = Script::start([(200, body)]).await;
    let page = send(&connect(&script).await, DescribeListeners::default()).await.unwrap();
    assert_eq!(page.next_marker.as_deref(), Some("m"));
    let fixed = ListenerAction::FixedResponse(FixedResponseAction {
        status_code: "404".to_owned(),
        ..FixedResponseAction::default()
    });
    assert_eq!(page.items[0].default_actions, [fixed, forward("tg", Some(1), false)]);
    assert_eq!(page.items[0].certificates, ["c"]);
}

#[tokio::test]
async fn target_health_is_read_with_state_and_reason() {
    let body = "<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions><member>
        <Target><Id>10.0.0.1</Id><Port>80</Port></Target>
        <TargetHealth><State>initial</State><Reason>Elb.RegistrationInProgress</Reason><Description>d</Description></TargetHealth>
        </member></TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>";
    let script = Script::start([(200, body)]).await;
    let health = send(&connect(&script).await, DescribeTargetHealth::default()).await.unwrap();
    assert_eq!(health[0].state, TargetHealthState::Initial);
    assert_eq!(health[0].reason.as_deref(), Some("Elb.RegistrationInProgress"));
    assert_eq!(health[0].target.id, Ref::from("10.0.0.1"));
}

#[tokio::test]
async fn an_error_answer_keeps_the_code_on_the_wire() {
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>TargetGroupNotFound</Code><Message>gone</Message></Error>\
                <RequestId>b</RequestId></ErrorResponse>";
    let script = Script::start([(400, body)]).await;
    let request = DescribeTargetGroups { arns: vec!["arn".to_owned()], ..DescribeTargetGroups::default() };
    let error = send(&connect(&script).await, request).await.unwrap_err();
    let expected = CloudError::Service {
        operation: "DescribeTargetGroups",
        code: "TargetGroupNotFound".to_owned(),
        message: "gone".to_owned(),
        request_id: Some("request-1".to_owned()),
    };
    assert_eq!(error, expected);
    assert!(script.heard()[0].header("user-agent").starts_with("elbv2.k8s.aws/"));
    assert_eq!(script.heard()[0].header("x-amz-user-agent"), "");
}
