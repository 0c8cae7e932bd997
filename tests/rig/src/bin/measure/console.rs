//! In real time: what an open page of the console takes of the built binary's memory.

use super::process::{Process, Surroundings, quiet};
use super::table::{head, row, time};
use anyhow::{Context, Result, ensure};
use aws_load_balancer_controller::aws::recent_writes;
use rig::{Rig, fixtures, load};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Targets of each load balancer.
const TARGETS: usize = 17;
/// How long memory is looked at.
const LOOKS: usize = 60;
/// As long as the page may take until it shows everything.
const PATIENCE: Duration = Duration::from_mins(5);

/// Measures what one page takes, with so many load balancers.
pub fn run(binary: &Path, load_balancers: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(binary, load_balancers))
}

async fn measure(binary: &Path, load_balancers: usize) -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let rig = &surroundings.rig;
    // why: a port that was free a moment ago
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let port = format!("--console-port={}", address.port());
    let mut process = surroundings.start_with(binary, &["--console", &port])?;
    head(&format!("{load_balancers} load balancers of {TARGETS} targets each, one process"));
    for number in 0..load_balancers {
        add(rig, number);
    }
    quiet(rig, &mut process).await?;
    sleep(recent_writes::KEPT * 2).await;
    quiet(rig, &mut process).await?;
    let before = looked_at(&process).await?;
    row("resident memory, no page", mebibytes(before.middle));

    process.reset_peak()?;
    let began = Instant::now();
    let page = OpenPage::open(&address.to_string()).await?;
    row("bytes until the cluster is shown", page.received.to_string());
    let page = timeout(PATIENCE, page.until_aws_is_shown()).await.context("AWS is never shown")??;
    row("time until AWS is shown", time(began.elapsed()));
    row("bytes until AWS is shown", page.received.to_string());
    let reading = tokio::spawn(page.read_on());
    let with_page = looked_at(&process).await?;
    row("resident memory, one page", mebibytes(with_page.middle));
    row("of that for the page", mebibytes(with_page.middle.saturating_sub(before.middle)));
    row("the most that it was", process.peak()?);
    row("processor time", process.processor()?);
    reading.abort();
    sleep(Duration::from_secs(20)).await;
    row("resident memory, page closed", mebibytes(looked_at(&process).await?.middle));
    process.stop()
}

fn add(rig: &Rig, number: usize) {
    let name = load::service(number);
    let annotations = [("aws-load-balancer-nlb-target-type", "ip")];
    rig.api.put(fixtures::load_balancer(&name, &[443], &annotations));
    let pods: Vec<usize> = (0..TARGETS).map(|rank| load::pod(number, rank, TARGETS)).collect();
    rig.serve(&name, &pods);
}

/// Resident memory over a while, in KiB.
struct ResidentMemory {
    middle: u64,
}

async fn looked_at(process: &Process) -> Result<ResidentMemory> {
    let mut seen = Vec::new();
    for _ in 0..LOOKS {
        seen.push(process.resident_kib()?);
        sleep(Duration::from_secs(1)).await;
    }
    seen.sort_unstable();
    Ok(ResidentMemory { middle: seen[seen.len() / 2] })
}

#[allow(clippy::cast_precision_loss, reason = "a few million")]
fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1} MiB", kibibytes as f64 / 1024.0)
}

/// A page that follows the topology.
struct OpenPage {
    stream: TcpStream,
    received: usize,
    rest: String,
}

impl OpenPage {
    /// Opens one, and reads until it has everything that is known by then.
    async fn open(address: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /api/topology HTTP/1.1\r\nhost: {address}\r\nx-console: 1\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut page = Self { stream, received: 0, rest: String::new() };
        page.next_head().await?;
        Ok(page)
    }

    async fn until_aws_is_shown(mut self) -> Result<Self> {
        while self.next_head().await?.contains("withoutAws") {}
        Ok(self)
    }

    async fn read_on(mut self) -> Result<()> {
        loop {
            self.next_head().await?;
        }
    }

    /// The next `head`, with which what was sent is complete.
    async fn next_head(&mut self) -> Result<String> {
        loop {
            if let Some(begin) = self.rest.find("event: head")
                && let Some(end) = self.rest[begin..].find("\n\n")
            {
                let head = self.rest[begin..begin + end].to_owned();
                self.rest.drain(..begin + end);
                return Ok(head);
            }
            // why: what comes before the last line cannot be a head any more
            let keep = self.rest.rfind("\n\n").unwrap_or_default();
            if !self.rest[keep..].contains("event: head") {
                self.rest.drain(..keep);
            }
            let mut part = vec![0; 64 * 1024];
            let bytes = self.stream.read(&mut part).await?;
            ensure!(bytes > 0, "the console has ended the stream");
            self.received += bytes;
            self.rest.push_str(&String::from_utf8_lossy(&part[..bytes]));
        }
    }
}
