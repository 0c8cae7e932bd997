//! The command line: every flag with upstream's name, default and value syntax, plus our own, and what becomes of them.
//!
//! The flags are the rows of [`flags::FLAGS`]; the parser, the usage text, the did-you-mean and the reference documentation
//! derive from the rows. This is also the only place that reads the environment. Matches upstream's `pkg/config`: bad syntax
//! ends the process with status 2, values that contradict each other with status 1.

pub mod flags;
mod gates;
mod settings;
mod validate;
mod values;

pub use settings::{LeaderElection, OwnCertificates, Settings, WebhookSettings, Workers};
pub use validate::ArgsError;

use clap::{ArgMatches, Command};
use std::ffi::OsString;
use std::process::ExitCode;

/// What the process was asked to do.
#[derive(Debug)]
pub enum Invocation {
    /// Run the controller; also without a command, as upstream's arguments are given.
    Controller(Box<Settings>),
}

/// Why the command line does not lead to anything.
#[derive(Debug)]
pub enum Refusal {
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

impl Refusal {
    /// Tells the user, and returns the status to end with: 0 for help, 2 for syntax, 1 for values.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Usage(error) => {
                // why: nothing is left to do if stderr is closed
                let _ = error.print();
                ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
            }
            Self::Invalid(error) => {
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
) -> Result<Invocation, Refusal> {
    let matches = command().try_get_matches_from(arguments).map_err(Refusal::Usage)?;
    let controller = |matches: &ArgMatches| {
        let settings = settings::build_settings(matches, environment).map_err(Refusal::Invalid)?;
        Ok(Invocation::Controller(Box::new(settings)))
    };
    match matches.subcommand() {
        Some((_, matches)) => controller(matches),
        None => controller(&matches),
    }
}

/// The command line as `clap` understands it.
pub fn command() -> Command {
    let controller =
        Command::new("controller").about("Run the controller (the default when only flags are given)");
    Command::new("aws-load-balancer-controller")
        .about("Turns Kubernetes Services into NLBs and Ingresses into ALBs")
        .version(env!("CARGO_PKG_VERSION"))
        .args(flags::FLAGS.iter().map(flags::Flag::arg))
        .args_override_self(true)
        .args_conflicts_with_subcommands(true)
        .subcommand(controller.args(flags::FLAGS.iter().map(flags::Flag::arg)).args_override_self(true))
}

#[cfg(test)]
mod tests;
