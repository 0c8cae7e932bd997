//! Commands that look at an installation: their flags, which its Deployment may complete.

use super::formats::ReportFormat;
use super::{CommandLineError, Environment, Settings, command, settings};
use crate::api::ObjectKey;
use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;
use std::path::PathBuf;

/// Explains where the settings of an inspection come from.
const SETTINGS: &str = "Settings are those of the installed controller: the flags of its Deployment, and over them the flags \
given here. With --cluster-name and without --deployment, no Deployment is looked for.";

/// Flags of the controller as given to a command, which an installed controller's may complete.
#[derive(Clone, Debug, Default)]
pub struct GivenFlags {
    /// All arguments, program and command first.
    arguments: Vec<OsString>,
    environment: Environment,
}

/// Flags as given to a command that looks at an installation.
#[derive(Clone, Debug)]
pub struct SessionFlags {
    /// The controller's flags.
    flags: GivenFlags,
    /// `--kubeconfig`; `None`: what kubectl would use.
    pub kubeconfig: Option<PathBuf>,
    /// `--deployment`
    pub deployment: Option<ObjectKey>,
    /// Whether the flags stand on their own, without a Deployment's.
    pub is_complete: bool,
    /// `--output`
    pub output: ReportFormat,
}

/// What `plan` shall plan.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// The installation.
    pub session_flags: SessionFlags,
    /// Manifests to plan as if they were applied; none: the cluster as it is.
    pub files: Vec<PathBuf>,
    /// Whether changes make the exit status 2.
    pub exit_code: bool,
}

impl GivenFlags {
    pub(super) fn new(arguments: &[OsString], environment: &Environment) -> Self {
        Self { arguments: arguments.to_vec(), environment: environment.clone() }
    }

    /// The settings, given the arguments of an installed controller. Flags of ours go over its own; lists and maps grow.
    pub fn settings(&self, inherited: &[String]) -> Result<Settings, CommandLineError> {
        let (program, given) = self.arguments.split_at(2.min(self.arguments.len()));
        let arguments = program.iter().cloned().chain(inherited.iter().map(OsString::from));
        let matches = command().try_get_matches_from(arguments.chain(given.iter().cloned()));
        let matches = matches.map_err(CommandLineError::Usage)?;
        let of_command = matches.subcommand().map_or(&matches, |(_, matches)| matches);
        settings::build_settings(of_command, &self.environment).map_err(CommandLineError::Invalid)
    }
}

impl SessionFlags {
    pub(super) fn of(matches: &ArgMatches, arguments: &[OsString], environment: &Environment) -> Self {
        // why: `migrate --console` has no such flag
        let deployment = matches.try_get_one::<ObjectKey>("deployment").ok().flatten().cloned();
        let has_name = matches.value_source("cluster-name") == Some(ValueSource::CommandLine);
        let kubeconfig = matches.get_one::<String>("kubeconfig").filter(|path| !path.is_empty());
        Self {
            flags: GivenFlags::new(arguments, environment),
            kubeconfig: kubeconfig.map(PathBuf::from),
            is_complete: has_name && deployment.is_none(),
            deployment,
            output: matches
                .try_get_one::<String>("output")
                .ok()
                .flatten()
                .and_then(|name| name.parse().ok())
                .unwrap_or_default(),
        }
    }

    /// The settings, given the arguments of the installed Deployment.
    pub fn settings(&self, inherited: &[String]) -> Result<Settings, CommandLineError> {
        self.flags.settings(inherited)
    }
}

impl PlanRequest {
    pub(super) fn of(matches: &ArgMatches, session_flags: SessionFlags) -> Self {
        let files = matches.get_many::<PathBuf>("filename").into_iter().flatten().cloned().collect();
        Self { session_flags, files, exit_code: matches.get_flag("exit-code") }
    }
}

pub(super) fn plan_command() -> Command {
    let files = Arg::new("filename")
        .short('f')
        .long("filename")
        .action(ArgAction::Append)
        .value_parser(clap::value_parser!(PathBuf))
        .help(
            "Manifests to plan as if they were applied: a file, a folder or `-`; none: the cluster as it is",
        );
    let exit_code = Arg::new("exit-code")
        .long("exit-code")
        .action(ArgAction::SetTrue)
        .help("End with status 2 if anything would change");
    Command::new("plan")
        .about("Print what would change in AWS, and change nothing")
        .after_help(SETTINGS)
        .arg(files)
        .arg(exit_code)
        .arg(deployment())
        .arg(output(&["text", "json", "markdown"]))
}

pub(super) fn doctor_command() -> Command {
    Command::new("doctor")
        .about("Check cluster, AWS and installation; name what is missing and what to do")
        .after_help(SETTINGS)
        .arg(deployment())
        .arg(output(&["text", "json"]))
}

fn output(formats: &'static [&'static str]) -> Arg {
    Arg::new("output")
        .short('o')
        .long("output")
        .value_name("FORMAT")
        .value_parser(PossibleValuesParser::new(formats))
        .default_value("text")
        .help("How to report")
}

pub(super) fn deployment() -> Arg {
    Arg::new("deployment")
        .long("deployment")
        .value_name("namespace/name")
        .value_parser(clap::value_parser!(ObjectKey))
        .help("Deployment of the controller; none: the only one labelled as such")
}
