//! More stacks than one object of the API server has room for.

use super::*;
use crate::deploy::deployed_state::shards::place_of;
use proptest::prelude::*;

/// What the API server takes of one object.
const LIMIT: usize = 1024 * 1024;
/// Stacks of the largest clusters, and more.
const MANY: usize = 10_000;

impl MemoryStore {
    fn count(&self) -> usize {
        self.shards.lock()[&0].count
    }

    fn bytes_of(&self, number: usize) -> usize {
        self.shards.lock()[&number].text.len()
    }
}

impl Restart {
    fn mark(&self, name: &str, desired: &str) {
        self.resource_cache.mark_synced(&stack(name), digest(desired), digest(""), AppliedSecrets::default());
    }

    async fn look(&self) {
        self.resource_cache.sweep(&aws::Empty).await.unwrap();
    }

    /// Brings a stack to another state, as a deployment does: off the record first.
    async fn change(&self, name: &str, desired: &str) -> Result<(), StateStoreError> {
        self.resource_cache.mark_out_of_sync(&stack(name));
        self.deployed_state.invalidate(&stack(name)).await?;
        self.mark(name, desired);
        Ok(())
    }

    fn remembers(&self) -> Records {
        self.resource_cache.records()
    }
}

fn name_of(number: usize) -> String {
    format!("service-{number:05}")
}

/// So many stacks, written down.
async fn with_stacks(store: &Arc<MemoryStore>, stacks: usize) -> Restart {
    let restart = restart(store).await;
    for number in 0..stacks {
        restart.mark(&name_of(number), "first");
    }
    restart.look().await;
    restart.deployed_state.save().await.unwrap();
    assert!(restart.deployed_state.is_current());
    restart
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_stacks_are_known_after_a_restart_and_a_change_writes_one_object() {
    let store = Arc::new(MemoryStore::default());
    let before = with_stacks(&store, MANY).await;
    let shards = store.shards.lock().len();
    let largest = (0..shards).map(|number| store.bytes_of(number)).max().unwrap();
    assert!(shards == store.count() && largest < LIMIT / 8, "{shards} shards, {largest} bytes at most");
    println!("{MANY} stacks: {shards} shards, {largest} bytes at most");

    store.writes.lock().clear();
    before.change(&name_of(77), "second").await.unwrap();
    before.look().await;
    before.deployed_state.save().await.unwrap();
    let place = place_of(&ResourceCache::name_of(&stack(&name_of(77))), store.count());
    assert_eq!(*store.writes.lock(), [place, place], "before the change, and after it");

    let after = restart(&store).await;
    assert_eq!(after.remembers().len(), MANY);
    assert_eq!(after.remembers(), before.remembers());
    after.deployed_state.save().await.unwrap();
    assert_eq!(store.writes.lock().len(), 2, "there is nothing new to write");
}

#[tokio::test(start_paused = true)]
async fn few_stacks_stand_in_one_object_as_earlier_versions_wrote_it() {
    let store = Arc::new(MemoryStore::default());
    with_stacks(&store, 100).await;
    assert_eq!(store.shards.lock().keys().copied().collect::<Vec<_>>(), [0]);
    assert_eq!(store.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_single_object_of_an_earlier_version_is_taken_over() {
    let store = Arc::new(MemoryStore::default());
    let whole = with_stacks(&store, 4000).await.remembers();
    *store.shards.lock() = BTreeMap::from([(0, StoredShard { text: shards::render(&whole), count: 1 })]);
    store.writes.lock().clear();

    let after = restart(&store).await;
    assert_eq!(after.remembers(), whole);
    assert!(store.writes.lock().is_empty());
    after.deployed_state.save().await.unwrap();
    assert!(store.count() > 1);
    assert_eq!(restart(&store).await.remembers(), whole);
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_version_leaves_of_the_other_shards_is_not_believed() {
    let store = Arc::new(MemoryStore::default());
    with_stacks(&store, 2000).await;
    // It writes what it knows into the first, without a number of shards, and changes a stack that stands in another.
    store.shards.lock().insert(0, StoredShard { text: String::new(), count: 1 });
    let after = restart(&store).await;
    assert_eq!(after.remembers(), Records::new());
    for number in 0..2000 {
        after.mark(&name_of(number), "by the earlier version");
    }
    after.look().await;
    after.deployed_state.save().await.unwrap();
    assert_eq!(restart(&store).await.remembers(), after.remembers());
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_lost_or_garbled_costs_what_stood_in_it_and_no_more() {
    let store = Arc::new(MemoryStore::default());
    let whole = with_stacks(&store, 2000).await.remembers();
    let count = store.count();
    let of = |number: usize| whole.keys().filter(|name| place_of(name, count) == number).count();
    store.shards.lock().remove(&1);
    store.shards.lock().get_mut(&2).unwrap().text = "nonsense".to_owned();
    let copy = store.shards.lock()[&4].clone();
    store.shards.lock().insert(3, copy);
    let after = restart(&store).await;
    assert_eq!(after.remembers().len(), whole.len() - of(1) - of(2) - of(3));
    assert!(after.remembers().iter().all(|(name, record)| whole[name] == *record));
}

#[tokio::test(start_paused = true)]
async fn without_permission_for_more_objects_the_first_is_used_alone() {
    let store = Arc::new(MemoryStore::default());
    let restart = with_stacks(&store, 100).await;
    for number in 100..1000 {
        restart.mark(&name_of(number), "first");
    }
    restart.look().await;
    *store.writes_until_refusal.lock() = Some(1);
    store.refuse(Some(StateStoreError::Forbidden("no".to_owned())));
    restart.deployed_state.save().await.unwrap();
    store.refuse(None);
    restart.deployed_state.save().await.unwrap();
    assert_eq!(store.count(), 1);
    assert_eq!(super::restart(&store).await.remembers().len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn where_the_record_could_not_be_read_at_the_start_it_is_read_before_anything_is_changed() {
    let store = Arc::new(MemoryStore::default());
    with_stacks(&store, 2).await;
    let resource_cache = Arc::new(ResourceCache::new(&Config::default()));
    let deployed_state = DeployedState::new(store.clone(), resource_cache);
    deployed_state.invalidate(&stack(&name_of(1))).await.unwrap();
    assert!(!restart(&store).await.remembers().contains_key(&ResourceCache::name_of(&stack(&name_of(1)))));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_is_written_later() {
    let store = Arc::new(MemoryStore::default());
    let before = restart(&store).await;
    before.mark_synced("web").await;
    store.refuse(Some(StateStoreError::Unreachable("no answer".to_owned())));
    before.deployed_state.save().await.unwrap_err();
    store.refuse(None);
    before.deployed_state.save().await.unwrap();
    assert!(restart(&store).await.is_settled("web"));
}

/// A stack with secrets stays on record by them alone; that it may have changed must be durable all the same.
#[tokio::test(start_paused = true)]
async fn a_change_of_a_stack_with_secrets_waits_until_the_record_is_durable() {
    let store = Arc::new(MemoryStore::default());
    let restart = restart_with_seal(&store, b"ours").await;
    deploy_log_in(&restart).await;
    let id = with_log_in().id;
    store.refuse(Some(StateStoreError::Unreachable("no answer".to_owned())));
    restart.resource_cache.mark_out_of_sync(&id);
    restart.deployed_state.invalidate(&id).await.unwrap_err();
    restart.deployed_state.invalidate(&id).await.unwrap_err();
    store.refuse(None);
    restart.deployed_state.invalidate(&id).await.unwrap();
    assert!(!store.text().contains("synced"), "{}", store.text());
}

/// What happens to the record, to the store and to the process.
#[derive(Clone, Debug)]
enum Step {
    /// Further stacks come.
    Come(usize),
    /// A stack is brought to another state.
    Change(usize),
    /// A stack goes.
    Go(usize),
    Save,
    /// This many writes succeed, and then the store fails for a while; what failed may have been done.
    Fail(usize, bool),
    Recover,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let stack = 0..3000_usize;
    let step = prop_oneof![
        2 => (1..900_usize).prop_map(Step::Come),
        4 => stack.clone().prop_map(Step::Change),
        1 => stack.prop_map(Step::Go),
        4 => Just(Step::Save),
        2 => (0..6_usize, any::<bool>()).prop_map(|(after, is_done)| Step::Fail(after, is_done)),
        3 => Just(Step::Recover),
        2 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

/// A process with what is true: the state of each stack, as it was last brought to it.
struct Truth {
    restart: Restart,
    states: BTreeMap<String, String>,
    turn: usize,
    /// Numbers below have come.
    come: usize,
}

impl Truth {
    async fn take(&mut self, step: Step) {
        self.turn += 1;
        let desired = format!("state {}", self.turn);
        match step {
            Step::Come(more) => {
                for name in (self.come..self.come + more).map(name_of) {
                    // why: one that is there is changed, not made
                    if !self.states.contains_key(&name) {
                        self.restart.mark(&name, &desired);
                        self.states.insert(name, desired.clone());
                    }
                }
                self.come += more;
            }
            Step::Change(number) => {
                // why: a stack that cannot be taken off the record is not changed
                if self.restart.change(&name_of(number), &desired).await.is_ok() {
                    self.states.insert(name_of(number), desired);
                }
            }
            Step::Go(number) => {
                self.restart.resource_cache.mark_out_of_sync(&stack(&name_of(number)));
                if self.restart.deployed_state.invalidate(&stack(&name_of(number))).await.is_ok() {
                    self.restart.resource_cache.remove(&stack(&name_of(number)));
                    self.states.remove(&name_of(number));
                }
            }
            Step::Save => {
                self.restart.look().await;
                // why: the store may be failing
                let _ = self.restart.deployed_state.save().await;
            }
            Step::Fail(after, is_done) => {
                let error = StateStoreError::Unreachable("no answer".to_owned());
                *self.restart.store.writes_until_refusal.lock() = Some(after);
                *self.restart.store.refusal.lock() = Some((error, is_done));
            }
            Step::Recover => self.restart.store.refuse(None),
            Step::Restart => self.restart = restart(&self.restart.store.clone()).await,
        }
    }

    /// Whatever a restart believes is true.
    async fn check(&self) {
        let found = restart(&self.restart.store).await;
        for (name, record) in found.remembers().iter().filter(|(_, record)| record.is_synced()) {
            let name = name.rsplit('/').next().unwrap();
            let state = self.states.get(name).map(String::as_str);
            let is_so = |state: &str| found.resource_cache.is_synced(&stack(name), digest(state), digest(""));
            assert!(state.is_some_and(is_so), "{name} is in {state:?}, on record is {record:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Nothing on record is ever wrong, and what was saved is read back.
    #[test]
    fn what_is_read_back_is_true_and_all_that_was_written(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let store = Arc::new(MemoryStore::default());
            let mut truth = Truth { restart: restart(&store).await, states: BTreeMap::new(), turn: 0, come: 0 };
            for step in steps {
                truth.take(step).await;
                truth.check().await;
            }
            store.refuse(None);
            truth.restart.look().await;
            truth.restart.deployed_state.save().await.unwrap();
            assert!(truth.restart.deployed_state.is_current());
            assert_eq!(restart(&store).await.remembers(), truth.restart.remembers());
            assert!(store.shards.lock().values().all(|shard| shard.text.len() < LIMIT));
        });
    }
}
