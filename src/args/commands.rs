//! Commands beside the controller.

use crate::cli::lint::{Format, Options};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::path::PathBuf;
use strum::VariantNames;

pub(super) fn lint_command() -> Command {
    let file = Arg::new("file")
        .short('f')
        .long("filename")
        .value_name("FILE")
        .help("Manifests to check; - reads the standard input")
        .value_parser(value_parser!(PathBuf))
        .action(ArgAction::Append)
        .num_args(1..)
        .required(true);
    let format = Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .help("How to tell what is wrong")
        .value_parser(Format::VARIANTS.to_vec())
        .default_value("text");
    Command::new("lint").about("Check manifests as admission would, without a cluster").arg(file).arg(format)
}

pub(super) fn annotations_command() -> Command {
    let name = Arg::new("name").value_name("NAME").help("Key of an annotation, or a part of it");
    Command::new("annotations").about("Explain an annotation, or list all").arg(name)
}

pub(super) fn lint(matches: &ArgMatches) -> Options {
    let format = matches.get_one::<String>("format").and_then(|format| format.parse().ok());
    Options {
        files: matches.get_many("file").into_iter().flatten().cloned().collect(),
        format: format.unwrap_or(Format::Text),
    }
}
