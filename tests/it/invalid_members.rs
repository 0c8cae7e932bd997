//! One bad Ingress never blocks its group: fifty Ingresses share a load balancer, and one of them is broken in every way we
//! could think of, when it is created, when it is updated and when it is deleted. `make test-report` prints the table.

mod kinds;

use aws_load_balancer_controller::aws_api::elbv2::RuleCondition;
use kinds::{InvalidEdit, KINDS};
use rig::{Options, Rig, fixtures, rig::group};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Members of the group.
const MEMBERS: usize = 50;
/// The one that is broken.
const BROKEN: usize = 25;
/// The one that is deleted while another one is broken.
const LEAVER: usize = 40;

/// A group of fifty, and the one that is broken again and again.
struct Table {
    rig: Rig,
    /// Which paths the sound members want.
    version: usize,
}

fn name(member: usize) -> String {
    format!("web-{member:02}")
}

fn host(member: usize) -> String {
    format!("{}.example.com", name(member))
}

fn path(version: usize) -> String {
    format!("/v{version}")
}

fn ingress(member: usize, version: usize) -> Value {
    let order = member.to_string();
    let annotations = [("group.name", "fifty"), ("group.order", order.as_str()), ("target-type", "ip")];
    fixtures::ingress(&name(member), &annotations, &[(&host(member), &path(version), &name(member))])
}

/// What is live of a member: its priorities and paths.
type Live = Vec<(i32, String)>;

impl Table {
    async fn new() -> Self {
        let mut options = Options { workers: rig::rig::workers(3), ..Options::default() };
        options.workers.ingress = 0;
        options.config.tolerate_non_existent_backend_service = false;
        options.config.tolerate_non_existent_backend_action = false;
        let mut rig = Rig::new(options);
        rig.seed();
        rig.start().await;
        for member in 0..MEMBERS {
            rig.api.put(fixtures::cluster_service(&name(member), &[80]));
            rig.serve(&name(member), &[member]);
        }
        let mut table = Self { rig, version: 0 };
        table.change_others(&[BROKEN]);
        table.reconcile().await;
        table
    }

    async fn reconcile(&self) {
        self.rig.catch_up().await;
        self.rig.reconcile_group(&group("fifty")).await;
    }

    /// All members but these ask for other paths.
    fn change_others(&mut self, left_alone: &[usize]) {
        self.version += 1;
        for member in (0..MEMBERS).filter(|member| !left_alone.contains(member)) {
            self.rig.api.put(ingress(member, self.version));
        }
    }

    /// What is live, by host; of a rule without a host under an empty one.
    fn live(&self) -> BTreeMap<String, Live> {
        let found = self.rig.owned_resources();
        let mut live: BTreeMap<String, Live> = BTreeMap::new();
        for rule in found.rules.values().flatten() {
            let (mut host, mut paths) = (String::new(), Vec::new());
            for condition in &rule.conditions {
                match condition {
                    RuleCondition::HostHeader(values) => {
                        host = values.values.first().cloned().unwrap_or_default();
                    }
                    RuleCondition::PathPattern(values) => paths.extend(values.values.iter().cloned()),
                    _ => {}
                }
            }
            live.entry(host).or_default().push((rule.priority.unwrap_or_default(), paths.join(",")));
        }
        live
    }

    /// Which of these members do not have live what they ask for now.
    fn behind(&self, members: impl Iterator<Item = usize>) -> Vec<String> {
        let live = self.live();
        let wanted = path(self.version);
        let is_live = |member: &usize| {
            live.get(&host(*member)).is_some_and(|rules| {
                rules.iter().all(|(_, paths)| *paths == format!("{wanted},{wanted}/*")) && rules.len() == 1
            })
        };
        members.filter(|member| !is_live(member)).map(name).collect()
    }

    /// The paths that are live for the broken member.
    fn live_of_broken(&self) -> Vec<String> {
        let live = self.live().remove(&host(BROKEN)).unwrap_or_default();
        live.into_iter().map(|(_, paths)| paths).collect()
    }

    fn is_there(&self, member: usize) -> bool {
        self.rig.api.get("ingresses", fixtures::NAMESPACE, &name(member)).is_some()
    }

    /// Warnings since then: on the broken member, and how many on others.
    fn warnings(&self, since: usize) -> (Vec<String>, usize) {
        let told: Vec<_> = self.rig.api.events().split_off(since);
        let warnings = told.into_iter().filter(|told| told.severity == "Warning" && told.kind == "Ingress");
        let (own, others): (Vec<_>, Vec<_>) =
            warnings.partition(|told| told.object == format!("{}/{}", fixtures::NAMESPACE, name(BROKEN)));
        (own.into_iter().map(|told| told.message).collect(), others.len())
    }

    /// What the broken member refers to is as it should be.
    fn fix(&self) {
        self.rig.api.put(fixtures::cluster_service(&name(BROKEN), &[80]));
    }

    /// Puts the breakage into one member on create, update and delete. Answers the event, and what is not as it should be.
    async fn run(&mut self, kind: &InvalidEdit) -> (String, Vec<String>) {
        let mut wrong = Vec::new();
        kind.prepare(&self.rig);
        let sound = |member: &usize| *member != BROKEN;

        // It is created broken.
        let since = self.rig.api.events().len();
        self.rig.api.put(kind.broken(&self.rig, ingress(BROKEN, 0)));
        self.change_others(&[BROKEN]);
        self.reconcile().await;
        let (told, others) = self.warnings(since);
        note(&mut wrong, "created", &self.behind((0..MEMBERS).filter(sound)), &told, others, kind);

        // It is mended, and then updated to be broken, while another one is deleted.
        self.fix();
        self.rig.api.put(ingress(BROKEN, 0));
        self.reconcile().await;
        let before = self.live_of_broken();
        if before.is_empty() {
            wrong.push("mended: it has no rules".to_owned());
        }
        kind.prepare(&self.rig);
        let since = self.rig.api.events().len();
        self.rig.api.put(kind.broken(&self.rig, ingress(BROKEN, 0)));
        self.change_others(&[BROKEN]);
        self.rig.api.delete("ingresses", fixtures::NAMESPACE, &name(LEAVER));
        self.reconcile().await;
        let (told, others) = self.warnings(since);
        let expected = (0..MEMBERS).filter(sound).filter(|member| *member != LEAVER);
        note(&mut wrong, "updated", &self.behind(expected), &told, others, kind);
        if self.live_of_broken() != before {
            wrong
                .push(format!("updated: its live rules were {before:?} and are {:?}", self.live_of_broken()));
        }
        if self.is_there(LEAVER) || self.live().contains_key(&host(LEAVER)) {
            wrong.push(format!("updated: {} cannot leave", name(LEAVER)));
        }

        // It is deleted.
        self.rig.api.delete("ingresses", fixtures::NAMESPACE, &name(BROKEN));
        self.change_others(&[BROKEN]);
        self.reconcile().await;
        self.reconcile().await;
        wrong.extend(
            self.behind((0..MEMBERS).filter(sound)).first().map(|one| format!("deleted: {one} is behind")),
        );
        if self.is_there(BROKEN) || !self.live_of_broken().is_empty() {
            wrong.push("deleted: it cannot leave".to_owned());
        }
        self.fix();
        (told.into_iter().next().unwrap_or_default(), wrong)
    }
}

fn note(
    wrong: &mut Vec<String>,
    when: &str,
    behind: &[String],
    told: &[String],
    others: usize,
    kind: &InvalidEdit,
) {
    if !behind.is_empty() {
        wrong.push(format!("{when}: {} of the others are behind, {} for one", behind.len(), behind[0]));
    }
    if !told.iter().any(|message| message.contains(kind.cause)) {
        wrong.push(format!("{when}: the event does not name {:?} but {told:?}", kind.cause));
    }
    if others > 0 {
        wrong.push(format!("{when}: {others} others were warned"));
    }
}

#[tokio::test(start_paused = true)]
async fn one_broken_ingress_of_fifty_blocks_nobody() {
    let mut table = Box::pin(Table::new()).await;
    assert_eq!(table.behind((0..MEMBERS).filter(|member| *member != BROKEN)), Vec::<String>::new());
    let mut report = format!("{:44} {:>7}  event on the broken one\n", "breakage", "others");
    let mut failures = Vec::new();
    for kind in KINDS {
        let (event, wrong) = table.run(kind).await;
        let mark = if wrong.is_empty() { "go on" } else { "FAIL" };
        let _ = writeln!(report, "{:44} {mark:>7}  {event}", kind.name);
        failures.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", kind.name)));
        if !failures.is_empty() {
            // why: what one kind left behind would be blamed on the next
            table = Box::pin(Table::new()).await;
        }
    }
    println!("{report}");
    assert!(KINDS.len() >= 30);
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
