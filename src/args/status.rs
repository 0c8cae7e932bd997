//! The flags of `status`.

use super::formats::StatusFormat;
use super::session::SessionFlags;
use super::values::parse_duration;
use crate::topology::TopologyKind;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::time::Duration;
use strum::VariantNames as _;

/// What `status` was asked to show.
#[derive(Clone, Debug)]
pub struct StatusRequest {
    /// How cluster and account are reached.
    pub session_flags: SessionFlags,
    /// The kind that is meant; `None`: all.
    pub kind: Option<TopologyKind>,
    /// The name that is meant; `None`: all.
    pub name: Option<String>,
    /// `--namespace`: only objects of this one.
    pub namespace: Option<String>,
    /// `--all-namespaces`: objects of all of them.
    pub all_namespaces: bool,
    /// `--output`: how the tree is printed.
    pub format: StatusFormat,
    /// `--watch`: prints again whenever something changes.
    pub watch: bool,
    /// `--wait`: waits for this long until all is synced.
    pub wait: Option<Duration>,
    /// `--without-aws`: AWS is not asked.
    pub without_aws: bool,
}

/// Explains the exit status, and what rights it takes.
const AFTER: &str = "Exit status: 0 if everything that is shown is synced and healthy, 1 if not, 2 if the command line is wrong or the cluster cannot be \
read.\n\nWith rights on the cluster alone, health is what readiness gates and TargetGroupBindings tell; with read access to AWS, what AWS tells, and \
whether a stack is synced is decided as by `plan`.\n\nSettings are those of the installed controller: the flags of its Deployment, and over them the \
flags given here.";

pub(super) fn command() -> Command {
    let object = Arg::new("object")
        .value_name("KIND/NAME")
        .num_args(0..=2)
        .value_parser(check_object)
        .help("What to show: a kind, KIND/NAME or KIND NAME; none: everything in the namespace");
    let namespace =
        text("namespace", "NAMESPACE", "Namespace to look at; without it, the current one of the kubeconfig")
            .short('n');
    let all = switch("all-namespaces", "Look at all namespaces").short('A').conflicts_with("namespace");
    let format = text("output", "FORMAT", "How to report")
        .short('o')
        .value_parser(StatusFormat::VARIANTS.to_vec())
        .default_value("text");
    let watch = switch("watch", "Show it anew whenever it changes").short('w');
    let wait = text(
        "wait",
        "DURATION",
        "Wait until everything that is shown is synced and healthy, as long as this at most, for example 5m",
    )
    .value_parser(parse_duration)
    .conflicts_with("watch");
    let without_aws = switch("without-aws", "Do not ask AWS");
    Command::new("status")
        .about("Show load balancers, rules, target groups and targets of objects, with their state")
        .after_help(AFTER)
        .args([object, namespace, all, format, watch, wait, without_aws])
        .arg(super::session::deployment())
}

fn text(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// why: a kind that is misspelt is told as such; what stands in the second place is a name
fn check_object(text: &str) -> Result<String, String> {
    let is_malformed = text.is_empty() || text.split('/').any(str::is_empty) || text.matches('/').count() > 1;
    if is_malformed { Err("expected KIND, KIND/NAME or KIND NAME".to_owned()) } else { Ok(text.to_owned()) }
}

impl StatusRequest {
    pub(super) fn of(matches: &ArgMatches, session_flags: SessionFlags) -> Result<Self, clap::Error> {
        let given: Vec<&String> = matches.get_many("object").into_iter().flatten().collect();
        let (kind, name) = match given.as_slice() {
            [] => (None, None),
            [only] => match only.split_once('/') {
                Some((kind, name)) => (Some(kind), Some(name)),
                None => (Some(only.as_str()), None),
            },
            [kind, name, ..] => (Some(kind.as_str()), Some(name.as_str())),
        };
        let kind =
            kind.map(str::parse::<TopologyKind>).transpose().map_err(|error| usage(&error.to_string()))?;
        if name.is_some_and(|name| name.contains('/')) {
            return Err(usage("expected KIND, KIND/NAME or KIND NAME; a namespace is given by --namespace"));
        }
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        Ok(Self {
            session_flags,
            kind,
            name: name.map(str::to_owned),
            namespace: text("namespace"),
            all_namespaces: matches.get_flag("all-namespaces"),
            format: text("output").and_then(|name| name.parse().ok()).unwrap_or_default(),
            watch: matches.get_flag("watch"),
            wait: matches.get_one("wait").copied(),
            without_aws: matches.get_flag("without-aws"),
        })
    }
}

fn usage(message: &str) -> clap::Error {
    command().error(clap::error::ErrorKind::InvalidValue, message)
}
