//! `console`: a local web page on a cluster and an account, which it only reads.
//!
//! It begins with the cluster alone. Settings and AWS are looked for when a page first needs them, so that a comparison of plans
//! works where there is neither; why they are not there is told on the page that lacks them.

mod leader;
mod source;
mod view;

use crate::args::ConsoleRequest;
use crate::cluster::connect::{KubeConnectError, connect_as_user};
use crate::controller::process::ConsoleParts;
use crate::metrics::ConnectionMeter;
use crate::serve::console::{Console, ConsoleSource, Guard, Token, listen, server};
use leader::LeaderSource;
use source::SessionSource;
use std::io::Write;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The cluster cannot be reached.
    #[error(transparent)]
    Kubernetes(#[from] KubeConnectError),
    /// The port cannot be listened on.
    #[error("cannot listen on port {port} of 127.0.0.1: {source}; choose another with --port")]
    Listen {
        /// Port that was to be listened on.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
    /// Signals, or the terminal.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What a running controller shows.
pub fn of_controller(parts: ConsoleParts) -> Arc<dyn ConsoleSource> {
    Arc::new(LeaderSource::new(parts))
}

/// Serves until it is interrupted.
pub async fn run(request: &ConsoleRequest) -> Result<(), ConsoleError> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let client = connect_as_user(request.session_flags.kubeconfig.as_deref()).await?;
    let port = request.port;
    let listener = listen(port).map_err(|source| ConsoleError::Listen { port, source })?;
    let token = Token::random();
    announce(listener.local_addr()?.port(), &token)?;
    let guard = Guard { token: Some(token), is_migration_open: request.is_migration_open };
    let source = SessionSource::new(client, request.session_flags.clone());
    let console = Console::new(Arc::new(source));
    let live = console.live().clone().run();
    let server = server(ConnectionMeter::default());
    tokio::select! {
        () = server.serve(listener, None, console.router(guard), std::future::pending()) => {}
        () = live => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    writeln!(std::io::stderr(), "Shutting down...")?;
    Ok(())
}

/// Prints the URL. The token stands behind `#`, where no server and no proxy gets to see it.
fn announce(port: u16, token: &Token) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "Console at http://127.0.0.1:{port}/#token={}", token.reveal())?;
    writeln!(
        stdout,
        "It reads with your kubeconfig and your AWS credentials and changes nothing. Ctrl-C ends it."
    )?;
    stdout.flush()
}
