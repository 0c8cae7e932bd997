//! Services as a whole on simulators: whatever is edited and whatever fails meanwhile, AWS ends up as after a fresh apply, nothing
//! is leaked, nobody loses the last healthy target, and then there is nothing to do.

mod scenario;
mod settings;

use crate::faults::{Hurried, hurried};
use crate::watchdog::Watchdog;
use proptest::prelude::*;
use rig::Rig;
use scenario::{Beginning, Scenario, beginnings, edits};
use std::time::Duration;

/// How many cases, and how often each is edited; more with `PROPTEST_CASES`.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    #[expect(clippy::disallowed_methods, reason = "a switch of these tests alone")]
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() }
}

/// Runs a test body in time that passes only when everybody waits.
pub(crate) fn run<T>(body: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(body)
}

/// Objects with warnings.
fn warned(rig: &Rig) -> Vec<String> {
    let warnings = rig.api.events().into_iter().filter(|told| told.severity == "Warning");
    warnings.map(|told| told.object).collect()
}

/// What is lacking and what is too much, compared with another account.
pub(crate) fn difference(found: &Rig, wanted: &Rig) -> Vec<String> {
    let (found, wanted) = (found.owned_resources().lines(), wanted.owned_resources().lines());
    let surplus = found.iter().filter(|line| !wanted.contains(line)).map(|line| format!("+ {line}"));
    let lack = wanted.iter().filter(|line| !found.contains(line)).map(|line| format!("- {line}"));
    surplus.chain(lack).collect()
}

proptest! {
    #![proptest_config(cases(10))]

    #[test]
    fn any_edits_with_a_fault_end_as_a_fresh_apply_without_losing_the_last_healthy_target(
        beginning in beginnings(),
        edits in proptest::collection::vec(hurried(edits()), 3..8),
    ) {
        run(async {
            let story = format!("{beginning:?} {edits:#?}");
            let mut scenario = Scenario::open(beginning).await;
            let mut watchdog = Watchdog::default();
            for Hurried { edit, is_hurried } in &edits {
                scenario.make(edit).await;
                if !is_hurried {
                    watchdog.run_until_idle(&mut scenario.rig).await.map_err(|lost| format!("{lost}\n{story}")).unwrap();
                    scenario.delete_services();
                }
            }
            watchdog.run_until_idle(&mut scenario.rig).await.map_err(|lost| format!("{lost}\n{story}")).unwrap();
            scenario.delete_services();
            scenario.rig.aws.disarm();
            scenario.quiesce().await;
            let (mut fresh, mut is_comparable) = (scenario.fresh().await, true);
            if !warned(&fresh).is_empty() {
                // why: what cannot be built leaves what is there, and there is nothing in a fresh account
                is_comparable = scenario.fix(&warned(&fresh));
                scenario.quiesce().await;
                fresh = scenario.fresh().await;
                assert_eq!(warned(&fresh), Vec::<String>::new(), "{story}");
            }
            if is_comparable {
                assert_eq!(difference(&scenario.rig, &fresh), Vec::<String>::new(), "{story}");
            }

            scenario.rig.aws.clear_calls();
            scenario.rig.restart().await;
            scenario.rig.run_until_idle().await;
            assert_eq!(scenario.rig.writes(), vec![], "a second reconcile: {story}");

            scenario.remove_all();
            scenario.rig.run_until_idle().await;
            assert_eq!(scenario.rig.aws.world(|world| world.resources()), scenario.given, "{story}");
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_watchdog_reports_when_the_last_healthy_target_goes() {
    let mut scenario = Scenario::open(Beginning::default()).await;
    let mut watchdog = Watchdog::default();
    watchdog.run_until_idle(&mut scenario.rig).await.unwrap();
    scenario.rig.kill().await;
    scenario.deregister_everything();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(watchdog.look(&scenario.rig).is_err());
}

/// The value of a metric without labels other than the controller's.
fn put_aside(rig: &Rig, controller: &str) -> String {
    let text = rig.metrics();
    let start = format!("awslbc_objects_put_aside_total{{controller=\"{controller}\"}}");
    let line = text.lines().find(|line| line.starts_with(&start));
    line.and_then(|line| line.split(' ').nth(1)).unwrap_or("0").to_owned()
}

#[test]
fn a_service_that_is_too_costly_is_put_aside_until_it_changes() {
    run(async {
        let mut rig = Rig::new(rig::Options::default());
        rig.seed();
        let mut costly = rig::fixtures::load_balancer("costly", &[80], &[]);
        let ranges: Vec<String> =
            (0..12_000).map(|n| format!("10.{}.{}.0/24", n / 256 % 256, n % 256)).collect();
        costly["spec"]["loadBalancerSourceRanges"] = serde_json::json!(ranges);
        rig.api.put(costly);
        rig.api.put(rig::fixtures::load_balancer("sound", &[80], &[]));
        rig.start().await;
        rig.run_until_idle().await;
        let told: Vec<_> = rig.api.events().into_iter().filter(|event| event.severity == "Warning").collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].object.as_str(), told[0].reason.as_str()), ("shop/costly", "FailedBuildModel"));
        assert!(told[0].message.contains("too costly to be built"), "{}", told[0].message);
        assert_eq!(rig.owned_resources().load_balancers.len(), 1, "the others are served");
        let before = put_aside(&rig, "service");
        tokio::time::sleep(Duration::from_mins(30)).await;
        assert_eq!(put_aside(&rig, "service"), before, "it is not tried again");
        rig.api.edit("services", rig::fixtures::NAMESPACE, "costly", |service| {
            service["spec"]["loadBalancerSourceRanges"] = serde_json::json!(["10.0.0.0/8"]);
        });
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().load_balancers.len(), 2);
    });
}

#[test]
fn a_member_that_makes_its_group_too_costly_is_put_aside_alone() {
    run(async {
        let mut rig = Rig::new(rig::Options::default());
        rig.seed();
        rig.api.put(rig::fixtures::cluster_service("web", &[80]));
        let put = |rig: &Rig, name: &str, paths: usize| {
            let paths: Vec<String> = (0..paths).map(|at| format!("/{name}-{at}")).collect();
            let host = format!("{name}.example.com");
            let paths: Vec<_> = paths.iter().map(|path| (host.as_str(), path.as_str(), "web")).collect();
            let annotations = [("group.name", "g"), ("group.order", "1"), ("target-type", "ip")];
            rig.api.put(rig::fixtures::ingress(name, &annotations, &paths));
        };
        put(&rig, "one", 2);
        put(&rig, "costly", 9_990);
        put(&rig, "two", 10);
        rig.start().await;
        rig.run_until_idle().await;
        let told: Vec<_> = rig.api.events().into_iter().filter(|event| event.severity == "Warning").collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].object.as_str(), told[0].reason.as_str()), ("shop/costly", "FailedBuildModel"));
        assert!(told[0].message.contains("too costly to be built: 9990 of the 10002 paths"), "{told:?}");
        assert_eq!(
            rig.owned_resources().rules.values().map(Vec::len).sum::<usize>(),
            12,
            "the others are served"
        );
        let before = put_aside(&rig, "ingress");
        tokio::time::sleep(Duration::from_mins(30)).await;
        assert_eq!(
            (before.as_str(), put_aside(&rig, "ingress").as_str()),
            ("1", "1"),
            "it is not tried again"
        );
        put(&rig, "costly", 3);
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().rules.values().map(Vec::len).sum::<usize>(), 15);
    });
}
