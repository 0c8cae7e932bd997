//! Whose data plane carries the traffic: the one of this process, or another one behind HTTP.
//!
//! With `DATA_PLANE_ENDPOINT=<host>:<port>` all rows are asked of what listens there. It answers the calls of AWS, and below
//! `/_sim/` what `aws-sim --data-plane` does: `state` (the ids), `delays` and `data-plane`.

use anyhow::{Context as _, Result, ensure};
use aws_load_balancer_controller::aws::{AwsCloud, AwsSettings};
use aws_sim::{
    DataPlane, Network, PlaneSettings, Sim,
    contract::TestAccount,
    data_plane::{Reachable, ZoneAddress},
    http,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};
use tokio::{net::TcpListener, sync::OnceCell, task::JoinSet};

/// Services that the rows call.
const SERVICES: [&str; 3] = ["EC2", "Elastic Load Balancing v2", "ACM"];

/// A data plane.
pub enum Plane {
    /// In this process.
    Here(DataPlane),
    /// Behind HTTP.
    There(Endpoint),
}

/// Where a data plane and its AWS are.
pub struct Endpoint {
    address: String,
    /// The server, if it is this process; it ends with this.
    _server: JoinSet<()>,
}

impl Plane {
    /// A simulator of this process.
    pub fn here(sim: Sim, settings: PlaneSettings) -> (Self, TestAccount) {
        let ids = sim.world(|world| world.ids().clone());
        let account = TestAccount::new(Arc::new(sim.clone()), ids);
        (Self::Here(DataPlane::start(sim, settings, Network::default()).unwrap()), account)
    }

    /// A simulator of this process that is spoken to by HTTP.
    pub async fn served(sim: Sim) -> (Self, TestAccount) {
        let plane = DataPlane::start(sim.clone(), PlaneSettings::default(), Network::default()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut server = JoinSet::new();
        server.spawn(async { drop(http::serve_with(sim, Some(Arc::new(plane)), listener).await) });
        let endpoint = Endpoint { address, _server: server };
        let account = endpoint.account().await;
        (Self::There(endpoint), account)
    }

    /// What the environment names, if it names one. Names of one process differ there, whatever test makes them.
    pub async fn elsewhere(settings: &PlaneSettings) -> Option<(Self, TestAccount)> {
        static ACCOUNT: OnceCell<TestAccount> = OnceCell::const_new();
        let address = std::env::var("DATA_PLANE_ENDPOINT").ok()?;
        let endpoint = Endpoint { address, _server: JoinSet::new() };
        let account = ACCOUNT.get_or_init(|| endpoint.account()).await.clone();
        let seconds = settings.propagation.as_secs_f64();
        endpoint.control("POST", "data-plane", &json!({"propagationSeconds": seconds})).unwrap();
        Some((Self::There(endpoint), account))
    }

    /// A port of an address of the VPC is here on loopback.
    pub fn map_port(&self, address: SocketAddr, loopback: SocketAddr) {
        match self {
            Self::Here(plane) => plane.network().map_port(address, loopback),
            Self::There(endpoint) => {
                let order = json!({"ports": {address.to_string(): loopback}});
                endpoint.control("POST", "data-plane", &order).unwrap();
            }
        }
    }

    /// Every listener that listens now.
    pub fn reachable(&self) -> Vec<Reachable> {
        match self {
            Self::Here(plane) => plane.reachable(),
            Self::There(endpoint) => {
                let all = endpoint.described()["listeners"].as_array().cloned().unwrap();
                all.iter().map(reachable).collect()
            }
        }
    }

    /// Where the listener of a load balancer can be reached.
    pub fn addresses(&self, dns_name: &str, port: i32) -> Vec<SocketAddr> {
        let all = self.reachable();
        let found = all.iter().find(|at| at.dns_name == dns_name && at.port == port);
        found.map(Reachable::addresses).unwrap_or_default()
    }

    /// Serves a certificate (PEM) under an ARN.
    pub fn set_certificate(&self, arn: &str, chain: &str, key: &str) -> Result<()> {
        match self {
            Self::Here(plane) => plane.set_certificate(arn, chain, key),
            Self::There(endpoint) => {
                let order = json!({"certificates": {arn: [chain, key]}});
                endpoint.control("POST", "data-plane", &order).map(drop)
            }
        }
    }

    /// The authorities (PEM) of the certificates that nobody set.
    pub fn authorities(&self) -> String {
        match self {
            Self::Here(plane) => plane.authority().to_owned(),
            Self::There(endpoint) => text(&endpoint.described()["authority"]),
        }
    }
}

impl Endpoint {
    async fn account(&self) -> TestAccount {
        let state = self.control("GET", "state", &Value::Null).unwrap();
        let ids: BTreeMap<String, String> = serde_json::from_value(state["ids"].clone()).unwrap();
        let delays = json!({"provisioning": 0.0, "initial": 0.0, "draining": 3600.0});
        self.control("POST", "delays", &delays).unwrap();
        let url = format!("http://{}", self.address);
        let endpoints = SERVICES.map(|service| (service.to_owned(), url.clone())).into();
        let settings = AwsSettings { region: "us-west-2".to_owned(), endpoints, ..AwsSettings::default() };
        let cloud =
            AwsCloud::connect_with_keys(&settings, Arc::new(()), "AKIDEXAMPLE", "secret").await.unwrap();
        TestAccount::new(Arc::new(cloud), ids)
    }

    fn described(&self) -> Value {
        self.control("GET", "data-plane", &Value::Null).unwrap()
    }

    /// One exchange with what is below `/_sim/`.
    fn control(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let (address, body) = (&self.address, if body.is_null() { String::new() } else { body.to_string() });
        let mut stream = TcpStream::connect(address)?;
        write!(
            stream,
            "{method} /_sim/{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        ensure!(head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')), "{path}: {answer}");
        if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(body)?) }
    }
}

fn reachable(at: &Value) -> Reachable {
    let zones = at["zones"].as_array().cloned().unwrap();
    let zone = |zone: &Value| ZoneAddress {
        zone: text(&zone["zone"]),
        address: text(&zone["address"]).parse().unwrap(),
        in_dns: zone["inDNS"] == true,
    };
    Reachable {
        listener: text(&at["listener"]),
        dns_name: text(&at["dnsName"]),
        protocol: text(&at["protocol"]),
        port: i32::try_from(at["port"].as_i64().unwrap()).unwrap(),
        zones: zones.iter().map(zone).collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
