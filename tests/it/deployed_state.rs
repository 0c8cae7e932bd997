//! The record of deployed stacks, where there are more than one ConfigMap is for.

use crate::services::run;
use rig::{Rig, fixtures, load};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// More stacks than one shard holds.
const STACKS: usize = 380;
const NAME: &str = "aws-load-balancer-controller-deployed";
const NAMESPACE: &str = "kube-system";

fn put_service(rig: &Rig, number: usize, annotations: &[(&str, &str)]) {
    rig.api.put(fixtures::load_balancer(&load::service(number), &[80], annotations));
}

async fn at_rest() -> Rig {
    let mut rig = Rig::new(load::options());
    rig.seed();
    (0..STACKS).for_each(|number| put_service(&rig, number, &[]));
    rig.start().await;
    rig.run_until_idle().await;
    rig
}

fn maps(rig: &Rig) -> Vec<Arc<Value>> {
    let is_one = |map: &Arc<Value>| map["metadata"]["name"].as_str().unwrap().starts_with(NAME);
    rig.api.list("configmaps").into_iter().filter(is_one).collect()
}

fn names(rig: &Rig) -> Vec<String> {
    maps(rig).iter().map(|map| map["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

/// The stacks on record.
fn stacks(rig: &Rig) -> BTreeSet<String> {
    let maps = maps(rig);
    let lines = maps.iter().flat_map(|map| map["data"]["stacks"].as_str().unwrap().lines());
    lines.filter_map(|line| line.split_once('\t')).map(|(_, name)| name.to_owned()).collect()
}

#[test]
fn many_stacks_are_written_down_in_several_config_maps_and_known_after_a_restart() {
    run(async {
        let mut rig = at_rest().await;
        assert_eq!(names(&rig), [NAME.to_owned(), format!("{NAME}-1")]);
        assert_eq!(stacks(&rig).len(), STACKS);
        let maps = maps(&rig);
        let owner = &maps[1]["metadata"]["ownerReferences"][0];
        let first = &maps[0]["metadata"];
        assert_eq!(
            (&owner["kind"], &owner["name"], &owner["uid"]),
            (&json!("ConfigMap"), &first["name"], &first["uid"])
        );
        assert_eq!((&maps[0]["data"]["shards"], &maps[1]["data"]["shards"]), (&json!("2"), &json!("2")));

        rig.kill().await;
        rig.aws.clear_calls();
        rig.api.clear_traffic();
        rig.start().await;
        rig.run_until_idle().await;
        let calls = rig.count();
        assert!(calls.writes == 0 && calls.reads < STACKS / 4, "{calls:?}");
        assert_eq!(rig.api.traffic().of_kind(&["create", "update"], "configmaps").requests, 0);
    });
}

#[test]
fn one_change_writes_the_config_map_of_its_stack_alone() {
    run(async {
        let mut rig = at_rest().await;
        let versions = |rig: &Rig| -> Vec<Value> {
            maps(rig).iter().map(|map| map["metadata"]["resourceVersion"].clone()).collect()
        };
        let before = versions(&rig);
        put_service(&rig, 7, &[("aws-load-balancer-healthcheck-interval", "20")]);
        rig.run_until_idle().await;
        let after = versions(&rig);
        let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
        assert_eq!((changed, stacks(&rig).len()), (1, STACKS));
    });
}

#[test]
fn config_maps_that_others_delete_or_overwrite_are_written_again() {
    run(async {
        let mut rig = at_rest().await;
        let change = |rig: &Rig, interval: &str| {
            let annotations = [("aws-load-balancer-healthcheck-interval", interval)];
            (0..20).for_each(|number| put_service(rig, number, &annotations));
        };
        for name in names(&rig) {
            rig.api.delete("configmaps", NAMESPACE, &name);
        }
        change(&rig, "20");
        rig.run_until_idle().await;
        assert_eq!((names(&rig).len(), stacks(&rig).len()), (2, STACKS));

        let mut overwritten = (*maps(&rig)[1]).clone();
        overwritten["data"]["stacks"] = "nonsense".into();
        rig.api.put(overwritten);
        change(&rig, "15");
        rig.run_until_idle().await;
        assert_eq!(stacks(&rig).len(), STACKS);

        rig.api.delete("configmaps", NAMESPACE, NAME);
        rig.aws.clear_calls();
        rig.restart().await;
        rig.run_until_idle().await;
        assert_eq!(
            (rig.count().writes, stacks(&rig).len()),
            (0, STACKS),
            "it is compared, and nothing is changed"
        );
    });
}
