//! What is known of imported certificates.

use super::LAG;
use crate::api::ObjectKey;
use crate::model::StackId;
use crate::secret_certificates::{Fingerprint, UsableCertificate};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::Instant;

/// What we deleted may be listed for so long.
const GHOST: Duration = Duration::from_mins(2);
/// Characters of a tag's value.
const MAX_TAG: usize = 256;

/// The value of the tag that names a Secret: namespace and name, or a digest of them where they are too long.
pub fn secret_tag(secret: &ObjectKey) -> String {
    let full = format!("{}/{}", secret.namespace(), secret.name());
    if full.len() <= MAX_TAG {
        return full;
    }
    let digest = Sha256::digest(full.as_bytes());
    digest.iter().fold("sha256/".to_owned(), |mut text, byte| {
        // why not looked at: writing to a string does not fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A certificate that is imported.
#[derive(Clone, Debug)]
struct Import {
    /// The tag of its Secret.
    tag: String,
    /// What it shows; `None`: nobody has looked since it may have changed.
    fingerprint: Option<Fingerprint>,
    since: Instant,
}

/// Whose an imported certificate is.
pub(super) enum ImportOwner {
    /// Nobody has looked.
    Unknown,
    /// Not ours.
    Foreign,
    /// That of a Secret, by its tag.
    Secret(String),
}

/// What ACM refused.
#[derive(Clone, Debug)]
pub(super) struct RefusedImport {
    fingerprint: Fingerprint,
    at: Instant,
    problem: String,
}

impl RefusedImport {
    pub fn new(fingerprint: Fingerprint, problem: String) -> Self {
        Self { fingerprint, at: Instant::now(), problem }
    }
}

/// Everything that is known. Secrets are named by their tags.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// By ARN.
    known: BTreeMap<String, Import>,
    /// The certificate that listeners shall use, by Secret.
    current: BTreeMap<String, String>,
    users: BTreeMap<String, BTreeSet<StackId>>,
    /// ARNs of the certificates that the listeners of stacks have.
    attached: BTreeMap<StackId, BTreeSet<String>>,
    /// Secrets with an import of which nobody knows what became of it, and since when.
    unknown: BTreeMap<String, Instant>,
    refusals: BTreeMap<String, RefusedImport>,
    /// Secrets that could not be used when they were last looked at.
    unusable: BTreeSet<String>,
    /// ARNs of imported certificates that are not ours.
    foreign: BTreeSet<String>,
    /// What we deleted, and when.
    ghosts: BTreeMap<String, Instant>,
    /// When every certificate of the region ends.
    ends: BTreeMap<String, i64>,
    /// When the last list began.
    listed: Option<Instant>,
}

impl Imports {
    pub fn note_user(&mut self, tag: &str, stack: &StackId) {
        self.users.entry(tag.to_owned()).or_default().insert(stack.clone());
    }

    /// Whether a Secret may have lost its last user.
    pub fn release(&mut self, stack: &StackId, used: &BTreeSet<String>) -> bool {
        let mut is_free = false;
        self.users.retain(|tag, users| {
            if !used.contains(tag) {
                is_free |= users.remove(stack) && users.is_empty();
            }
            !users.is_empty()
        });
        is_free
    }

    /// The users of Secrets that cannot be used, and of those whose certificate is gone.
    pub fn stacks_to_wake(&self) -> BTreeSet<StackId> {
        let is_due = |tag: &String| {
            self.unusable.contains(tag) || self.refusals.contains_key(tag) || !self.current.contains_key(tag)
        };
        let due = self.users.iter().filter(|(tag, _)| is_due(tag));
        due.flat_map(|(_, stacks)| stacks.iter().cloned()).collect()
    }

    /// The certificate that listeners use now.
    pub fn current(&self, tag: &str) -> Option<String> {
        let chosen = self.current.get(tag).filter(|arn| self.known.contains_key(*arn));
        // why the latest: a Secret that got another kind of key has two, and a restart must not go back to the former
        let own = || self.known.iter().filter(|(_, import)| import.tag == tag).map(|(arn, _)| arn);
        let any = || own().max_by_key(|arn| self.ends.get(*arn));
        chosen.or_else(any).cloned()
    }

    /// A certificate that shows what is wanted: the current one, if it does.
    pub fn like(&self, tag: &str, wanted: &Fingerprint) -> Option<String> {
        let is_like = |import: &Import| import.tag == tag && import.fingerprint.as_ref() == Some(wanted);
        let current = self.current(tag).filter(|arn| self.known.get(arn).is_some_and(is_like));
        let any = || self.known.iter().find(|(_, import)| is_like(import)).map(|(arn, _)| arn.clone());
        current.or_else(any)
    }

    pub fn note_usable(&mut self, tag: &str, arn: &str) {
        self.unusable.remove(tag);
        self.refusals.remove(tag);
        self.current.insert(tag.to_owned(), arn.to_owned());
    }

    pub fn note_unusable(&mut self, tag: &str) {
        self.unusable.insert(tag.to_owned());
        if let Some(arn) = self.current(tag) {
            self.current.insert(tag.to_owned(), arn);
        }
    }

    pub fn note_refused(&mut self, tag: &str, refusal: RefusedImport) {
        self.unusable.remove(tag);
        self.refusals.insert(tag.to_owned(), refusal);
    }

    /// What ACM said of the same certificate a moment ago.
    pub fn standing_refusal(&self, tag: &str, wanted: &Fingerprint, kept: Duration) -> Option<String> {
        let refusal = self.refusals.get(tag)?;
        let stands = refusal.fingerprint == *wanted && refusal.at.elapsed() < kept;
        stands.then(|| refusal.problem.clone())
    }

    pub fn note_imported(&mut self, tag: &str, arn: &str, wanted: &UsableCertificate) {
        let since = Instant::now();
        let import = Import { tag: tag.to_owned(), fingerprint: Some(wanted.fingerprint), since };
        self.known.insert(arn.to_owned(), import);
        self.ends.insert(arn.to_owned(), wanted.not_after);
        self.note_usable(tag, arn);
    }

    /// An import may have happened, anew or under this ARN.
    pub fn note_unknown(&mut self, tag: &str, arn: Option<&str>) {
        match arn {
            Some(arn) => {
                if let Some(import) = self.known.get_mut(arn) {
                    import.fingerprint = None;
                }
            }
            None => drop(self.unknown.insert(tag.to_owned(), Instant::now())),
        }
    }

    pub fn unknown_since(&self, tag: &str) -> Option<Instant> {
        self.unknown.get(tag).copied()
    }

    pub fn forget_unknown(&mut self, tag: &str) {
        self.unknown.remove(tag);
    }

    /// ARNs of the certificates of a Secret of which nobody knows what they show.
    pub fn unread(&self, tag: &str) -> Vec<String> {
        let unread = self.known.iter().filter(|(_, one)| one.tag == tag && one.fingerprint.is_none());
        unread.map(|(arn, _)| arn.clone()).collect()
    }

    pub fn note_read(&mut self, arn: &str, fingerprint: Fingerprint) {
        if let Some(import) = self.known.get_mut(arn) {
            import.fingerprint = Some(fingerprint);
        }
    }

    pub fn forget(&mut self, arn: &str) {
        self.ghosts.insert(arn.to_owned(), Instant::now());
        self.known.remove(arn);
        self.ends.remove(arn);
        self.current.retain(|_, current| current != arn);
    }

    /// What may be deleted: the Secret's tag and the ARN.
    pub fn needless(&self, all_known: bool) -> Vec<(String, String)> {
        let all = self.known.iter().map(|(arn, import)| (import.tag.clone(), arn.clone()));
        all.filter(|(tag, arn)| self.is_needless(tag, arn, all_known)).collect()
    }

    pub fn is_needless(&self, tag: &str, arn: &str, all_known: bool) -> bool {
        if !self.known.contains_key(arn) || self.unknown.contains_key(tag) {
            return false;
        }
        match self.users.get(tag) {
            None => all_known,
            // why not while nobody knows which one is right: the Secret cannot be used
            Some(_) if self.unusable.contains(tag) => false,
            // why: another one took its place
            Some(_) => self.current.get(tag).is_some_and(|current| current != arn),
        }
    }

    pub fn arns(&self) -> BTreeSet<String> {
        self.known.keys().cloned().collect()
    }

    /// When the certificates end that stacks use, and these others.
    pub fn ends_in_use(&self, others: &BTreeSet<String>) -> BTreeMap<String, i64> {
        let used: BTreeSet<&String> =
            self.attached.values().flatten().chain(self.known.keys()).chain(others).collect();
        used.into_iter().filter_map(|arn| Some((arn.clone(), *self.ends.get(arn)?))).collect()
    }

    /// Notes the certificates by ARN that the listeners of a stack have.
    pub fn note_attached(&mut self, stack: &StackId, arns: BTreeSet<String>) {
        if arns.is_empty() {
            self.attached.remove(stack);
        } else {
            self.attached.insert(stack.clone(), arns);
        }
    }

    /// Whose certificate it is, as far as is known.
    pub fn owner_of(&self, arn: &str) -> ImportOwner {
        if self.foreign.contains(arn) {
            return ImportOwner::Foreign;
        }
        self.known.get(arn).map_or(ImportOwner::Unknown, |import| ImportOwner::Secret(import.tag.clone()))
    }

    pub fn note_foreign(&mut self, arn: &str) {
        self.foreign.insert(arn.to_owned());
    }

    pub fn is_listed(&self) -> bool {
        self.listed.is_some()
    }

    pub fn is_listed_since(&self, moment: Instant) -> bool {
        self.listed.is_some_and(|began| began >= moment)
    }

    /// Whether a list is to be made: there is none, or it is older than this and there is something to be told by one.
    /// Whether the last list began so long ago.
    pub fn is_list_older_than(&self, age: Duration) -> bool {
        self.listed.is_none_or(|began| began.elapsed() >= age)
    }

    pub fn is_list_due(&self, age: Duration) -> bool {
        let is_of_interest = !self.users.is_empty() || !self.known.is_empty() || !self.attached.is_empty();
        self.listed.is_none_or(|began| is_of_interest && began.elapsed() >= age)
    }

    /// Takes what a list has shown: the certificates that are ours, with the tags of their Secrets.
    pub fn take_list(&mut self, began: Instant, ours: BTreeMap<String, String>, ends: BTreeMap<String, i64>) {
        self.ghosts.retain(|_, since| since.elapsed() < GHOST);
        self.foreign.retain(|arn| ends.contains_key(arn));
        self.known.retain(|arn, import| ours.contains_key(arn) || import.since + LAG > began);
        self.current.retain(|_, arn| self.known.contains_key(arn));
        for (arn, tag) in ours {
            if self.ghosts.contains_key(&arn) || self.known.contains_key(&arn) {
                continue;
            }
            self.unknown.remove(&tag);
            self.known.insert(arn, Import { tag, fingerprint: None, since: began });
        }
        // why: the list may not show yet what we have imported a moment ago
        let recent = self.known.iter().filter(|(_, import)| import.since + LAG > began);
        let recent = recent.filter_map(|(arn, _)| Some((arn.clone(), *self.ends.get(arn)?)));
        let recent: BTreeMap<String, i64> = recent.collect();
        self.ends = ends;
        self.ends.extend(recent);
        self.listed = Some(began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_with_a_long_name_is_told_by_a_digest() {
        assert_eq!(secret_tag(&ObjectKey::namespaced("shop", "web")), "shop/web");
        let long = secret_tag(&ObjectKey::namespaced("n".repeat(63).as_str(), "s".repeat(253).as_str()));
        assert!(long.len() <= MAX_TAG && long.starts_with("sha256/"), "{long}");
    }
}
