#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::Secret;
use crate::aws_api::elbv2::{ListenerAction, OidcAction};
use crate::config::Config;
use crate::model::{Owner, Rule, Stack};
use crate::plan::{AppliedSecrets, Digest, Seal};

mod divided;

/// Shards in memory.
#[derive(Default)]
struct MemoryStore {
    shards: Mutex<BTreeMap<usize, StoredShard>>,
    /// The shards that were written, in order.
    writes: Mutex<Vec<usize>>,
    /// What becomes of a write: refused, and whether it is done all the same.
    refusal: Mutex<Option<(StateStoreError, bool)>>,
    /// Writes until the refusal; `None`: each is refused.
    writes_until_refusal: Mutex<Option<usize>>,
}

impl MemoryStore {
    /// The text of the first shard.
    fn text(&self) -> String {
        self.shards.lock()[&0].text.clone()
    }

    fn refuse(&self, refusal: Option<StateStoreError>) {
        *self.refusal.lock() = refusal.map(|refusal| (refusal, false));
    }

    fn is_refused(&self) -> bool {
        match &mut *self.writes_until_refusal.lock() {
            None | Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

impl StateStore for MemoryStore {
    fn read(&self, number: usize) -> StateStoreFuture<'_, Option<StoredShard>> {
        Box::pin(async move { Ok(self.shards.lock().get(&number).cloned()) })
    }

    fn write(&self, number: usize, shard: StoredShard) -> StateStoreFuture<'_, ShardWrite> {
        Box::pin(async move {
            let refusal = self.refusal.lock().clone().filter(|_| self.is_refused());
            if refusal.as_ref().is_none_or(|(_, is_done)| *is_done) {
                self.writes.lock().push(number);
                self.shards.lock().insert(number, shard);
            }
            refusal.map_or(Ok(ShardWrite::AsLeft), |(refusal, _)| Err(refusal))
        })
    }
}

fn stack(name: &str) -> StackId {
    StackId { owner: Owner::Service, namespace: "shop".to_owned(), name: name.to_owned() }
}

fn digest(text: &str) -> Digest {
    Digest::of(text)
}

struct Restart {
    store: Arc<MemoryStore>,
    resource_cache: Arc<ResourceCache>,
    deployed_state: DeployedState,
}

/// What a restart finds.
async fn restart(store: &Arc<MemoryStore>) -> Restart {
    let resource_cache = Arc::new(ResourceCache::new(&Config::default()));
    let deployed_state = DeployedState::new(store.clone(), resource_cache.clone());
    deployed_state.open().await.unwrap();
    Restart { store: store.clone(), resource_cache, deployed_state }
}

impl Restart {
    /// Marks as synced a stack that holds nothing, which a sweep sees as well.
    async fn mark_synced(&self, name: &str) {
        self.resource_cache.mark_synced(&stack(name), digest(name), digest(""), AppliedSecrets::default());
        self.resource_cache.sweep(&aws::Empty).await.unwrap();
    }

    fn is_settled(&self, name: &str) -> bool {
        self.resource_cache.is_synced(&stack(name), digest(name), digest(""))
    }
}

/// An AWS in which there is nothing.
mod aws {
    use crate::aws::{Cloud, CloudFuture};
    use crate::aws_api::{Request, Response, ec2, elbv2};

    pub(super) struct Empty;

    impl Cloud for Empty {
        fn call(&self, request: Request) -> CloudFuture<'_> {
            let answer = match request {
                Request::DescribeLoadBalancers(_) => {
                    Response::DescribeLoadBalancers(elbv2::Page { items: Vec::new(), next_marker: None })
                }
                Request::DescribeTargetGroups(_) => {
                    Response::DescribeTargetGroups(elbv2::Page { items: Vec::new(), next_marker: None })
                }
                Request::DescribeSecurityGroups(_) => Response::DescribeSecurityGroups(ec2::DescribePage {
                    items: Vec::new(),
                    next_token: None,
                }),
                other => panic!("unexpected {other:?}"),
            };
            Box::pin(async { Ok(answer) })
        }
    }
}

#[tokio::test]
async fn what_was_saved_is_known_after_a_restart() {
    let store = Arc::new(MemoryStore::default());
    let before = restart(&store).await;
    before.mark_synced("web").await;
    assert!(!before.deployed_state.is_current());
    before.deployed_state.save().await.unwrap();
    assert!(before.deployed_state.is_current());

    let after = restart(&store).await;
    assert!(after.is_settled("web"));
    assert!(after.deployed_state.is_current(), "there is nothing new to write");
}

#[tokio::test]
async fn nothing_is_written_when_nothing_is_new() {
    let store = Arc::new(MemoryStore::default());
    let restart = restart(&store).await;
    restart.deployed_state.save().await.unwrap();
    restart.deployed_state.invalidate(&stack("web")).await.unwrap();
    assert_eq!(store.writes.lock().len(), 0);
}

#[tokio::test]
async fn a_stack_is_off_the_record_before_it_is_changed() {
    let store = Arc::new(MemoryStore::default());
    let desk_before = restart(&store).await;
    for name in ["web", "api"] {
        desk_before.mark_synced(name).await;
    }
    desk_before.deployed_state.save().await.unwrap();
    desk_before.resource_cache.mark_out_of_sync(&stack("web"));
    desk_before.deployed_state.invalidate(&stack("web")).await.unwrap();

    let crashed = restart(&store).await;
    assert!(!crashed.is_settled("web"), "it may have been changed halfway");
    assert!(crashed.is_settled("api"));
}

#[tokio::test]
async fn a_change_waits_until_the_record_is_durable() {
    let store = Arc::new(MemoryStore::default());
    let restart = restart(&store).await;
    restart.mark_synced("web").await;
    restart.deployed_state.save().await.unwrap();
    store.refuse(Some(StateStoreError::Unreachable("no answer".to_owned())));
    restart.resource_cache.mark_out_of_sync(&stack("web"));
    assert!(restart.deployed_state.invalidate(&stack("web")).await.is_err());
    store.refuse(None);
    restart.deployed_state.invalidate(&stack("web")).await.unwrap();
    assert_eq!(store.text(), "");
}

#[tokio::test]
async fn a_write_of_unknown_end_counts_as_done_and_as_not_done() {
    let store = Arc::new(MemoryStore::default());
    let restart = restart(&store).await;
    restart.mark_synced("web").await;
    store.refuse(Some(StateStoreError::Unreachable("no answer".to_owned())));
    assert!(restart.deployed_state.save().await.is_err());
    restart.resource_cache.mark_out_of_sync(&stack("web"));
    assert!(restart.deployed_state.invalidate(&stack("web")).await.is_err(), "it may stand on record");
}

#[tokio::test]
async fn without_permission_it_is_done_without() {
    let store = Arc::new(MemoryStore::default());
    let restart = restart(&store).await;
    restart.mark_synced("web").await;
    store.refuse(Some(StateStoreError::Forbidden("no".to_owned())));
    restart.deployed_state.save().await.unwrap();
    restart.resource_cache.mark_out_of_sync(&stack("web"));
    restart.deployed_state.invalidate(&stack("web")).await.unwrap();
}

#[tokio::test]
async fn garbled_lines_cost_nothing_but_reads() {
    let store = Arc::new(MemoryStore::default());
    let good = restart(&store).await;
    good.mark_synced("web").await;
    good.deployed_state.save().await.unwrap();
    let text = store.text();
    let garbled = ["", "nonsense", "{}\tnonsense", "{\"settled\":1}\tservice.k8s.aws shop/api"];
    let text = format!("{}\n{text}", garbled.join("\n"));
    store.shards.lock().insert(0, StoredShard { text, count: 1 });
    let after = restart(&store).await;
    assert!(after.is_settled("web"));
    assert!(!after.is_settled("api"));
    assert_eq!(*after.store.writes.lock(), [0]);
}

/// A stack that logs users in.
fn with_log_in() -> Stack {
    let action = OidcAction { client_secret: Some(Secret::new("hunter2")), ..OidcAction::default() };
    let rule = Rule {
        conditions: Vec::new(),
        actions: vec![ListenerAction::AuthenticateOidc(action)],
        transforms: Vec::new(),
        tags: BTreeMap::new(),
    };
    Stack { rules: BTreeMap::from([(("443".into(), 1), rule)]), ..Stack::empty(stack("log-in")) }
}

/// Marks as synced the stack that logs users in; answers whether it was synced already.
async fn deploy_log_in(restart: &Restart) -> bool {
    let wanted = with_log_in();
    let desired = Digest::of_desired(&wanted, &Config::default(), restart.resource_cache.seal());
    let was_settled = restart.resource_cache.is_synced(&wanted.id, desired, digest(""));
    let secrets = restart.resource_cache.secrets(&wanted.id).after(&wanted);
    restart.resource_cache.mark_synced(&wanted.id, desired, digest(""), secrets);
    restart.resource_cache.sweep(&aws::Empty).await.unwrap();
    restart.deployed_state.save().await.unwrap();
    was_settled
}

/// What a restart finds that knows this secret of the installation.
async fn restart_with_seal(store: &Arc<MemoryStore>, secret: &[u8]) -> Restart {
    let resource_cache = Arc::new(ResourceCache::new(&Config::default()));
    resource_cache.seal_with(Seal::of(secret));
    let deployed_state = DeployedState::new(store.clone(), resource_cache.clone());
    deployed_state.open().await.unwrap();
    Restart { store: store.clone(), resource_cache, deployed_state }
}

#[tokio::test]
async fn without_a_seal_nothing_that_follows_from_a_secret_is_written_down() {
    let store = Arc::new(MemoryStore::default());
    let before = restart(&store).await;
    before.mark_synced("web").await;
    assert!(!deploy_log_in(&before).await);
    let text = store.text();
    assert!(text.contains("shop/web") && !text.contains("log-in"), "{text}");
    assert!(before.deployed_state.is_current(), "and that is no reason to write again");
    assert!(!deploy_log_in(&restart(&store).await).await, "it is compared in full");
}

#[tokio::test]
async fn with_its_seal_a_stack_with_secrets_is_known_after_a_restart() {
    let store = Arc::new(MemoryStore::default());
    assert!(!deploy_log_in(&restart_with_seal(&store, b"ours").await).await);
    let text = store.text();
    assert!(text.contains("log-in") && !text.contains("hunter2"), "{text}");
    assert!(deploy_log_in(&restart_with_seal(&store, b"ours").await).await);
    assert!(
        !deploy_log_in(&restart_with_seal(&store, b"another").await).await,
        "another seal: nothing can be told"
    );
    assert!(deploy_log_in(&restart_with_seal(&store, b"another").await).await);
}
