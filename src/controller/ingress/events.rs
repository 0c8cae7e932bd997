//! What the members of a group are told.

use super::{COMPONENT, GroupReconcile};
use crate::api::{Ingress, ObjectKey};
use crate::builder::ingress::{BuiltGroup, MemberOutcome};
use crate::cluster::events::Regarding;
use crate::deploy::Deployed;
use crate::facts::group::Member;
use crate::settings::{ContributorWarning, WarningKind};
use crate::status;
use crate::status::event::{Event, Reason};
use crate::targets::view::ClusterView;
use std::collections::BTreeSet;

impl GroupReconcile<'_> {
    /// Members and what became of them; both are in group order.
    pub(super) fn outcomes<'b>(
        &'b self,
        built: &'b BuiltGroup,
    ) -> impl Iterator<Item = (&'b Member, &'b MemberOutcome)> {
        self.group.members.iter().zip(&built.members)
    }

    /// Tells members that are not served as they want why.
    pub(super) fn record_outcomes(&self, outcomes: &[MemberOutcome]) {
        for (member, outcome) in self.group.members.iter().zip(outcomes) {
            if let Some(event) = status::ingress::event_of(outcome, false) {
                self.record(&member.ingress, &event);
            }
        }
    }

    /// Tells some members what is wrong with them.
    pub(super) fn tell_of(&self, outcomes: &[MemberOutcome]) {
        for outcome in outcomes {
            let member = self.group.members.iter().find(|member| member.key == outcome.key);
            if let Some((member, event)) = member.zip(status::ingress::event_of(outcome, false)) {
                self.record(&member.ingress, &event);
            }
        }
    }

    /// Tells Ingresses whose deletion waits what it waits for.
    pub(super) fn record_protected(&self, built: &BuiltGroup) {
        for (key, finding) in &built.held {
            tracing::info!(group = %self.group.id, departing_ingress = %key, %finding, "the load balancer is protected");
            let departing_ingress = self
                .group
                .departing
                .iter()
                .find(|departing_ingress| ObjectKey::of(departing_ingress.as_ref()) == *key);
            if let Some(departing_ingress) = departing_ingress {
                self.record(departing_ingress, &Event::warning(Reason::DeletionProtected, finding));
            }
        }
    }

    /// Tells the members that are not served any more, or for another reason, since AWS refused something.
    pub(super) fn record_excluded(&self, built: &BuiltGroup, former: &BuiltGroup) {
        for ((member, outcome), former) in self.outcomes(built).zip(&former.members) {
            let event = status::ingress::event_of(outcome, false);
            let event =
                event.filter(|event| status::ingress::event_of(former, false).as_ref() != Some(event));
            if let Some(event) =
                event.filter(|_| self.context.refused_members.is_news(&self.group.id, &member.key, outcome))
            {
                let group = &self.group.id;
                tracing::warn!(%group, ingress = %member.key, message = event.message, "member not served in full");
                self.record(&member.ingress, &event);
            }
        }
    }

    /// Tells sound members that all is well, if something was done for the group or for them; and what is built of them, but
    /// has no effect.
    pub(super) fn record_success(
        &self,
        built: &BuiltGroup,
        deployed: &Deployed,
        updated: &BTreeSet<ObjectKey>,
    ) {
        for (member, outcome) in self.outcomes(built) {
            self.record_unusable_secrets(member, outcome);
            // why: a member that joins may want nothing that is not there already
            if !deployed.is_news && !updated.contains(&member.key) {
                continue;
            }
            let (idle, missing): (Vec<&ContributorWarning>, Vec<&ContributorWarning>) = outcome
                .warnings
                .iter()
                .filter(|warning| warning.kind != WarningKind::UnusableSecret && self.holds(warning))
                .partition(|warning| warning.kind == WarningKind::WithoutEffect);
            let warnings = [(Reason::WithoutEffect, idle), (Reason::BackendNotFound, missing)];
            let told = warnings.map(|(reason, warnings)| Some((reason, status::ingress::list(&warnings)?)));
            for (reason, text) in told.iter().flatten() {
                self.record(&member.ingress, &Event::warning(*reason, text));
            }
            let is_sound = status::ingress::event_of(outcome, false).is_none() && told[1].is_none();
            if is_sound {
                self.record(&member.ingress, &Event::reconciled());
            }
        }
    }

    /// Tells a member of Secrets that cannot be used, whatever else was done: listeners go on with what they had.
    fn record_unusable_secrets(&self, member: &Member, outcome: &MemberOutcome) {
        let unusable = outcome.warnings.iter().filter(|warning| warning.kind == WarningKind::UnusableSecret);
        for warning in unusable {
            self.record(&member.ingress, &Event::warning(Reason::FailedBuildModel, &warning.finding));
        }
    }

    /// Whether a member has backends that answer nothing.
    pub(super) fn lacks_backends(&self, built: &BuiltGroup) -> bool {
        let warnings = built.members.iter().flat_map(|member| &member.warnings);
        warnings
            .filter(|warning| {
                !matches!(warning.kind, WarningKind::WithoutEffect | WarningKind::UnusableSecret)
            })
            .any(|warning| self.holds(warning))
    }

    /// Whether a warning is one for events: it is not meant so, and the EndpointSlices that there are do not disprove it.
    fn holds(&self, warning: &ContributorWarning) -> bool {
        match &warning.kind {
            WarningKind::WithoutEffect | WarningKind::NoBackend | WarningKind::UnusableSecret => true,
            WarningKind::Overridden => false,
            WarningKind::ExternalName(service) | WarningKind::Selectorless(service) => {
                self.context.stores.slices(service).is_none_or(|slices| slices.is_empty())
            }
        }
    }

    pub(super) fn record(&self, ingress: &Ingress, event: &Event) {
        let regarding = Regarding::of("networking.k8s.io/v1", "Ingress", ingress);
        let recorder = self.context.recorder.component(COMPONENT);
        recorder.record(regarding, event.kind.as_str(), event.reason.as_str(), event.message.clone());
    }
}
