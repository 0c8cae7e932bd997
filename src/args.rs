//! The command line: every flag with upstream's name, default and value syntax, plus our own, and what becomes of them.
//!
//! The flags are the rows of [`flags::FLAGS`]; the parser, the usage text, the did-you-mean and the reference documentation
//! derive from the rows. This is also the only place that reads the environment. Matches upstream's `pkg/config`: bad syntax
//! ends the process with status 2, values that contradict each other with status 1.

mod commands;
mod completion;
mod console;
pub mod flags;
mod formats;
mod gates;
mod migrate;
mod session;
mod settings;
mod status;
mod validate;
mod values;

pub use commands::{LintOptions, LintRequest};
pub use completion::CompletedShell;
pub use console::ConsoleRequest;
pub use formats::{LintFormat, ReportFormat, StatusFormat};
pub use migrate::MigrateRequest;
pub use session::{GivenFlags, PlanRequest, SessionFlags};
pub use settings::{ConsoleSettings, LeaderElection, OwnCertificates, Settings, WebhookSettings, Workers};
pub use status::StatusRequest;
pub use validate::ArgsError;

use crate::aws_api::iam::{Partition, Policy, PolicyParts};
use crate::telemetry::{self, LogFormat, LogLevel};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;
use std::process::ExitCode;
use strum::VariantArray;

/// The version of this controller, the commit it was built from, and the version of upstream that it stands in for.
const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("SOURCE_COMMIT"), ", compatible with 3.5.0)");

/// What the process was asked to do.
#[derive(Debug)]
pub enum Invocation {
    /// Run the controller; also without a command, as upstream's arguments are given.
    Controller(Box<Settings>),
    /// Print the custom resource definitions.
    Crds,
    /// Print the IAM policy of the controller's role.
    IamPolicy(Policy),
    /// Print what would change in AWS.
    Plan(PlanRequest),
    /// Check the cluster, AWS and the installation.
    Doctor(SessionFlags),
    /// Show what there is.
    Status(Box<StatusRequest>),
    /// Check manifests.
    Lint(LintRequest),
    /// Translate to Gateway API.
    Migrate(Box<MigrateRequest>),
    /// Serve the console.
    Console(Box<ConsoleRequest>),
    /// Print a script for a shell.
    Completion(CompletedShell),
    /// Explain annotations.
    Annotations(Option<String>),
}

/// Why the command line does not lead to anything.
#[derive(Debug)]
pub enum CommandLineError {
    /// Bad syntax, an unknown flag, or a request for help.
    Usage(clap::Error),
    /// Values that contradict each other.
    Invalid(ArgsError),
}

/// The variables that this controller itself reads; the SDKs read their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `AWS_DEFAULT_REGION`
    pub aws_default_region: String,
    /// `AWS_REGION`
    pub aws_region: String,
    /// `AWS_EC2_METADATA_DISABLED`
    pub aws_ec2_metadata_disabled: String,
    /// `NODENAME`
    pub node_name: String,
}

impl Environment {
    /// Reads the variables of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn read() -> Self {
        let variable = |name| std::env::var(name).unwrap_or_default();
        Self {
            aws_default_region: variable("AWS_DEFAULT_REGION"),
            aws_region: variable("AWS_REGION"),
            aws_ec2_metadata_disabled: variable("AWS_EC2_METADATA_DISABLED"),
            node_name: variable("NODENAME"),
        }
    }
}

impl std::fmt::Display for CommandLineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(f),
            Self::Invalid(error) => error.fmt(f),
        }
    }
}

impl CommandLineError {
    /// Tells the user, and returns the status to end with: 0 for help, 2 for syntax, 1 for values.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Usage(error) => {
                // why: nothing is left to do if stderr is closed
                let _ = error.print();
                ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
            }
            Self::Invalid(error) => {
                telemetry::init(LogLevel::Info, LogFormat::Json);
                tracing::error!(target: "setup", %error, "cannot start");
                ExitCode::FAILURE
            }
        }
    }
}

/// Parses the arguments of this process, program name first.
pub fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    environment: &Environment,
) -> Result<Invocation, CommandLineError> {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let matches = command().try_get_matches_from(&arguments).map_err(CommandLineError::Usage)?;
    let controller = |matches: &ArgMatches| {
        let settings = settings::build_settings(matches, environment).map_err(CommandLineError::Invalid)?;
        Ok(Invocation::Controller(Box::new(settings)))
    };
    let session_flags = |matches| SessionFlags::of(matches, &arguments, environment);
    match matches.subcommand() {
        Some(("crds", _)) => Ok(Invocation::Crds),
        Some(("iam-policy", matches)) => Ok(Invocation::IamPolicy(policy(matches))),
        Some(("plan", matches)) => Ok(Invocation::Plan(PlanRequest::of(matches, session_flags(matches)))),
        Some(("doctor", matches)) => Ok(Invocation::Doctor(session_flags(matches))),
        Some(("status", matches)) => StatusRequest::of(matches, session_flags(matches))
            .map(|request| Invocation::Status(Box::new(request)))
            .map_err(CommandLineError::Usage),
        Some(("lint", matches)) => {
            Ok(Invocation::Lint(commands::lint(matches, GivenFlags::new(&arguments, environment))))
        }
        Some(("console", matches)) => {
            Ok(Invocation::Console(Box::new(console::request(matches, session_flags(matches)))))
        }
        Some(("migrate", matches)) if console::is_asked_for(matches) => {
            Ok(Invocation::Console(Box::new(console::request(matches, session_flags(matches)))))
        }
        Some(("migrate", matches)) => {
            let flags = GivenFlags::new(&arguments, environment);
            Ok(Invocation::Migrate(Box::new(migrate::request(matches, flags))))
        }
        Some(("annotations", matches)) => Ok(Invocation::Annotations(matches.get_one("name").cloned())),
        Some(("completion", matches)) => {
            let name: Option<&String> = matches.get_one("shell");
            // why: the parser takes only names of shells
            Ok(Invocation::Completion(
                name.and_then(|name| name.parse().ok()).unwrap_or(CompletedShell::Bash),
            ))
        }
        Some((_, matches)) => controller(matches),
        None => controller(&matches),
    }
}

/// The command line as `clap` understands it.
pub fn command() -> Command {
    Command::new("aws-load-balancer-controller")
        .about("Turns Kubernetes Services into NLBs and Ingresses into ALBs")
        .version(VERSION)
        .args(flags::FLAGS.iter().map(flags::Flag::arg))
        .args_override_self(true)
        .args_conflicts_with_subcommands(true)
        .subcommand(with_flags(
            Command::new("controller").about("Run the controller (the default when only flags are given)"),
        ))
        .subcommand(with_flags(session::plan_command()))
        .subcommand(with_flags(session::doctor_command()))
        .subcommand(with_flags(status::command()))
        .subcommand(Command::new("crds").about("Print the custom resource definitions, for `kubectl apply`"))
        .subcommand(iam_policy_command())
        .subcommand(with_flags(commands::lint_command()))
        .subcommand(with_flags(migrate::command()))
        .subcommand(with_flags(console::command()))
        .subcommand(commands::annotations_command())
        .subcommand(completion_command())
}

fn completion_command() -> Command {
    let shell = Arg::new("shell")
        .value_name("SHELL")
        .required(true)
        .value_parser(PossibleValuesParser::new(CompletedShell::VARIANTS.iter().map(<&str>::from)))
        .help("The shell");
    Command::new("completion").about("Print a script with which a shell completes command lines").arg(shell)
}

fn with_flags(command: Command) -> Command {
    command.args(flags::FLAGS.iter().map(flags::Flag::arg)).args_override_self(true)
}

fn iam_policy_command() -> Command {
    let names = Partition::VARIANTS.iter().map(|partition| partition.as_str());
    let partition = Arg::new("partition")
        .long("partition")
        .help("The AWS partition of the cluster")
        .value_parser(PossibleValuesParser::new(names))
        .default_value(Partition::Aws.as_str());
    let with = Arg::new("with")
        .long("with")
        .help("What it shall allow beside what every controller needs")
        .value_parser(PossibleValuesParser::new([REQUESTED_CERTIFICATES, SECRET_CERTIFICATES]))
        .value_delimiter(',')
        .action(ArgAction::Append);
    let accelerators = Arg::new("global-accelerator")
        .long("global-accelerator")
        .action(ArgAction::SetTrue)
        .help("Print what the role needs besides for GlobalAccelerators");
    let about = "Print the IAM policy that the controller's role needs";
    Command::new("iam-policy").about(about).args([partition, with, accelerators])
}

/// Names the part of the policy that the feature gate `EnableCertificateManagement` needs.
const REQUESTED_CERTIFICATES: &str = "requested-certificates";
/// Names the part of the policy that the feature gate `SecretCertificates` needs.
const SECRET_CERTIFICATES: &str = "secret-certificates";

fn policy_parts(matches: &ArgMatches) -> PolicyParts {
    let is_given =
        |name: &str| matches.get_many::<String>("with").into_iter().flatten().any(|part| part == name);
    PolicyParts {
        requested_certificates: is_given(REQUESTED_CERTIFICATES),
        secret_certificates: is_given(SECRET_CERTIFICATES),
    }
}

fn policy(matches: &ArgMatches) -> Policy {
    if matches.get_flag("global-accelerator") {
        return Policy::of_global_accelerator();
    }
    let name = matches.get_one::<String>("partition");
    // why: the parser takes only names of partitions
    let partition = name.and_then(|name| name.parse().ok()).unwrap_or(Partition::Aws);
    Policy::of(partition, policy_parts(matches))
}

#[cfg(test)]
mod tests;
