//! What runs in a pod of the demo and of traffic tests: a server that says its name, until SIGTERM.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use aws_sim::echo::Echo;
use tokio::{
    net::{TcpListener, UdpSocket},
    signal::unix::{SignalKind, signal},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `pod <name> [<http|tcp|udp> <address>]…`
async fn serve() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let name = args.next().context("usage: pod <name> [<http|tcp|udp> <address>]…")?;
    let mut terminate = signal(SignalKind::terminate())?;
    let echo = Echo::new(&name);
    while let Some(protocol) = args.next() {
        let address: SocketAddr = args.next().context("an address is missing")?.parse()?;
        let taken = || format!("listening on {address}");
        match protocol.as_str() {
            "http" | "tcp" => {
                let listener = TcpListener::bind(address).await.with_context(taken)?;
                echo.serve(listener, protocol == "http");
            }
            "udp" => echo.serve_udp(UdpSocket::bind(address).await.with_context(taken)?),
            other => bail!("{other:?} is none of http, tcp, udp"),
        }
    }
    terminate.recv().await;
    echo.stop().await;
    Ok(())
}
