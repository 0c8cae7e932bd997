//! `migrate`: from Ingresses and Services to Gateway API, with a proof.
//!
//! To standard error goes what the tool that came first writes there; to standard output, what `--verify` finds and how to cut over.

mod read;
mod write;

use super::lint::{SettingsError, config_of};
use crate::admission::response::render;
use crate::args::MigrateRequest;
use crate::cluster::connect::connect_as_user;
use crate::cluster::migrate_reads::MigrateReads;
use crate::migrate::{
    Migration, MigrationInput, MigrationOptions, cutover, in_place, translate, verify, warnings,
};
use std::fmt::Write as _;
use std::io::{self, Write};

/// How a run ended, as its exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrateStatus {
    /// Everything was translated.
    Translated,
    /// Something was not.
    Incomplete,
    /// Traffic would change.
    Changed,
}

/// Why `migrate` could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Flags that contradict each other.
    #[error("{0}")]
    Flags(String),
    /// What is migrated cannot be read.
    #[error("failed to read input resources: {0}")]
    MigrationInput(String),
    /// The settings of the controller.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// What was generated cannot be written.
    #[error("{0}")]
    Output(String),
    /// Standard output or standard error is closed.
    #[error("the report cannot be written: {0}")]
    Report(#[from] io::Error),
}

/// Reads, translates, writes, and compares.
pub async fn run(
    request: &MigrateRequest,
    stdout: &mut (dyn Write + Send),
    stderr: &mut (dyn Write + Send),
) -> Result<MigrateStatus, MigrateError> {
    check(request).map_err(MigrateError::Flags)?;
    let config = config_of(request.settings_from.as_deref(), &request.flags)?;
    let (input, unread) = read_input(request, stderr).await?;
    for line in warnings::of_input(&input) {
        writeln!(stderr, "{line}")?;
    }
    let has_services = request.with_services && !input.services.is_empty();
    if input.ingresses.is_empty() && !has_services {
        for problem in &unread {
            writeln!(stderr, "Error: {problem}")?;
        }
        writeln!(stderr, "No Ingress resources found in input.")?;
        return Ok(if unread.is_empty() { MigrateStatus::Translated } else { MigrateStatus::Incomplete });
    }
    writeln!(
        stderr,
        "Found {} Ingress(es), {} Service(s), {} IngressClass(es), {} IngressClassParams",
        input.ingresses.len(),
        input.services.len(),
        input.classes.len(),
        input.params.len()
    )?;
    let options = MigrationOptions {
        is_dry_run: request.is_dry_run,
        with_services: request.with_services,
        in_place: request.in_place,
    };
    let mut migration = translate(&input, options, &config);
    let compared = if request.verify { verify::compare(&migration, &input, &config) } else { Vec::new() };
    if request.in_place {
        in_place::mark(&mut migration, &compared);
    }
    tell(&migration, &unread, stderr)?;
    if migration.gateways.is_empty() {
        let is_whole = migration.errors.is_empty() && unread.is_empty();
        return Ok(if is_whole { MigrateStatus::Translated } else { MigrateStatus::Incomplete });
    }
    let target = write::WriteTarget {
        folder: &request.output_dir,
        format: &request.output_format,
        is_split: request.split == "namespace",
    };
    write::write(&migration, &target, stderr).map_err(MigrateError::Output)?;
    let mut report = String::new();
    let is_changed = compared.iter().any(verify::Compared::changes_traffic);
    for one in &compared {
        let _ = writeln!(report, "{one}");
    }
    let (others, marked) = in_place::split(&migration);
    report.push_str(&in_place::guide(&marked, request.is_dry_run));
    report.push_str(&cutover::guide(&others, request.is_dry_run));
    match stdout.write_all(report.as_bytes()).and_then(|()| stdout.flush()) {
        // why: a reader that has seen enough, such as `head`, is no failure
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(match (migration.errors.is_empty() && unread.is_empty(), is_changed) {
        (false, _) => MigrateStatus::Incomplete,
        (true, true) => MigrateStatus::Changed,
        (true, false) => MigrateStatus::Translated,
    })
}

fn tell(migration: &Migration, unread: &[String], stderr: &mut dyn Write) -> io::Result<()> {
    for line in &migration.notes.lines {
        writeln!(stderr, "{line}")?;
    }
    for finding in &migration.notes.findings {
        writeln!(stderr, "WARNING: {}: {}", finding.object, render(finding))?;
    }
    for problem in unread {
        writeln!(stderr, "Error: {problem}")?;
    }
    for problem in migration.errors.iter().flat_map(|problem| problem.lines()) {
        writeln!(stderr, "Error: failed to translate resources: {problem}")?;
    }
    Ok(())
}

/// The first contradiction among flags.
fn check(request: &MigrateRequest) -> Result<(), String> {
    let has_files = !request.files.is_empty()
        || request.input_dir.as_ref().is_some_and(|dir| !dir.as_os_str().is_empty());
    let of_cluster = [
        ("namespaces", !request.namespaces.is_empty()),
        ("all-namespaces", request.all_namespaces),
        ("ingress-name", !request.ingress_name.is_empty()),
        ("kubeconfig", request.kubeconfig.is_some()),
    ];
    let stray = of_cluster.iter().find(|(_, is_given)| *is_given && !request.from_cluster);
    let name = &request.ingress_name;
    let problem = if !has_files && !request.from_cluster {
        "must specify at least one of: --file (-f), --input-dir, or --from-cluster".to_owned()
    } else if has_files && request.from_cluster {
        "--from-cluster cannot be used with --file or --input-dir".to_owned()
    } else if let Some((flag, _)) = stray {
        format!("--{flag} can only be used with --from-cluster")
    } else if !request.namespaces.is_empty() && request.all_namespaces {
        "--namespaces and --all-namespaces are mutually exclusive".to_owned()
    } else if name.contains(',') {
        format!("--ingress-name accepts a single Ingress name, got {name:?}")
    } else if !name.is_empty() && request.all_namespaces {
        "--ingress-name and --all-namespaces are mutually exclusive".to_owned()
    } else if !name.is_empty() && request.namespaces.len() != 1 {
        "--ingress-name requires exactly one --namespaces value".to_owned()
    } else if request.in_place && !request.verify {
        "--in-place needs --verify: a load balancer is only taken over if both are proven to be the same"
            .to_owned()
    } else if !matches!(request.output_format.as_str(), "yaml" | "json") {
        format!("--output-format must be yaml or json, got {:?}", request.output_format)
    } else if !matches!(request.split.as_str(), "" | "namespace") {
        format!("--split must be \"\" or \"namespace\", got {:?}", request.split)
    } else {
        return Ok(());
    };
    Err(problem)
}

/// What is migrated, and why some of it cannot be read.
async fn read_input(
    request: &MigrateRequest,
    stderr: &mut (dyn Write + Send),
) -> Result<(MigrationInput, Vec<String>), MigrateError> {
    if !request.from_cluster {
        let folder = request.input_dir.as_deref().filter(|dir| !dir.as_os_str().is_empty());
        let read = read::read_files(folder, &request.files).map_err(MigrateError::MigrationInput)?;
        for line in &read.lines {
            writeln!(stderr, "{line}")?;
        }
        return Ok((read.input, read.errors));
    }
    let failed = |error: &dyn std::fmt::Display| MigrateError::MigrationInput(error.to_string());
    let client = connect_as_user(request.kubeconfig.as_deref()).await.map_err(|error| failed(&error))?;
    let name = Some(request.ingress_name.as_str()).filter(|name| !name.is_empty());
    let read =
        MigrateReads::read(&client, &request.namespaces, name).await.map_err(|error| failed(&error))?;
    let MigrateReads { ingresses, services, classes, params } = read;
    Ok((MigrationInput { ingresses, services, classes, params }, Vec::new()))
}
