//! The AWS Load Balancer Controller: parse, run, exit code.

use aws_load_balancer_controller::args::{self, Environment, Invocation};
use aws_load_balancer_controller::{controller, telemetry};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = std::env::args_os();
    match args::parse(arguments, &Environment::read()) {
        Err(refusal) => refusal.report(),
        Ok(Invocation::Controller(settings)) => {
            telemetry::init(settings.log_level);
            block_on(controller::process::run(*settings))
        }
    }
}

/// why: two threads are enough for a process that mostly waits, and each costs memory.
const THREADS: usize = 2;

fn block_on(run: impl Future<Output = Result<(), controller::process::ProcessError>>) -> ExitCode {
    // Only fails when a provider is installed already, which is then the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run).map_err(|error| error.to_string()),
        Err(error) => Err(format!("cannot start the runtime: {error}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            tracing::error!(reason, "the controller ends");
            ExitCode::FAILURE
        }
    }
}
