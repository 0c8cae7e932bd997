//! Replicas: controllers that elect their leader, each with a line to the world that can be stopped or cut.

use crate::{ApiServer, Rig, rig::OneName, rig::Paced};
use aws_load_balancer_controller::{
    aws::{Cloud, CloudFuture, decorators::Decorators, fence::Fenced},
    aws_api::Request as CloudRequest,
    cluster::{
        KubeConnection,
        events::recorder,
        fenced_sender::FencedSender,
        lease::{Election, Leadership},
        stores::Stores,
    },
    controller::manager::{Dependencies, LeaderTasks, Manager},
    fence::Guarded,
    metrics::Metrics,
};
use bytes::Bytes;
use futures::stream;
use http::{Request, Response};
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use kube::client::Body;
use parking_lot::Mutex;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use tower::ServiceExt as _;

/// Any error of the API server.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
type Incoming = UnsyncBoxBody<Bytes, BoxError>;

/// Whether anything passes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// Nothing passes, and whoever waits knows nothing of it, as when the process is stopped.
    Stopped,
    /// The API server is away: requests and watches fail.
    Cut,
}

/// The line between a replica and the world. Every request and every answer is a step on it.
#[derive(Clone, Debug)]
pub struct Line(Arc<Steps>);

#[derive(Debug)]
struct Steps {
    way: watch::Sender<Way>,
    taken: AtomicUsize,
    stop_at: AtomicUsize,
    stopped_writes: AtomicUsize,
}

impl Default for Line {
    fn default() -> Self {
        Self(Arc::new(Steps {
            way: watch::Sender::new(Way::Open),
            taken: AtomicUsize::new(0),
            stop_at: AtomicUsize::new(usize::MAX),
            stopped_writes: AtomicUsize::new(0),
        }))
    }
}

impl Line {
    /// Stops at this step from now, counted from 1.
    pub fn stop_after(&self, steps: usize) {
        self.0.stop_at.store(self.steps() + steps, Ordering::SeqCst);
    }

    /// Lets everything pass.
    pub fn open(&self) {
        self.0.way.send_replace(Way::Open);
    }

    /// The API server goes away.
    pub fn cut(&self) {
        self.0.way.send_replace(Way::Cut);
    }

    /// Steps so far.
    pub fn steps(&self) -> usize {
        self.0.taken.load(Ordering::SeqCst)
    }

    /// Writes that stood still on the line, ready to be sent.
    pub fn stopped_writes(&self) -> usize {
        self.0.stopped_writes.load(Ordering::SeqCst)
    }

    /// Waits until it has stopped.
    pub async fn stopped(&self) {
        let mut way = self.0.way.subscribe();
        // The sender lives in self, so waiting does not fail.
        let _ = way.wait_for(|way| *way == Way::Stopped).await;
    }

    /// One step; waits while the line is stopped.
    async fn pass(&self, is_write: bool) -> Way {
        let step = self.0.taken.fetch_add(1, Ordering::SeqCst) + 1;
        if step == self.0.stop_at.load(Ordering::SeqCst) {
            self.0.way.send_replace(Way::Stopped);
        }
        let mut way = self.0.way.subscribe();
        if is_write && *way.borrow() == Way::Stopped {
            self.0.stopped_writes.fetch_add(1, Ordering::SeqCst);
        }
        *way.wait_for(|way| *way != Way::Stopped).await.expect("the sender lives in self")
    }

    async fn pass_to_api(&self, is_write: bool) -> Result<(), BoxError> {
        match self.pass(is_write).await {
            Way::Cut => Err(io::Error::from(io::ErrorKind::ConnectionRefused).into()),
            Way::Open | Way::Stopped => Ok(()),
        }
    }

    async fn is_cut(&self) {
        let mut way = self.0.way.subscribe();
        way.wait_for(|way| *way == Way::Cut).await.expect("the sender lives in self");
    }

    /// The body of an answer, which breaks off when the line is cut.
    fn carry(&self, body: Incoming) -> Incoming {
        let frames = stream::unfold((body, self.clone()), |(mut body, line)| async move {
            let frame = line.next_frame(&mut body).await?;
            Some((frame, (body, line)))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    async fn next_frame(&self, body: &mut Incoming) -> Option<Result<Frame<Bytes>, BoxError>> {
        let arrived = tokio::select! {
            biased;
            () = self.is_cut() => None,
            frame = body.frame() => Some(frame?),
        };
        Some(match arrived {
            None => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
            Some(Ok(frame)) => self.pass_to_api(false).await.map(|()| frame),
            Some(Err(error)) => Err(error),
        })
    }
}

/// A write that reached AWS or the API server.
#[derive(Clone, Debug)]
pub struct Written {
    /// Which replica made it.
    pub by: &'static str,
    /// When.
    pub at: Instant,
    /// What.
    pub what: String,
}

/// The writes of all replicas, oldest first.
pub type Writes = Arc<Mutex<Vec<Written>>>;

/// A cloud behind a line.
struct Distant<C> {
    inner: C,
    line: Line,
}

impl<C: Cloud> Cloud for Distant<C> {
    fn call(&self, request: CloudRequest) -> CloudFuture<'_> {
        Box::pin(async move {
            self.line.pass(request.action().is_write()).await;
            let answer = self.inner.call(request).await;
            self.line.pass(false).await;
            answer
        })
    }
}

/// A cloud whose writes are written down.
struct Observed<C> {
    inner: C,
    by: &'static str,
    writes: Writes,
}

impl<C: Cloud> Cloud for Observed<C> {
    fn call(&self, request: CloudRequest) -> CloudFuture<'_> {
        if request.action().is_write() {
            let what = request.action().name().to_owned();
            self.writes.lock().push(Written { by: self.by, at: Instant::now(), what });
        }
        self.inner.call(request)
    }
}

/// A controller that takes part in the election.
pub struct Replica {
    /// Its line.
    pub line: Line,
    /// When it began and ended to lead.
    pub turns: Arc<Mutex<Vec<bool>>>,
    engine: Arc<Manager>,
    election: Option<Election>,
    leading: LeaderTasks,
    tasks: JoinSet<()>,
}

impl Rig {
    /// A replica that watches, and neither leads nor tries to.
    pub fn replica(&self, name: &'static str, writes: &Writes) -> Replica {
        let line = Line::default();
        let client = client(self.api.clone(), name, &line, writes);
        let election = Election::new(client.clone(), "kube-system", "leader", name.to_owned());
        let leadership = election.leadership();
        let metrics = Arc::new(Metrics::new());
        let (recorder, writer) = recorder(client.clone());
        let cloud = self.distant_cloud(name, &line, &leadership, &metrics, writes);
        let turns = Arc::new(Mutex::new(Vec::new()));
        let seen = turns.clone();
        let parts = Dependencies {
            config: self.config().clone(),
            workers: self.options.workers.clone(),
            client,
            cloud: cloud.clone(),
            clouds: Arc::new(OneName(cloud)),
            stores: Arc::new(Stores::new(self.config())),
            recorder,
            metrics,
            leadership,
            namespace: "kube-system".to_owned(),
            lease: self.options.lease.clone(),
            authority: None,
            on_lead: Arc::new(move |leads| seen.lock().push(leads)),
            audit: self.options.audit,
            registrations_a_second: None,
        };
        let engine = Arc::new(Manager::new(parts));
        let mut tasks = JoinSet::new();
        tasks.spawn(writer.run());
        engine.watch(&mut tasks);
        Replica { line, turns, engine, election: Some(election), leading: LeaderTasks::default(), tasks }
    }

    fn distant_cloud(
        &self,
        name: &'static str,
        line: &Line,
        leadership: &Leadership,
        metrics: &Arc<Metrics>,
        writes: &Writes,
    ) -> Arc<dyn Cloud> {
        let may_write = leadership.may_write();
        let aws = Observed { inner: self.aws.clone(), by: name, writes: writes.clone() };
        let aws: Arc<dyn Cloud> = match self.options.pace {
            Some(pace) => Arc::new(Paced::new(aws, pace)),
            None => Arc::new(aws),
        };
        let guards = Decorators {
            throttles: self.options.throttles.clone(),
            observer: metrics.clone(),
            may_write: may_write.clone(),
        };
        // why: as with the real clients, whose last look follows back-off, credentials and connections
        guards.wrap(Distant { inner: Fenced::new(aws, may_write), line: line.clone() })
    }
}

impl Replica {
    /// Leads whenever it can.
    ///
    /// # Panics
    /// If it takes turns already.
    pub fn take_turns(&mut self) {
        let (engine, mut election) =
            (self.engine.clone(), self.election.take().expect("it does not run yet"));
        self.tasks.spawn(async move { engine.take_turns(&mut election, &mut LeaderTasks::default()).await });
    }

    /// Leads, and from then on never looks at the lease again: all of it that notices the end of the lease stands still.
    ///
    /// # Panics
    /// If it runs already.
    pub async fn lead_without_renewing(&mut self) {
        self.election.as_mut().expect("it does not run yet").acquire().await;
        self.engine.begin_term(&mut self.leading).await;
    }
}

/// Who sends over a line, and where what arrives is written down.
#[derive(Clone)]
struct Sender {
    server: ApiServer,
    by: &'static str,
    line: Line,
    writes: Writes,
}

impl Sender {
    /// The last of it: the request is handed to the socket.
    async fn hand_over(self, request: Request<Guarded<Body>>) -> Result<Response<Incoming>, BoxError> {
        let what = format!("{} {}", request.method(), request.uri().path());
        let answer = self.server.respond(request).await?;
        if is_of_the_leader(&what) {
            self.writes.lock().push(Written { by: self.by, at: Instant::now(), what });
        }
        Ok(answer)
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Incoming>, BoxError> {
        let line = self.line.clone();
        line.pass_to_api(request.method() != http::Method::GET).await?;
        let last = FencedSender::new(tower::service_fn(move |request| self.clone().hand_over(request)));
        let answer = last.oneshot(request).await?;
        line.pass_to_api(false).await?;
        Ok(answer.map(|body| line.carry(body)))
    }
}

fn client(server: ApiServer, by: &'static str, line: &Line, writes: &Writes) -> KubeConnection {
    let sender = Sender { server, by, line: line.clone(), writes: writes.clone() };
    KubeConnection::new(tower::service_fn(move |request| sender.clone().send(request)), "kube-system")
}

/// Whether only the leader may write it.
fn is_of_the_leader(request: &str) -> bool {
    !request.starts_with("GET") && !request.contains("/leases") && !request.contains("/events")
}
