//! Digests: to tell cheaply whether something is as it was, also where AWS does not show it.

use crate::aws_api::elbv2::{ListenerAction, OidcAction};
use crate::config::Config;
use crate::model::{Listener, Rule, Stack};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// A SHA-256 cut to 128 bits. Equal means: nothing changed. Not meant to be stable between versions of the controller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; 16]);

/// A text that is not 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("digest is {0:?}, expected 32 hexadecimal digits")]
pub struct ParseDigestError(String);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = ParseDigestError;

    fn try_from(text: String) -> Result<Self, ParseDigestError> {
        match u128::from_str_radix(&text, 16) {
            Ok(number) if text.len() == 32 => Ok(Self(number.to_be_bytes())),
            _ => Err(ParseDigestError(text)),
        }
    }
}

/// What digests of secrets are mixed with: whoever can read such digests, but not the seal, cannot try out secrets on them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Seal([u8; 32]);

impl Seal {
    /// The seal that follows from a secret of the installation.
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::new().chain_update(b"seal of digests").chain_update(secret).finalize().into())
    }

    /// Tells seals apart without giving them away.
    pub fn id(&self) -> Digest {
        Sink::sealed(*self).finish()
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl Digest {
    /// Digest of plain data, by its `Debug` form: every field counts, except that secrets show as redacted.
    pub fn of(value: &(impl fmt::Debug + ?Sized)) -> Self {
        let mut sink = Sink::default();
        sink.put(value);
        sink.finish()
    }

    /// As a number: to divide things evenly, each always to the same place.
    pub fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Digest of a stack with its secrets, and of the configuration that decides how it is deployed.
    pub fn of_desired(stack: &Stack, config: &Config, seal: Seal) -> Self {
        let mut sink = Sink::sealed(seal);
        sink.put(stack);
        sink.put(config);
        for action in oidc_actions(stack) {
            sink.put_secrets(action);
        }
        sink.finish()
    }
}

/// Feeds text to a hash as it is formatted, so that no string is built.
#[derive(Default)]
struct Sink(Sha256);

impl Sink {
    fn sealed(Seal(seal): Seal) -> Self {
        Self(Sha256::new().chain_update(seal))
    }

    fn put(&mut self, value: &(impl fmt::Debug + ?Sized)) {
        // why: writing to a hash cannot fail, and `Debug` of plain data does not either
        let _ = writeln!(self, "{value:?}");
    }

    fn put_secrets(&mut self, action: &OidcAction) {
        for secret in [Some(&action.client_id), action.client_secret.as_ref()].into_iter().flatten() {
            self.0.update((secret.reveal().len() as u64).to_be_bytes());
            self.0.update(secret.reveal().as_bytes());
        }
    }

    fn finish(self) -> Digest {
        let mut digest = [0; 16];
        for (to, from) in digest.iter_mut().zip(self.0.finalize()) {
            *to = from;
        }
        Digest(digest)
    }
}

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// The OIDC client secrets that AWS is known to have, as digests: AWS never shows them.
///
/// An action that is not known counts as unchanged, so that taking over an estate writes nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppliedSecrets {
    /// Digests of actions with their secrets, by digest of the action without.
    known: BTreeMap<Digest, BTreeSet<Digest>>,
    /// What the digests are mixed with; kept elsewhere.
    #[serde(skip)]
    seal: Seal,
}

impl PartialEq for AppliedSecrets {
    fn eq(&self, other: &Self) -> bool {
        self.known == other.known
    }
}

impl Eq for AppliedSecrets {}

impl AppliedSecrets {
    /// The same, whose digests are mixed with this seal.
    #[must_use]
    pub fn with(self, seal: Seal) -> Self {
        Self { seal, ..self }
    }

    /// The secrets of a stack, to be kept once it has been deployed. An action without a secret leaves the one that AWS
    /// has: what was known of it stays, and if nothing was, the next secret counts as a change.
    #[must_use]
    pub fn after(&self, stack: &Stack) -> Self {
        let mut applied = Self::default().with(self.seal);
        for action in oidc_actions(stack) {
            let key = without_secret(action, self.seal);
            let secrets = applied.known.entry(key).or_default();
            match action.client_secret {
                Some(_) => drop(secrets.insert(with_secret(action, self.seal))),
                None => secrets.extend(self.known.get(&key).into_iter().flatten()),
            }
        }
        applied
    }

    /// Whether no secret is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the action's secret is known to differ from the one that AWS has.
    pub fn is_changed(&self, action: &OidcAction) -> bool {
        let known = self.known.get(&without_secret(action, self.seal));
        let is_known = |known: &BTreeSet<Digest>| known.contains(&with_secret(action, self.seal));
        action.client_secret.is_some() && known.is_some_and(|known| !is_known(known))
    }
}

fn without_secret(action: &OidcAction, seal: Seal) -> Digest {
    let mut action = action.clone();
    action.client_secret = None;
    action.use_existing_client_secret = None;
    with_secret(&action, seal)
}

fn with_secret(action: &OidcAction, seal: Seal) -> Digest {
    let mut sink = Sink::sealed(seal);
    sink.put(action);
    sink.put_secrets(action);
    sink.finish()
}

fn oidc_actions(stack: &Stack) -> impl Iterator<Item = &OidcAction> {
    let of_listeners = stack.listeners.values().flat_map(|Listener { default_actions, .. }| default_actions);
    let of_rules = stack.rules.values().flat_map(|Rule { actions, .. }| actions);
    of_listeners.chain(of_rules).filter_map(|action| match action {
        ListenerAction::AuthenticateOidc(oidc) => Some(oidc),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
