//! Digests: to tell cheaply whether something is as it was, also where AWS does not show it.

use crate::cloud::elbv2::{ListenerAction, OidcAction};
use crate::config::Config;
use crate::model::{Listener, Rule, Stack};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
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

impl Digest {
    /// Digest of plain data, by its `Debug` form: every field counts, except that secrets show as redacted.
    pub fn of(value: &(impl fmt::Debug + ?Sized)) -> Self {
        let mut sink = Sink::default();
        sink.put(value);
        sink.finish()
    }

    /// Digest of a stack with its secrets, and of the configuration that decides how it is deployed.
    pub fn of_desired(stack: &Stack, config: &Config) -> Self {
        let mut sink = Sink::default();
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedSecrets {
    actions: BTreeSet<Digest>,
    with_secrets: BTreeSet<Digest>,
}

impl AppliedSecrets {
    /// The secrets of a stack, to be kept once it has been deployed.
    pub fn of(stack: &Stack) -> Self {
        let actions = || oidc_actions(stack);
        Self {
            actions: actions().map(without_secret).collect(),
            // why: an action that AWS was left to keep was sent without its secret; the next one must be sent
            with_secrets: actions().filter(|action| !keeps_secret(action)).map(with_secret).collect(),
        }
    }

    /// Whether no secret is known.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Whether the action's secret is known to differ from the one that AWS has.
    pub fn is_changed(&self, action: &OidcAction) -> bool {
        !keeps_secret(action)
            && self.actions.contains(&without_secret(action))
            && !self.with_secrets.contains(&with_secret(action))
    }
}

/// Whether AWS shall keep the secret it has.
fn keeps_secret(action: &OidcAction) -> bool {
    action.use_existing_client_secret == Some(true)
}

fn without_secret(action: &OidcAction) -> Digest {
    let mut action = action.clone();
    action.client_secret = None;
    action.use_existing_client_secret = None;
    with_secret(&action)
}

fn with_secret(action: &OidcAction) -> Digest {
    let mut sink = Sink::default();
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
