//! What runs in a pod of the demo and of traffic tests: a server that says its name, until SIGTERM.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use aws_sim::echo::Echo;
use harness::dns::serve;
use tokio::{
    net::{TcpListener, UdpSocket},
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `pod <name> [<http|tcp|udp|dns> <address>]…`; a name server knows no names.
async fn run() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let name = args.next().context("usage: pod <name> [<http|tcp|udp|dns> <address>]…")?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (echo, mut servers) = (Echo::new(&name), JoinSet::new());
    while let Some(protocol) = args.next() {
        let address: SocketAddr = args.next().context("an address is missing")?.parse()?;
        let taken = || format!("listening on {address}");
        match protocol.as_str() {
            "http" | "tcp" => {
                let listener = TcpListener::bind(address).await.with_context(taken)?;
                echo.serve(listener, protocol == "http");
            }
            "udp" => echo.serve_udp(UdpSocket::bind(address).await.with_context(taken)?),
            "dns" => {
                let socket = UdpSocket::bind(address).await.with_context(taken)?;
                servers.spawn(serve(socket, |_| None));
            }
            other => bail!("{other:?} is none of http, tcp, udp, dns"),
        }
    }
    terminate.recv().await;
    echo.stop().await;
    Ok(())
}
