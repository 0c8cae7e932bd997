//! The AWS Load Balancer Controller: parse, run, exit code.

use aws_load_balancer_controller::args::{
    self, Environment, Invocation, LintRequest, MigrateRequest, StatusRequest,
};
use aws_load_balancer_controller::cli::lint::LintStatus;
use aws_load_balancer_controller::cli::migrate::MigrateStatus;
use aws_load_balancer_controller::cli::status::StatusOutcome;
use aws_load_balancer_controller::{cli, controller, telemetry};
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// why: that of the C library keeps what costly objects took once; this one gives it back to the system within seconds
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = std::env::args_os();
    match args::parse(arguments, &Environment::read()) {
        Err(refusal) => refusal.report(),
        Ok(Invocation::Controller(settings)) => {
            telemetry::init(settings.log_level, settings.log_format);
            telemetry::end_on_panic();
            finish(
                block_on(controller::process::run(*settings, cli::console::of_controller))
                    .map(|()| ExitCode::SUCCESS),
            )
        }
        Ok(Invocation::Crds) => print(cli::crds::render()),
        Ok(Invocation::IamPolicy(policy)) => print(cli::iam_policy::render(&policy)),
        Ok(Invocation::Plan(request)) => {
            show(block_on(cli::plan::run(&request)), request.session_flags.output)
        }
        Ok(Invocation::Doctor(session_flags)) => {
            show(block_on(cli::doctor::run(&session_flags)), session_flags.output)
        }
        Ok(Invocation::Status(request)) => status(&request),
        Ok(Invocation::Lint(request)) => lint(&request),
        Ok(Invocation::Migrate(request)) => migrate(&request),
        Ok(Invocation::Console(request)) => {
            print::<&str, _>(block_on(cli::console::run(&request)).map(|()| ""))
        }
        Ok(Invocation::Completion(shell)) => print::<_, String>(Ok(cli::completion::script(shell))),
        Ok(Invocation::Annotations(name)) => print(cli::annotations::explain(name.as_deref())),
    }
}

/// Status 1: something is wrong with the manifests; 2: something cannot be read or written.
fn lint(request: &LintRequest) -> ExitCode {
    let (mut stdin, mut stdout, mut stderr) = (std::io::stdin(), std::io::stdout().lock(), std::io::stderr());
    match cli::lint::run(request, &mut stdin, &mut stdout, &mut stderr) {
        Ok(LintStatus::Valid) => ExitCode::SUCCESS,
        Ok(LintStatus::Invalid) => ExitCode::from(1),
        Ok(LintStatus::Unreadable) => ExitCode::from(2),
        Err(error) => {
            print::<String, _>(Err(error));
            ExitCode::from(2)
        }
    }
}

/// Status 1: something could not be translated, read or written; 3: traffic would change.
fn migrate(request: &MigrateRequest) -> ExitCode {
    let (mut stdout, mut stderr) = (std::io::stdout(), std::io::stderr());
    match block_on(cli::migrate::run(request, &mut stdout, &mut stderr)) {
        Ok(MigrateStatus::Translated) => ExitCode::SUCCESS,
        Ok(MigrateStatus::Incomplete) => ExitCode::from(1),
        Ok(MigrateStatus::Changed) => ExitCode::from(3),
        Err(error) => print::<String, _>(Err(format!("Error: {error}"))),
    }
}

/// Status 1: something is not synced or not healthy; 2: the cluster cannot be read.
fn status(request: &StatusRequest) -> ExitCode {
    let (mut stdout, mut stderr) = (std::io::stdout(), std::io::stderr());
    match block_on(cli::status::run(request, &mut stdout, &mut stderr)) {
        Ok(StatusOutcome::Synced) => ExitCode::SUCCESS,
        Ok(StatusOutcome::NotSynced) => ExitCode::from(1),
        Err(error) => {
            print::<String, _>(Err(format!("Error: {error}")));
            ExitCode::from(2)
        }
    }
}

/// why: two threads are enough for a process that mostly waits, and each costs memory.
const THREADS: usize = 2;

fn block_on<T, E: Display>(run: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    // Only fails when a provider is installed already, which is then the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(run).map_err(|error| error.to_string())
}

fn finish(result: Result<ExitCode, String>) -> ExitCode {
    result.unwrap_or_else(|reason| {
        tracing::error!(reason, "the controller stops with an error");
        ExitCode::FAILURE
    })
}

/// Prints what a command found, and ends as it says.
fn show<R: cli::CommandReport>(result: Result<R, String>, output: args::ReportFormat) -> ExitCode {
    match result {
        Ok(report) => {
            let status = report.exit_status();
            match print::<_, String>(Ok(report.render(output))) {
                ExitCode::SUCCESS => ExitCode::from(status),
                failure => failure,
            }
        }
        Err(error) => print::<String, _>(Err(error)),
    }
}

/// Prints a result to stdout or an error to stderr.
fn print<T: Display, E: Display>(result: Result<T, E>) -> ExitCode {
    let error = match result {
        Ok(text) => match write_out(&text.to_string()) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => format!("the output cannot be written: {error}"),
        },
        Err(error) => error.to_string(),
    };
    // why: nothing is left to do if stderr is closed
    let _ = writeln!(std::io::stderr(), "{error}");
    ExitCode::FAILURE
}

/// Writes to stdout. A reader that has seen enough, such as `head`, is no failure; a full disk is.
fn write_out(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
