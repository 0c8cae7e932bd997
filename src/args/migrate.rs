//! The flags of `migrate`: those of the tool that came first, and our own.

use super::session::GivenFlags;
use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::path::PathBuf;

/// What `migrate` was asked to do.
#[derive(Clone, Debug, Default)]
pub struct MigrateRequest {
    /// `--file`: manifests to read.
    pub files: Vec<PathBuf>,
    /// `--input-dir`: a folder of manifests to read.
    pub input_dir: Option<PathBuf>,
    /// `--from-cluster`: the objects of a cluster are read.
    pub from_cluster: bool,
    /// `--namespaces`: of the cluster, only these.
    pub namespaces: Vec<String>,
    /// `--all-namespaces`: of the cluster, all of them.
    pub all_namespaces: bool,
    /// `--ingress-name`: of one namespace, only this one.
    pub ingress_name: String,
    /// `--kubeconfig`: how the cluster is reached.
    pub kubeconfig: Option<PathBuf>,
    /// `--output-dir`: where files are written to.
    pub output_dir: PathBuf,
    /// `--output-format`: `yaml` or `json`.
    pub output_format: String,
    /// `--split`: how objects are spread over files.
    pub split: String,
    /// `--dry-run`: what would be written is printed.
    pub is_dry_run: bool,
    /// `--services`: Services become NLB Gateways, too.
    pub with_services: bool,
    /// `--verify`: both sides are built and compared.
    pub verify: bool,
    /// `--in-place`: Gateways take over load balancers.
    pub in_place: bool,
    /// `--settings-from`: flags of the controller are read from there.
    pub settings_from: Option<PathBuf>,
    /// The controller's flags.
    pub flags: GivenFlags,
}

/// Explains the exit status, and where the settings of the comparison come from.
const AFTER: &str = "Exit status: 0 if everything was translated and serves the same requests in the same way, 1 if something could not be \
translated, read or written, 3 if --verify finds that traffic would change.\n\nBoth sides are built for a controller with the flags given here, \
over those of --settings-from.";

pub(super) fn command() -> Command {
    Command::new("migrate")
        .about("Translate Ingresses and Services to Gateway API, and prove that their load balancers are the same")
        .after_help(AFTER)
        .args([
            list("file", "FILE", "Manifests to translate").short('f').value_parser(value_parser!(PathBuf)),
            text("input-dir", "DIR", "Folder with manifests to translate").value_parser(value_parser!(PathBuf)),
            switch("from-cluster", "Read a live cluster"),
            list("namespaces", "NAMESPACES", "Namespaces of the cluster to read"),
            switch("all-namespaces", "Read all namespaces of the cluster, as without --namespaces"),
            text("ingress-name", "NAME", "The one Ingress of the one namespace to read").default_value(""),
            text("output-dir", "DIR", "Folder to write to")
                .value_parser(value_parser!(PathBuf))
                .default_value("./gateway-output"),
            text("output-format", "FORMAT", "yaml or json").default_value("yaml"),
            text("split", "BY", "One file in all (empty), or one for each namespace (namespace)").default_value(""),
            switch("dry-run", "Mark Gateways so that they are only planned").default_value("true"),
            switch("services", "Also translate Services of type LoadBalancer to Gateways with NLBs"),
            switch("verify", "Build both sides and compare them").default_value("true"),
            switch("in-place", "Have Gateways take over the load balancers of their Ingresses, where both are the same"),
            text("settings-from", "FILE", "Settings of the controller: values of its chart, or manifests with its Deployment")
                .value_parser(value_parser!(PathBuf)),
            super::console::port().hide(true),
            // why: the tool that came first takes no notice of them
            Arg::new("ignored").hide(true).num_args(0..),
        ])
}

fn text(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn list(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    text(name, value, help).action(ArgAction::Append).value_delimiter(',')
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    let arg =
        Arg::new(name).long(name).help(help).value_name("true|false").value_parser(BoolishValueParser::new());
    arg.num_args(0..=1).require_equals(true).default_missing_value("true").default_value("false")
}

pub(super) fn request(matches: &ArgMatches, flags: GivenFlags) -> MigrateRequest {
    let path = |name| matches.get_one::<PathBuf>(name).cloned();
    let text = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let switch = |name| matches.get_one::<bool>(name).copied().unwrap_or_default();
    MigrateRequest {
        files: matches.get_many::<PathBuf>("file").into_iter().flatten().cloned().collect(),
        input_dir: path("input-dir"),
        from_cluster: switch("from-cluster"),
        namespaces: matches.get_many::<String>("namespaces").into_iter().flatten().cloned().collect(),
        all_namespaces: switch("all-namespaces"),
        ingress_name: text("ingress-name"),
        kubeconfig: Some(text("kubeconfig")).filter(|path| !path.is_empty()).map(PathBuf::from),
        output_dir: path("output-dir").unwrap_or_default(),
        output_format: text("output-format"),
        split: text("split"),
        is_dry_run: switch("dry-run"),
        with_services: switch("services"),
        verify: switch("verify"),
        in_place: switch("in-place"),
        settings_from: path("settings-from"),
        flags,
    }
}
