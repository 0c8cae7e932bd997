//! Which state something is in, and why.

use super::remedy::of_event;
use super::sources::Events;
use super::{Item, LastEvent, PlanSource, State};
use crate::api::{Condition, ObjectKey, ObjectMeta};
use crate::finding::{Finding, Severity};

/// The state of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StateReason {
    pub state: State,
    pub reason: String,
    pub message: String,
    pub remedies: Vec<String>,
    pub event: Option<LastEvent>,
}

impl StateReason {
    pub fn new(state: State, reason: &str, message: impl Into<String>) -> Self {
        Self { state, reason: reason.to_owned(), message: message.into(), ..Self::default() }
    }

    pub fn remedies(mut self, remedies: Vec<String>) -> Self {
        self.remedies = remedies;
        self
    }

    pub fn event(mut self, event: Option<LastEvent>) -> Self {
        self.event = event;
        self
    }

    /// Writes it to an item.
    pub fn give(self, item: &mut Item) {
        let Self { state, reason, message, remedies, event } = self;
        item.state = state;
        item.reason = reason;
        item.message = message;
        item.remedies = remedies;
        item.event = event;
    }

    /// A mistake in what the user wrote.
    pub fn of_finding(finding: &Finding) -> Self {
        let remedies = finding.hint.iter().cloned().collect();
        Self::new(State::Failed, "Invalid", finding.to_string()).remedies(remedies)
    }

    /// The worse of two.
    pub fn or_worse(self, other: Self) -> Self {
        if other.state > self.state { other } else { self }
    }
}

/// What the controller last said of an object, and how it last ended as far as it said so.
pub(super) struct Said<'a> {
    pub last: Option<&'a LastEvent>,
    /// The newest event that tells of a success or a failure, and not of something on the way.
    pub outcome: Option<&'a LastEvent>,
}

impl<'a> Said<'a> {
    pub fn of(events: &'a Events, kind: &str, key: &ObjectKey, meta: &ObjectMeta) -> Self {
        let of_object: Vec<&LastEvent> = events.of(kind, key, meta.uid.as_deref()).collect();
        let outcome = of_object.iter().copied().find(|event| event.is_outcome());
        Self { last: of_object.first().copied(), outcome }
    }

    /// The failure that it ended with.
    fn failure(&self) -> Option<&'a LastEvent> {
        self.outcome.filter(|event| event.warning)
    }
}

/// An object of whose state only its address and events tell, and a plan if there is one.
pub(super) fn of_object(
    meta: &ObjectMeta,
    said: &Said<'_>,
    has_address: bool,
    plan: Option<&PlanSource>,
    is_mistaken: impl Fn(&Finding) -> bool,
) -> StateReason {
    let last = said.last.cloned();
    if meta.deletion_timestamp.is_some() {
        let judged = match said.failure() {
            Some(failure) => failed(failure),
            None => StateReason::new(State::Pending, "Deleting", "It is being deleted in AWS"),
        };
        return judged.event(last);
    }
    if let Some(plan) = plan {
        return of_plan(plan, said, is_mistaken).event(last);
    }
    if let Some(failure) = said.failure() {
        return failed(failure).event(last);
    }
    if !has_address {
        return StateReason::new(State::Pending, "NoAddress", "Its status names no load balancer yet")
            .remedies(vec![
                "`kubectl describe` shows its events; `doctor` whether a controller is running.".to_owned(),
            ])
            .event(last);
    }
    StateReason::default().event(last)
}

fn of_plan(plan: &PlanSource, said: &Said<'_>, is_mistaken: impl Fn(&Finding) -> bool) -> StateReason {
    let mistake = plan.mistakes.iter().find(|found| found.severity == Severity::Error && is_mistaken(found));
    if let Some(mistake) = mistake {
        return StateReason::of_finding(mistake);
    }
    match (&plan.failure, plan.steps) {
        (Some(failure), _) => StateReason::new(State::Failed, "NotPlanned", failure.as_str()),
        (None, 0) => StateReason::default(),
        (None, steps) => {
            let message = format!("Changes of AWS are outstanding: {steps}");
            let pending = StateReason::new(State::Pending, "OutOfSync", message)
                .remedies(vec!["`plan` shows the changes.".to_owned()]);
            said.failure().map_or(pending, failed)
        }
    }
}

/// What failed, as an event told it.
pub(super) fn failed(event: &LastEvent) -> StateReason {
    StateReason::new(State::Failed, &event.reason, event.message.as_str()).remedies(of_event(&event.reason))
}

/// The state that conditions tell of a generation. `types`: those that have to be `True`, the most telling first.
pub(super) fn of_conditions(
    conditions: &[Condition],
    types: &[&str],
    generation: Option<i64>,
) -> StateReason {
    let mut worst = StateReason::default();
    for type_ in types {
        let judged = match conditions.iter().find(|condition| condition.type_ == *type_) {
            None => StateReason::new(
                State::Pending,
                "NoCondition",
                format!("Its status has no condition {type_} yet"),
            ),
            Some(condition) => of_condition(condition, generation),
        };
        worst = worst.or_worse(judged);
    }
    worst
}

fn of_condition(condition: &Condition, generation: Option<i64>) -> StateReason {
    let is_old = condition.observed_generation.zip(generation).is_some_and(|(seen, is)| seen < is);
    if is_old {
        return StateReason::new(State::Pending, "OutOfDate", "Its last change has not been seen yet");
    }
    let state = match (condition.status.as_str(), condition.reason.as_str()) {
        ("True", _) => return StateReason::default(),
        ("Unknown", _) | (_, "Pending" | "AddressNotAssigned") => State::Pending,
        _ => State::Failed,
    };
    StateReason::new(state, &condition.reason, condition.message.as_str())
}

/// Something of an item that AWS would not tell.
pub(super) fn unread(what: &str, error: &str) -> StateReason {
    StateReason::new(State::Unknown, "NotRead", format!("Its {what} cannot be read: {error}"))
}
