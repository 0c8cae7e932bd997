//! Commands beside the controller.

use super::formats::LintFormat;
use super::session::GivenFlags;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use std::path::PathBuf;
use strum::VariantNames;

/// What to lint, and how to report it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintOptions {
    /// Files, folders and patterns; `-` is the standard input.
    pub paths: Vec<PathBuf>,
    /// Whether folders in folders are read.
    pub recursive: bool,
    /// Whether objects that are passed over, and an empty input, are failures.
    pub strict: bool,
    /// How to report.
    pub format: LintFormat,
}

/// What `lint` was asked to do.
#[derive(Clone, Debug)]
pub struct LintRequest {
    /// What to lint, and how to report it.
    pub options: LintOptions,
    /// `--settings-from`
    pub settings_from: Option<PathBuf>,
    /// The controller's flags.
    pub flags: GivenFlags,
}

/// Explains where the settings of `lint` come from.
const SETTINGS: &str =
    "The manifests are checked for a controller with the flags given here, over those of --settings-from.";

pub(super) fn lint_command() -> Command {
    let file = Arg::new("filename")
        .short('f')
        .long("filename")
        .value_name("FILE")
        .help("Manifests to check: a file, a folder, a pattern such as 'shop/*.yaml', or - for the standard input")
        .value_parser(value_parser!(PathBuf))
        .action(ArgAction::Append)
        .num_args(1..);
    let path = Arg::new("path")
        .value_name("PATH")
        .help("The same without -f")
        .value_parser(value_parser!(PathBuf))
        .action(ArgAction::Append)
        .num_args(0..);
    let recursive = Arg::new("recursive")
        .short('R')
        .long("recursive")
        .action(ArgAction::SetTrue)
        .help("Also read the folders in folders");
    let strict = Arg::new("strict")
        .long("strict")
        .action(ArgAction::SetTrue)
        .help("Fail also if objects are passed over, or if there is nothing to check");
    let settings_from = Arg::new("settings-from")
        .long("settings-from")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Settings of the controller: values of its chart, or manifests with its Deployment");
    let format = Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .help("How to report")
        .value_parser(LintFormat::VARIANTS.to_vec())
        .default_value("text");
    Command::new("lint")
        .about("Check manifests as admission would, without a cluster")
        .after_help(SETTINGS)
        .args([path, file, recursive, strict, settings_from, format])
        .group(ArgGroup::new("input").args(["path", "filename"]).required(true).multiple(true))
}

pub(super) fn annotations_command() -> Command {
    let name = Arg::new("name").value_name("NAME").help("Key of an annotation, or a part of it");
    Command::new("annotations").about("Explain an annotation, or list all").arg(name)
}

pub(super) fn lint(matches: &ArgMatches, flags: GivenFlags) -> LintRequest {
    let paths =
        ["filename", "path"].into_iter().flat_map(|name| matches.get_many(name).into_iter().flatten());
    let format = matches.get_one::<String>("format").and_then(|format| format.parse().ok());
    LintRequest {
        options: LintOptions {
            paths: paths.cloned().collect(),
            recursive: matches.get_flag("recursive"),
            strict: matches.get_flag("strict"),
            format: format.unwrap_or(LintFormat::Text),
        },
        settings_from: matches.get_one("settings-from").cloned(),
        flags,
    }
}
