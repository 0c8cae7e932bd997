//! Members of an Ingress group, as settings of one ALB (upstream's `pkg/ingress`).
//!
//! Every member is read on its own. In a group of one, a mistake ends the reading, as upstream does. In a larger group the
//! others go on (upstream freezes all of them):
//! - a member that cannot be read brings nothing, and the builder retains what AWS has of it;
//! - a setting of the whole group is the lower-ordered member's where members disagree; where the only value is a mistake, what
//!   is live stays.

mod attributes;
mod auth;
mod backend;
mod backend_port;
pub(crate) mod certificates;
mod context;
mod frontend_nlb;
mod health_check;
mod listeners;
mod load_balancer;
mod member;
mod member_reader;
mod merge;
mod network;
mod overridden;
mod paths;
mod protection;
mod rules;
mod shared_settings;
mod tags;
mod target_group;

pub use backend::MISSING_ACTION;
pub use context::FRONTEND_NLB_ID;
pub(crate) use context::{GroupContext, MemberView};
pub use listeners::Listeners;

use super::alb::{AlbSettings, Contribution, ListenerPart, ListenerSetting};
use super::load_balancer::deletion_protection;
use super::shared_setting::SharedSetting;
use super::{ContributorWarning, Diagnostics, Origin, WarningKind};
use crate::annotations::ingress::of as annotations_of;
use crate::api::{Ingress, ObjectKey};
use crate::aws_api::elbv2::Protocol;
use crate::facts::object_refs::ingress_ref;
use crate::facts::{BuildError, MissingLookups};
use crate::finding::{Finding, Part};
use crate::model::{RequestedCertificate, ResourceId, Resources};
use listeners::MemberListeners;
use std::collections::{BTreeMap, BTreeSet};

/// Reads a group in two steps: first its listeners, among which the builder retains live ones, then the rest.
pub(crate) struct GroupReader<'b, 'a> {
    group: &'b GroupContext<'a>,
    diagnostics: &'b mut Diagnostics,
    listener_settings: Vec<ListenerSetting>,
    /// Certificates that are to be made, by the places of their members.
    requested: BTreeMap<usize, (ResourceId, RequestedCertificate)>,
    /// Secrets with the certificates of members, by the places of these.
    secrets: BTreeMap<usize, BTreeSet<ObjectKey>>,
    /// HTTPS ports that are not there because AWS refuses what these members want.
    lost: BTreeMap<i32, usize>,
}

impl<'b, 'a> GroupReader<'b, 'a> {
    /// Reads nothing yet.
    pub fn new(group: &'b GroupContext<'a>, diagnostics: &'b mut Diagnostics) -> Self {
        Self {
            group,
            diagnostics,
            listener_settings: Vec::new(),
            requested: BTreeMap::new(),
            secrets: BTreeMap::new(),
            lost: BTreeMap::new(),
        }
    }

    /// Places of the members that cannot be built, as far as is known.
    pub fn excluded(&self) -> &BTreeSet<usize> {
        self.diagnostics.excluded()
    }

    /// The listeners that members want.
    pub fn listeners(&mut self) -> Result<Listeners, BuildError> {
        let mut wanted: BTreeMap<usize, MemberListeners> = BTreeMap::new();
        let mut questions = MissingLookups::default();
        for member in &self.group.members {
            let refusal = member.refusal.map(|refusal| &refusal.finding);
            if let Some(finding) = member.defect.or(refusal) {
                self.diagnostics.exclude(member.index, finding.clone())?;
                self.note_lost(member)?;
                continue;
            }
            let listeners = listeners::member_listeners(self.group, member);
            let caught = questions.collect(self.diagnostics.catch(member.index, listeners))?;
            if let Some(listeners) = caught.flatten() {
                self.listener_settings.extend(listeners.settings(member));
                for finding in &listeners.unusable_secrets {
                    let (kind, finding) = (WarningKind::UnusableSecret, finding.clone());
                    self.diagnostics.warn(member.index, ContributorWarning { kind, finding });
                }
                self.secrets.insert(member.index, listeners.secrets.clone());
                self.requested.extend(listeners.requested.clone().map(|one| (member.index, one)));
                wanted.insert(member.index, listeners);
            }
        }
        questions.ask()?;
        listeners::merge(self.group, self.diagnostics, &wanted)
    }

    /// Notes the HTTPS ports that a member would bring if AWS did not refuse what it wants.
    fn note_lost(&mut self, member: &MemberView<'a>) -> Result<(), BuildError> {
        if member.refusal.is_none() {
            return Ok(());
        }
        match listeners::member_listeners(self.group, member) {
            Ok(wanted) => {
                let ports = wanted.ports.iter().filter(|(_, port)| port.protocol == Protocol::Https);
                for (port, _) in ports {
                    self.lost.entry(*port).or_insert(member.index);
                }
                Ok(())
            }
            Err(BuildError::MissingFacts(query)) => Err(BuildError::MissingFacts(query)),
            Err(BuildError::Invalid(_) | BuildError::LookupFailed(_)) => Ok(()),
        }
    }

    /// Everything, given the listeners with those that are retained.
    pub fn read(mut self, mut listeners: Listeners) -> Result<AlbSettings<'a>, BuildError> {
        let group = self.group;
        self.drop_bare_https(&mut listeners)?;
        self.diagnostics.begin(Part::LoadBalancer);
        let (load_balancer, tags_complete) = load_balancer::read(group, self.diagnostics, &listeners)?;
        self.diagnostics.begin(Part::SslRedirect);
        let ssl_redirect = load_balancer::read_ssl_redirect(group, self.diagnostics, &listeners, &self.lost)?;
        self.diagnostics.begin(Part::Rules);
        let mut contributions = self.contributions(&listeners, ssl_redirect)?;
        for (index, contribution) in &mut contributions {
            contribution.secrets.extend(self.secrets.remove(index).unwrap_or_default());
        }
        overridden::warn(group, self.diagnostics);
        self.diagnostics.begin(Part::Listener);
        for (number, listener) in &mut listeners {
            self.read_listener(*number, listener)?;
        }
        self.warn_of_unreached(&listeners, ssl_redirect, &contributions);
        self.diagnostics.begin(Part::Addons);
        let protection = protection::read(group, self.diagnostics)?;
        self.diagnostics.begin(Part::FrontendNlb);
        let frontend_nlb = frontend_nlb::read(group, self.diagnostics, &load_balancer, &listeners)?;
        let (certificates, retained_certificates) = self.certificates();
        Ok(AlbSettings {
            load_balancer,
            tags_complete,
            listeners,
            ssl_redirect,
            drops_needless_rules: true,
            contributions,
            protection,
            frontend_nlb,
            listener_settings: self.listener_settings,
            certificates,
            retained_certificates,
        })
    }

    /// The certificates of the members that can be built, and what the ids of the others' end in.
    fn certificates(&mut self) -> (Resources<RequestedCertificate>, BTreeSet<String>) {
        let requested = std::mem::take(&mut self.requested).into_iter();
        let excluded = self.diagnostics.excluded();
        let wanted = requested.filter(|(index, _)| !excluded.contains(index)).map(|(_, one)| one);
        let members = self.group.members.iter().filter(|member| excluded.contains(&member.index));
        (wanted.collect(), members.map(|member| certificates::member_suffix(member.key)).collect())
    }

    /// In a group of one AWS refuses an HTTPS listener without certificates; in a larger one that would stop everybody.
    fn drop_bare_https(&mut self, listeners: &mut Listeners) -> Result<(), BuildError> {
        if !self.diagnostics.is_lenient() {
            return Ok(());
        }
        let bare = listeners.extract_if(.., |_, port| port.is_https() && port.certificates.is_empty());
        for (number, listener) in bare {
            let members = listener.contributors.iter().filter_map(|index| self.group.members.get(*index));
            for member in members {
                let origin = Origin::field(&member.object, "spec.tls");
                let cause = context::refusal_behind(self.group, &self.lost, number);
                let problem = format!(
                    "port {number} is HTTPS, but no member of the group has a certificate for it{}",
                    cause.unwrap_or_default()
                );
                let hint = "name hosts that an issued certificate covers, or set certificate-arn";
                self.diagnostics.report(member.index, origin.error(problem).hint(hint))?;
            }
        }
        Ok(())
    }

    fn contributions(
        &mut self,
        listeners: &Listeners,
        ssl_redirect: Option<i32>,
    ) -> Result<BTreeMap<usize, Contribution<'a>>, BuildError> {
        let (mut all, mut questions) = (BTreeMap::new(), MissingLookups::default());
        for member in &self.group.members {
            if self.diagnostics.is_excluded(member.index) {
                continue;
            }
            let contribution = member::read(self.group, member, listeners, ssl_redirect);
            let caught = questions.collect(self.diagnostics.catch(member.index, contribution))?;
            all.extend(caught.flatten().map(|contribution| (member.index, contribution)));
        }
        questions.ask()?;
        Ok(all)
    }

    /// Tags and attributes of a listener.
    fn read_listener(
        &mut self,
        number: i32,
        listener: &mut super::AlbListenerSettings,
    ) -> Result<(), BuildError> {
        let sharers = listener.contributors.clone();
        (listener.tags, listener.tags_complete) = tags::of_shared(self.group, self.diagnostics, &sharers)?;
        let identity = (listener.protocol.as_str(), number);
        let suffix = format!("listener-attributes.{}-{number}", listener.protocol);
        for member in sharers.iter().filter_map(|index| self.group.members.get(*index)) {
            let given = member.annotations.map(&suffix).ok().flatten().unwrap_or_default();
            let part = ListenerPart::Attribute;
            let setting = |name| ListenerSetting { port: number, from: member.key.clone(), part, name };
            self.listener_settings.extend(given.into_keys().map(setting));
        }
        listener.attributes = attributes::of_listener(self.group, self.diagnostics, identity, &sharers)?;
        Ok(())
    }

    fn warn_of_unreached(
        &mut self,
        listeners: &Listeners,
        ssl_redirect: Option<i32>,
        contributions: &BTreeMap<usize, Contribution<'a>>,
    ) {
        let Some(redirect) = ssl_redirect else { return };
        let idle = contributions.iter().filter(|(_, contribution)| contribution.rules.is_empty());
        for member in idle.filter_map(|(index, _)| self.group.members.get(*index)) {
            let own = listeners.iter().filter(|(_, listener)| listener.has(member.index));
            let own = own.map(|(number, _)| *number).collect();
            if let Some(finding) = unreached(member, &own, redirect) {
                self.diagnostics.warn(member.index, ContributorWarning::without_effect(finding));
            }
        }
    }
}

/// Whose settings of what the whole group shares are.
pub(crate) fn shared_settings(group: &GroupContext<'_>) -> Vec<SharedSetting> {
    shared_settings::read(group)
}

/// Why the annotations of a deleted Ingress keep the load balancer from being deleted; `None`: they do not.
pub fn protection_of(ingress: &Ingress) -> Option<Finding> {
    const SUFFIX: &str = "load-balancer-attributes";
    let annotations = annotations_of(ingress.metadata.annotations.as_ref());
    let origin = Origin::field(&ingress_ref(ingress), annotations.key(SUFFIX));
    match annotations.map(SUFFIX) {
        Ok(attributes) => deletion_protection(&attributes.unwrap_or_default(), &origin),
        Err(error) => Some(origin.error(error.to_string())),
    }
}

/// What to tell a member that has rules or a default backend, and yet none on any listener, because all its listeners redirect.
///
/// `ports`: the member's ports. `redirect`: where plain HTTP leads.
fn unreached(member: &MemberView<'_>, ports: &BTreeSet<i32>, redirect: i32) -> Option<Finding> {
    let spec = member.spec?;
    let has_rules = spec.rules.iter().flatten().any(|rule| rule.http.is_some());
    if ports.is_empty() || (!has_rules && spec.default_backend.is_none()) {
        return None;
    }
    let ports: Vec<String> = ports.iter().map(i32::to_string).collect();
    let (noun, verb) = if ports.len() == 1 { ("port", "redirects") } else { ("ports", "redirect") };
    let problem = format!(
        "its rules are on no listener: {noun} {} {verb} to {redirect}, and the Ingress does not listen there",
        ports.join(", ")
    );
    let hint = format!("add {{\"HTTPS\": {redirect}}} to {}", member.annotations.key("listen-ports"));
    Some(Finding::warning(&member.object, problem).at("spec.rules").hint(hint))
}
