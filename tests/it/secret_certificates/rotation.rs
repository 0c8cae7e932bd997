//! Secrets that change under load: real handshakes with the listeners of the simulator.

use super::*;
use aws_load_balancer_controller::aws_api::elbv2::DescribeLoadBalancers;
use aws_sim::any_certificate::client_config;
use aws_sim::{DataPlane, Network, PlaneSettings};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

/// The certificate that a listener shows.
async fn shown(address: SocketAddr) -> anyhow::Result<Vec<u8>> {
    let connector = TlsConnector::from(Arc::new(client_config()?));
    let stream = TcpStream::connect(address).await?;
    let stream = connector.connect(ServerName::try_from("one.example.com")?, stream).await?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(certificates.first().map(|one| one.to_vec()).unwrap_or_default())
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Shakes hands again and again; answers how often, and what went wrong.
async fn shake_hands(address: SocketAddr, goes_on: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let (mut count, mut failures) = (0, Vec::new());
    while goes_on.load(Ordering::Relaxed) {
        count += 1;
        failures.extend(shown(address).await.err().map(|error| error.to_string()));
        sleep(Duration::from_millis(5)).await;
    }
    (count, failures)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_changes_under_load_is_served_at_its_arn_and_no_handshake_fails() {
    let mut rig = open().await;
    let plane = DataPlane::start(rig.aws.clone(), PlaneSettings::default(), Network::default()).unwrap();
    let first = pair("one.example.com");
    put_secret(&rig, "web", &first);
    rig.api.put(ingress("one", &["web"], &[]));
    let mut address = None;
    until("the listener is there", async || {
        let found = rig.ask(DescribeLoadBalancers::default()).items;
        address = found.first().and_then(|one| plane.addresses(&one.dns_name, 443).first().copied());
        match address {
            Some(address) => shown(address).await.is_ok_and(|shown| shown == der(&first.0)),
            None => false,
        }
    })
    .await;
    let address = address.unwrap();
    let before = imported(&rig);
    let goes_on = Arc::new(AtomicBool::new(true));
    let mut clients = JoinSet::new();
    for _ in 0..2 {
        clients.spawn(shake_hands(address, goes_on.clone()));
    }

    let second = pair("one.example.com");
    put_secret(&rig, "web", &second);
    until("the new certificate is served", async || {
        shown(address).await.is_ok_and(|shown| shown == der(&second.0))
    })
    .await;
    assert_eq!((imported(&rig), imports(&rig)), (before.clone(), 2));

    put_secret(&rig, "web", &(second.0.clone(), first.1.clone()));
    until("the bad Secret is told of", async || {
        warnings(&rig).iter().any(|text| text.contains("tls.key is not the key"))
    })
    .await;
    assert_eq!((imported(&rig), imports(&rig)), (before.clone(), 2));
    assert_eq!(shown(address).await.unwrap(), der(&second.0));

    let third = pair("one.example.com");
    put_secret(&rig, "web", &third);
    until("the next certificate is served", async || {
        shown(address).await.is_ok_and(|shown| shown == der(&third.0))
    })
    .await;
    assert_eq!((imported(&rig), imports(&rig)), (before, 3));
    goes_on.store(false, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        let (count, failures) = client.unwrap();
        assert!(count > 0);
        assert_eq!(failures, Vec::<String>::new(), "of {count} handshakes");
    }
    rig.kill().await;
}
