//! Certificates in ACM that are imported from Secrets: one for all load balancers of the cluster that use the Secret.
//!
//! What is in ACM says which there are: each carries the cluster's tag and the name of its Secret, and what it shows to clients is
//! compared with the Secret. So a restart finds them again. An import of which nobody knows what became of it is looked for until
//! reads show it, before another one is made. A Secret that changes is imported again under the same ARN. A Secret that cannot be
//! used changes nothing. What no stack uses is deleted once its listeners have let go.
//!
//! ACM has no way to ask for the certificates with some tags, so all of them are listed, when the first Secret is used and every few
//! minutes, and the tags of imported ones are read once. Nothing of this exists where the feature gate is off.

mod known;

use crate::api::ObjectKey;
use crate::api::meta::CLUSTER_TAG;
use crate::aws::{Cloud, pages, send};
use crate::aws_api::acm::{
    CertificateKind, CertificateSummary, DeleteCertificate, GetCertificate, ImportCertificate,
    ListCertificateTags, ListCertificates,
};
use crate::aws_api::{CloudError, Tags};
use crate::config::Config;
use crate::facts::SecretCertificate;
use crate::model::{Stack, StackId};
use crate::secret_certificates::{UnusableSecret, UsableCertificate, fingerprint_of};
use futures::{StreamExt, TryStreamExt};
use known::{ImportOwner, Imports, RefusedImport};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

pub use known::secret_tag;

/// The tag that names the Secret of a certificate.
pub const SECRET_TAG: &str = "elbv2.k8s.aws/secret";
/// Reads show by then what was written.
const LAG: Duration = Duration::from_secs(30);
/// Between two lists for an import of which nobody knows what became of it.
const LIST_INTERVAL: Duration = Duration::from_secs(5);
/// A list that is younger will do.
const LISTS_KEPT: Duration = Duration::from_mins(5);
/// What ACM refused of a Secret is not tried again before.
const REFUSALS_KEPT: Duration = Duration::from_mins(4);
/// Certificates that are asked about at once.
const AT_ONCE: usize = 8;

const NOT_FOUND: &[&str] = &["ResourceNotFoundException"];
const IN_USE: &[&str] = &["ResourceInUseException"];
/// What an import may change of a certificate is limited: not the kind of its key, nor what the key is for.
/// Source: <https://docs.aws.amazon.com/acm/latest/userguide/import-reimport.html>
const OTHER_KIND: &[&str] = &["ValidationException", "InvalidParameterException"];
/// Refusals that say that nothing was imported.
const REFUSED: &[&str] = &[
    "ValidationException",
    "InvalidParameterException",
    "InvalidTagException",
    "TagPolicyException",
    "TooManyTagsException",
    "LimitExceededException",
    "AccessDeniedException",
];

/// Knows the imported certificates, and who uses them.
pub struct SecretCertificates {
    cloud: Arc<dyn Cloud>,
    config: Arc<Config>,
    state: Mutex<Imports>,
    /// Held while a Secret is imported or its certificate is deleted, by the Secret's tag.
    changing: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Held while everything is listed.
    listing: tokio::sync::Mutex<()>,
    /// Told when a certificate may have become needless.
    released: Notify,
}

/// What came of a look at what is needless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Stacks whose certificate has vanished, or whose Secret could not be used, and which may be served now.
    pub wake: BTreeSet<StackId>,
    /// Whether something still has to be deleted.
    pub is_pending: bool,
}

impl SecretCertificates {
    /// Nothing is asked of AWS before a Secret is used.
    pub fn new(cloud: Arc<dyn Cloud>, config: Arc<Config>) -> Self {
        Self {
            cloud,
            config,
            state: Mutex::default(),
            changing: Mutex::default(),
            listing: tokio::sync::Mutex::default(),
            released: Notify::new(),
        }
    }

    /// The certificate of a Secret for a stack that uses it; imports it if need be.
    ///
    /// `checked`: what the Secret says. Errors: AWS could not be asked, or did not say what became of an import.
    pub async fn acquire(
        &self,
        stack: &StackId,
        secret: &ObjectKey,
        checked: Result<UsableCertificate, UnusableSecret>,
    ) -> Result<SecretCertificate, CloudError> {
        let tag = secret_tag(secret);
        self.state.lock().note_user(&tag, stack);
        let lock = self.lock_of(&tag);
        let _changing = lock.lock().await;
        self.ready().await?;
        self.find_unknown(&tag).await?;
        let wanted = match checked {
            Ok(wanted) => wanted,
            Err(problem) => {
                let mut state = self.state.lock();
                state.note_unusable(&tag);
                return Ok(SecretCertificate {
                    arn: state.current(&tag),
                    problem: Some(problem.to_string()),
                });
            }
        };
        self.read_unread(&tag).await?;
        let (current, refusal) = {
            let mut state = self.state.lock();
            if let Some(arn) = state.like(&tag, &wanted.fingerprint) {
                state.note_usable(&tag, &arn);
                return Ok(SecretCertificate { arn: Some(arn), problem: None });
            }
            (state.current(&tag), state.standing_refusal(&tag, &wanted.fingerprint, REFUSALS_KEPT))
        };
        if let Some(refusal) = refusal {
            return Ok(SecretCertificate { arn: current, problem: Some(refusal) });
        }
        match self.import(&tag, current.clone(), &wanted).await {
            Ok(arn) => Ok(SecretCertificate { arn: Some(arn), problem: None }),
            Err(error) if error.is(REFUSED) => {
                tracing::warn!(%secret, answer = error.in_full(), "certificate not imported");
                let problem = format!("ACM does not take the certificate: {error}");
                let refusal = RefusedImport::new(wanted.fingerprint, problem.clone());
                let mut state = self.state.lock();
                state.note_refused(&tag, refusal);
                // why not the one before: ACM may just have said that it is gone
                Ok(SecretCertificate { arn: state.current(&tag), problem: Some(problem) })
            }
            Err(error) => Err(error),
        }
    }

    /// Imports a certificate, under the ARN of the one that it follows, if ACM lets it.
    async fn import(
        &self,
        tag: &str,
        current: Option<String>,
        wanted: &UsableCertificate,
    ) -> Result<String, CloudError> {
        let Some(current) = current else { return self.import_as(tag, None, wanted).await };
        match self.import_as(tag, Some(current.clone()), wanted).await {
            Err(error) if error.is(NOT_FOUND) => {
                self.state.lock().forget(&current);
                self.import_as(tag, None, wanted).await
            }
            Err(error) if error.is(OTHER_KIND) => self.import_as(tag, None, wanted).await,
            imported => imported,
        }
    }

    async fn import_as(
        &self,
        tag: &str,
        arn: Option<String>,
        wanted: &UsableCertificate,
    ) -> Result<String, CloudError> {
        let tags = if arn.is_none() { self.tags(tag) } else { Tags::new() };
        let request = ImportCertificate {
            arn: arn.clone(),
            certificate: wanted.certificate.clone(),
            chain: wanted.chain.clone(),
            private_key: wanted.private_key.clone(),
            tags,
        };
        let guard = UnknownEnd { imports: &self.state, tag, arn: arn.as_deref(), is_open: true };
        match send(&*self.cloud, request).await {
            Ok(imported) => {
                guard.close();
                self.state.lock().note_imported(tag, &imported, wanted);
                Ok(imported)
            }
            Err(error) => {
                let is_certain = error.is(REFUSED)
                    || error.is(NOT_FOUND)
                    || error.is_throttled()
                    || matches!(error, CloudError::Fenced { .. });
                if is_certain {
                    guard.close();
                }
                Err(error)
            }
        }
    }

    /// Looks for what an import of which nobody knows what became of it may have left.
    async fn find_unknown(&self, tag: &str) -> Result<(), CloudError> {
        let Some(since) = self.state.lock().unknown_since(tag) else { return Ok(()) };
        let is_recent = !self.state.lock().is_list_older_than(LIST_INTERVAL);
        if !(is_recent && since.elapsed() < LAG) {
            self.list().await?;
        }
        let mut state = self.state.lock();
        if state.unknown_since(tag).is_none() {
            return Ok(());
        }
        if since.elapsed() < LAG {
            return Err(CloudError::Unreachable {
                operation: "ImportCertificate",
                message: "whether the certificate was imported shows in half a minute".to_owned(),
            });
        }
        state.forget_unknown(tag);
        Ok(())
    }

    /// Reads what certificates show that a predecessor imported.
    async fn read_unread(&self, tag: &str) -> Result<(), CloudError> {
        let unread = self.state.lock().unread(tag);
        for arn in unread {
            match send(&*self.cloud, GetCertificate { arn: arn.clone() }).await {
                Ok(body) => {
                    let fingerprint = fingerprint_of(&body.certificate, &body.chain).unwrap_or_default();
                    self.state.lock().note_read(&arn, fingerprint);
                }
                Err(error) if error.is(NOT_FOUND) => self.state.lock().forget(&arn),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says which Secrets a stack uses now that it is deployed; it has let go of the certificates of the others.
    pub fn note_deployed(&self, stack: &Stack, used: &BTreeSet<ObjectKey>) {
        let used: BTreeSet<String> = used.iter().map(secret_tag).collect();
        let certificates = stack.listeners.values().flat_map(|listener| &listener.certificates);
        let arns = certificates.filter_map(|one| one.known()).map(str::to_owned).collect();
        let mut state = self.state.lock();
        state.note_attached(&stack.id, arns);
        if state.release(&stack.id, &used) {
            self.released.notify_one();
        }
    }

    /// Waits until a certificate may have become needless.
    pub async fn wait_for_release(&self) {
        self.released.notified().await;
    }

    /// Deletes what nobody uses. `all_known`: every stack that may use a Secret has been built since start.
    pub async fn collect(&self, all_known: bool) -> Result<Collected, CloudError> {
        let mut collected = Collected::default();
        // why once in any case: what a predecessor imported may be left
        if self.state.lock().is_list_due(LISTS_KEPT) {
            self.list().await?;
            collected.wake = self.state.lock().stacks_to_wake();
        }
        let needless = self.state.lock().needless(all_known);
        for (tag, arn) in needless {
            let lock = self.lock_of(&tag);
            let _changing = lock.lock().await;
            if !self.state.lock().is_needless(&tag, &arn, all_known) {
                continue;
            }
            match send(&*self.cloud, DeleteCertificate { arn: arn.clone() }).await {
                Ok(()) => self.state.lock().forget(&arn),
                Err(error) if error.is(NOT_FOUND) => self.state.lock().forget(&arn),
                Err(error) => {
                    if !error.is(IN_USE) {
                        tracing::warn!(
                            certificate = arn,
                            answer = error.in_full(),
                            "certificate not deleted"
                        );
                    }
                    collected.is_pending = true;
                }
            }
        }
        Ok(collected)
    }

    /// ARNs of the certificates that are imported from Secrets of this cluster.
    pub async fn managed(&self) -> Result<BTreeSet<String>, CloudError> {
        self.ready().await?;
        Ok(self.state.lock().arns())
    }

    /// When each certificate ends that stacks use, in seconds since 1970, as far as a list has told. `others`: ARNs of some that
    /// stacks do not name.
    pub fn ends_in_use(&self, others: &BTreeSet<String>) -> BTreeMap<String, i64> {
        self.state.lock().ends_in_use(others)
    }

    async fn ready(&self) -> Result<(), CloudError> {
        if self.state.lock().is_listed() { Ok(()) } else { self.list().await }
    }

    async fn list(&self) -> Result<(), CloudError> {
        let asked = Instant::now();
        let _listing = self.listing.lock().await;
        if self.state.lock().is_listed_since(asked) {
            return Ok(());
        }
        let began = Instant::now();
        let request = ListCertificates { any_status: true, ..ListCertificates::default() };
        let listed = pages::all(&*self.cloud, request).await?;
        let ends = listed.iter().filter_map(|one| Some((one.arn.clone(), one.not_after?))).collect();
        let imported = listed.into_iter().filter(|one| one.kind == CertificateKind::Imported);
        let read = futures::stream::iter(imported).map(|summary| self.read_tags(summary));
        let read: Vec<_> = read.buffered(AT_ONCE).try_collect().await?;
        self.state.lock().take_list(began, read.into_iter().flatten().collect(), ends);
        Ok(())
    }

    /// The Secret of an imported certificate, by its tag; `None`: it is not ours, or has vanished.
    async fn read_tags(&self, summary: CertificateSummary) -> Result<Option<(String, String)>, CloudError> {
        let arn = summary.arn;
        let known = self.state.lock().owner_of(&arn);
        match known {
            ImportOwner::Secret(tag) => return Ok(Some((arn, tag))),
            ImportOwner::Foreign => return Ok(None),
            ImportOwner::Unknown => {}
        }
        let tags = match send(&*self.cloud, ListCertificateTags { arn: arn.clone() }).await {
            Err(error) if error.is(NOT_FOUND) => return Ok(None),
            tags => tags?,
        };
        let is_ours = tags.get(CLUSTER_TAG) == Some(&self.config.cluster_name);
        let tag = tags.get(SECRET_TAG).filter(|_| is_ours).cloned();
        if tag.is_none() {
            self.state.lock().note_foreign(&arn);
        }
        Ok(tag.map(|tag| (arn, tag)))
    }

    fn lock_of(&self, tag: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut changing = self.changing.lock();
        changing.retain(|_, lock| Arc::strong_count(lock) > 1);
        changing.entry(tag.to_owned()).or_default().clone()
    }

    fn tags(&self, tag: &str) -> Tags {
        let mut tags = self.config.default_tags.clone();
        tags.insert(CLUSTER_TAG.to_owned(), self.config.cluster_name.clone());
        tags.insert(SECRET_TAG.to_owned(), tag.to_owned());
        tags
    }
}

/// As long as it is open, nobody knows what became of an import, also if whoever waited for it went away.
struct UnknownEnd<'a> {
    imports: &'a Mutex<Imports>,
    tag: &'a str,
    arn: Option<&'a str>,
    is_open: bool,
}

impl UnknownEnd<'_> {
    fn close(mut self) {
        self.is_open = false;
    }
}

impl Drop for UnknownEnd<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.imports.lock().note_unknown(self.tag, self.arn);
        }
    }
}
