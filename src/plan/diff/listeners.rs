//! Listeners, matched by port (upstream: `listener_*.go`).

use super::equality::{alpn_differs, mutual_authentication_differs, same_actions, sent};
use super::plan_builder::Phase;
use super::target_groups::changed_attributes;
use super::{Diff, symbol};
use crate::aws_api::elbv2::{
    AddListenerCertificate, CreateListener, DeleteListener, ListenerAction, ListenerSettings, ModifyListener,
    ModifyListenerAttributes, MutualAuthentication, Protocol, RemoveListenerCertificate,
};
use crate::aws_api::{Attributes, Ref, SymbolKind, Tags};
use crate::model::{Listener, ResourceId, Resources, Rule};
use crate::plan::{Quota, Stage, Step, actual};
use std::collections::{BTreeMap, BTreeSet};

const STAGE: Stage = Stage::Listeners;
const PHASE: Phase = Phase::Listeners;

type Rules = BTreeMap<(ResourceId, i32), Rule>;

impl<'a> Diff<'a> {
    pub(super) fn listeners(&mut self, desired: &'a Resources<Listener>, rules: &'a Rules) {
        for load_balancer in self.stack.load_balancers.keys() {
            let mut wanted: Vec<_> =
                desired.iter().filter(|(_, listener)| listener.load_balancer == *load_balancer).collect();
            wanted.sort_by_key(|(_, listener)| listener.port);
            self.listeners_of(load_balancer, &wanted, rules);
        }
    }

    fn listeners_of(
        &mut self,
        load_balancer: &'a ResourceId,
        wanted: &[(&'a ResourceId, &'a Listener)],
        rules: &'a Rules,
    ) {
        let there = self.load_balancers.get(load_balancer).map(|actual| actual.listeners.as_slice());
        let mut by_port: BTreeMap<i32, &'a actual::Listener> =
            there.unwrap_or_default().iter().map(|actual| (actual.entity.port, actual)).collect();
        let pairs: Vec<_> =
            wanted.iter().map(|(id, listener)| (*id, *listener, by_port.remove(&listener.port))).collect();
        let surplus: Vec<_> = by_port.into_values().collect();
        let must_free = self.context.exhausted_quotas.is_exhausted(&Quota::Listeners);
        if must_free {
            self.delete_listeners(&surplus);
        }
        let is_missing = |pair: &&(_, _, Option<_>)| pair.2.is_none();
        for (id, listener, _) in pairs.iter().filter(is_missing) {
            self.create_listener(id, listener);
        }
        for (id, listener, actual) in &pairs {
            if let Some(actual) = actual {
                self.update_listener(id, listener, actual);
            }
            let of_listener = rules.range(((*id).clone(), i32::MIN)..=((*id).clone(), i32::MAX));
            let of_listener: Vec<_> = of_listener.map(|((_, priority), rule)| (*priority, rule)).collect();
            self.rules(load_balancer, id, &of_listener, *actual);
        }
        if !must_free {
            self.delete_listeners(&surplus);
        }
    }

    fn create_listener(&mut self, id: &ResourceId, desired: &Listener) {
        let Listener {
            load_balancer,
            port: _,
            protocol,
            default_actions: _,
            certificates,
            ssl_policy,
            alpn_policy,
            mutual_authentication,
            attributes,
            tags,
        } = desired;
        let mutual = mutual_authentication.as_ref().map(sent);
        let request = CreateListener {
            load_balancer_arn: self.reference(SymbolKind::LoadBalancerArn, load_balancer),
            settings: settings(desired, alpn_policy.clone(), mutual),
            tags: self.listener_tags(id, tags).unwrap_or_default(),
        };
        let gone = self.replacing.get(load_balancer).cloned().unwrap_or_default();
        let step = Step::aws(STAGE, id.as_str(), self.bound_request(request), "does not exist")
            .binding([symbol(SymbolKind::ListenerArn, id)])
            // why: a target group serves one load balancer at a time
            .after(gone);
        self.builder.emit(PHASE, step);
        let arn = id.pending(SymbolKind::ListenerArn);
        if ssl_policy.is_some() {
            self.extra_certificates(id, &arn, certificates, &[]);
        }
        self.listener_attributes(id, &arn, protocol, attributes, &Attributes::new());
    }

    fn update_listener(&mut self, id: &ResourceId, desired: &Listener, actual: &actual::Listener) {
        let actual::Listener {
            entity,
            tags: observed_tags,
            attributes: observed,
            extra_certificates,
            rules: _,
        } = actual;
        let arn = Ref::from(entity.arn.as_str());
        self.know(SymbolKind::ListenerArn, id, &entity.arn);
        if let Some(tags) = self.listener_tags(id, &desired.tags) {
            self.elbv2_tags((PHASE, STAGE), id.as_str(), &arn, (&tags, observed_tags), false);
        }
        self.listener_settings(id, desired, actual);
        if desired.ssl_policy.is_some() || entity.ssl_policy.is_some() {
            self.extra_certificates(id, &arn, &desired.certificates, extra_certificates);
        }
        self.listener_attributes(id, &arn, &desired.protocol, &desired.attributes, observed);
    }

    /// Whether mutual TLS and ALPN that nobody wants any more are switched off. Upstream always does so for Gateways.
    fn resets_defaults(&self) -> bool {
        self.config().features.enhanced_default_behavior || self.stack.id.owner.is_gateway()
    }

    fn listener_settings(&mut self, id: &ResourceId, desired: &Listener, actual: &actual::Listener) {
        let entity = &actual.entity;
        self.use_target_groups(&entity.default_actions);
        let Some(why) = self.drift(desired, actual) else { return };
        let enhanced = self.resets_defaults();
        let remove_alpn = enhanced && desired.alpn_policy.is_empty() && !entity.alpn_policy.is_empty();
        let alpn = if remove_alpn { vec!["None".to_owned()] } else { desired.alpn_policy.clone() };
        let observed_mutual = entity.mutual_authentication.as_ref();
        let mutual = match desired.mutual_authentication.as_ref() {
            Some(mutual) => Some(sent(mutual)),
            None if mutual_authentication_differs(None, observed_mutual, enhanced) => {
                Some(MutualAuthentication { mode: "off".to_owned(), ..MutualAuthentication::default() })
            }
            None => None,
        };
        let request =
            ModifyListener { arn: entity.arn.as_str().into(), settings: settings(desired, alpn, mutual) };
        let request = self.bound_request(request);
        let step =
            Step::aws(STAGE, id.as_str(), request, why).after(self.bindings_before(&desired.default_actions));
        let step = self.builder.emit(PHASE, step);
        self.release(target_groups(&entity.default_actions), step);
    }

    /// What differs in a listener's settings, if anything.
    fn drift(&self, desired: &Listener, actual: &actual::Listener) -> Option<&'static str> {
        // why: attributes, tags and all but the first certificate are not settings
        let Listener {
            load_balancer: _,
            port,
            protocol,
            default_actions,
            certificates,
            ssl_policy,
            alpn_policy,
            mutual_authentication,
            attributes: _,
            tags: _,
        } = desired;
        let entity = &actual.entity;
        let enhanced = self.resets_defaults();
        let actions = self.bound_actions(default_actions);
        let default_certificate = certificates.first().map(|certificate| self.bound(certificate));
        let observed_certificate = entity.certificates.first().map(|arn| Ref::from(arn.as_str()));
        let observed_mutual = entity.mutual_authentication.as_ref();
        let tests = [
            (*port != entity.port || *protocol != entity.protocol, "protocol differs"),
            (
                !same_actions(&actions, &entity.default_actions, self.context.secrets),
                "default actions differ",
            ),
            (default_certificate != observed_certificate, "default certificate differs"),
            (ssl_policy.is_some() && *ssl_policy != entity.ssl_policy, "security policy differs"),
            (alpn_differs(alpn_policy, &entity.alpn_policy, enhanced), "ALPN policy differs"),
            (
                mutual_authentication_differs(mutual_authentication.as_ref(), observed_mutual, enhanced),
                "mutual TLS differs",
            ),
        ];
        tests.into_iter().find_map(|(differs, why)| differs.then_some(why))
    }

    /// The default certificate is attached as an extra one too, so that AWS can choose among all by key type. New ones
    /// are attached before old ones go, unless there is no room.
    fn extra_certificates(&mut self, id: &ResourceId, listener: &Ref, wanted: &[Ref], observed: &[String]) {
        let wanted: BTreeSet<Ref> = wanted.iter().map(|certificate| self.bound(certificate)).collect();
        let observed: BTreeSet<Ref> = observed.iter().map(|arn| Ref::from(arn.as_str())).collect();
        let full = self.has_exhausted_certificates(listener);
        if full {
            self.remove_certificates(id, listener, observed.difference(&wanted));
        }
        for certificate_arn in wanted.difference(&observed).cloned() {
            let request = AddListenerCertificate { listener_arn: listener.clone(), certificate_arn };
            let step = Step::aws(STAGE, id.as_str(), request, "certificate is not attached");
            self.builder.emit(PHASE, step);
        }
        if !full {
            self.remove_certificates(id, listener, observed.difference(&wanted));
        }
    }

    fn has_exhausted_certificates(&self, listener: &Ref) -> bool {
        let mut observed = self.load_balancers.values().flat_map(|load_balancer| &load_balancer.listeners);
        let observed = observed.find(|observed| listener.known() == Some(&observed.entity.arn));
        observed.is_some_and(|observed| {
            let load_balancer = observed.entity.load_balancer_arn.clone();
            self.context.exhausted_quotas.is_exhausted(&Quota::CertificatesOf(load_balancer))
        })
    }

    fn remove_certificates<'c>(
        &mut self,
        id: &ResourceId,
        listener: &Ref,
        certificates: impl Iterator<Item = &'c Ref>,
    ) {
        for certificate_arn in certificates.cloned() {
            let request = RemoveListenerCertificate { listener_arn: listener.clone(), certificate_arn };
            let step = Step::aws(STAGE, id.as_str(), request, "certificate nobody asked for");
            self.builder.emit(PHASE, step);
        }
    }

    fn listener_attributes(
        &mut self,
        id: &ResourceId,
        arn: &Ref,
        protocol: &Protocol,
        wanted: &Attributes,
        observed: &Attributes,
    ) {
        let attributes = changed_attributes(wanted, observed);
        // why: TLS listeners have no attributes, and AWS refuses to be asked
        if attributes.is_empty() || *protocol == Protocol::Tls {
            return;
        }
        let request = ModifyListenerAttributes { arn: arn.clone(), attributes };
        self.builder.emit(PHASE, Step::aws(STAGE, id.as_str(), request, "attributes differ"));
    }

    fn delete_listeners(&mut self, surplus: &[&actual::Listener]) {
        if self.keeps_listeners {
            for kept in surplus {
                self.use_target_groups(&kept.entity.default_actions);
                kept.rules.iter().for_each(|rule| self.use_target_groups(&rule.entity.actions));
            }
            return;
        }
        let must_free = self.context.exhausted_quotas.is_exhausted(&Quota::TargetGroups);
        let phase = if must_free { Phase::Frees } else { PHASE };
        for actual in surplus {
            let entity = &actual.entity;
            let request = DeleteListener { arn: entity.arn.as_str().into() };
            let step = Step::aws(STAGE, entity.arn.as_str(), request, "nobody asked for it");
            let step = self.builder.emit(phase, step);
            let of_rules = actual.rules.iter().flat_map(|rule| &rule.entity.actions);
            self.release(target_groups(entity.default_actions.iter().chain(of_rules)), step);
        }
    }

    /// The tags of a listener or rule; `None` when they are not tagged at all.
    pub(super) fn listener_tags(&self, id: &ResourceId, user: &Tags) -> Option<Tags> {
        self.config().features.listener_rules_tagging.then(|| self.resource_tags(id, user))
    }

    pub(super) fn bound_actions(&self, actions: &[ListenerAction]) -> Vec<ListenerAction> {
        let mut actions = actions.to_vec();
        for reference in crate::aws_api::references::in_actions(&mut actions) {
            reference.bind(&self.known);
        }
        actions
    }

    /// Notes that target groups are used by something that is not deleted first.
    pub(super) fn use_target_groups(&mut self, actions: &[ListenerAction]) {
        self.in_use.extend(target_groups(actions).map(str::to_owned));
    }
}

fn settings(
    desired: &Listener,
    alpn_policy: Vec<String>,
    mutual_authentication: Option<MutualAuthentication>,
) -> ListenerSettings {
    ListenerSettings {
        port: desired.port,
        protocol: desired.protocol.clone(),
        default_actions: desired.default_actions.clone(),
        certificate: desired.certificates.first().cloned(),
        ssl_policy: desired.ssl_policy.clone(),
        alpn_policy,
        mutual_authentication,
    }
}

/// ARNs of the target groups that observed actions forward to.
pub(super) fn target_groups<'t>(
    actions: impl IntoIterator<Item = &'t ListenerAction>,
) -> impl Iterator<Item = &'t str> {
    actions
        .into_iter()
        .filter_map(|action| match action {
            ListenerAction::Forward(forward) => Some(&forward.target_groups),
            _ => None,
        })
        .flatten()
        .filter_map(|tuple| tuple.target_group.known())
}
