//! The in-process face: the controller's `Cloud` port, with faults.

use crate::{Call, Calls, Effect, Fault, Outcome, World, read_lag::ReadLag};
use aws_load_balancer_controller::{
    aws::{Cloud, CloudFuture},
    aws_api::{CloudError, Request, Response, Service},
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

/// A simulated AWS. Clones share the same world.
#[derive(Clone, Debug, Default)]
pub struct Sim {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    world: World,
    faults: Vec<Fault>,
    /// Whether the caller is dead: nothing it sends arrives.
    crashed: bool,
    /// An older world, and how many reads still see it.
    stale: Option<(World, usize)>,
    /// Older worlds, for reads that lag.
    past: ReadLag,
}

/// How a call ends that is not delayed.
type Reply = Result<Response, CloudError>;

impl Sim {
    /// Shows a world.
    pub fn new(world: World) -> Self {
        Self { state: Arc::new(Mutex::new(State { world, ..State::default() })) }
    }

    /// Looks at the world or changes it, out of the controller's sight.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.state.lock().world)
    }

    /// As [`Sim::world`], for a change that reads which lag are to show later.
    pub fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let state = &mut *self.state.lock();
        let changed = change(&mut state.world);
        state.past.note(&mut state.world);
        changed
    }

    /// A copy of the world as it is now.
    pub fn snapshot(&self) -> World {
        self.state.lock().world.clone()
    }

    /// Moves the world's time forward.
    pub fn advance(&self, by: Duration) {
        self.world(|world| world.advance(by));
    }

    /// Arms a fault; the first armed fault that strikes a call decides.
    pub fn arm(&self, fault: Fault) {
        self.state.lock().faults.push(fault);
    }

    /// Disarms all faults.
    pub fn disarm(&self) {
        self.state.lock().faults.clear();
    }

    /// From now on these reads see the world as it was this long ago; the first lag that covers a read decides.
    pub fn lag(&self, calls: Calls, by: Duration) {
        let state = &mut *self.state.lock();
        state.past.lag(calls, by, &mut state.world);
    }

    /// Every read sees the world as it is.
    pub fn catch_up(&self) {
        self.state.lock().past.clear();
    }

    /// Whether a crash fault has struck and the caller counts as dead.
    pub fn has_crashed(&self) -> bool {
        self.state.lock().crashed
    }

    /// Lets calls arrive again after a crash: the caller was restarted.
    pub fn revive(&self) {
        self.state.lock().crashed = false;
    }

    /// Calls so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.world(|world| world.calls().to_vec())
    }

    /// Calls so far that were meant to change something, oldest first.
    pub fn writes(&self) -> Vec<Call> {
        self.world(|world| world.writes().cloned().collect())
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.world(World::clear_calls);
    }

    /// Performs a call as the port does.
    pub async fn perform(&self, request: Request) -> Reply {
        self.perform_paged(request, None).await
    }

    /// Performs a call whose caller wants at most so many items on a page.
    pub(crate) async fn perform_paged(&self, request: Request, most: Option<usize>) -> Reply {
        let delay = self.state.lock().delay_of(&request);
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        let mut state = self.state.lock();
        let usual = state.world.settings.page_size;
        state.world.settings.page_size = most.map_or(usual, |most| most.min(usual));
        let is_write = request.action().is_write();
        let reply = state.perform(request);
        state.world.settings.page_size = usual;
        if is_write {
            let state = &mut *state;
            state.past.note(&mut state.world);
        }
        reply
    }
}

impl Cloud for Sim {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(self.perform(request))
    }
}

impl State {
    /// How long the call has to wait before it takes effect.
    fn delay_of(&mut self, request: &Request) -> Option<Duration> {
        let delays = self.faults.iter_mut().filter(|fault| fault.delays());
        let delay = delays.filter_map(|fault| fault.strike(request)).find_map(|effect| match effect {
            Effect::Delay(delay) => Some(delay),
            _ => None,
        });
        self.faults.retain(|fault| !fault.is_spent());
        delay
    }

    fn perform(&mut self, request: Request) -> Reply {
        if self.crashed {
            return self.never_arrives(request);
        }
        let effect =
            self.faults.iter_mut().filter(|fault| !fault.delays()).find_map(|fault| fault.strike(&request));
        self.faults.retain(|fault| !fault.is_spent());
        match effect {
            None | Some(Effect::Delay(_)) => self.answer(request),
            Some(Effect::Fail { code, message }) => self.fail(request, code, message),
            Some(Effect::Throttle) => {
                let code = throttling_code(&request.action().service()).to_owned();
                self.fail(request, code, "Rate exceeded".to_owned())
            }
            Some(Effect::LoseAnswer) => self.lose_answer(request),
            Some(Effect::Garble) => self.garble(request),
            Some(Effect::CrashBefore) => {
                self.crashed = true;
                self.never_arrives(request)
            }
            Some(Effect::CrashAfter) => {
                self.crashed = true;
                self.lose_answer(request)
            }
            Some(Effect::Stale { reads }) => {
                self.stale = Some((self.world.clone(), reads));
                self.world.apply(request)
            }
        }
    }

    /// The world's answer; a read may get it from an older world.
    fn answer(&mut self, request: Request) -> Reply {
        if let Some(answer) = self.past.answer(&request, self.world.now()) {
            self.world.record(request, Outcome::of(&answer));
            return answer;
        }
        match &mut self.stale {
            Some((older, reads)) if !request.action().is_write() && *reads > 0 => {
                *reads -= 1;
                let answer = older.perform(&request);
                self.world.record(request, Outcome::of(&answer));
                answer
            }
            _ => self.world.apply(request),
        }
    }

    fn fail(&mut self, request: Request, code: String, message: String) -> Reply {
        let operation = request.action().name();
        self.world.record(request, Outcome::Failed(code.clone()));
        Err(CloudError::Service { operation, code, message, request_id: None })
    }

    fn lose_answer(&mut self, request: Request) -> Reply {
        let operation = request.action().name();
        // A call that the world refuses has no effect to hide, but its answer is lost all the same.
        let _refused = self.world.perform(&request);
        self.world.record(request, Outcome::AnswerLost);
        Err(CloudError::Unreachable { operation, message: "the connection was reset".to_owned() })
    }

    fn garble(&mut self, request: Request) -> Reply {
        let operation = request.action().name();
        self.lose_answer(request)
            .or(Err(CloudError::Malformed { operation, message: "it is garbled".to_owned() }))
    }

    fn never_arrives(&mut self, request: Request) -> Reply {
        let operation = request.action().name();
        self.world.record(request, Outcome::NeverArrived);
        Err(CloudError::Unreachable { operation, message: "the caller has crashed".to_owned() })
    }
}

/// How a service says that it is asked too often.
fn throttling_code(service: &Service) -> &'static str {
    match service {
        Service::Elbv2 | Service::Iam => "Throttling",
        Service::Ec2 => "RequestLimitExceeded",
        _ => "ThrottlingException",
    }
}
