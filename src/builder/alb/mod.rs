//! ALBs, with what contributors bring to them.
//!
//! A contributor that cannot be built keeps what AWS has of it ([`retained`]), or is left out if there is nothing; the others are
//! built.

mod attribution;
mod optimizer;
mod priorities;
mod reachability;
mod retained;

pub use reachability::pattern;

pub use attribution::{Attribution, MemberResources};

use super::networking::{LoadBalancerSide, TrafficSource};
use super::security_groups::{MANAGED_ID, SecurityGroups};
use super::{load_balancer, nlb, target_group};
use crate::aws_api::elbv2::{FixedResponseAction, ListenerAction, RedirectAction};
use crate::config::Config;
use crate::facts::{BuildError, Facts, MissingLookups};
use crate::finding::{Finding, Part};
use crate::model::{Listener, ResourceId, Stack, StackId};
use crate::settings::alb::{Contribution, Contributor, RuleSettings};
use crate::settings::shared_setting::SharedSetting;
use crate::settings::{AlbListenerSettings, AlbSettings, ContributorWarning, Diagnostics};
use optimizer::CandidateRule;
use reachability::ListenerRules;
pub(in crate::builder) use retained::RetainedState;
use std::collections::BTreeMap;

/// Contributors in order; each is named by its place.
pub(super) type Contributors<'c> = &'c [&'c dyn Contributor];

/// An ALB on its way into a stack.
pub(super) struct AlbBuilder<'b, 'a> {
    settings: AlbSettings<'a>,
    contributors: Contributors<'b>,
    diagnostics: &'b mut Diagnostics,
    facts: &'b Facts,
    config: &'b Config,
    attribution: Attribution,
}

/// What is built besides the stack.
#[derive(Debug)]
pub(in crate::builder) struct AlbOutcome {
    pub attribution: Attribution,
    pub uses_backend_group: bool,
}

/// The default actions of a listener, and the place of the contributor that they are from.
type DefaultActions = (Vec<ListenerAction>, Option<usize>);

impl<'b, 'a> AlbBuilder<'b, 'a> {
    pub fn new(
        mut settings: AlbSettings<'a>,
        shared: Vec<SharedSetting>,
        contributors: Contributors<'b>,
        diagnostics: &'b mut Diagnostics,
        facts: &'b Facts,
        config: &'b Config,
    ) -> Self {
        let attribution = Attribution::new(shared, std::mem::take(&mut settings.listener_settings));
        Self { settings, contributors, diagnostics, facts, config, attribution }
    }

    /// Adds the ALB and everything behind it and in front of it to a stack. `None`: no contributor can be built, and there is no
    /// ALB, so none is made.
    pub fn add_to(mut self, stack: &mut Stack) -> Result<Option<AlbOutcome>, BuildError> {
        self.diagnostics.begin(Part::LoadBalancer);
        let balancer = &self.settings.load_balancer;
        let groups = SecurityGroups::build(&balancer.security_groups, self.facts, self.config, stack)?;
        load_balancer::add(balancer, &groups, stack);
        self.diagnostics.begin(Part::Rules);
        self.add_target_groups(&groups, stack)?;
        if self.settings.contributions.is_empty() && !self.exists(&stack.id)? {
            return Ok(None);
        }
        self.diagnostics.begin(Part::Listener);
        let retained = self.retained(&stack.id)?;
        self.add_listeners(retained.as_ref(), stack)?;
        self.add_target_groups_of_retained(retained.as_ref(), stack);
        stack.protection = self.settings.protection.clone();
        self.add_certificates(stack);
        self.diagnostics.begin(Part::FrontendNlb);
        if let Some(nlb) = &self.settings.frontend_nlb {
            nlb::add(nlb, self.facts, self.config, stack)?;
        }
        let uses_backend_group = groups.uses_backend_group;
        Ok(Some(AlbOutcome { attribution: self.attribution, uses_backend_group }))
    }

    /// Certificates; a contributor that turned out not to be buildable keeps what it has.
    fn add_certificates(&mut self, stack: &mut Stack) {
        stack.certificates = std::mem::take(&mut self.settings.certificates);
        stack.retained_certificates = std::mem::take(&mut self.settings.retained_certificates);
    }

    fn exists(&self, stack: &StackId) -> Result<bool, BuildError> {
        let id = self.settings.load_balancer.id.as_str();
        let existing = self.facts.existing_load_balancers(stack)??;
        Ok(existing.iter().any(|found| found.resource_id.as_deref() == Some(id)))
    }

    /// What contributors keep that cannot be built; AWS is asked for it only if there are any.
    fn retained(&self, stack: &StackId) -> Result<Option<RetainedState<'b>>, BuildError> {
        let excluded = self.diagnostics.excluded();
        if excluded.is_empty() {
            return Ok(None);
        }
        let live = self.facts.live_stack(stack)??;
        Ok(Some(RetainedState::new(stack, self.contributors, live, excluded.clone())))
    }

    /// Target groups and bindings. A mistake in one of them excludes its contributor.
    fn add_target_groups(&mut self, groups: &SecurityGroups, stack: &mut Stack) -> Result<(), BuildError> {
        let balancer = &self.settings.load_balancer;
        let side = LoadBalancerSide {
            kind: &balancer.kind,
            scheme: &balancer.scheme,
            ip_address_type: &balancer.ip_address_type,
            subnets: &[],
            source: groups
                .target_rule_source
                .as_ref()
                .map_or(TrafficSource::Unmanaged, TrafficSource::SecurityGroup),
        };
        let mut missing_lookups = MissingLookups::default();
        for (index, contribution) in &self.settings.contributions {
            let mut own = Stack::empty(stack.id.clone());
            let added = contribution.target_groups.iter().try_for_each(|settings| {
                target_group::add(settings, &side, self.facts, self.config, &mut own)
            });
            let caught = missing_lookups.collect(self.diagnostics.catch(*index, added))?;
            if caught.flatten().is_none() {
                continue;
            }
            if let Some(contributor) = self.contributors.get(*index) {
                for id in own.target_groups.keys() {
                    self.attribution.note_target_group(id, contributor.key());
                }
            }
            // why: two contributors may arrive at one id (names are joined by dashes); the first has it, as upstream
            for (id, target_group) in own.target_groups {
                stack.target_groups.entry(id).or_insert(target_group);
            }
            for (id, binding) in own.bindings {
                stack.bindings.entry(id).or_insert(binding);
            }
        }
        missing_lookups.ask()?;
        self.settings.contributions.retain(|index, _| !self.diagnostics.is_excluded(*index));
        for (index, contribution) in &mut self.settings.contributions {
            for warning in std::mem::take(&mut contribution.warnings) {
                self.diagnostics.warn(*index, warning);
            }
        }
        Ok(())
    }

    fn add_target_groups_of_retained(&self, retained: Option<&RetainedState<'_>>, stack: &mut Stack) {
        let Some(retained) = retained else { return };
        retained.retain_target_groups(stack);
        if self.settings.tags_complete {
            return;
        }
        if let Some(load_balancer) = stack.load_balancers.get_mut(&self.settings.load_balancer.id) {
            load_balancer.tags = retained::with_live(&load_balancer.tags, &retained.load_balancer_tags());
        }
        if let Some(group) = stack.security_groups.get_mut(&ResourceId::from(MANAGED_ID)) {
            group.tags = retained::with_live(&group.tags, &retained.security_group_tags());
        }
    }

    fn add_listeners(
        &mut self,
        retained: Option<&RetainedState<'_>>,
        stack: &mut Stack,
    ) -> Result<(), BuildError> {
        let listeners = std::mem::take(&mut self.settings.listeners);
        let mut all = Vec::with_capacity(listeners.len());
        for (number, settings) in &listeners {
            let redirect = self.settings.ssl_redirect.filter(|_| !settings.is_https());
            let default = match redirect {
                Some(target) => (vec![redirect_to(target)], None),
                None => self.default_actions(*number, settings, retained)?,
            };
            let listener = self.build_listener(*number, settings, default.0.clone(), retained);
            stack.listeners.insert(number.to_string().into(), listener);
            let rules = match redirect {
                Some(_) => ListenerRules::new(*number, settings, default, &[]),
                None => self.add_rules(*number, settings, default, retained, stack),
            };
            all.push(rules);
        }
        for (index, findings) in reachability::check(self.contributors, &all) {
            for finding in findings {
                self.diagnostics.warn(index, ContributorWarning::without_effect(finding));
            }
        }
        Ok(())
    }

    fn add_rules(
        &mut self,
        number: i32,
        settings: &AlbListenerSettings,
        default: DefaultActions,
        retained: Option<&RetainedState<'_>>,
        stack: &mut Stack,
    ) -> ListenerRules {
        let id = ResourceId::from(number.to_string());
        let contributions = &self.settings.contributions;
        let candidates = if let Some(retained) = retained {
            retained.rules_with_retained(number, contributions)
        } else {
            contributions.keys().flat_map(|index| candidates_of(number, *index, contributions)).collect()
        };
        let mut rules = ListenerRules::new(number, settings, default, &candidates);
        let candidates = if self.settings.drops_needless_rules {
            optimizer::optimize(number, settings, candidates)
        } else {
            candidates
        };
        rules.note_built(&candidates);
        for (priority, candidate) in priorities::number(self.contributors, &id, candidates) {
            let owner = self.contributors.get(candidate.contributor);
            if let Some(contributor) = owner.filter(|_| candidate.retained.is_none()) {
                self.attribution.note_rule(&id, priority, contributor.key());
            }
            stack.rules.insert((id.clone(), priority), candidate.rule);
        }
        rules
    }

    fn build_listener(
        &self,
        number: i32,
        settings: &AlbListenerSettings,
        default_actions: Vec<ListenerAction>,
        retained: Option<&RetainedState<'_>>,
    ) -> Listener {
        let tags = match retained.filter(|_| !settings.tags_complete) {
            Some(retained) => retained::with_live(&settings.tags, &retained.listener_tags(number)),
            None => settings.tags.clone(),
        };
        Listener {
            load_balancer: self.settings.load_balancer.id.clone(),
            port: number,
            protocol: settings.protocol.clone(),
            default_actions,
            certificates: settings.certificates.clone(),
            ssl_policy: settings.ssl_policy.clone(),
            alpn_policy: Vec::new(),
            mutual_authentication: settings.mutual_tls.clone(),
            attributes: settings.attributes.clone(),
            tags,
        }
    }

    /// The default actions of the first contributor that has any; the others are told.
    fn default_actions(
        &mut self,
        number: i32,
        settings: &AlbListenerSettings,
        retained: Option<&RetainedState<'_>>,
    ) -> Result<DefaultActions, BuildError> {
        let mut chosen: Option<(&[ListenerAction], usize, &dyn Contributor)> = None;
        for index in &settings.contributors {
            let contribution = self.settings.contributions.get(index);
            let wanted = contribution.and_then(|contribution| contribution.default_actions.get(&number));
            let (Some(actions), Some(contributor)) = (wanted, self.contributors.get(*index)) else {
                continue;
            };
            match &chosen {
                None => {
                    self.attribution.note_default_actions(number, contributor.key(), actions);
                    chosen = Some((actions, *index, *contributor));
                }
                Some((_, _, winner)) => {
                    let (kind, key) = (winner.object().kind, winner.key());
                    let problem = format!("{kind} {key} has the default backend of port {number} already");
                    let finding = Finding::error(contributor.object(), problem).at("spec.defaultBackend");
                    self.diagnostics.report(*index, finding)?;
                }
            }
        }
        if let Some((actions, index, _)) = chosen {
            return Ok((actions.to_vec(), Some(index)));
        }
        let live = retained.and_then(|retained| retained.default_actions(number, settings));
        Ok((live.unwrap_or_else(|| vec![not_found()]), None))
    }
}

/// The rules that a contributor wants of a listener, in order.
fn candidates_of(
    number: i32,
    contributor: usize,
    contributions: &BTreeMap<usize, Contribution<'_>>,
) -> Vec<CandidateRule> {
    let contribution = contributions.get(&contributor);
    let rules = contribution.and_then(|contribution| contribution.rules.get(&number)).into_iter().flatten();
    let candidate = |settings: &RuleSettings| CandidateRule {
        contributor,
        rule: settings.rule.clone(),
        position: settings.position,
        retained: None,
    };
    rules.map(candidate).collect()
}

/// What an HTTP listener does when requests are redirected to HTTPS.
fn redirect_to(port: i32) -> ListenerAction {
    ListenerAction::Redirect(RedirectAction {
        protocol: Some("HTTPS".to_owned()),
        port: Some(port.to_string()),
        status_code: "HTTP_301".to_owned(),
        ..RedirectAction::default()
    })
}

/// What a listener does when nothing matches and no contributor has default actions.
fn not_found() -> ListenerAction {
    ListenerAction::FixedResponse(FixedResponseAction {
        content_type: Some("text/plain".to_owned()),
        message_body: None,
        status_code: "404".to_owned(),
    })
}
