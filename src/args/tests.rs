#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::flags::{FLAGS, FlagKind};
use super::values::{parse_bool, parse_duration, parse_int, parse_list, parse_map};
use super::*;
use crate::aws_api::elbv2::{Scheme, TargetType};
use crate::config::{AnnotationValidation, Config};
use crate::telemetry::LogLevel;
use std::path::PathBuf;
use std::time::Duration;

/// Upstream's flags, as its help lists them, with their defaults.
const UPSTREAM: &[(&str, &str)] = &[
    ("allowed-certificate-authority-arns", ""),
    ("alb-gateway-max-concurrent-reconciles", "3"),
    ("aws-api-endpoints", ""),
    ("aws-api-throttle", ""),
    ("aws-max-retries", "10"),
    ("aws-region", ""),
    ("aws-vpc-id", ""),
    ("aws-vpc-tag-key", "Name"),
    ("aws-vpc-tags", ""),
    ("backend-security-group", ""),
    ("cluster-name", ""),
    ("default-load-balancer-scheme", "internal"),
    ("default-pca-arn", ""),
    ("default-ssl-policy", "ELBSecurityPolicy-2016-08"),
    ("default-tags", ""),
    ("default-target-type", "instance"),
    ("disable-ingress-class-annotation", "false"),
    ("disable-ingress-group-name-annotation", "false"),
    ("disable-restricted-sg-rules", "false"),
    ("enable-backend-security-group", "true"),
    ("enable-endpoint-slices", "true"),
    ("enable-leader-election", "true"),
    ("enable-manage-backend-security-group-rules", "false"),
    ("enable-pod-readiness-gate-inject", "true"),
    ("enable-shield", "true"),
    ("enable-waf", "true"),
    ("enable-wafv2", "true"),
    ("external-managed-tags", ""),
    ("feature-gates", ""),
    ("gateway-class-max-concurrent-reconciles", "3"),
    ("globalaccelerator-max-concurrent-reconciles", "1"),
    ("globalaccelerator-max-exponential-backoff-delay", "16m40s"),
    ("health-probe-bind-addr", ":61779"),
    ("ingress-class", "alb"),
    ("ingress-max-concurrent-reconciles", "3"),
    ("kube-ca-pem-filepath", ""),
    ("kubeconfig", ""),
    ("lb-stabilization-monitor-interval", "2m"),
    ("leader-election-id", "aws-load-balancer-controller-leader"),
    ("leader-election-namespace", ""),
    ("load-balancer-class", "service.k8s.aws/nlb"),
    ("log-level", "info"),
    ("max-targets-per-target-group", "0"),
    ("metrics-bind-addr", ":8080"),
    ("nlb-gateway-max-concurrent-reconciles", "3"),
    ("quic-environment-variable-name", "AWS_LBC_QUIC_SERVER_ID"),
    ("required-secrets-label", ""),
    ("service-max-concurrent-reconciles", "3"),
    ("service-target-eni-security-group-tags", ""),
    ("sync-period", "10h"),
    ("targetgroupbinding-max-concurrent-reconciles", "3"),
    ("targetgroupbinding-max-exponential-backoff-delay", "16m40s"),
    ("targetgroupbinding-requeue-duration", "15s"),
    ("tolerate-non-existent-backend-action", "true"),
    ("tolerate-non-existent-backend-service", "true"),
    ("watch-namespace", ""),
    ("webhook-bind-port", "9443"),
    ("webhook-cert-dir", ""),
    ("webhook-cert-file", ""),
    ("webhook-key-file", ""),
];

fn settings(arguments: &[&str]) -> Settings {
    settings_with(arguments, &Environment::default())
}

fn settings_with(arguments: &[&str], environment: &Environment) -> Settings {
    let given = ["controller", "--cluster-name=c"].into_iter().chain(arguments.iter().copied());
    match parse(given, environment) {
        Ok(Invocation::Controller(settings)) => *settings,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

fn invalid(arguments: &[&str]) -> ArgsError {
    match parse(["controller"].iter().chain(arguments), &Environment::default()) {
        Err(CommandLineError::Invalid(error)) => error,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

fn usage(arguments: &[&str]) -> clap::Error {
    match parse(["controller"].iter().chain(arguments), &Environment::default()) {
        Err(CommandLineError::Usage(error)) => error,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

#[test]
fn every_flag_of_upstream_exists_with_its_default() {
    for (name, default) in UPSTREAM {
        let flag =
            FLAGS.iter().find(|flag| flag.name == *name).unwrap_or_else(|| panic!("--{name} is missing"));
        assert_eq!(flag.default, *default, "--{name}");
    }
    let ours: Vec<_> = FLAGS
        .iter()
        .map(|flag| flag.name)
        .filter(|name| !UPSTREAM.iter().any(|(theirs, _)| theirs == name))
        .collect();
    let expected = [
        "keep-last-healthy-targets",
        "pod-drain-max-deregistration-delay",
        "console",
        "console-port",
        "console-token-file",
        "annotation-validation",
        "log-format",
        "webhook-cert-secret",
        "webhook-service",
        "webhook-configurations",
        "webhook-cluster-domain",
    ];
    assert_eq!(ours, expected);
    command().debug_assert();
}

#[test]
fn without_flags_the_defaults_are_those_of_the_config() {
    let settings = settings(&[]);
    assert_eq!(settings.config, Config { cluster_name: "c".to_owned(), ..Config::default() });
    assert_eq!(settings.log_level, LogLevel::Info);
    assert_eq!(settings.aws.max_attempts, 10);
    assert_eq!(settings.workers.global_accelerator, 1);
    assert_eq!(settings.workers.target_group_binding_max_backoff, Duration::from_secs(1000));
    assert_eq!(settings.metrics_bind_addr.as_deref(), Some(":8080"));
    assert_eq!(settings.webhook.port, 9443);
    assert_eq!(settings.webhook.own_certificates, None);
    assert!(settings.webhook.cert_file.ends_with("k8s-webhook-server/serving-certs/tls.crt"));
    assert_eq!(settings.leader_election.unwrap().id, "aws-load-balancer-controller-leader");
    assert!(settings.warnings.is_empty());
}

#[test]
fn flags_may_follow_the_command_or_stand_alone() {
    let with = parse(["lbc", "controller", "--cluster-name", "c"], &Environment::default());
    assert!(matches!(with, Ok(Invocation::Controller(settings)) if settings.config.cluster_name == "c"));
}

#[test]
fn switches_understand_go() {
    let config = |arguments: &[&str]| settings(arguments).config;
    assert!(!config(&["--enable-waf=false"]).enable_waf);
    assert!(!config(&["--enable-waf=F"]).enable_waf);
    assert!(config(&["--disable-restricted-sg-rules"]).disable_restricted_sg_rules);
    assert!(config(&["--enable-waf=false", "--enable-waf"]).enable_waf);
    assert_eq!(usage(&["--enable-waf=no"]).exit_code(), 2);
}

#[test]
fn the_last_of_repeated_flags_wins_and_lists_and_maps_grow() {
    let settings = settings(&[
        "--aws-region=a",
        "--aws-region=b",
        "--external-managed-tags=x,y",
        "--external-managed-tags",
        "z",
        "--default-tags=k=1,l=2",
        "--default-tags=k=3",
        "--aws-api-throttle=EC2:^D=1:2",
        "--aws-api-throttle=EC2:^C=3:4,WAFV2:.=5:6",
    ]);
    assert_eq!(settings.aws.region, "b");
    let keys: Vec<_> = settings.config.external_managed_tags.iter().map(String::as_str).collect();
    assert_eq!(keys, ["x", "y", "z"]);
    assert_eq!(settings.config.default_tags["k"], "3");
    assert_eq!(settings.config.default_tags["l"], "2");
    let limits = |action| settings.throttles.rules(action).map(|rule| rule.rate).collect::<Vec<_>>();
    assert_eq!(limits(crate::aws_api::Action::DescribeSubnets), Vec::<f64>::new());
    assert_eq!(limits(crate::aws_api::Action::CreateTags), [3.0]);
    assert_eq!(limits(crate::aws_api::Action::GetWafv2WebAcl), [5.0]);
    assert_eq!(limits(crate::aws_api::Action::ModifyRule), [3.0]);
}

#[test]
fn values_are_typed() {
    let settings = settings(&[
        "--sync-period=1h30m",
        "--max-targets-per-target-group=0x10",
        "--service-max-concurrent-reconciles=0",
        "--ingress-max-concurrent-reconciles=-4",
        "--default-target-type=ip",
        "--default-load-balancer-scheme=internet-facing",
        "--required-secrets-label=a=b=c",
        "--annotation-validation=warn",
        "--metrics-bind-addr=0",
        "--enable-leader-election=false",
        "--webhook-cert-dir=/certs",
        "--webhook-key-file=key.pem",
        "--kube-ca-pem-filepath=/ca.pem",
        "--log-level=debug",
        "--aws-max-retries=0",
        "--aws-vpc-tags=env=prod",
        "--aws-vpc-tag-key=Env",
    ]);
    let config = &settings.config;
    assert_eq!(config.sync_period, Duration::from_mins(90));
    assert_eq!(config.max_targets_per_target_group, 16);
    assert_eq!((settings.workers.service, settings.workers.ingress), (1, 1));
    assert_eq!(config.default_target_type, TargetType::Ip);
    assert_eq!(config.default_load_balancer_scheme, Scheme::InternetFacing);
    assert_eq!(config.required_secrets_label, Some(("a".to_owned(), "b=c".to_owned())));
    assert_eq!(config.annotation_validation, AnnotationValidation::Warn);
    assert_eq!(settings.metrics_bind_addr, None);
    assert_eq!(settings.leader_election, None);
    assert_eq!(settings.webhook.cert_file, PathBuf::from("/certs/tls.crt"));
    assert_eq!(settings.webhook.key_file, PathBuf::from("/certs/key.pem"));
    assert_eq!(settings.webhook.client_ca_file, Some(PathBuf::from("/ca.pem")));
    assert_eq!(settings.log_level, LogLevel::Debug);
    assert_eq!(settings.aws.max_attempts, u32::MAX);
    assert_eq!(settings.vpc.tags["env"], "prod");
    assert_eq!(settings.warnings.len(), 1);
}

#[test]
fn the_region_is_given_by_flag_then_default_region_then_region() {
    let environment = Environment {
        aws_default_region: "b".to_owned(),
        aws_region: "c".to_owned(),
        aws_ec2_metadata_disabled: "true".to_owned(),
        node_name: "i-1".to_owned(),
    };
    assert_eq!(settings_with(&["--aws-region=a"], &environment).aws.region, "a");
    assert_eq!(settings_with(&[], &environment).aws.region, "b");
    let only_region = Environment { aws_default_region: String::new(), ..environment.clone() };
    let settings = settings_with(&[], &only_region);
    assert_eq!(settings.aws.region, "c");
    assert!(settings.aws.metadata_disabled);
    assert_eq!(settings.vpc.node_name, "i-1");
}

#[test]
fn gateways_are_served_by_default_as_upstream_does() {
    let features = settings(&[]).config.features;
    assert!(features.alb_gateway_api && features.nlb_gateway_api && features.gateway_listener_set);
    assert!(!features.gateway_api_strict, "only this controller has the gate");
    let given = settings(&["--feature-gates=NLBGatewayAPI=false,GatewayAPIStrict=true"]).config.features;
    assert!(given.alb_gateway_api && !given.nlb_gateway_api && given.gateway_api_strict);
    let workers = ["gateway-class", "alb-gateway", "nlb-gateway"]
        .map(|queue| format!("--{queue}-max-concurrent-reconciles=7"));
    let given = settings(&workers.each_ref().map(String::as_str));
    assert!(given.warnings.is_empty(), "{:?}", given.warnings);
    let crate::args::Workers { gateway_class, alb_gateway, nlb_gateway, .. } = given.workers;
    assert_eq!([gateway_class, alb_gateway, nlb_gateway], [7; 3]);
}

#[test]
fn gates_are_set_by_name_and_unknown_ones_refused_with_the_nearest() {
    let settings = settings(&[
        "--feature-gates=EndpointsFailOpen=false, ALBSingleSubnet = true,,",
        "--feature-gates=EndpointsFailOpen=true,GatewayListenerSet=false",
    ]);
    assert!(settings.config.features.endpoints_fail_open);
    assert!(settings.config.features.alb_single_subnet);
    assert!(!settings.config.features.gateway_listener_set);
    assert!(settings.explicit_gates.contains("ALBSingleSubnet"));
    assert!(!settings.explicit_gates.contains("EnableRGTAPI"));
    for (value, expected) in [
        ("EnableTCPUDPListenerType=true", "did you mean EnableTCPUDPListener?"),
        ("EndpointsFailOpen", "must be formatted as"),
        ("EndpointsFailOpen=maybe", "must be formatted as"),
    ] {
        let error = usage(&["--cluster-name=c", "--feature-gates", value]);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn unknown_flags_are_refused_with_the_nearest() {
    let error = usage(&["--cluster-nam=c"]);
    assert!(error.to_string().contains("--cluster-name"), "{error}");
    assert_eq!(error.exit_code(), 2);
    assert_eq!(usage(&["--aws-api-throttle="]).exit_code(), 2);
    assert_eq!(usage(&["--default-tags="]).exit_code(), 2);
    assert_eq!(usage(&["--annotation-validation=strict"]).exit_code(), 2);
    assert_eq!(usage(&["--help"]).exit_code(), 0);
}

#[test]
fn the_first_contradiction_in_upstreams_order_is_told() {
    use ArgsError::*;
    const NAME: &str = "--cluster-name=c";
    let tag = |flag, key: &str| TrackingTag { flag, key: key.to_owned() };
    let cases: &[(&[&str], ArgsError)] = &[
        (&["--default-tags=elbv2.k8s.aws/cluster=x"], ClusterName),
        (
            &[
                NAME,
                "--default-tags=elbv2.k8s.aws/cluster=x",
                "--external-managed-tags=service.k8s.aws/stack",
            ],
            tag("default-tags", "elbv2.k8s.aws/cluster"),
        ),
        (
            &[NAME, "--external-managed-tags=service.k8s.aws/stack,a", "--default-tags=a=b"],
            tag("external-managed-tags", "service.k8s.aws/stack"),
        ),
        (
            &[NAME, "--external-managed-tags=a", "--default-tags=a=b", "--default-target-type=x"],
            TagInBoth("a".to_owned()),
        ),
        (
            &[NAME, "--default-target-type=alb", "--default-load-balancer-scheme=x"],
            TargetType("alb".to_owned()),
        ),
        (&[NAME, "--default-load-balancer-scheme=public"], Scheme("public".to_owned())),
        (&[NAME, "--backend-security-group=mine"], BackendSecurityGroup("mine".to_owned())),
        (
            &[
                NAME,
                "--enable-backend-security-group=false",
                "--enable-manage-backend-security-group-rules",
                "--required-secrets-label=x",
            ],
            ManagedRules,
        ),
        (&[NAME, "--required-secrets-label=x"], SecretsLabel("x".to_owned())),
        (&[NAME, "--required-secrets-label=x="], SecretsLabel("x=".to_owned())),
        (&[NAME, "--webhook-bind-port=70000"], Port(70000)),
        (
            &[NAME, "--webhook-cert-secret=ns/s", "--webhook-service=ns/w"],
            OwnCertificates("webhook-configurations"),
        ),
        (
            &[NAME, "--webhook-cert-secret=s", "--webhook-service=ns/w", "--webhook-configurations=c"],
            ObjectName { flag: "webhook-cert-secret", value: "s".to_owned() },
        ),
    ];
    for (arguments, expected) in cases {
        assert_eq!(invalid(arguments), *expected, "{arguments:?}");
    }
}

#[test]
fn own_certificates_are_named_by_four_flags() {
    let settings = settings(&[
        "--webhook-cert-secret=ns/tls",
        "--webhook-service=ns/svc",
        "--webhook-configurations=lbc-webhook",
    ]);
    let own = settings.webhook.own_certificates.unwrap();
    assert_eq!(own.secret, ("ns".to_owned(), "tls".to_owned()));
    assert_eq!(own.service, ("ns".to_owned(), "svc".to_owned()));
    assert_eq!((own.configurations.as_str(), own.cluster_domain.as_str()), ("lbc-webhook", "cluster.local"));
}

#[test]
fn booleans_are_gos() {
    for text in ["1", "t", "T", "TRUE", "true", "True"] {
        assert_eq!(parse_bool(text), Ok(true));
    }
    for text in ["0", "f", "F", "FALSE", "false", "False"] {
        assert_eq!(parse_bool(text), Ok(false));
    }
    for text in ["", "yes", "tRUE"] {
        assert!(parse_bool(text).is_err());
    }
}

#[test]
fn integers_are_gos() {
    let cases =
        [("0", 0), ("10", 10), ("-3", -3), ("+3", 3), ("0x1F", 31), ("0o17", 15), ("017", 15), ("0b101", 5)];
    for (text, expected) in cases {
        assert_eq!(parse_int(text), Ok(expected), "{text}");
    }
    for text in ["", "-", "--1", "1.5", "ten", "0x", "08", "99999999999999999999"] {
        assert!(parse_int(text).is_err(), "{text}");
    }
}

#[test]
fn durations_are_gos() {
    let cases = [
        ("0", 0),
        ("300ms", 300),
        ("1m30s", 90_000),
        ("10h", 36_000_000),
        ("1.5h", 5_400_000),
        (".5s", 500),
        ("1h0m0.001s", 3_600_001),
        ("2000us", 2),
        ("-5s", 0),
        ("+5s", 5000),
    ];
    for (text, milliseconds) in cases {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["", "5", "s", "5x", "1m30", "1..5s", ".s", "-"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}

#[test]
fn lists_are_one_csv_record() {
    let list = |text| parse_list(text).unwrap();
    assert_eq!(list(""), Vec::<String>::new());
    assert_eq!(list("a"), ["a"]);
    assert_eq!(list("a,b,"), ["a", "b", ""]);
    assert_eq!(list(r#""a,b",c"#), ["a,b", "c"]);
    assert_eq!(list(r#""say ""hi""",x"#), [r#"say "hi""#, "x"]);
    for text in [r#"a"b"#, r#""a"#, r#""a"b"#] {
        assert!(parse_list(text).is_err(), "{text}");
    }
}

#[test]
fn a_map_with_one_equals_sign_is_one_pair() {
    let pairs = |text: &str| parse_map(text).unwrap().into_iter().collect::<Vec<_>>();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(pairs("a=b,c"), [pair("a", "b,c")]);
    assert_eq!(pairs(r#""a=b""#), [pair("a", "b")]);
    assert_eq!(pairs("a=b,c=d=e"), [pair("a", "b"), pair("c", "d=e")]);
    assert_eq!(pairs(r#""a=b,c",d=e"#), [pair("a", "b,c"), pair("d", "e")]);
    for text in ["", "a", "a=b,c=d,e"] {
        assert!(parse_map(text).is_err(), "{text}");
    }
}

#[test]
fn every_flag_says_what_it_does() {
    for flag in FLAGS {
        assert!(!flag.help.is_empty() && !flag.help.ends_with('.'), "--{}", flag.name);
        assert!(flag.kind != FlagKind::Switch || !flag.default.is_empty(), "--{}", flag.name);
    }
}

fn invocation(arguments: &[&str]) -> Invocation {
    let given = ["controller"].iter().chain(arguments);
    parse(given, &Environment::default()).unwrap_or_else(|refusal| panic!("{arguments:?}: {refusal}"))
}

#[test]
fn commands_beside_the_controller_are_told_apart() {
    assert!(matches!(invocation(&["crds"]), Invocation::Crds));
    let policy = |more: &[&str]| match invocation(&[&["iam-policy"], more].concat()) {
        Invocation::IamPolicy(policy) => policy,
        other => panic!("{other:?}"),
    };
    assert_eq!(policy(&[]), Policy::of(Partition::Aws, PolicyParts::default()));
    assert_eq!(policy(&["--partition=aws-cn"]), Policy::of(Partition::AwsCn, PolicyParts::default()));
    let requested = PolicyParts { requested_certificates: true, ..PolicyParts::default() };
    assert_eq!(policy(&["--with=requested-certificates"]), Policy::of(Partition::Aws, requested));
    let of_secrets = PolicyParts { secret_certificates: true, ..PolicyParts::default() };
    assert_eq!(policy(&["--with=secret-certificates"]), Policy::of(Partition::Aws, of_secrets));
    let both = policy(&["--with=requested-certificates,secret-certificates"]);
    assert_eq!(both, Policy::of(Partition::Aws, PolicyParts::ALL));
    assert_eq!(policy(&["--global-accelerator"]), Policy::of_global_accelerator());
    assert!(usage(&["iam-policy", "--partition=aws-mars"]).to_string().contains("aws-iso-b"));
    let Invocation::Plan(request) = invocation(&["plan", "-f", "a.yaml", "-f", "b", "--exit-code"]) else {
        panic!("not a plan")
    };
    assert_eq!(request.files, [PathBuf::from("a.yaml"), PathBuf::from("b")]);
    assert!(request.exit_code && !request.session_flags.is_complete);
}

#[test]
fn flags_given_to_an_inspection_go_over_those_of_the_deployment() {
    let arguments = ["doctor", "--aws-vpc-id=vpc-mine", "--deployment=a/b", "--kubeconfig=k"];
    let Invocation::Doctor(session_flags) = invocation(&arguments) else { panic!("not a doctor") };
    assert_eq!(session_flags.deployment, Some(crate::api::ObjectKey::namespaced("a", "b")));
    assert_eq!(session_flags.kubeconfig, Some(PathBuf::from("k")));
    let inherited = ["--cluster-name=theirs", "--aws-vpc-id=vpc-theirs", "--enable-waf=false"];
    let settings = session_flags.settings(&inherited.map(str::to_owned)).unwrap();
    assert_eq!((settings.config.cluster_name.as_str(), settings.vpc.id.as_str()), ("theirs", "vpc-mine"));
    assert!(!settings.config.enable_waf);
    assert!(matches!(session_flags.settings(&[]), Err(CommandLineError::Invalid(ArgsError::ClusterName))));
}

#[test]
fn an_inspection_is_complete_with_a_cluster_name_unless_a_deployment_is_named() {
    let is_complete = |arguments: &[&str]| match invocation(arguments) {
        Invocation::Doctor(session_flags) => session_flags.is_complete,
        other => panic!("{other:?}"),
    };
    assert!(is_complete(&["doctor", "--cluster-name=c"]));
    assert!(!is_complete(&["doctor"]));
    assert!(!is_complete(&["doctor", "--cluster-name=c", "--deployment=a/b"]));
}

#[test]
fn commands_for_people_take_their_own_arguments() {
    let parse = |arguments: &[&str]| {
        parse([&["aws-load-balancer-controller"], arguments].concat(), &Environment::default())
    };
    let lint = |arguments: &[&str]| match parse(&[&["lint"], arguments].concat()) {
        Ok(Invocation::Lint(request)) => request,
        other => panic!("not lint: {other:?}"),
    };
    let request = lint(&["-f", "a.yaml", "b.yaml", "-f", "-", "--format", "sarif"]);
    assert_eq!(request.options.paths, ["a.yaml", "b.yaml", "-"].map(PathBuf::from));
    assert_eq!(request.options.format, LintFormat::Sarif);
    let request =
        lint(&["-R", "shop", "--strict", "--settings-from", "values.yaml", "--enable-shield=false"]);
    assert_eq!(request.options.paths, [PathBuf::from("shop")]);
    assert!(request.options.recursive && request.options.strict);
    assert_eq!(request.settings_from, Some(PathBuf::from("values.yaml")));
    let settings = request.flags.settings(&["--cluster-name=c".to_owned()]).unwrap();
    assert!(!settings.config.enable_shield);
    assert!(matches!(parse(&["lint"]), Err(CommandLineError::Usage(_))));
    assert!(matches!(parse(&["lint", "-f", "-", "--format", "xml"]), Err(CommandLineError::Usage(_))));
    assert!(matches!(parse(&["annotations"]), Ok(Invocation::Annotations(None))));
    assert!(
        matches!(parse(&["annotations", "scheme"]), Ok(Invocation::Annotations(Some(name))) if name == "scheme")
    );
}
