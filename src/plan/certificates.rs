//! Certificates that ACM is asked for: how far each is, and what of a stack can be deployed meanwhile.
//!
//! A listener that lacks a certificate waits for it, and nothing else does: what has been issued is attached at once, listeners
//! over HTTP and the load balancer itself are made. As long as a listener waits, nothing is taken away of what serves.

use super::actual::{self, Actual};
use crate::aws_api::acm::CertificateStatus;
use crate::aws_api::ec2::IngressRule;
use crate::aws_api::elbv2::ListenerAction;
use crate::aws_api::{Ref, Symbol, SymbolKind};
use crate::model::{Listener, RequestedCertificate, ResourceId, Stack};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A certificate that will not be issued is replaced after this long: ACM counts the requests of a year.
pub const REPLACED_AFTER: Duration = Duration::from_mins(30);

/// How far a wanted certificate is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CertificateProgress<'a> {
    /// It can be used.
    Issued(&'a actual::ObservedCertificate),
    /// ACM has been asked.
    Pending(&'a actual::ObservedCertificate),
    /// ACM will not issue it, and is not asked again yet.
    Failed(&'a actual::ObservedCertificate),
    /// ACM is to be asked.
    Missing,
}

/// The wanted certificates of a stack, and those that go.
#[derive(Debug)]
pub struct CertificateStates<'a> {
    /// By resource id.
    pub wanted: BTreeMap<&'a ResourceId, (&'a RequestedCertificate, CertificateProgress<'a>)>,
    /// What is there and not wanted any more.
    pub surplus: Vec<&'a actual::ObservedCertificate>,
    /// Whether it could not be found out what is there.
    is_unknown: bool,
}

/// What of a stack can be deployed now.
#[derive(Debug)]
pub struct Deployable<'s> {
    /// The stack, without what waits.
    pub stack: Cow<'s, Stack>,
    /// Whether listeners stay that are not wanted any more, because their successors wait.
    pub keeps_listeners: bool,
}

impl<'a> CertificateStates<'a> {
    /// Matches what is wanted with what is there.
    pub fn of(stack: &'a Stack, observed: &'a actual::ObservedCertificates) -> Self {
        let wanted: BTreeMap<_, _> = stack
            .certificates
            .iter()
            .map(|(id, desired)| (id, (desired, progress(id, desired, &observed.found))))
            .collect();
        let is_unknown = observed.failure.is_some();
        let mut states = Self { wanted, surplus: Vec::new(), is_unknown };
        states.surplus = observed.found.iter().filter(|found| states.is_surplus(stack, found)).collect();
        states
    }

    /// Whether a reference is to a certificate that cannot be used yet.
    fn waits(&self, certificate: &Ref) -> bool {
        let Ref::Pending(Symbol { kind: SymbolKind::CertificateArn, id }) = certificate else { return false };
        let state = self.wanted.get(&ResourceId::from(id.as_str()));
        !matches!(state, Some((_, CertificateProgress::Issued(_))))
    }

    /// Whether nobody wants a certificate any more. An issued one stays until its member has another one.
    fn is_surplus(&self, stack: &Stack, found: &actual::ObservedCertificate) -> bool {
        let kept = |progress: &CertificateProgress<'_>| match progress {
            CertificateProgress::Issued(kept)
            | CertificateProgress::Pending(kept)
            | CertificateProgress::Failed(kept) => kept.arn == found.arn,
            CertificateProgress::Missing => false,
        };
        if self.is_unknown || self.wanted.values().any(|(_, progress)| kept(progress)) {
            return false;
        }
        let member = member_of(&found.id);
        let waits =
            |(id, (_, progress)): (&&ResourceId, &(&RequestedCertificate, CertificateProgress<'_>))| {
                member_of(id) == member && !matches!(progress, CertificateProgress::Issued(_))
            };
        let serves = found.status == CertificateStatus::Issued && self.wanted.iter().any(waits);
        !serves && !stack.retained_certificates.contains(member)
    }

    /// What can be deployed of a stack whose certificates these are.
    pub fn deployable<'s>(&self, stack: &'s Stack, actual: &Actual) -> Deployable<'s> {
        let waits = |listener: &Listener| listener.certificates.iter().any(|one| self.waits(one));
        if !stack.listeners.values().any(waits) {
            return Deployable { stack: Cow::Borrowed(stack), keeps_listeners: false };
        }
        let mut now = stack.clone();
        let mut withheld: BTreeSet<ResourceId> = BTreeSet::new();
        for (id, listener) in stack.listeners.iter().filter(|(_, listener)| waits(listener)) {
            let certificates = self.certificates_for_now(listener, observed(stack, actual, listener));
            match now.listeners.get_mut(id) {
                Some(listener) if !certificates.is_empty() => listener.certificates = certificates,
                _ => drop(withheld.insert(id.clone())),
            }
        }
        if self.must_wait_for_acm(stack, actual, &withheld) {
            clear(&mut now);
            return Deployable { stack: Cow::Owned(now), keeps_listeners: false };
        }
        let ports: BTreeSet<String> = withheld
            .iter()
            .filter_map(|id| stack.listeners.get(id))
            .map(|listener| listener.port.to_string())
            .collect();
        // why: what serves over HTTP must not send everybody to a port where nobody listens yet
        let leads_astray = |listener: &Listener| {
            redirects_to(listener, &ports) && observed(stack, actual, listener).is_some()
        };
        withheld.extend(
            stack.listeners.iter().filter(|(_, listener)| leads_astray(listener)).map(|(id, _)| id.clone()),
        );
        withhold(&mut now, stack, &withheld);
        let keeps_listeners = !withheld.is_empty();
        if keeps_listeners {
            keep_inbound_rules(&mut now, stack, actual);
        }
        Deployable { stack: Cow::Owned(now), keeps_listeners }
    }

    /// The certificates of a listener that waits for some of them: those that are there, and those it has had so far.
    fn certificates_for_now(&self, listener: &Listener, observed: Option<&actual::Listener>) -> Vec<Ref> {
        let had = observed.filter(|observed| observed.entity.protocol == listener.protocol);
        let default = had.and_then(|had| had.entity.certificates.first()).into_iter();
        let extra = had.into_iter().flat_map(|had| &had.extra_certificates);
        let had: Vec<Ref> = default.chain(extra).map(|arn| Ref::from(arn.as_str())).collect();
        let ready = listener.certificates.iter().filter(|one| !self.waits(one)).cloned();
        let is_default_ready = listener.certificates.first().is_some_and(|first| !self.waits(first));
        let (first, second): (Vec<Ref>, Vec<Ref>) =
            if is_default_ready { (ready.collect(), had) } else { (had, ready.collect()) };
        let mut all: Vec<Ref> = Vec::new();
        for certificate in first.into_iter().chain(second) {
            if !all.contains(&certificate) {
                all.push(certificate);
            }
        }
        all
    }

    /// Whether there is nothing to serve with before ACM has taken a request: then no load balancer is made, which would only
    /// cost.
    fn must_wait_for_acm(&self, stack: &Stack, actual: &Actual, withheld: &BTreeSet<ResourceId>) -> bool {
        let is_asked = |progress: &CertificateProgress<'_>| {
            matches!(progress, CertificateProgress::Issued(_) | CertificateProgress::Pending(_))
        };
        let is_taken = self.wanted.values().all(|(_, progress)| is_asked(progress)) && !self.is_unknown;
        !is_taken
            && actual.load_balancers.is_empty()
            && stack.listeners.keys().all(|id| withheld.contains(id))
    }
}

/// The end of a certificate's id, which names the member of the group that it is for.
pub fn member_of(id: &ResourceId) -> &str {
    id.as_str().rsplit('-').next().unwrap_or_default()
}

fn progress<'a>(
    id: &ResourceId,
    desired: &RequestedCertificate,
    found: &'a [actual::ObservedCertificate],
) -> CertificateProgress<'a> {
    let own = || found.iter().filter(|found| found.id == *id && is_same(desired, found));
    let with = |status: &CertificateStatus| own().filter(|found| found.status == *status).collect::<Vec<_>>();
    let issued = with(&CertificateStatus::Issued);
    if let Some(one) = issued.iter().find(|one| one.is_in_use).or(issued.first()) {
        return CertificateProgress::Issued(one);
    }
    if let Some(one) = with(&CertificateStatus::PendingValidation).first() {
        return CertificateProgress::Pending(one);
    }
    match own().min_by_key(|found| found.age).filter(|found| found.age < REPLACED_AFTER) {
        Some(failed) => CertificateProgress::Failed(failed),
        None => CertificateProgress::Missing,
    }
}

fn is_same(desired: &RequestedCertificate, found: &actual::ObservedCertificate) -> bool {
    let RequestedCertificate { authority, names, tags: _ } = desired;
    found.authority == *authority
        && found.names.len() == names.len()
        && names.iter().all(|name| found.names.contains(name))
}

/// The listener that is there on the port of a wanted one.
fn observed<'a>(stack: &Stack, actual: &'a Actual, listener: &Listener) -> Option<&'a actual::Listener> {
    let key = stack.id.resource_tag_key();
    let wanted = stack.load_balancers.get(&listener.load_balancer)?;
    let is_its = |found: &&actual::LoadBalancer| {
        found.tags.get(&key).is_some_and(|id| id == listener.load_balancer.as_str())
            && found.entity.kind == wanted.kind
            && found.entity.scheme == wanted.scheme
    };
    let listeners = &actual.load_balancers.iter().find(is_its)?.listeners;
    listeners.iter().find(|found| found.entity.port == listener.port)
}

fn redirects_to(listener: &Listener, ports: &BTreeSet<String>) -> bool {
    listener.default_actions.iter().any(|action| match action {
        ListenerAction::Redirect(redirect) => redirect.port.as_ref().is_some_and(|port| ports.contains(port)),
        _ => false,
    })
}

fn withhold(now: &mut Stack, stack: &Stack, withheld: &BTreeSet<ResourceId>) {
    now.listeners.retain(|id, _| !withheld.contains(id));
    now.rules.retain(|(listener, _), _| !withheld.contains(listener));
    now.alb_targets.retain(|_, target| {
        let is_withheld = |listener: &Listener| {
            listener.port == target.port
                && target.load_balancer == listener.load_balancer.pending(SymbolKind::LoadBalancerArn)
        };
        !withheld.iter().filter_map(|id| stack.listeners.get(id)).any(is_withheld)
    });
}

/// Keeps the inbound rules of ports that nobody wants any more but that AWS still serves. Those of wanted ports are as wanted.
///
/// why: the listeners that stay are reached through them
fn keep_inbound_rules(now: &mut Stack, stack: &Stack, actual: &Actual) {
    let key = now.id.resource_tag_key();
    let wanted_ports: BTreeSet<i32> = stack.listeners.values().map(|listener| listener.port).collect();
    let listeners = actual.load_balancers.iter().flat_map(|found| &found.listeners);
    let kept: BTreeSet<i32> =
        listeners.map(|found| found.entity.port).filter(|port| !wanted_ports.contains(port)).collect();
    let is_kept = |rule: &&IngressRule| rule.from_port.is_some_and(|port| kept.contains(&port));
    for found in &actual.security_groups {
        let id = found.tags.get(&key).map(|id| ResourceId::from(id.as_str())).unwrap_or_default();
        let Some(wanted) = now.security_groups.get_mut(&id) else { continue };
        for rule in found.ingress.iter().filter(is_kept) {
            if !wanted.ingress.contains(rule) {
                wanted.ingress.push(rule.clone());
            }
        }
    }
}

/// Leaves the security groups and the certificates of a stack.
fn clear(now: &mut Stack) {
    let certificates = std::mem::take(&mut now.certificates);
    let retained_certificates = std::mem::take(&mut now.retained_certificates);
    let security_groups = std::mem::take(&mut now.security_groups);
    *now = Stack { security_groups, certificates, retained_certificates, ..Stack::empty(now.id.clone()) };
}

#[cfg(test)]
mod tests;
