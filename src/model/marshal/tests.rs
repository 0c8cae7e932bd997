#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::Secret;
use crate::aws_api::Tags;
use crate::aws_api::elbv2::{
    AuthenticationSession, ForwardAction, IpAddressType, JwtAction, JwtClaim, ListenerAction,
    LoadBalancerType, OidcAction, Protocol, RedirectAction, RuleCondition, RuleTransform, Scheme,
    TargetGroupTuple, TargetType, ValuesOrRegexes,
};
use crate::model::StackId;

fn empty(owner: Owner) -> Stack {
    Stack::empty(StackId { owner, namespace: "default".into(), name: "web".into() })
}

fn listener() -> Listener {
    let target_group = Ref::pending(SymbolKind::TargetGroupArn, "default/web:80");
    Listener {
        load_balancer: "LoadBalancer".into(),
        port: 80,
        protocol: Protocol::Tcp,
        default_actions: vec![ListenerAction::Forward(ForwardAction {
            target_groups: vec![TargetGroupTuple { target_group, weight: None }],
            ..ForwardAction::default()
        })],
        certificates: vec![],
        ssl_policy: None,
        alpn_policy: vec![],
        mutual_authentication: None,
        attributes: Attributes::new(),
        tags: Tags::new(),
    }
}

/// The Service `default/web` with one port, IP targets, a managed and the shared backend security group.
fn service_stack() -> Stack {
    let mut stack = empty(Owner::Service);
    let rule = IngressRule {
        protocol: "tcp".into(),
        from_port: Some(80),
        to_port: Some(80),
        source: RuleSource::Ipv4("0.0.0.0/0".into()),
        description: None,
    };
    let group = SecurityGroup {
        name: "k8s-default-web-c90cf68b9a".into(),
        description: "[k8s] Managed SecurityGroup for LoadBalancer".into(),
        tags: Tags::new(),
        ingress: vec![rule],
    };
    stack.security_groups.insert("ManagedLBSecurityGroup".into(), group);
    stack.listeners.insert("80".into(), listener());
    let subnet = |id: &str| SubnetMapping { subnet_id: id.into(), ..SubnetMapping::default() };
    let load_balancer = LoadBalancer {
        name: "k8s-default-web-fb0e5b73db".into(),
        kind: LoadBalancerType::Network,
        scheme: Scheme::Internal,
        ip_address_type: IpAddressType::Ipv4,
        enable_prefix_for_ipv6_source_nat: Some("off".into()),
        subnet_mappings: vec![subnet("subnet-1"), subnet("subnet-2")],
        security_groups: vec![
            Ref::pending(SymbolKind::SecurityGroupId, "ManagedLBSecurityGroup"),
            "sg-0backend".into(),
        ],
        enforce_inbound_rules_on_private_link: None,
        customer_owned_ipv4_pool: None,
        ipv4_ipam_pool_id: None,
        attributes: Attributes::new(),
        minimum_capacity_units: None,
        tags: Tags::new(),
    };
    stack.load_balancers.insert("LoadBalancer".into(), load_balancer);
    stack.target_groups.insert("default/web:80".into(), target_group());
    stack.bindings.insert("default/web:80".into(), binding());
    stack
}

fn target_group() -> TargetGroup {
    TargetGroup {
        name: "k8s-default-web-106ddcc36c".into(),
        target_type: TargetType::Ip,
        port: Some(8080),
        protocol: Protocol::Tcp,
        protocol_version: None,
        ip_address_type: IpAddressType::Ipv4,
        health_check: Some(HealthCheck {
            port: Some("traffic-port".into()),
            protocol: Some(Protocol::Tcp),
            path: None,
            matcher: None,
            interval_seconds: Some(10),
            timeout_seconds: Some(10),
            healthy_threshold: Some(3),
            unhealthy_threshold: Some(3),
        }),
        target_control_port: None,
        attributes: [("proxy_protocol_v2.enabled".to_owned(), "false".to_owned())].into(),
        tags: Tags::new(),
    }
}

fn binding() -> Binding {
    Binding {
        namespace: "default".into(),
        name: "k8s-default-web-106ddcc36c".into(),
        target_group_arn: Ref::pending(SymbolKind::TargetGroupArn, "default/web:80"),
        target_type: TargetType::Ip,
        target_group_protocol: Protocol::Tcp,
        service_name: "web".into(),
        service_port: IntOrString::Int(80),
        networking: Some(vec![BindingIngress {
            from: vec![BindingPeer::SecurityGroup("sg-0backend".into())],
            ports: vec![BindingPort { protocol: Some(Protocol::Tcp), port: Some(IntOrString::Int(8080)) }],
        }]),
        node_selector: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        ip_address_type: IpAddressType::Ipv4,
        vpc_id: "vpc-0abc".into(),
        multi_cluster: false,
    }
}

#[test]
fn a_services_stack_reads_as_upstream_writes_it() {
    let expected = concat!(
        r#"{"id":"default/web","resources":{"#,
        r#""AWS::EC2::SecurityGroup":{"ManagedLBSecurityGroup":{"spec":{"#,
        r#""groupName":"k8s-default-web-c90cf68b9a","description":"[k8s] Managed SecurityGroup for LoadBalancer","#,
        r#""ingress":[{"ipProtocol":"tcp","fromPort":80,"toPort":80,"ipRanges":[{"cidrIP":"0.0.0.0/0"}]}]}}},"#,
        r#""AWS::ElasticLoadBalancingV2::Listener":{"80":{"spec":{"#,
        r##""loadBalancerARN":{"$ref":"#/resources/AWS::ElasticLoadBalancingV2::LoadBalancer/LoadBalancer/status/loadBalancerARN"},"##,
        r#""port":80,"protocol":"TCP","defaultActions":[{"type":"forward","forwardConfig":{"targetGroups":["#,
        r##"{"targetGroupARN":{"$ref":"#/resources/AWS::ElasticLoadBalancingV2::TargetGroup/default/web:80/status/targetGroupARN"}}]}}]}}},"##,
        r#""AWS::ElasticLoadBalancingV2::LoadBalancer":{"LoadBalancer":{"spec":{"#,
        r#""name":"k8s-default-web-fb0e5b73db","type":"network","scheme":"internal","ipAddressType":"ipv4","#,
        r#""enablePrefixForIpv6SourceNat":"off","subnetMapping":[{"subnetID":"subnet-1"},{"subnetID":"subnet-2"}],"#,
        r##""securityGroups":[{"$ref":"#/resources/AWS::EC2::SecurityGroup/ManagedLBSecurityGroup/status/groupID"},"sg-0backend"]}}},"##,
        r#""AWS::ElasticLoadBalancingV2::TargetGroup":{"default/web:80":{"spec":{"#,
        r#""name":"k8s-default-web-106ddcc36c","targetType":"ip","port":8080,"protocol":"TCP","ipAddressType":"ipv4","#,
        r#""healthCheckConfig":{"port":"traffic-port","protocol":"TCP","intervalSeconds":10,"timeoutSeconds":10,"#,
        r#""healthyThresholdCount":3,"unhealthyThresholdCount":3},"#,
        r#""targetGroupAttributes":[{"key":"proxy_protocol_v2.enabled","value":"false"}]}}},"#,
        r#""K8S::ElasticLoadBalancingV2::TargetGroupBinding":{"default/web:80":{"spec":{"template":{"#,
        r#""metadata":{"name":"k8s-default-web-106ddcc36c","namespace":"default"},"#,
        r##""spec":{"targetGroupARN":{"$ref":"#/resources/AWS::ElasticLoadBalancingV2::TargetGroup/default/web:80/status/targetGroupARN"},"##,
        r#""targetType":"ip","serviceRef":{"name":"web","port":80},"#,
        r#""networking":{"ingress":[{"from":[{"securityGroup":{"groupID":"sg-0backend"}}],"ports":[{"protocol":"TCP","port":8080}]}]},"#,
        r#""ipAddressType":"ipv4","vpcID":"vpc-0abc","targetGroupProtocol":"TCP"}}}}}}}"#,
    );
    assert_eq!(marshal(&service_stack()), expected);
}

#[test]
fn empty_stacks_differ_by_their_owner() {
    assert_eq!(marshal(&empty(Owner::Service)), r#"{"id":"default/web","resources":{}}"#);
    assert_eq!(
        marshal(&empty(Owner::Ingress)),
        r#"{"id":"default/web","resources":{"FrontendNLBTargetGroup":{"FrontendNLBTargetGroup":{"TargetGroups":{}}}}}"#
    );
}

#[test]
fn rules_keep_their_order_and_secrets_stay_hidden() {
    let mut stack = empty(Owner::Ingress);
    let oidc = OidcAction {
        issuer: "https://id".into(),
        client_id: Secret::new("id"),
        client_secret: Some(Secret::new("secret")),
        session: AuthenticationSession { scope: Some("openid".into()), ..AuthenticationSession::default() },
        ..OidcAction::default()
    };
    let jwt = JwtAction {
        additional_claims: vec![JwtClaim { format: "string-array".into(), name: "n".into(), values: vec![] }],
        ..JwtAction::default()
    };
    let redirect = RedirectAction {
        port: Some("443".into()),
        status_code: "HTTP_301".into(),
        ..RedirectAction::default()
    };
    let rule = Rule {
        conditions: vec![
            RuleCondition::PathPattern(ValuesOrRegexes { values: vec!["/<a>&".into()], regexes: vec![] }),
            RuleCondition::QueryString(vec![(None, "v".into())]),
        ],
        actions: vec![
            ListenerAction::AuthenticateOidc(oidc),
            ListenerAction::JwtValidation(jwt),
            ListenerAction::Redirect(redirect),
        ],
        transforms: vec![RuleTransform {
            kind: "url-rewrite".into(),
            rewrites: vec![("a".into(), "b".into())],
        }],
        tags: Tags::new(),
    };
    stack.rules.insert(("80".into(), 1), rule);
    let expected = concat!(
        r#""AWS::ElasticLoadBalancingV2::ListenerRule":{"80:1":{"spec":{"#,
        r##""listenerARN":{"$ref":"#/resources/AWS::ElasticLoadBalancingV2::Listener/80/status/listenerARN"},"priority":1,"##,
        r#""actions":[{"type":"authenticate-oidc","authenticateOIDCConfig":{"scope":"openid","issuer":"https://id","#,
        r#""authorizationEndpoint":"","tokenEndpoint":"","userInfoEndpoint":"","clientID":"[REDACTED]","clientSecret":"[REDACTED]"}},"#,
        r#"{"type":"jwt-validation","jwtValidationConfig":{"jwksEndpoint":"","issuer":"","additionalClaims":[{"format":"string-array","name":"n","values":null}]}},"#,
        r#"{"type":"redirect","redirectConfig":{"port":"443","statusCode":"HTTP_301"}}],"#,
        r#""conditions":[{"field":"path-pattern","pathPatternConfig":{"values":["/\u003ca\u003e\u0026"]}},"#,
        r#"{"field":"query-string","queryStringConfig":{"values":[{"value":"v"}]}}],"#,
        r#""transforms":[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"a","replace":"b"}]}}]}}}"#,
    );
    let json = marshal(&stack);
    assert!(json.contains(expected), "{json}");
}

#[test]
fn certificates_protection_and_alb_targets_have_upstreams_shape() {
    let mut stack = empty(Owner::Ingress);
    let mut tls = listener();
    tls.certificates = vec!["arn:known".into(), Ref::pending(SymbolKind::CertificateArn, "private/a")];
    tls.attributes = [("a".to_owned(), "b".to_owned())].into();
    stack.listeners.insert("80".into(), tls);
    stack.protection.shield = Some(true);
    stack.protection.wafv2_web_acl_arn = Some(String::new());
    stack
        .target_groups
        .insert("FrontendNlb-tg-TCP-443".into(), TargetGroup { port: Some(443), ..target_group() });
    let load_balancer = Ref::pending(SymbolKind::LoadBalancerArn, "LoadBalancer");
    let target = AlbTarget { load_balancer, port: 80 };
    stack.alb_targets.insert("FrontendNlb-tg-TCP-443".into(), target);
    let json = marshal(&stack);
    for expected in [
        r##""certificates":[{"certificateARN":{"$ref":"#/resources///status/certificateARN"}},{"certificateARN":{"$ref":"#/resources/AWS::ACM::Certificate/private/a/status/certificateARN"}}]"##,
        r#""listenerAttributes":[{"Key":"a","Value":"b"}]"#,
        r#""AWS::Shield::Protection":{"LoadBalancer":{"spec":{"enabled":true,"resourceARN":{"$ref":"#,
        r#""AWS::WAFv2::WebACLAssociation":{"LoadBalancer":{"spec":{"webACLARN":"","resourceARN":{"$ref":"#,
        r##"{"TargetGroups":{"k8s-default-web-106ddcc36c":{"Name":"k8s-default-web-106ddcc36c","ARN":{"$ref":"#/resources/AWS::ElasticLoadBalancingV2::TargetGroup/FrontendNlb-tg-TCP-443/status/targetGroupARN"},"Port":443,"TargetARN":{"$ref":"#/resources/AWS::ElasticLoadBalancingV2::LoadBalancer/LoadBalancer/status/loadBalancerARN"},"TargetPort":80}}}"##,
    ] {
        assert!(json.contains(expected), "{expected}\nin {json}");
    }
}
