//! Requests at a steady rate through a load balancer, and what became of them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use aws_sim::DataPlane;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rand::seq::IndexedRandom as _;
use tokio::{
    net::TcpStream,
    task::{AbortHandle, JoinSet},
    time::{MissedTickBehavior, interval, timeout},
};

/// After how long a client gives up.
const LIMIT: Duration = Duration::from_secs(5);

/// Where requests go.
#[derive(Clone, Debug)]
pub struct Aim {
    /// Who knows where listeners are.
    pub plane: Arc<DataPlane>,
    /// The name of the load balancer.
    pub dns_name: String,
    /// The port of the listener.
    pub port: i32,
    /// The path of the requests.
    pub path: String,
}

/// What became of the requests.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// All requests that ended.
    pub requests: usize,
    /// Those that were not answered with 2xx, by what went wrong.
    pub failures: BTreeMap<String, usize>,
    /// Answers by pod.
    pub pods: BTreeMap<String, usize>,
    /// The longest time without a good answer.
    pub longest_gap: Duration,
}

impl Report {
    /// How many failed.
    pub fn failed(&self) -> usize {
        self.failures.values().sum()
    }
}

/// A stream of requests, half of them on connections of their own, half on connections that are kept.
#[derive(Debug)]
pub struct Load {
    notes: Arc<Mutex<Notes>>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Notes {
    report: Report,
    last_good: Option<Instant>,
    under_way: usize,
    stopped: bool,
}

/// Connections that wait for their next request.
type Kept = Arc<Mutex<Vec<SendRequest<Empty<Bytes>>>>>;

impl Aim {
    /// Sends one request on a connection of its own; the name of the pod that answered.
    pub async fn ask(&self) -> Result<String> {
        let mut sender = self.connect().await?;
        self.send(&mut sender).await
    }

    /// Many requests, one after the other; answers by pod.
    pub async fn count(&self, requests: usize) -> Result<BTreeMap<String, usize>> {
        let mut pods = BTreeMap::new();
        for _ in 0..requests {
            *pods.entry(self.ask().await?).or_default() += 1;
        }
        Ok(pods)
    }

    /// Where the name leads.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.plane.addresses(&self.dns_name, self.port)
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>> {
        let addresses = self.addresses();
        let address = addresses.choose(&mut rand::rng()).context("the name leads nowhere")?;
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.context("connecting")?;
        // It ends with its sender.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    async fn send(&self, sender: &mut SendRequest<Empty<Bytes>>) -> Result<String> {
        let request = Request::get(&self.path).header("host", &self.dns_name).body(Empty::new())?;
        let answer = sender.send_request(request).await.map_err(|error| {
            let what = if error.is_canceled() { UNSENT } else { BROKEN };
            anyhow::Error::new(error).context(what)
        })?;
        let status = answer.status();
        let pod = answer.headers().get("x-pod").and_then(|name| name.to_str().ok()).unwrap_or("-").to_owned();
        answer.into_body().collect().await.context("the answer broke off")?;
        if !status.is_success() {
            bail!("status {}", status.as_u16());
        }
        Ok(pod)
    }

    /// On a kept connection; as browsers and Go's client do with GET, again on another one if that was closed before any answer.
    async fn ask_kept(&self, kept: &Kept) -> Result<String> {
        let waiting = || kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(mut sender) = waiting() {
            if sender.ready().await.is_err() {
                continue;
            }
            match self.send(&mut sender).await {
                Err(error) if [UNSENT, BROKEN].contains(&error.to_string().as_str()) => {}
                answer => {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
                    return answer;
                }
            }
        }
        let mut sender = self.connect().await?;
        let answer = self.send(&mut sender).await;
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        answer
    }
}

/// What is said of a request without an answer.
const BROKEN: &str = "the connection broke";
/// What is said of a request that has not left.
const UNSENT: &str = "the connection was closed before";

impl Load {
    /// Sends so many requests a second until it is stopped.
    pub fn start(aim: Aim, rate: u32) -> Self {
        let notes = Arc::new(Mutex::new(Notes { last_good: Some(Instant::now()), ..Notes::default() }));
        let task = tokio::spawn(send_all(aim, rate, Arc::clone(&notes))).abort_handle();
        Self { notes, task }
    }

    /// What became of the requests so far.
    pub fn so_far(&self) -> Report {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).report.clone()
    }

    /// Stops, waits for the requests under way, and tells what became of all.
    pub async fn stop(self) -> Report {
        let notes = || self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes().stopped = true;
        while notes().under_way > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.task.abort();
        let mut notes = notes();
        notes.end_gap(Instant::now());
        notes.report.clone()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Notes {
    fn end_gap(&mut self, now: Instant) {
        let gap = self.last_good.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.report.longest_gap = self.report.longest_gap.max(gap);
    }

    fn note(&mut self, answer: Result<String>) {
        self.under_way -= 1;
        self.report.requests += 1;
        match answer {
            Ok(pod) => {
                let now = Instant::now();
                self.end_gap(now);
                self.last_good = Some(now);
                *self.report.pods.entry(pod).or_default() += 1;
            }
            Err(error) => *self.report.failures.entry(error.to_string()).or_default() += 1,
        }
    }
}

async fn send_all(aim: Aim, rate: u32, notes: Arc<Mutex<Notes>>) {
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (kept, mut requests) = (Kept::default(), JoinSet::new());
    for number in 0_u64.. {
        ticks.tick().await;
        {
            let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
            if notes.stopped {
                break;
            }
            notes.under_way += 1;
        }
        let (aim, notes, kept) = (aim.clone(), Arc::clone(&notes), Arc::clone(&kept));
        requests.spawn(async move {
            let asked = async { if number % 2 == 0 { aim.ask().await } else { aim.ask_kept(&kept).await } };
            let answer = timeout(LIMIT, asked).await.unwrap_or_else(|_| bail!("no answer within {LIMIT:?}"));
            notes.lock().unwrap_or_else(PoisonError::into_inner).note(answer);
        });
        while requests.try_join_next().is_some() {}
    }
    while requests.join_next().await.is_some() {}
}
