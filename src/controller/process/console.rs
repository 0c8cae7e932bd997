//! The console, served from the controller's own caches to whoever may forward a port to the pod.

use super::{Process, ProcessError};
use crate::args::ConsoleSettings;
use crate::aws::Cloud;
use crate::aws::fence::Fenced;
use crate::cluster::KubeConnection;
use crate::cluster::lease::Leadership;
use crate::cluster::stores::Stores;
use crate::config::Config;
use crate::serve::console::{Console, ConsoleSource, Guard, Token, listen, server};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What the console may look at. None of it lets it change anything in AWS.
pub struct ConsoleParts {
    /// The API server.
    pub client: KubeConnection,
    /// AWS, for reading.
    pub cloud: Arc<dyn Cloud>,
    /// Settings.
    pub config: Arc<Config>,
    /// The caches.
    pub stores: Arc<Stores>,
    /// Whether this replica leads.
    pub leadership: Leadership,
}

/// Makes what the console shows. The pages belong to the commands, which know how to plan.
pub type MakeConsoleSource = fn(ConsoleParts) -> Arc<dyn ConsoleSource>;

/// Characters of a token.
const SHORTEST_TOKEN: usize = 20;

impl Process {
    /// Serves the console, if it is asked for.
    pub(super) async fn serve_console(
        &self,
        make: MakeConsoleSource,
        tasks: &mut JoinSet<()>,
        listeners: &mut JoinSet<()>,
    ) -> Result<(), ProcessError> {
        let Some(ConsoleSettings { port, token_file }) = &self.settings.console else { return Ok(()) };
        let token = match token_file {
            None => None,
            Some(path) => Some(read_token(path).await?),
        };
        // why: what is forwarded to a pod arrives at its loopback address, and nothing else should
        let listener = listen(*port).map_err(|source| ProcessError::Listen {
            address: format!("127.0.0.1:{port}"),
            purpose: "console",
            source,
        })?;
        let source = make(ConsoleParts {
            client: self.client.clone(),
            cloud: Arc::new(Fenced::new(self.cloud.clone(), Arc::new(|| false))),
            config: self.config.clone(),
            stores: self.stores.clone(),
            leadership: self.leadership.clone(),
        });
        let console = Console::new(source);
        let live = console.live().clone();
        tasks.spawn(live.clone().run());
        let shutdown = self.shutdown_signal();
        let shutdown = async move {
            shutdown.await;
            live.end();
        };
        let server = server(self.metrics.connections("console"));
        let router = console.router(Guard { token, is_migration_open: false });
        listeners.spawn(server.serve(listener, None, router, shutdown));
        tracing::info!(port, "the console is served on the loopback address");
        Ok(())
    }
}

async fn read_token(path: &Path) -> Result<Token, ProcessError> {
    let told =
        |reason: String| ProcessError::Setting(format!("--console-token-file: {}: {reason}", path.display()));
    let text = tokio::fs::read_to_string(path).await.map_err(|error| told(error.to_string()))?;
    let token = text.trim();
    let is_sound = token.len() >= SHORTEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_sound {
        return Ok(Token::of(token));
    }
    let expected =
        format!("a token of {SHORTEST_TOKEN} or more letters, digits and signs without spaces is expected");
    Err(told(if token.is_empty() { format!("it is empty; {expected}") } else { expected }))
}
