//! The certificates of the account in the region: which are ours, which names others have, which records stand.
//!
//! ACM has no way to ask for the certificates with some tags, so all of them are listed, when the first stack is compared and with
//! every sweep, and the tags of each are read once. In between, what is known is kept up by our own writes. Nothing of this exists
//! where certificate management is off.
//!
//! A validation record belongs to a name, not to a certificate: every certificate of the account with that name uses the same one. It
//! is deleted with the last of them that the region has.

mod records;

use crate::api::meta::{CLUSTER_TAG, LEGACY_INGRESS_CLUSTER_TAG};
use crate::aws::{Cloud, pages, send};
use crate::aws_api::acm::{
    Certificate, CertificateKind, CertificateStatus, CertificateSummary, DescribeCertificate,
    ListCertificateTags, ListCertificates, RequestCertificate,
};
use crate::aws_api::route53::{HostedZone, ListHostedZones};
use crate::aws_api::{CloudError, Request, Response, Tags};
use crate::config::Config;
use crate::model::{self, Owner, ResourceId, Stack, StackId};
use crate::plan::actual;
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
pub(super) use records::CallPermission;
use records::ValidationRecords;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// Reads show by then what was written.
const LAG: Duration = Duration::from_secs(30);
/// What one list does not show is gone if another one, so much later, does not show it either.
const CONFIRMED_AFTER: Duration = Duration::from_secs(10);
/// What we deleted may be listed for so long.
const GHOST: Duration = Duration::from_mins(2);
/// How long ACM takes a request with a token that it knows for the same one.
/// Source: <https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>
const TOKEN_KEPT: Duration = Duration::from_hours(1);
/// How long hosted zones are believed.
const ZONES_KEPT: Duration = Duration::from_mins(5);
/// A list that is younger will do before records are deleted.
const FRESH: Duration = Duration::from_secs(30);
/// Certificates that are asked about at once.
const AT_ONCE: usize = 8;

/// What is known of the certificates.
pub struct CertificateCache {
    cluster_name: String,
    state: Mutex<CertificateCacheState>,
    listed: OnceCell<()>,
}

#[derive(Default)]
struct CertificateCacheState {
    known: BTreeMap<String, Known>,
    /// What lists have read that came to no end: the next one need not read it again.
    read: BTreeMap<String, Known>,
    /// ARNs of the certificates of each stack.
    by_stack: BTreeMap<StackId, BTreeSet<String>>,
    /// When the first list began, and the last one.
    lists: Option<(Instant, Instant)>,
    /// What we deleted, and when.
    ghosts: BTreeMap<String, Instant>,
    /// The certificate that was last deleted of each resource, and when.
    deleted: BTreeMap<(StackId, ResourceId), (Instant, String)>,
    /// Stacks with a request of which nobody knows what became of it.
    doubtful: BTreeMap<StackId, Instant>,
    zones: Option<(Instant, Arc<Vec<HostedZone>>)>,
    records: ValidationRecords,
}

/// What is known of one certificate.
#[derive(Clone, Debug)]
struct Known {
    kind: CertificateKind,
    status: CertificateStatus,
    names: BTreeSet<String>,
    tags: Tags,
    authority: KnownAuthority,
    since: Instant,
    /// When a list first did not show it.
    missed: Option<Instant>,
}

/// What is known of the private authority of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
enum KnownAuthority {
    /// It was not asked for.
    Unknown,
    /// Its ARN; `None`: Amazon issues it.
    Known(Option<String>),
}

impl CertificateCache {
    /// Knows nothing yet.
    pub fn new(config: &Config) -> Self {
        Self { cluster_name: config.cluster_name.clone(), state: Mutex::default(), listed: OnceCell::new() }
    }

    /// What there is of a stack.
    ///
    /// Errors are part of the answer: what does not need certificates is deployed all the same.
    pub async fn of_stack(&self, stack: &Stack, cloud: &dyn Cloud) -> actual::ObservedCertificates {
        match self.observe(stack, cloud).await {
            Ok(certificates) => certificates,
            Err(error) => {
                tracing::warn!(stack = %stack.id, answer = error.in_full(), "certificates could not be read");
                actual::ObservedCertificates {
                    failure: Some(error),
                    ..actual::ObservedCertificates::default()
                }
            }
        }
    }

    async fn observe(
        &self,
        stack: &Stack,
        cloud: &dyn Cloud,
    ) -> Result<actual::ObservedCertificates, CloudError> {
        self.ready(cloud).await?;
        if self.is_doubtful(&stack.id) {
            self.list(cloud).await?;
        }
        let mut own = self.of(&stack.id);
        let surplus = |known: &Known| !self.is_wanted(stack, known);
        let goes = |known: &Known| known.kind == CertificateKind::AmazonIssued && surplus(known);
        if own.values().any(goes) && self.is_older_than(FRESH) {
            // why: others may have been given the same names since
            self.list(cloud).await?;
            own = self.of(&stack.id);
        }
        let read = own.into_iter().map(|(arn, known)| self.detail(stack, arn, known, cloud));
        let found = futures::future::try_join_all(read).await?;
        let found: Vec<actual::ObservedCertificate> = found.into_iter().flatten().collect();
        let requests = stack
            .certificates
            .iter()
            .any(|(id, desired)| desired.authority.is_none() && !found.iter().any(|found| found.id == *id));
        let replaces = stack.certificates.iter().any(|(_, desired)| desired.authority.is_none())
            && found.iter().any(|found| found.status != CertificateStatus::Issued || !wants(stack, found));
        let needs_zones = requests || replaces || found.iter().any(|found| !found.records.is_empty());
        let public = stack.certificates.values().filter(|desired| desired.authority.is_none());
        let names: Vec<&str> = public.flat_map(|desired| &desired.names).map(String::as_str).collect();
        let zones = if needs_zones { self.zones(&names, cloud).await?.to_vec() } else { Vec::new() };
        let state = self.state.lock();
        let deleted = state.deleted.iter().filter(|((owner, _), _)| *owner == stack.id);
        let deleted = deleted.map(|((_, id), (_, arn))| (id.clone(), arn.clone())).collect();
        Ok(actual::ObservedCertificates { found, zones, deleted, failure: None })
    }

    /// Makes sure that certificates were listed once.
    async fn ready(&self, cloud: &dyn Cloud) -> Result<(), CloudError> {
        self.listed.get_or_try_init(|| async { self.list(cloud).await }).await.copied()
    }

    /// Lists everything anew, if it has been listed. Answers the stacks of which something is not as it was.
    pub async fn refresh(&self, cloud: &dyn Cloud) -> Result<BTreeSet<StackId>, CloudError> {
        if self.listed.get().is_none() {
            return Ok(BTreeSet::new());
        }
        let before = self.by_stack();
        self.list(cloud).await?;
        let after = self.by_stack();
        let stacks = before.keys().chain(after.keys()).filter(|stack| before.get(stack) != after.get(stack));
        Ok(stacks.cloned().collect())
    }

    /// The ARNs of certificates that carry the keys of our tags, whichever cluster's.
    pub async fn managed(&self, cloud: &dyn Cloud) -> Result<BTreeSet<String>, CloudError> {
        self.ready(cloud).await?;
        let stack_key = Owner::Ingress.stack_tag_key();
        let state = self.state.lock();
        let is_managed =
            |known: &Known| known.tags.contains_key(CLUSTER_TAG) && known.tags.contains_key(&stack_key);
        Ok(state.known.iter().filter(|(_, known)| is_managed(known)).map(|(arn, _)| arn.clone()).collect())
    }

    /// The ARNs of the certificates of this cluster's stacks.
    pub fn arns(&self) -> BTreeSet<String> {
        self.state.lock().by_stack.values().flatten().cloned().collect()
    }

    /// Whether a certificate of the stack may exist that no list has shown yet.
    pub fn is_doubtful(&self, stack: &StackId) -> bool {
        self.state.lock().doubtful.contains_key(stack)
    }

    /// Whether nothing is left of a stack. To be asked when what a predecessor did shows in reads: if there was no list since, there
    /// is one now.
    pub async fn is_gone(&self, stack: &StackId, cloud: &dyn Cloud) -> Result<bool, CloudError> {
        self.ready(cloud).await?;
        let is_young = |(first, last): (Instant, Instant)| last.duration_since(first) < LAG;
        if self.state.lock().lists.is_some_and(is_young) {
            self.list(cloud).await?;
        }
        Ok(self.of(stack).is_empty() && !self.is_doubtful(stack))
    }

    /// Asks whether a call may be made now.
    pub(super) fn permit(&self, request: &Request) -> CallPermission {
        let mut state = self.state.lock();
        let CertificateCacheState { known, records, .. } = &mut *state;
        match request {
            Request::RequestCertificate(request) => {
                records.note_intent(&request.token, &request.names);
                CallPermission::Granted
            }
            Request::CreateRecord(create) => records.permit_creation(&create.record),
            Request::DeleteRecord(delete) => {
                let others = known.iter().filter(|(arn, known)| {
                    **arn != delete.certificate
                        && known.kind == CertificateKind::AmazonIssued
                        && matches!(
                            known.status,
                            CertificateStatus::Issued | CertificateStatus::PendingValidation
                        )
                });
                let names = others.flat_map(|(_, known)| &known.names);
                records.permit_deletion(&delete.record, names.map(String::as_str))
            }
            _ => CallPermission::Granted,
        }
    }

    /// Takes note of how a call ended that was permitted.
    pub(super) fn note_end(&self, request: &Request) {
        if let Request::DeleteRecord(delete) = request {
            self.state.lock().records.note_deletion_ended(&delete.record);
        }
    }

    /// Takes note of a call of ours that succeeded.
    pub(super) fn record(&self, stack: &StackId, request: &Request, response: &Response) {
        let mut state = self.state.lock();
        match (request, response) {
            (Request::RequestCertificate(request), Response::RequestCertificate(arn)) => {
                let id = request.tags.get(&stack.resource_tag_key()).cloned().unwrap_or_default();
                if state.ghosts.contains_key(arn) {
                    // why: ACM remembers the request, and not that the certificate was deleted; the next one differs
                    state.deleted.insert((stack.clone(), id.into()), (Instant::now(), arn.clone()));
                } else {
                    state.by_stack.entry(stack.clone()).or_default().insert(arn.clone());
                    state.known.entry(arn.clone()).or_insert_with(|| Known::requested(request));
                }
                state.records.forget_intent(&request.token);
            }
            (Request::DeleteCertificate(delete), _) => state.forget(stack, &delete.arn),
            (Request::CreateRecord(create), _) => state.records.note_standing(&create.record),
            (Request::DeleteRecord(delete), _) => state.records.forget(&delete.record),
            _ => {}
        }
    }

    /// Takes note of a call of ours of which nobody knows what became of it.
    pub(super) fn mark_unknown(&self, stack: &StackId, request: &Request) {
        let mut state = self.state.lock();
        match request {
            Request::RequestCertificate(_) => {
                state.doubtful.insert(stack.clone(), Instant::now());
            }
            Request::DeleteRecord(delete) => state.records.forget(&delete.record),
            _ => {}
        }
    }

    async fn list(&self, cloud: &dyn Cloud) -> Result<(), CloudError> {
        let began = Instant::now();
        let listed =
            pages::all(cloud, ListCertificates { any_status: true, ..ListCertificates::default() }).await?;
        let read = futures::stream::iter(listed).map(|summary| self.read(summary, cloud));
        let read: Vec<_> = read.buffered(AT_ONCE).try_collect().await?;
        self.state.lock().take_list(began, read.into_iter().flatten().collect(), &self.cluster_name);
        Ok(())
    }

    /// What a list says of a certificate, with its tags. `None`: it has vanished, or is none that concerns us.
    async fn read(
        &self,
        summary: CertificateSummary,
        cloud: &dyn Cloud,
    ) -> Result<Option<(String, Known)>, CloudError> {
        let CertificateSummary { arn, kind, status, domains, has_more_domains, .. } = summary;
        if !matches!(kind, CertificateKind::AmazonIssued | CertificateKind::Private) {
            return Ok(None);
        }
        if let Some(mut known) = self.state.lock().of_earlier_list(&arn) {
            known.status = status;
            known.missed = None;
            return Ok(Some((arn, known)));
        }
        let tags = match send(cloud, ListCertificateTags { arn: arn.clone() }).await {
            Err(error) if error.is(NOT_FOUND) => return Ok(None),
            tags => tags?,
        };
        let mut names: BTreeSet<String> = domains.into_iter().collect();
        if has_more_domains {
            match send(cloud, DescribeCertificate { arn: arn.clone() }).await {
                Err(error) if error.is(NOT_FOUND) => return Ok(None),
                detail => names.extend(detail?.domains),
            }
        }
        let since = Instant::now();
        let authority = KnownAuthority::Unknown;
        let known = Known { kind, status, names, tags, authority, since, missed: None };
        self.state.lock().read.insert(arn.clone(), known.clone());
        Ok(Some((arn, known)))
    }

    /// One certificate of a stack, with what has to be asked for. `None`: it is not there any more.
    async fn detail(
        &self,
        stack: &Stack,
        arn: String,
        known: Known,
        cloud: &dyn Cloud,
    ) -> Result<Option<actual::ObservedCertificate>, CloudError> {
        let Some(id) = known.tags.get(&stack.id.resource_tag_key()) else {
            tracing::warn!(stack = %stack.id, certificate = arn, "carries the tags of the stack but not that of a resource; it is left alone");
            return Ok(None);
        };
        let mut found = actual::ObservedCertificate {
            arn,
            id: id.as_str().into(),
            names: known.names.clone(),
            authority: known.authority.arn(),
            status: known.status.clone(),
            age: known.since.elapsed(),
            ..actual::ObservedCertificate::default()
        };
        if known.status == CertificateStatus::Issued && self.is_wanted(stack, &known) {
            return Ok(Some(found));
        }
        match send(cloud, DescribeCertificate { arn: found.arn.clone() }).await {
            Ok(detail) => {
                self.take_detail(&mut found, detail);
                Ok(Some(found))
            }
            // why: what was asked for a moment ago may not be known everywhere yet
            Err(error) if error.is(NOT_FOUND) && found.age < CONFIRMED_AFTER => Ok(Some(found)),
            Err(error) if error.is(NOT_FOUND) => {
                self.state.lock().forget(&stack.id, &found.arn);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn take_detail(&self, found: &mut actual::ObservedCertificate, detail: Certificate) {
        let mut state = self.state.lock();
        let CertificateCacheState { known, records, .. } = &mut *state;
        if let Some(known) = known.get_mut(&found.arn) {
            known.status = detail.status.clone();
            known.authority = KnownAuthority::Known(detail.certificate_authority_arn.clone());
        }
        found.status = detail.status;
        found.authority = detail.certificate_authority_arn;
        found.failure_reason = detail.failure_reason;
        found.is_in_use = !detail.in_use_by.is_empty();
        let of_names = detail.validations.into_iter().filter_map(|validation| validation.record);
        found.records = of_names.map(|record| (record.clone(), records.stands(&record))).collect();
    }

    /// Hosted zones of the account. If none holds one of the names, a zone may have been made since they were asked for.
    async fn zones(&self, names: &[&str], cloud: &dyn Cloud) -> Result<Arc<Vec<HostedZone>>, CloudError> {
        let known = self.state.lock().zones.clone();
        if let Some((asked, zones)) = known {
            let is_complete = names.iter().all(|name| HostedZone::of(&zones, name).is_some());
            if asked.elapsed() < if is_complete { ZONES_KEPT } else { CONFIRMED_AFTER } {
                return Ok(zones);
            }
        }
        let zones = Arc::new(pages::all(cloud, ListHostedZones::default()).await?);
        self.state.lock().zones = Some((Instant::now(), Arc::clone(&zones)));
        Ok(zones)
    }

    fn is_older_than(&self, age: Duration) -> bool {
        self.state.lock().lists.is_none_or(|(_, last)| last.elapsed() >= age)
    }

    fn of(&self, stack: &StackId) -> BTreeMap<String, Known> {
        let state = self.state.lock();
        let own = state.by_stack.get(stack).into_iter().flatten();
        own.filter_map(|arn| Some((arn.clone(), state.known.get(arn)?.clone()))).collect()
    }

    /// Whether a stack wants just this certificate, and there is no other one like it, as far as a list tells.
    fn is_wanted(&self, stack: &Stack, known: &Known) -> bool {
        let id = known.tags.get(&stack.id.resource_tag_key());
        let Some(id) = id.map(|id| ResourceId::from(id.as_str())) else { return false };
        let Some(desired) = stack.certificates.get(&id) else { return false };
        let is_same_authority = match &known.authority {
            KnownAuthority::Known(authority) => *authority == desired.authority,
            KnownAuthority::Unknown => {
                desired.authority.is_none() && known.kind == CertificateKind::AmazonIssued
            }
        };
        let is_same = is_same_authority && has_names(desired, &known.names);
        let key = stack.id.resource_tag_key();
        let like = self.of(&stack.id);
        is_same && like.values().filter(|other| other.tags.get(&key) == known.tags.get(&key)).count() == 1
    }

    /// The certificates of every stack, with how far each is.
    fn by_stack(&self) -> BTreeMap<StackId, BTreeSet<(String, CertificateStatus)>> {
        let state = self.state.lock();
        let of_stack = |arns: &BTreeSet<String>| {
            let own = arns.iter().filter_map(|arn| Some((arn.clone(), state.known.get(arn)?.status.clone())));
            own.collect()
        };
        state.by_stack.iter().map(|(stack, arns)| (stack.clone(), of_stack(arns))).collect()
    }
}

/// What ACM says of a certificate that does not exist.
const NOT_FOUND: &[&str] = &["ResourceNotFoundException"];

fn wants(stack: &Stack, found: &actual::ObservedCertificate) -> bool {
    stack.certificates.get(&found.id).is_some_and(|desired| has_names(desired, &found.names))
}

fn has_names(desired: &model::RequestedCertificate, names: &BTreeSet<String>) -> bool {
    desired.names.len() == names.len() && desired.names.iter().all(|name| names.contains(name))
}

/// The stack of this cluster that tags name.
fn stack_of(tags: &Tags, cluster_name: &str) -> Option<StackId> {
    let is_ours = |key: &&str| tags.get(*key).is_some_and(|name| name == cluster_name);
    [CLUSTER_TAG, LEGACY_INGRESS_CLUSTER_TAG].iter().find(|key| is_ours(key))?;
    let text = tags.get(&Owner::Ingress.stack_tag_key())?;
    let (namespace, name) = text.split_once('/').unwrap_or(("", text));
    Some(StackId { owner: Owner::Ingress, namespace: namespace.to_owned(), name: name.to_owned() })
}

impl KnownAuthority {
    fn arn(&self) -> Option<String> {
        match self {
            Self::Known(arn) => arn.clone(),
            Self::Unknown => None,
        }
    }
}

impl Known {
    fn requested(request: &RequestCertificate) -> Self {
        let RequestCertificate { domain: _, names, authority, token: _, tags } = request;
        let kind = if authority.is_some() { CertificateKind::Private } else { CertificateKind::AmazonIssued };
        Self {
            kind,
            status: CertificateStatus::PendingValidation,
            names: names.iter().cloned().collect(),
            tags: tags.clone(),
            authority: KnownAuthority::Known(authority.clone()),
            since: Instant::now(),
            missed: None,
        }
    }
}

impl CertificateCacheState {
    fn of_earlier_list(&self, arn: &str) -> Option<Known> {
        self.known.get(arn).or_else(|| self.read.get(arn)).cloned()
    }

    /// Takes what a list has shown.
    fn take_list(&mut self, began: Instant, mut listed: BTreeMap<String, Known>, cluster_name: &str) {
        self.ghosts.retain(|_, since| since.elapsed() < GHOST);
        self.deleted.retain(|_, (since, _)| since.elapsed() < TOKEN_KEPT);
        self.doubtful.retain(|_, since| began < *since + LAG);
        self.records.forget_intents_before(began);
        listed.retain(|arn, _| !self.ghosts.contains_key(arn));
        for (arn, known) in std::mem::take(&mut self.known) {
            if listed.contains_key(&arn) || self.ghosts.contains_key(&arn) {
                continue;
            }
            let missed = known.missed.unwrap_or(began);
            let is_confirmed = began.duration_since(missed) >= CONFIRMED_AFTER;
            if !(is_confirmed && known.since.elapsed() >= LAG) {
                listed.insert(arn, Known { missed: Some(missed), ..known });
            }
        }
        self.known = listed;
        self.read.clear();
        self.by_stack.clear();
        for (arn, known) in &self.known {
            if let Some(stack) = stack_of(&known.tags, cluster_name) {
                self.by_stack.entry(stack).or_default().insert(arn.clone());
            }
        }
        self.lists = Some((self.lists.map_or(began, |(first, _)| first), began));
    }

    fn forget(&mut self, stack: &StackId, arn: &str) {
        self.ghosts.insert(arn.to_owned(), Instant::now());
        if let Some(own) = self.by_stack.get_mut(stack) {
            own.remove(arn);
            if own.is_empty() {
                self.by_stack.remove(stack);
            }
        }
        let Some(known) = self.known.remove(arn) else { return };
        if let Some(id) = known.tags.get(&stack.resource_tag_key()) {
            let deleted = (Instant::now(), arn.to_owned());
            self.deleted.insert((stack.clone(), id.as_str().into()), deleted);
        }
    }
}
