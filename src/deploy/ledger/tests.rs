#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::cloud::Secret;
use crate::cloud::elbv2::{ListenerAction, OidcAction};
use crate::config::Config;
use crate::model::{Owner, Rule, Stack};
use crate::plan::{AppliedSecrets, Digest, Seal};

/// A text in memory.
#[derive(Default)]
struct Paper {
    text: Mutex<Option<String>>,
    writes: Mutex<usize>,
    refusal: Mutex<Option<LedgerError>>,
}

impl Pages for Paper {
    fn read(&self) -> Pending<'_, Option<String>> {
        Box::pin(async { Ok(self.text.lock().clone()) })
    }

    fn write(&self, text: String) -> Pending<'_, ()> {
        Box::pin(async {
            if let Some(refusal) = self.refusal.lock().clone() {
                return Err(refusal);
            }
            *self.writes.lock() += 1;
            *self.text.lock() = Some(text);
            Ok(())
        })
    }
}

fn stack(name: &str) -> StackId {
    StackId { owner: Owner::Service, namespace: "shop".to_owned(), name: name.to_owned() }
}

fn digest(text: &str) -> Digest {
    Digest::of(text)
}

struct Desk {
    paper: Arc<Paper>,
    inventory: Arc<Inventory>,
    ledger: Ledger,
}

/// What a restart finds on its desk.
async fn desk(paper: &Arc<Paper>) -> Desk {
    let inventory = Arc::new(Inventory::new(&Config::default()));
    let ledger = Ledger::new(paper.clone(), inventory.clone());
    ledger.open().await.unwrap();
    Desk { paper: paper.clone(), inventory, ledger }
}

impl Desk {
    /// Settles a stack that holds nothing, which a sweep sees as well.
    async fn settle(&self, name: &str) {
        self.inventory.settle(&stack(name), digest(name), digest(""), AppliedSecrets::default());
        self.inventory.sweep(&aws::Empty).await.unwrap();
    }

    fn is_settled(&self, name: &str) -> bool {
        self.inventory.is_settled(&stack(name), digest(name), digest(""))
    }
}

/// An AWS in which there is nothing.
mod aws {
    use crate::aws::{Answer, Cloud};
    use crate::cloud::{Request, Response, ec2, elbv2};

    pub(super) struct Empty;

    impl Cloud for Empty {
        fn call(&self, request: Request) -> Answer<'_> {
            let answer = match request {
                Request::DescribeLoadBalancers(_) => {
                    Response::DescribeLoadBalancers(elbv2::Page { items: Vec::new(), next_marker: None })
                }
                Request::DescribeTargetGroups(_) => {
                    Response::DescribeTargetGroups(elbv2::Page { items: Vec::new(), next_marker: None })
                }
                Request::DescribeSecurityGroups(_) => {
                    Response::DescribeSecurityGroups(ec2::Page { items: Vec::new(), next_token: None })
                }
                other => panic!("unexpected {other:?}"),
            };
            Box::pin(async { Ok(answer) })
        }
    }
}

#[tokio::test]
async fn what_was_saved_is_known_after_a_restart() {
    let paper = Arc::new(Paper::default());
    let before = desk(&paper).await;
    before.settle("web").await;
    assert!(!before.ledger.is_current());
    before.ledger.save().await.unwrap();
    assert!(before.ledger.is_current());

    let after = desk(&paper).await;
    assert!(after.is_settled("web"));
    assert!(after.ledger.is_current(), "there is nothing new to write");
}

#[tokio::test]
async fn nothing_is_written_when_nothing_is_new() {
    let paper = Arc::new(Paper::default());
    let desk = desk(&paper).await;
    desk.ledger.save().await.unwrap();
    desk.ledger.withdraw(&stack("web")).await.unwrap();
    assert_eq!(*paper.writes.lock(), 0);
}

#[tokio::test]
async fn a_stack_is_off_the_ledger_before_it_is_changed() {
    let paper = Arc::new(Paper::default());
    let desk_before = desk(&paper).await;
    for name in ["web", "api"] {
        desk_before.settle(name).await;
    }
    desk_before.ledger.save().await.unwrap();
    desk_before.inventory.unsettle(&stack("web"));
    desk_before.ledger.withdraw(&stack("web")).await.unwrap();

    let crashed = desk(&paper).await;
    assert!(!crashed.is_settled("web"), "it may have been changed halfway");
    assert!(crashed.is_settled("api"));
}

#[tokio::test]
async fn a_change_waits_until_the_ledger_is_durable() {
    let paper = Arc::new(Paper::default());
    let desk = desk(&paper).await;
    desk.settle("web").await;
    desk.ledger.save().await.unwrap();
    *paper.refusal.lock() = Some(LedgerError::Unreachable("no answer".to_owned()));
    desk.inventory.unsettle(&stack("web"));
    assert!(desk.ledger.withdraw(&stack("web")).await.is_err());
    *paper.refusal.lock() = None;
    desk.ledger.withdraw(&stack("web")).await.unwrap();
    assert_eq!(paper.text.lock().clone().unwrap(), "");
}

#[tokio::test]
async fn a_write_of_unknown_end_counts_as_done_and_as_not_done() {
    let paper = Arc::new(Paper::default());
    let desk = desk(&paper).await;
    desk.settle("web").await;
    *paper.refusal.lock() = Some(LedgerError::Unreachable("no answer".to_owned()));
    assert!(desk.ledger.save().await.is_err());
    desk.inventory.unsettle(&stack("web"));
    assert!(desk.ledger.withdraw(&stack("web")).await.is_err(), "it may stand on the ledger");
}

#[tokio::test]
async fn without_permission_it_is_done_without() {
    let paper = Arc::new(Paper::default());
    let desk = desk(&paper).await;
    desk.settle("web").await;
    *paper.refusal.lock() = Some(LedgerError::Forbidden("no".to_owned()));
    desk.ledger.save().await.unwrap();
    desk.inventory.unsettle(&stack("web"));
    desk.ledger.withdraw(&stack("web")).await.unwrap();
}

#[tokio::test]
async fn garbled_lines_cost_nothing_but_reads() {
    let paper = Arc::new(Paper::default());
    let good = desk(&paper).await;
    good.settle("web").await;
    good.ledger.save().await.unwrap();
    let text = paper.text.lock().clone().unwrap();
    let garbled = ["", "nonsense", "{}\tnonsense", "{\"settled\":1}\tservice.k8s.aws shop/api"];
    *paper.text.lock() = Some(format!("{}\n{text}", garbled.join("\n")));
    let after = desk(&paper).await;
    assert!(after.is_settled("web"));
    assert!(!after.is_settled("api"));
    assert_eq!(after.paper.writes.lock().to_owned(), 1);
}

#[test]
fn what_does_not_fit_is_left_out() {
    let records: Records =
        (0..60_000).map(|number| (format!("service.k8s.aws shop/{number:05}"), Record::default())).collect();
    let text = render(&records);
    assert!(text.len() <= CAPACITY && text.len() > CAPACITY - 100);
    assert!(text.ends_with('\n'));
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

/// Settles the stack that logs users in; answers whether it was settled already.
async fn settle_log_in(desk: &Desk) -> bool {
    let wanted = with_log_in();
    let desired = Digest::of_desired(&wanted, &Config::default(), desk.inventory.seal());
    let was_settled = desk.inventory.is_settled(&wanted.id, desired, digest(""));
    let secrets = desk.inventory.secrets(&wanted.id).after(&wanted);
    desk.inventory.settle(&wanted.id, desired, digest(""), secrets);
    desk.inventory.sweep(&aws::Empty).await.unwrap();
    desk.ledger.save().await.unwrap();
    was_settled
}

/// What a restart finds that knows this secret of the installation.
async fn sealed_desk(paper: &Arc<Paper>, secret: &[u8]) -> Desk {
    let inventory = Arc::new(Inventory::new(&Config::default()));
    inventory.seal_with(Seal::of(secret));
    let ledger = Ledger::new(paper.clone(), inventory.clone());
    ledger.open().await.unwrap();
    Desk { paper: paper.clone(), inventory, ledger }
}

#[tokio::test]
async fn without_a_seal_nothing_that_follows_from_a_secret_is_written_down() {
    let paper = Arc::new(Paper::default());
    let before = desk(&paper).await;
    before.settle("web").await;
    assert!(!settle_log_in(&before).await);
    let text = paper.text.lock().clone().unwrap();
    assert!(text.contains("shop/web") && !text.contains("log-in"), "{text}");
    assert!(before.ledger.is_current(), "and that is no reason to write again");
    assert!(!settle_log_in(&desk(&paper).await).await, "it is compared in full");
}

#[tokio::test]
async fn with_its_seal_a_stack_with_secrets_is_known_after_a_restart() {
    let paper = Arc::new(Paper::default());
    assert!(!settle_log_in(&sealed_desk(&paper, b"ours").await).await);
    let text = paper.text.lock().clone().unwrap();
    assert!(text.contains("log-in") && !text.contains("hunter2"), "{text}");
    assert!(settle_log_in(&sealed_desk(&paper, b"ours").await).await);
    assert!(
        !settle_log_in(&sealed_desk(&paper, b"another").await).await,
        "another seal: nothing can be told"
    );
    assert!(settle_log_in(&sealed_desk(&paper, b"another").await).await);
}
