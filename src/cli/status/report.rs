//! How `status` prints.

use crate::args::StatusFormat;
use crate::topology::{Item, State, TargetCount, Topology, TopologyKind};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use strum::VariantArray as _;

/// A target group with so many targets is shown in full.
const FEW: usize = 10;

/// How the tree looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether states have colours. Their marks tell them apart without.
    pub colours: bool,
    /// Whether also of large target groups those targets are shown that are as they should be.
    pub all_targets: bool,
}

/// The report in a format; the error is why it cannot be written in that.
pub fn render(topology: &Topology, format: StatusFormat, style: Style) -> Result<String, String> {
    match format {
        StatusFormat::Text => Ok(text(topology, style)),
        StatusFormat::Json => match serde_json::to_string_pretty(topology) {
            Ok(text) => Ok(text + "\n"),
            Err(error) => Err(error.to_string()),
        },
        StatusFormat::Yaml => serde_saphyr::to_string(topology).map_err(|error| error.to_string()),
    }
}

fn text(topology: &Topology, style: Style) -> String {
    let mut out = String::new();
    if let Some(reason) = &topology.without_aws {
        line(&mut out, &format!("AWS was not asked: {reason}"));
        line(&mut out, "Health is what readiness gates and TargetGroupBindings tell.\n");
    }
    let mut printer = Printer { topology, style, out, shown: BTreeSet::new() };
    for root in topology.at_the_top() {
        printer.item(root, "", "");
        printer.out.push('\n');
    }
    line(&mut printer.out, &summary(topology));
    printer.out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

struct Printer<'a> {
    topology: &'a Topology,
    style: Style,
    out: String,
    /// Target groups that were shown already.
    shown: BTreeSet<&'a str>,
}

impl<'a> Printer<'a> {
    /// `first` stands before the item's own line, `rest` before those below it.
    fn item(&mut self, item: &'a Item, first: &str, rest: &str) {
        let again = item.kind == TopologyKind::TargetGroup && !self.shown.insert(&item.id);
        let head = self.head(item);
        if again {
            line(&mut self.out, &format!("{first}{head} (see above)"));
            return;
        }
        line(&mut self.out, &format!("{first}{head}"));
        let shows_all = self.style.all_targets || item.children.len() <= FEW;
        let is_shown =
            |child: &&Item| shows_all || child.kind != TopologyKind::Target || !child.state.is_synced();
        let children: Vec<&Item> = self.topology.children(item).filter(is_shown).collect();
        let stem = if children.is_empty() { "   " } else { "│  " };
        for note in notes(item) {
            line(&mut self.out, &format!("{rest}{stem}{note}"));
        }
        let last = children.len().saturating_sub(1);
        for (at, child) in children.into_iter().enumerate() {
            let (branch, below) = if at == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.item(child, &format!("{rest}{branch}"), &format!("{rest}{below}"));
        }
    }

    fn head(&self, item: &Item) -> String {
        let name = if item.namespace.is_empty() {
            item.name.clone()
        } else {
            format!("{}/{}", item.namespace, item.name)
        };
        let mut head = format!("{} {} {name}", mark(item.state), item.kind.as_str());
        let dns_name = item.details.get("dnsName").map(String::as_str).unwrap_or_default();
        let health = item.details.get("health").map(String::as_str).unwrap_or_default();
        for part in [item.label.as_str(), dns_name, health] {
            if !part.is_empty() {
                write_to(&mut head, &format!("  {part}"));
            }
        }
        let state = match (item.state, item.message.as_str()) {
            (State::Synced, "") => String::new(),
            (State::Synced, message) => message.to_owned(),
            (state, "") => format!("{} {}", state.as_str(), item.reason),
            (state, message) => format!("{}: {}", state.as_str(), with_reason(&item.reason, message)),
        };
        if !state.is_empty() {
            write_to(&mut head, &format!("  {}", state.trim_end()));
        }
        if self.style.colours { format!("{}{head}\x1b[0m", colour(item.state)) } else { head }
    }
}

fn write_to(text: &mut String, more: &str) {
    // Writing to a text cannot fail.
    let _ = text.write_str(more);
}

fn with_reason(reason: &str, message: &str) -> String {
    if reason.is_empty() { message.to_owned() } else { format!("{message} ({reason})") }
}

/// What to do, and what the controller said unless that is the state already.
fn notes(item: &Item) -> Vec<String> {
    let mut notes = Vec::new();
    if !item.state.is_synced() {
        notes.extend(item.remedies.first().map(|remedy| format!("→ {remedy}")));
    }
    if let Some(event) = item.event.as_ref().filter(|event| event.warning && event.message != item.message) {
        let time = event.time.map(|time| format!(", {time}")).unwrap_or_default();
        notes.push(format!("last event: {} ({} times{time}): {}", event.reason, event.count, event.message));
    }
    notes
}

fn mark(state: State) -> char {
    match state {
        State::Synced => '✓',
        State::Unknown => '?',
        State::Pending => '…',
        State::Unhealthy => '!',
        State::Failed => '✗',
    }
}

fn colour(state: State) -> &'static str {
    match state {
        State::Synced => "",
        State::Unknown => "\x1b[36m",
        State::Pending => "\x1b[33m",
        State::Unhealthy | State::Failed => "\x1b[31m",
    }
}

/// How many objects are in which state, and how many targets are healthy.
fn summary(topology: &Topology) -> String {
    let mut parts = Vec::new();
    for state in State::VARIANTS {
        let count = topology.at_the_top().filter(|item| item.worst == *state).count();
        if count > 0 {
            parts.push(format!("{count} {}", state.as_str()));
        }
    }
    let mut targets = TargetCount::default();
    let groups = topology.items.values().filter(|item| item.kind == TopologyKind::TargetGroup);
    for count in groups.filter_map(|item| item.targets) {
        targets += count;
    }
    let states = if parts.is_empty() { "nothing to show".to_owned() } else { parts.join(", ") };
    let TargetCount { total, healthy, unknown, .. } = targets;
    let untold = if unknown > 0 { format!(", {unknown} more cannot be told") } else { String::new() };
    format!("{states}; {healthy} of {} targets are healthy{untold}", total.saturating_sub(unknown))
}
