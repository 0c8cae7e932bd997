//! An Ingress and the Gateway that `migrate` makes of it answer the same requests, through load balancers that carry traffic.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeMap, fs, net::SocketAddr, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use aws_sim::PlaneSettings;
use harness::{
    assets::{controller_binary, repository},
    eventually,
    walkthrough::{Walkthrough, progress::Progress},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};

const BACKENDS: &str = include_str!("../manifests/migration.yaml");
const INGRESS: &str = include_str!("../manifests/migration-ingress.yaml");

/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// Requests, by host, path and a header, which is not sent if it is empty.
const REQUESTS: &[(&str, &str, &str)] = &[
    ("shop.example.com", "/", ""),
    ("shop.example.com", "/cart/items?page=2", ""),
    ("shop.example.com", "/closed", ""),
    ("shop.example.com", "/closed/today", ""),
    ("shop.example.com", "/old", ""),
    ("shop.example.com", "/old/page?x=1", ""),
    ("shop.example.com", "/older", ""),
    ("shop.example.com", "/api/v1", "x-version: 2"),
    ("shop.example.com", "/api/v1", "x-version: 1"),
    ("shop.example.com", "/api/v1", ""),
    ("shop.example.com", "/any/thing", ""),
    ("SHOP.example.com", "/", ""),
    ("a.wild.example.com", "/exact", ""),
    ("a.wild.example.com", "/exact/not", ""),
    ("a.b.wild.example.com", "/exact", ""),
    ("wild.example.com", "/exact", ""),
    ("nobody.example.com", "/any", ""),
    ("nobody.example.com", "/any/thing", ""),
    ("nobody.example.com", "/anything", ""),
    ("nobody.example.com", "/", ""),
];

/// What of an answer its client sees.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: String,
    location: String,
    /// The Deployment of the pod that answered; empty: none did.
    deployment: String,
    /// What the load balancer says itself.
    body: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingress_and_the_gateway_made_of_it_answer_the_same() {
    let settings = PlaneSettings { propagation: Duration::from_millis(200), ..PlaneSettings::default() };
    let mut walk = Walkthrough::start_with(Progress::silent(), Some(settings)).await.unwrap();
    walk.patience = PATIENCE;
    if let Err(error) = compare(&mut walk).await {
        walk.cluster.keep_logs();
        panic!("{error:#}; logs are kept in {}", walk.cluster.logs().display());
    }
}

async fn compare(walk: &mut Walkthrough) -> Result<()> {
    walk.cluster.kubectl(&["apply", "--server-side", "-f", &gateway_api().await?]).await?.expect_ok()?;
    walk.install().await?;
    walk.cluster.apply(BACKENDS).await?;
    walk.cluster.apply(INGRESS).await?;
    walk.cluster.apply(&migrated(&format!("{BACKENDS}---\n{INGRESS}")).await?).await?;
    let ingress = "{.items[0].status.loadBalancer.ingress[0].hostname}";
    let ingress = balancer(walk, &["ingress", ingress]).await?;
    let gateway = balancer(walk, &["gateway", "{.items[0].status.addresses[0].value}"]).await?;
    ensure!(ingress != gateway, "both are reached at {ingress}");
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (host, path, header) in REQUESTS {
        let what = format!("{host}{path} with {header:?}");
        let answers = eventually(&what, PATIENCE, || async {
            let before = ask(ingress, host, path, header).await?;
            let after = ask(gateway, host, path, header).await?;
            // why again: targets may not be healthy yet
            ensure!(before.status != "503" || before.body == "closed", "no target answers");
            ensure!(before == after, "{what}: {before:?} of the Ingress, {after:?} of the Gateway");
            Ok(before)
        });
        *kinds.entry(answers.await?.status).or_default() += 1;
    }
    let expected = ["200", "301", "404", "503"];
    ensure!(kinds.keys().map(String::as_str).eq(expected), "answers of every kind are compared: {kinds:?}");
    Ok(())
}

/// The file with the resource definitions of Gateway API.
async fn gateway_api() -> Result<String> {
    let script = repository().join("tests/conformance/build.sh");
    let output = Command::new(&script).arg("crds").stderr(Stdio::inherit()).output().await?;
    ensure!(output.status.success(), "{} failed", script.display());
    Ok(format!("{}/crds.yaml", String::from_utf8(output.stdout)?.trim()))
}

/// The objects that `migrate` makes.
async fn migrated(manifests: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("ingress.yaml");
    fs::write(&file, manifests)?;
    let mut command = Command::new(controller_binary()?);
    command.args(["migrate", "--dry-run=false", "--output-dir"]).arg(folder.path().join("out"));
    let output = command.arg("--file").arg(&file).output().await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "migrate ended with {}: {said}", output.status);
    let mut all = String::new();
    for entry in fs::read_dir(folder.path().join("out"))? {
        all.push_str(&fs::read_to_string(entry?.path())?);
        all.push_str("\n---\n");
    }
    Ok(all)
}

/// Where port 80 of the load balancer of the only object of a kind is.
async fn balancer(walk: &Walkthrough, [kind, field]: &[&str; 2]) -> Result<SocketAddr> {
    let output = format!("jsonpath={field}");
    let args = ["get", kind, "--namespace", "migration", "--output", &output];
    eventually(&format!("the {kind} has a load balancer that listens"), PATIENCE, || async {
        let hostname = walk.cluster.kubectl(&args).await?.expect_ok()?;
        let aim = walk.aim(hostname.trim()).context("load balancers carry no traffic")?;
        aim.addresses().first().copied().with_context(|| format!("{hostname:?} leads nowhere"))
    })
    .await
}

async fn ask(address: SocketAddr, host: &str, path: &str, header: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?.to_owned();
    let of = |name: &str| {
        let value = |line: &str| {
            Some(line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name))?.1.to_owned())
        };
        head.lines().find_map(value).unwrap_or_default()
    };
    let pod = of("x-pod");
    let deployment = pod.split('-').next().unwrap_or_default().to_owned();
    let body = if deployment.is_empty() { body.to_owned() } else { String::new() };
    Ok(Answer { status, location: of("location"), deployment, body })
}
