//! Terms: who leads writes, and nobody else; a process outlives the loss of its lease.

use crate::services::run;
use rig::{
    Options, Replica, Rig, fixtures,
    replica::{Writes, Written},
    rig::Pace,
};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Longer than a lease lasts.
const PAUSE: Duration = Duration::from_secs(30);
/// How many of the places where a leader can be paused are tried.
const PLACES: usize = 40;

/// A shop with a Service, two members of a group, and an AWS that takes its time.
fn open() -> Rig {
    let pace = Some(Pace { rate: 1000.0, burst: 1000.0, latency: Duration::from_millis(20) });
    let rig = Rig::new(Options { pace, ..Options::default() });
    rig.seed();
    rig
}

fn put_all(rig: &Rig) {
    rig.api.put(fixtures::load_balancer("web", &[80], &[]));
    rig.serve("web", &[0, 1]);
    for (number, name) in ["one", "two"].into_iter().enumerate() {
        rig.api.put(fixtures::cluster_service(name, &[80]));
        rig.serve(name, &[number + 2]);
        let annotations = [("group.name", "both"), ("target-type", "ip")];
        rig.api.put(fixtures::ingress(name, &annotations, &[(&format!("{name}.example.com"), "/", name)]));
    }
}

/// Has a leader work until this step, pauses it there while another one takes over, and lets it go on. Answers how many steps it
/// took, and how many of its writes were about to be sent.
async fn pause_at(step: usize) -> (usize, usize) {
    let (mut rig, writes) = (open(), Writes::default());
    let mut old = rig.replica("old", &writes);
    old.lead_without_renewing().await;
    let before = old.line.steps();
    old.line.stop_after(step);
    put_all(&rig);
    // why: it never looks at the lease again, so what it does later it must not do
    let _ = timeout(Duration::from_secs(9), old.line.stopped()).await;
    let steps = old.line.steps() - before;
    let mut new = rig.replica("new", &writes);
    new.take_turns();
    sleep(PAUSE).await;
    let waiting = old.line.stopped_writes();
    old.line.open();
    rig.run_until_idle().await;
    assert_one_writer(&writes, step);
    let owned_resources = rig.owned_resources();
    assert_eq!(owned_resources.load_balancers.len(), 2, "step {step}: {:?}", owned_resources.load_balancers);
    (steps, waiting)
}

/// None of the old leader's writes comes after the first of the new one.
fn assert_one_writer(writes: &Writes, step: usize) {
    let writes = writes.lock();
    let first = writes.iter().find(|write| write.by == "new").map(|write| write.at);
    let first = first.unwrap_or_else(|| panic!("step {step}: the successor wrote nothing"));
    let late: Vec<&Written> = writes.iter().filter(|write| write.by == "old" && write.at >= first).collect();
    assert!(late.is_empty(), "step {step}: the successor wrote first at {first:?}, then: {late:?}");
}

#[test]
fn a_leader_that_is_paused_anywhere_sends_nothing_after_its_successor_has_begun() {
    run(async {
        let (steps, _) = pause_at(usize::MAX / 2).await;
        assert!(steps > 100, "the run has so many steps only: {steps}");
        let mut waiting = 0;
        for step in (1..=steps).step_by(steps.div_ceil(PLACES)) {
            waiting += pause_at(step).await.1;
        }
        assert!(waiting > PLACES / 4, "writes that were about to be sent: {waiting}");
    });
}

/// Waits for a state of the world; answers how long that took.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(5), "{what}: not after five minutes");
        sleep(Duration::from_millis(100)).await;
    }
    began.elapsed()
}

fn load_balancers(rig: &Rig) -> usize {
    rig.owned_resources().load_balancers.len()
}

fn alone(rig: &Rig, writes: &Writes) -> Replica {
    let mut only = rig.replica("only", writes);
    only.take_turns();
    only
}

#[test]
fn a_leader_without_an_api_server_stops_writing_and_goes_on_when_it_is_back() {
    run(async {
        let (mut rig, writes) = (open(), Writes::default());
        put_all(&rig);
        let only = alone(&rig, &writes);
        until("all is made", || load_balancers(&rig) == 2).await;
        rig.run_until_idle().await;
        assert_eq!(*only.turns.lock(), [false, true]);

        let cut = Instant::now();
        only.line.cut();
        rig.api.put(fixtures::load_balancer("more", &[80], &[]));
        rig.serve("more", &[7]);
        rig.api.delete("services", fixtures::NAMESPACE, "web");
        sleep(Duration::from_secs(20)).await;
        assert_eq!(*only.turns.lock(), [false, true, false]);
        let late = writes.lock().iter().filter(|write| write.at > cut + Duration::from_secs(10)).count();
        assert_eq!(late, 0, "nothing is written once the lease has run out");
        only.line.open();
        let names = |rig: &Rig| {
            let mut names: Vec<String> =
                rig.owned_resources().load_balancers.into_iter().map(|found| found.name).collect();
            names.retain(|name| name.contains("-more-") || name.contains("-web-"));
            names.len() == 1 && names.iter().all(|name| name.contains("-more-"))
        };
        let took = until("what changed meanwhile is done", || names(&rig)).await;
        assert!(took < Duration::from_secs(20), "{took:?}");
        assert_eq!(*only.turns.lock(), [false, true, false, true]);
        rig.run_until_idle().await;
        rig.aws.clear_calls();
        only.line.cut();
        sleep(Duration::from_secs(20)).await;
        only.line.open();
        rig.run_until_idle().await;
        assert_eq!(rig.writes(), [], "nothing has changed, so nothing is written");
    });
}

#[test]
fn a_leader_that_is_cut_off_makes_way_and_leads_again_later_with_fresh_eyes() {
    run(async {
        let (mut rig, writes) = (open(), Writes::default());
        let mut first = rig.replica("old", &writes);
        first.take_turns();
        until("it leads", || first.turns.lock().last() == Some(&true)).await;
        put_all(&rig);
        until("all is made", || load_balancers(&rig) == 2).await;
        let mut second = rig.replica("new", &writes);
        second.take_turns();
        rig.run_until_idle().await;

        first.line.cut();
        until("another one leads", || second.turns.lock().last() == Some(&true)).await;
        rig.api.delete("services", fixtures::NAMESPACE, "web");
        rig.run_until_idle().await;
        first.line.open();
        rig.run_until_idle().await;
        assert_eq!(first.turns.lock().last(), Some(&false), "it stands by");
        assert_one_writer(&writes, 0);
        rig.api.put(fixtures::load_balancer("web", &[80], &[]));
        rig.run_until_idle().await;

        drop(second);
        until("the first leads again", || first.turns.lock().last() == Some(&true)).await;
        rig.api.put(fixtures::load_balancer("more", &[80], &[]));
        rig.serve("more", &[7]);
        rig.run_until_idle().await;
        let owned_resources = rig.owned_resources();
        let mut names: Vec<&str> =
            owned_resources.load_balancers.iter().map(|found| found.name.as_str()).collect();
        names.dedup();
        assert_eq!(names.len(), 3, "each exists once: {names:?}");
    });
}
