//! Serves the simulator over HTTP.

use anyhow::{Context, Result, bail};
use aws_sim::{Clock, DataPlane, Delays, Network, PlaneSettings, Settings, Sim, WorldBuilder, http};
use clap::Parser;
use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// Simulates the part of AWS that the load balancer controller talks to.
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// File to write the endpoint's URL to, once calls are answered.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// Which world: `demo` (visible delays) or `instant` (none).
    #[arg(long, default_value = "demo")]
    world: String,
    /// Cluster that the node security group belongs to.
    #[arg(long, default_value = "demo")]
    cluster: String,
    /// Nodes of the cluster.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Let load balancers listen on loopback and carry traffic; `/_sim/data-plane` says where.
    #[arg(long)]
    data_plane: bool,
    /// Seconds from a change by the API until traffic follows it.
    #[arg(long, default_value_t = 0.0)]
    propagation: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let delays = match args.world.as_str() {
        "demo" => Delays::visible(),
        "instant" => Delays::default(),
        other => bail!("unknown world {other:?}: expected demo or instant"),
    };
    let settings = Settings { delays, ..Settings::default() };
    let world = WorldBuilder::new(args.cluster).nodes(args.nodes).settings(settings).build();
    let sim = Sim::new(world.with_clock(Clock::running()));
    let listener =
        TcpListener::bind(args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
    let url = format!("http://{}", listener.local_addr()?);
    announce(&url, args.ready_file.as_ref())?;
    let plane = args.data_plane.then(|| start_plane(&sim, args.propagation)).transpose()?;
    http::serve_with(sim, plane.map(Arc::new), listener).await.context("the server failed")
}

fn start_plane(sim: &Sim, propagation: f64) -> Result<DataPlane> {
    let propagation = Duration::try_from_secs_f64(propagation).context("--propagation")?;
    let settings = PlaneSettings { propagation, ..PlaneSettings::default() };
    DataPlane::start(sim.clone(), settings, Network::default())
}

/// Prints the endpoint and writes it to the ready file, which appears at once and whole.
fn announce(url: &str, ready_file: Option<&PathBuf>) -> Result<()> {
    println!("{url}");
    if let Some(path) = ready_file {
        let unfinished = path.with_extension("part");
        fs::write(&unfinished, url)?;
        fs::rename(&unfinished, path)?;
    }
    Ok(())
}
