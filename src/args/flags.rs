//! The table of flags.

use super::{gates, values};
use crate::api::meta::DEFAULT_LOAD_BALANCER_CLASS;
use crate::aws::throttle::Throttles;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction};

/// One flag: its name without dashes, what values it takes, its default as text, and what it does.
#[derive(Debug)]
pub struct Flag {
    /// Name without dashes.
    pub name: &'static str,
    /// What values it takes.
    pub kind: FlagKind,
    /// Default as text.
    pub default: &'static str,
    /// Where it stands in the usage text.
    pub topic: &'static str,
    /// What it does, for the usage text and the reference.
    pub help: &'static str,
}

/// What values a flag takes, in Go's syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagKind {
    /// Any text.
    Text,
    /// One of a closed set.
    Choice(&'static [&'static str]),
    /// `true` or `false`; without a value: `true`. A value needs `=`.
    Switch,
    /// An integer.
    Number,
    /// A duration, for example `1m30s`.
    Duration,
    /// One CSV record; repetitions append.
    List,
    /// `key=value` pairs as one CSV record; repetitions merge.
    Map,
    /// Feature gates: `Name=bool,…`; repetitions merge.
    Gates,
    /// Client-side rate limits.
    Throttle,
}

impl Flag {
    /// The flag as `clap` understands it.
    pub fn arg(&self) -> Arg {
        let arg = Arg::new(self.name).long(self.name).help(self.help).help_heading(self.topic);
        let arg = match self.kind {
            FlagKind::Text => arg.action(ArgAction::Set),
            FlagKind::Choice(choices) => {
                arg.action(ArgAction::Set).value_parser(PossibleValuesParser::new(choices))
            }
            FlagKind::Switch => arg
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_parser(values::parse_bool),
            FlagKind::Number => arg.action(ArgAction::Set).value_parser(values::parse_int),
            FlagKind::Duration => arg.action(ArgAction::Set).value_parser(values::parse_duration),
            FlagKind::List => arg.action(ArgAction::Append).value_parser(values::parse_list),
            FlagKind::Map => arg.action(ArgAction::Append).value_parser(values::parse_map),
            FlagKind::Gates => arg.action(ArgAction::Append).value_parser(gates::parse_gates),
            FlagKind::Throttle => arg.action(ArgAction::Append).value_parser(Throttles::parse),
        };
        let arg = arg.value_name(self.kind.value_name()).allow_hyphen_values(self.kind != FlagKind::Switch);
        if self.default.is_empty() { arg } else { arg.default_value(self.default) }
    }
}

impl FlagKind {
    fn value_name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Choice(_) => "choice",
            Self::Switch => "bool",
            Self::Number => "int",
            Self::Duration => "duration",
            Self::List => "list",
            Self::Map => "key=value,…",
            Self::Gates => "Name=bool,…",
            Self::Throttle => "service:regex=rate:burst,…",
        }
    }
}

const fn flag(
    name: &'static str,
    kind: FlagKind,
    default: &'static str,
    topic: &'static str,
    help: &'static str,
) -> Flag {
    Flag { name, kind, default, topic, help }
}

const CLUSTER: &str = "Cluster";
const AWS: &str = "AWS";
const DEFAULTS: &str = "Defaults of load balancers";
const NETWORKING: &str = "Security groups and targets";
const FEATURES: &str = "Features";
const WORKERS: &str = "Workers and periods";
const SERVERS: &str = "Servers and leader election";

use FlagKind::{Choice, Duration, Gates, List, Map, Number, Switch, Text, Throttle};

/// Every flag.
#[rustfmt::skip]
pub const FLAGS: &[Flag] = &[
    flag("cluster-name", Text, "", CLUSTER, "Name of the cluster; written to tags and used to find subnets and security groups (required)"),
    flag("kubeconfig", Text, "", CLUSTER, "Path of a kubeconfig; empty: the configuration of the pod"),
    flag("watch-namespace", Text, "", CLUSTER, "The only namespace to watch; empty: all"),
    flag("ingress-class", Text, "alb", CLUSTER, "Value of the class annotation to handle; empty: also `alb` and Ingresses without any class"),
    flag("load-balancer-class", Text, DEFAULT_LOAD_BALANCER_CLASS, CLUSTER, "Load balancer class of Services to handle"),
    flag("required-secrets-label", Text, "", CLUSTER, "key=value label that a Secret must carry to be used by an Ingress for OIDC"),

    flag("aws-region", Text, "", AWS, "Region; empty: AWS_DEFAULT_REGION, AWS_REGION, instance metadata"),
    flag("aws-vpc-id", Text, "", AWS, "VPC of the cluster; empty: by --aws-vpc-tags, else from instance metadata"),
    flag("aws-vpc-tags", Map, "", AWS, "Tags that pick the VPC; all must match"),
    flag("aws-vpc-tag-key", Text, "Name", AWS, "Deprecated and without effect; use --aws-vpc-tags"),
    flag("aws-max-retries", Number, "10", AWS, "Attempts for every AWS call"),
    flag("aws-api-endpoints", Map, "", AWS, "Service id to URL, for example EC2=https://ec2.example.com"),
    flag("aws-api-throttle", Throttle, "", AWS, "Client-side rate limits; naming a service replaces all its defaults"),

    flag("default-tags", Map, "", DEFAULTS, "Tags of every AWS resource that the controller creates"),
    flag("external-managed-tags", List, "", DEFAULTS, "Tag keys that the controller leaves alone"),
    flag("default-target-type", Text, "instance", DEFAULTS, "Target type when none is given: instance or ip"),
    flag("default-load-balancer-scheme", Text, "internal", DEFAULTS, "Scheme when none is given: internal or internet-facing"),
    flag("default-ssl-policy", Text, "ELBSecurityPolicy-2016-08", DEFAULTS, "SSL policy of secure listeners without one"),
    flag("default-pca-arn", Text, "", DEFAULTS, "Private CA of certificates created for Ingresses"),
    flag("allowed-certificate-authority-arns", List, "", DEFAULTS, "Discover only certificates issued by these CAs"),
    flag("tolerate-non-existent-backend-service", Switch, "true", DEFAULTS, "Answer 503 where an Ingress names a missing Service, instead of failing"),
    flag("tolerate-non-existent-backend-action", Switch, "true", DEFAULTS, "Answer 503 where an Ingress names a missing action, instead of failing"),

    flag("enable-backend-security-group", Switch, "true", NETWORKING, "Use one shared security group as the source of traffic to targets"),
    flag("backend-security-group", Text, "", NETWORKING, "Id of the shared backend security group; empty: create one"),
    flag("enable-manage-backend-security-group-rules", Switch, "false", NETWORKING, "Manage rules to targets also where users give their own security groups"),
    flag("disable-restricted-sg-rules", Switch, "false", NETWORKING, "Open all ports of targets instead of the exact ones"),
    flag("service-target-eni-security-group-tags", Map, "", NETWORKING, "More tags that pick the security group of targets that receives rules"),
    flag("enable-endpoint-slices", Switch, "true", NETWORKING, "Find targets in EndpointSlices instead of Endpoints"),
    flag("keep-last-healthy-targets", Switch, "true", NETWORKING, "Keep the last targets of a target group registered while their pods or nodes live, although all became unready at once or a selector matches nothing any more"),
    flag("max-targets-per-target-group", Number, "0", NETWORKING, "Most targets of one target group; 0: no limit"),
    flag("quic-environment-variable-name", Text, "AWS_LBC_QUIC_SERVER_ID", NETWORKING, "Environment variable of a container that holds its QUIC server id"),

    flag("feature-gates", Gates, "", FEATURES, "Features to switch on or off"),
    flag("enable-waf", Switch, "true", FEATURES, "Manage WAF Classic associations"),
    flag("enable-wafv2", Switch, "true", FEATURES, "Manage WAFv2 associations"),
    flag("enable-shield", Switch, "true", FEATURES, "Manage Shield protections"),
    flag("enable-pod-readiness-gate-inject", Switch, "true", FEATURES, "Give pods a readiness gate for every binding of theirs"),
    flag("pod-drain-max-deregistration-delay", Duration, "30s", FEATURES, "The most of a deregistration delay that drained pods wait for before they end"),
    flag("disable-ingress-class-annotation", Switch, "false", FEATURES, "Refuse new uses of the kubernetes.io/ingress.class annotation"),
    flag("disable-ingress-group-name-annotation", Switch, "false", FEATURES, "Refuse new uses of the alb.ingress.kubernetes.io/group.name annotation"),
    flag("console", Switch, "false", FEATURES, "Serve a web page that shows what there is and how it is, on the loopback address of the pod"),
    flag("console-port", Number, "8090", FEATURES, "Port of the console"),
    flag("console-token-file", Text, "", FEATURES, "File with the token that the console asks for; empty: whoever may forward a port to the pod may read"),
    flag("annotation-validation", Choice(&["enforce", "warn", "off"]), "enforce", FEATURES, "What admission does with invalid annotations, and with invalid configurations of Gateways: refuse, warn, or nothing"),

    flag("targetgroupbinding-requeue-duration", Duration, "15s", WORKERS, "Requeue period while targets become healthy"),
    flag("targetgroupbinding-max-concurrent-reconciles", Number, "3", WORKERS, "Workers for TargetGroupBindings"),
    flag("targetgroupbinding-max-exponential-backoff-delay", Duration, "16m40s", WORKERS, "Longest pause between two failures of a TargetGroupBinding"),
    flag("service-max-concurrent-reconciles", Number, "3", WORKERS, "Workers for Services"),
    flag("ingress-max-concurrent-reconciles", Number, "3", WORKERS, "Workers for Ingress groups"),
    flag("gateway-class-max-concurrent-reconciles", Number, "3", WORKERS, "Workers for GatewayClasses and gateway configurations"),
    flag("alb-gateway-max-concurrent-reconciles", Number, "3", WORKERS, "Workers for ALB Gateways"),
    flag("nlb-gateway-max-concurrent-reconciles", Number, "3", WORKERS, "Workers for NLB Gateways"),
    flag("globalaccelerator-max-concurrent-reconciles", Number, "1", WORKERS, "Workers for GlobalAccelerators"),
    flag("globalaccelerator-max-exponential-backoff-delay", Duration, "16m40s", WORKERS, "Longest pause between two failures of a GlobalAccelerator"),
    flag("lb-stabilization-monitor-interval", Duration, "2m", WORKERS, "Requeue period while a load balancer with reserved capacity is provisioned"),
    flag("sync-period", Duration, "10h", WORKERS, "Full resync period"),

    flag("log-level", Text, "info", SERVERS, "info or debug; SIGUSR1 switches to debug and back"),
    flag("log-format", Choice(&["json", "human"]), "json", SERVERS, "Form of log lines: json, or human for a terminal"),
    flag("metrics-bind-addr", Text, ":8080", SERVERS, "Address of metrics; 0: none"),
    flag("health-probe-bind-addr", Text, ":61779", SERVERS, "Address of health probes"),
    flag("webhook-bind-port", Number, "9443", SERVERS, "TLS port of webhooks"),
    flag("webhook-cert-dir", Text, "", SERVERS, "Directory of the serving certificate; empty: k8s-webhook-server/serving-certs in the temporary directory"),
    flag("webhook-cert-file", Text, "", SERVERS, "File name of the serving certificate; empty: tls.crt"),
    flag("webhook-key-file", Text, "", SERVERS, "File name of its key; empty: tls.key"),
    flag("kube-ca-pem-filepath", Text, "", SERVERS, "CA bundle that callers of webhooks must have a certificate of; empty: any caller"),
    flag("webhook-cert-secret", Text, "", SERVERS, "namespace/name of the Secret in which the controller keeps the serving certificate it issues itself; empty: use files"),
    flag("webhook-service", Text, "", SERVERS, "namespace/name of the Service of the webhooks, for the issued certificate"),
    flag("webhook-configurations", Text, "", SERVERS, "Name of the webhook configurations that are given the CA of the issued certificate"),
    flag("webhook-cluster-domain", Text, "cluster.local", SERVERS, "DNS domain of the cluster, for the issued certificate"),
    flag("enable-leader-election", Switch, "true", SERVERS, "Elect a leader by a lease; only the leader changes AWS and the cluster"),
    flag("leader-election-id", Text, "aws-load-balancer-controller-leader", SERVERS, "Name of the lease"),
    flag("leader-election-namespace", Text, "", SERVERS, "Namespace of the lease; empty: the pod's"),
];
