//! What the flags and the environment say, typed and checked.

use super::gates::{GateSettings, set_gates};
use super::validate::{self, ArgsError, parse_label};
use super::{Environment, flags::FLAGS};
use crate::aws::AwsSettings;
use crate::aws::throttle::Throttles;
use crate::aws::vpc::VpcSettings;
use crate::aws_api::elbv2::{Scheme, TargetType};
use crate::config::{AnnotationValidation, Config, FeatureGates};
use crate::telemetry::{LogFormat, LogLevel};
use clap::ArgMatches;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// How the process was started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the core and the controllers need to know; region and VPC are filled in once they are known.
    pub config: Config,
    /// Gates that were set rather than left at their default.
    pub explicit_gates: BTreeSet<&'static str>,
    /// How much to log.
    pub log_level: LogLevel,
    /// `--log-format`: how lines of the log are written.
    pub log_format: LogFormat,
    /// How to reach AWS.
    pub aws: AwsSettings,
    /// How to find the VPC.
    pub vpc: VpcSettings,
    /// Client-side rate limits.
    pub throttles: Throttles,
    /// How many work, and how patiently.
    pub workers: Workers,
    /// `--kubeconfig`; `None`: the configuration of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// `--metrics-bind-addr`; `None`: no metrics.
    pub metrics_bind_addr: Option<String>,
    /// `--health-probe-bind-addr`: address of liveness and readiness probes.
    pub health_probe_bind_addr: String,
    /// The webhook server.
    pub webhook: WebhookSettings,
    /// The lease; `None`: this is the only replica.
    pub leader_election: Option<LeaderElection>,
    /// The console; `None`: it is not served.
    pub console: Option<ConsoleSettings>,
    /// What the user should know but does not stop us; to be logged.
    pub warnings: Vec<String>,
}

/// How many reconcile at once, at least one each, and how patiently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workers {
    /// `--service-max-concurrent-reconciles`: Services side by side.
    pub service: usize,
    /// `--ingress-max-concurrent-reconciles`: Ingress groups side by side.
    pub ingress: usize,
    /// `--targetgroupbinding-max-concurrent-reconciles`: TargetGroupBindings side by side.
    pub target_group_binding: usize,
    /// `--gateway-class-max-concurrent-reconciles`: GatewayClasses side by side.
    pub gateway_class: usize,
    /// `--alb-gateway-max-concurrent-reconciles`: Gateways with ALBs side by side.
    pub alb_gateway: usize,
    /// `--nlb-gateway-max-concurrent-reconciles`: Gateways with NLBs side by side.
    pub nlb_gateway: usize,
    /// `--globalaccelerator-max-concurrent-reconciles`: GlobalAccelerators side by side.
    pub global_accelerator: usize,
    /// `--targetgroupbinding-max-exponential-backoff-delay`: longest pause between two attempts.
    pub target_group_binding_max_backoff: Duration,
    /// `--globalaccelerator-max-exponential-backoff-delay`: longest pause between two attempts.
    pub global_accelerator_max_backoff: Duration,
}

/// The webhook server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Port of the webhooks, with TLS.
    pub port: u16,
    /// The serving certificate.
    pub cert_file: PathBuf,
    /// File of the certificate's key.
    pub key_file: PathBuf,
    /// CA bundle of callers; `None`: any caller.
    pub client_ca_file: Option<PathBuf>,
    /// A certificate that the controller issues itself, instead of the files.
    pub own_certificates: Option<OwnCertificates>,
}

/// A serving certificate that the controller issues and renews itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCertificates {
    /// Namespace and name of the Secret that holds it.
    pub secret: (String, String),
    /// Namespace and name of the webhooks' Service.
    pub service: (String, String),
    /// Name of the webhook configurations that are given its CA.
    pub configurations: String,
    /// DNS domain of the cluster.
    pub cluster_domain: String,
}

/// The console that the controller serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// Port on the loopback address.
    pub port: u16,
    /// The file with its token; `None`: it asks for none.
    pub token_file: Option<PathBuf>,
}

/// How one replica is made the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderElection {
    /// Name of the lease.
    pub id: String,
    /// Its namespace; empty: the pod's.
    pub namespace: String,
}

/// Flags as given, by name.
struct FlagValues<'a>(&'a ArgMatches);

/// Everything the flags and the environment say.
pub(super) fn build_settings(matches: &ArgMatches, environment: &Environment) -> Result<Settings, ArgsError> {
    let given = FlagValues(matches);
    let config = build_config(&given);
    validate::check(&config, &given.text("required-secrets-label"))?;
    Ok(Settings {
        config,
        explicit_gates: given.gates().into_iter().map(|(name, _)| name).collect(),
        log_level: LogLevel::from_flag(&given.text("log-level")),
        log_format: match given.text("log-format").as_str() {
            "human" => LogFormat::Human,
            _ => LogFormat::Json,
        },
        aws: build_aws(&given, environment),
        vpc: VpcSettings {
            id: given.text("aws-vpc-id"),
            tags: given.map("aws-vpc-tags"),
            node_name: environment.node_name.clone(),
        },
        throttles: given.throttles(),
        workers: build_workers(&given),
        kubeconfig: given.path("kubeconfig"),
        metrics_bind_addr: Some(given.text("metrics-bind-addr")).filter(|address| address != "0"),
        health_probe_bind_addr: given.text("health-probe-bind-addr"),
        webhook: build_webhook(&given)?,
        leader_election: given.switch("enable-leader-election").then(|| LeaderElection {
            id: given.text("leader-election-id"),
            namespace: given.text("leader-election-namespace"),
        }),
        console: build_console(&given)?,
        warnings: build_warnings(&given),
    })
}

fn build_config(given: &FlagValues) -> Config {
    let mut features = FeatureGates::default();
    set_gates(&mut features, &given.gates());
    Config {
        cluster_name: given.text("cluster-name"),
        region: String::new(),
        vpc_id: String::new(),
        default_tags: given.map("default-tags"),
        external_managed_tags: given.list("external-managed-tags").into_iter().collect(),
        default_target_type: TargetType::from(given.text("default-target-type").as_str()),
        default_load_balancer_scheme: Scheme::from(given.text("default-load-balancer-scheme").as_str()),
        default_ssl_policy: given.text("default-ssl-policy"),
        default_pca_arn: given.text("default-pca-arn"),
        allowed_certificate_authority_arns: given.list("allowed-certificate-authority-arns"),
        enable_backend_security_group: given.switch("enable-backend-security-group"),
        backend_security_group: given.text("backend-security-group"),
        enable_manage_backend_security_group_rules: given
            .switch("enable-manage-backend-security-group-rules"),
        disable_restricted_sg_rules: given.switch("disable-restricted-sg-rules"),
        service_target_eni_security_group_tags: given.map("service-target-eni-security-group-tags"),
        enable_endpoint_slices: given.switch("enable-endpoint-slices"),
        keep_last_healthy_targets: given.switch("keep-last-healthy-targets"),
        max_targets_per_target_group: given.count("max-targets-per-target-group"),
        target_group_binding_requeue: given.duration("targetgroupbinding-requeue-duration"),
        lb_stabilization_monitor_interval: given.duration("lb-stabilization-monitor-interval"),
        sync_period: given.duration("sync-period"),
        required_secrets_label: parse_label(&given.text("required-secrets-label")),
        ingress_class: given.text("ingress-class"),
        disable_ingress_class_annotation: given.switch("disable-ingress-class-annotation"),
        disable_ingress_group_name_annotation: given.switch("disable-ingress-group-name-annotation"),
        tolerate_non_existent_backend_service: given.switch("tolerate-non-existent-backend-service"),
        tolerate_non_existent_backend_action: given.switch("tolerate-non-existent-backend-action"),
        enable_waf: given.switch("enable-waf"),
        enable_wafv2: given.switch("enable-wafv2"),
        enable_shield: given.switch("enable-shield"),
        load_balancer_class: given.text("load-balancer-class"),
        enable_pod_readiness_gate_inject: given.switch("enable-pod-readiness-gate-inject"),
        pod_drain_max_deregistration_delay: given.duration("pod-drain-max-deregistration-delay"),
        quic_environment_variable_name: given.text("quic-environment-variable-name"),
        watch_namespace: given.text("watch-namespace"),
        annotation_validation: match given.text("annotation-validation").as_str() {
            "warn" => AnnotationValidation::Warn,
            "off" => AnnotationValidation::Off,
            _ => AnnotationValidation::Enforce,
        },
        features,
    }
}

fn build_aws(given: &FlagValues, environment: &Environment) -> AwsSettings {
    // why: upstream asks AWS_DEFAULT_REGION before AWS_REGION, opposite to the SDK
    let regions =
        [given.text("aws-region"), environment.aws_default_region.clone(), environment.aws_region.clone()];
    AwsSettings {
        region: regions.into_iter().find(|region| !region.is_empty()).unwrap_or_default(),
        // why: for upstream's SDK no number of attempts means no limit
        max_attempts: u32::try_from(given.number("aws-max-retries"))
            .ok()
            .filter(|attempts| *attempts > 0)
            .unwrap_or(u32::MAX),
        endpoints: given.map("aws-api-endpoints"),
        metadata_disabled: environment.aws_ec2_metadata_disabled.eq_ignore_ascii_case("true"),
    }
}

fn build_workers(given: &FlagValues) -> Workers {
    let workers = |name| given.count(name).max(1);
    Workers {
        service: workers("service-max-concurrent-reconciles"),
        ingress: workers("ingress-max-concurrent-reconciles"),
        target_group_binding: workers("targetgroupbinding-max-concurrent-reconciles"),
        gateway_class: workers("gateway-class-max-concurrent-reconciles"),
        alb_gateway: workers("alb-gateway-max-concurrent-reconciles"),
        nlb_gateway: workers("nlb-gateway-max-concurrent-reconciles"),
        global_accelerator: workers("globalaccelerator-max-concurrent-reconciles"),
        target_group_binding_max_backoff: given.duration("targetgroupbinding-max-exponential-backoff-delay"),
        global_accelerator_max_backoff: given.duration("globalaccelerator-max-exponential-backoff-delay"),
    }
}

fn build_webhook(given: &FlagValues) -> Result<WebhookSettings, ArgsError> {
    let port = given.number("webhook-bind-port");
    let directory = given
        .path("webhook-cert-dir")
        .unwrap_or_else(|| std::env::temp_dir().join("k8s-webhook-server/serving-certs"));
    let file = |flag, default: &str| directory.join(given.path(flag).unwrap_or_else(|| default.into()));
    Ok(WebhookSettings {
        port: u16::try_from(port).map_err(|_| ArgsError::Port(port))?,
        cert_file: file("webhook-cert-file", "tls.crt"),
        key_file: file("webhook-key-file", "tls.key"),
        client_ca_file: given.path("kube-ca-pem-filepath"),
        own_certificates: build_own_certificates(given)?,
    })
}

fn build_own_certificates(given: &FlagValues) -> Result<Option<OwnCertificates>, ArgsError> {
    if given.text("webhook-cert-secret").is_empty() {
        return Ok(None);
    }
    for needed in ["webhook-service", "webhook-configurations"] {
        if given.text(needed).is_empty() {
            return Err(ArgsError::OwnCertificates(needed));
        }
    }
    Ok(Some(OwnCertificates {
        secret: given.object_name("webhook-cert-secret")?,
        service: given.object_name("webhook-service")?,
        configurations: given.text("webhook-configurations"),
        cluster_domain: given.text("webhook-cluster-domain"),
    }))
}

fn build_console(given: &FlagValues) -> Result<Option<ConsoleSettings>, ArgsError> {
    if !given.switch("console") {
        return Ok(None);
    }
    let port = given.number("console-port");
    let port = u16::try_from(port).map_err(|_| ArgsError::Port(port))?;
    Ok(Some(ConsoleSettings { port, token_file: given.path("console-token-file") }))
}

fn build_warnings(given: &FlagValues) -> Vec<String> {
    let deprecated = given.text("aws-vpc-tag-key") != "Name" && !given.map("aws-vpc-tags").is_empty();
    let warning = "--aws-vpc-tag-key is deprecated and has no effect: --aws-vpc-tags names keys and values";
    deprecated.then(|| warning.to_owned()).into_iter().collect()
}

impl FlagValues<'_> {
    fn one<T: Clone + Default + Send + Sync + 'static>(&self, name: &str) -> T {
        debug_assert!(FLAGS.iter().any(|flag| flag.name == name), "no flag {name}");
        self.0.get_one::<T>(name).cloned().unwrap_or_default()
    }

    fn every<T: Clone + Send + Sync + 'static>(&self, name: &str) -> impl Iterator<Item = T> + use<'_, T> {
        self.0.get_many::<T>(name).into_iter().flatten().cloned()
    }

    fn text(&self, name: &str) -> String {
        self.one(name)
    }

    fn switch(&self, name: &str) -> bool {
        self.one(name)
    }

    fn number(&self, name: &str) -> i64 {
        self.one(name)
    }

    /// A number of things: negative ones are none.
    fn count(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap_or(0)
    }

    fn duration(&self, name: &str) -> Duration {
        self.one(name)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.text(name)).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.every::<Vec<String>>(name).flatten().collect()
    }

    fn map(&self, name: &str) -> BTreeMap<String, String> {
        self.every::<BTreeMap<String, String>>(name).flatten().collect()
    }

    fn gates(&self) -> GateSettings {
        self.every::<GateSettings>("feature-gates").flatten().collect()
    }

    fn throttles(&self) -> Throttles {
        let overrides = self.every::<Throttles>("aws-api-throttle");
        overrides.fold(Throttles::default(), Throttles::overridden_by)
    }

    /// A name in the form `namespace/name`.
    fn object_name(&self, flag: &'static str) -> Result<(String, String), ArgsError> {
        let value = self.text(flag);
        match value.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok((namespace.to_owned(), name.to_owned()))
            }
            _ => Err(ArgsError::ObjectName { flag, value }),
        }
    }
}
