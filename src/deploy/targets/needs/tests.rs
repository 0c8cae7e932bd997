#![allow(clippy::unwrap_used)]

use super::*;
use crate::api::{Service, TargetGroupBinding};
use crate::aws_api::ec2::RuleSource;
use crate::targets::view::{NodeView, PodView, SliceView};
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

/// Bindings, and the keys of those that changed.
#[derive(Default)]
struct Bindings {
    present: Mutex<BTreeMap<ObjectKey, Arc<TargetGroupBinding>>>,
    changes: Mutex<Vec<ObjectKey>>,
    tells_changes: bool,
}

impl Bindings {
    fn set(&self, number: u8, networking: Option<bool>) {
        let key = key(number);
        let object = |networking: bool| -> TargetGroupBinding {
            let spec = if networking { json!({"ingress": []}) } else { json!(null) };
            let metadata = json!({"namespace": key.namespace(), "name": key.name()});
            let spec = json!({"serviceRef": {"name": "web", "port": 80}, "networking": spec});
            serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
        };
        match networking {
            Some(networking) => drop(self.present.lock().insert(key.clone(), Arc::new(object(networking)))),
            None => drop(self.present.lock().remove(&key)),
        }
        self.changes.lock().push(key);
    }
}

impl ClusterView for Bindings {
    fn service(&self, _: &ObjectKey) -> Option<Arc<Service>> {
        None
    }
    fn slices(&self, _: &ObjectKey) -> Option<Vec<Arc<SliceView>>> {
        None
    }
    fn pod(&self, _: &ObjectKey) -> Option<Arc<PodView>> {
        None
    }
    fn pods(&self, _: &str) -> Vec<Arc<PodView>> {
        Vec::new()
    }
    fn node(&self, _: &str) -> Option<Arc<NodeView>> {
        None
    }
    fn nodes(&self) -> Vec<Arc<NodeView>> {
        Vec::new()
    }
    fn binding(&self, key: &ObjectKey) -> Option<Arc<TargetGroupBinding>> {
        self.present.lock().get(key).cloned()
    }
    fn bindings(&self) -> Vec<Arc<TargetGroupBinding>> {
        self.present.lock().values().cloned().collect()
    }
    fn changed_bindings(&self, since: u64) -> (u64, Option<BTreeSet<ObjectKey>>) {
        if !self.tells_changes {
            return (0, None);
        }
        let changes = self.changes.lock();
        let seen = usize::try_from(since).unwrap();
        let told = (seen > 0).then(|| changes.iter().skip(seen).cloned().collect());
        (changes.len().try_into().unwrap(), told)
    }
}

fn key(number: u8) -> ObjectKey {
    ObjectKey::namespaced("shop", number.to_string())
}

fn permissions(ports: &[u8]) -> Permissions {
    let permission = |port: &u8| Permission {
        protocol: "tcp".to_owned(),
        from_port: i32::from(*port),
        to_port: i32::from(*port),
        source: RuleSource::SecurityGroup("sg-lb".into()),
    };
    let of_group = |group: u8| ports.iter().filter(|port| **port % 2 == group).map(permission).collect();
    [0, 1].into_iter().map(|group| (format!("sg-{group}"), of_group(group))).collect()
}

#[derive(Clone, Debug)]
enum Change {
    Binding(u8, Option<bool>),
    Needs(u8, Vec<u8>),
    Applied(u8),
    Look,
}

fn changes() -> impl Strategy<Value = Change> {
    let number = 0..4_u8;
    prop_oneof![
        (number.clone(), proptest::option::of(any::<bool>())).prop_map(|(of, to)| Change::Binding(of, to)),
        (number.clone(), proptest::collection::vec(0..6_u8, 0..4)).prop_map(|(of, to)| Change::Needs(of, to)),
        number.prop_map(Change::Applied),
        Just(Change::Look),
    ]
}

proptest! {
    #[test]
    fn what_is_counted_is_what_all_bindings_need(changes in proptest::collection::vec(changes(), 1..40)) {
        let views = [false, true].map(|tells_changes| Bindings { tells_changes, ..Bindings::default() });
        let mut all = [Needs::default(), Needs::default()];
        let mut waived: [BTreeMap<ObjectKey, bool>; 2] = Default::default();
        for change in changes.into_iter().chain([Change::Look]) {
            for ((view, needs), waived) in views.iter().zip(&mut all).zip(&mut waived) {
                match &change {
                    Change::Binding(number, to) => view.set(*number, *to),
                    Change::Needs(number, ports) if view.binding(&key(*number)).is_some() => {
                        needs.replace(&key(*number), permissions(ports), |_, _| true);
                    }
                    Change::Applied(number) => drop(needs.mark_applied(&key(*number))),
                    Change::Needs(..) => {}
                    Change::Look => drop(needs.follow(view, waived)),
                }
            }
        }
        let [by_walk, by_changes] = &all;
        prop_assert_eq!(by_walk.is_complete(), by_changes.is_complete());
        for needs in &all {
            for group in ["sg-0", "sg-1"] {
                let mut all = Permissions::new();
                for (group, permission) in needs.by_binding.values().flat_map(each) {
                    all.entry(group.clone()).or_default().insert(permission.clone());
                }
                let expected = aggregate([&all], true).remove(group).unwrap_or_default();
                prop_assert_eq!(needs.of_group(group, true), expected);
            }
        }
        for number in 0..4 {
            let has_networking =
                views[0].binding(&key(number)).is_some_and(|binding| binding.spec.networking.is_some());
            let is_open = has_networking && !by_walk.is_known(&key(number));
            prop_assert_eq!(by_walk.unseen.contains(&key(number)), is_open);
            prop_assert_eq!(by_changes.unseen.contains(&key(number)), is_open);
        }
    }
}
