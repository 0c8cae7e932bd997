//! What is to be done.

use jiff::Timestamp;

use crate::bundle::Bundle;
use crate::inspect::{ParsedCertificate, Parts};
use crate::policy::RotationPolicy;

/// What is to be done with the bundle. All but `Keep` are carried out by [`crate::advance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing before this time, unless the bundle or the policy changes.
    Keep {
        /// When to decide again.
        until: Timestamp,
    },
    /// Start over with a new authority and a serving certificate of it.
    IssueAll(IssueReason),
    /// Issue a serving certificate of the authority whose key is at hand.
    IssueLeaf(IssueReason),
    /// Announce a new authority; the serving certificate stays.
    AddCa(IssueReason),
    /// Forget authorities that no certificate in use is from.
    DropCas,
}

impl Decision {
    /// Whether the serving certificate that was decided about can be used until the decision is carried out.
    pub fn is_usable_meanwhile(self) -> bool {
        match self {
            Self::Keep { .. } | Self::AddCa(_) | Self::DropCas => true,
            Self::IssueLeaf(reason) => matches!(reason, IssueReason::LeafDue | IssueReason::CaPropagated),
            Self::IssueAll(_) => false,
        }
    }
}

/// Why certificates are issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueReason {
    /// There are none yet.
    #[error("there is no certificate yet")]
    Missing,
    /// The serving certificate is not one.
    #[error("the serving certificate is not readable")]
    Unreadable,
    /// The private key is not the certificate's.
    #[error("the private key does not belong to the serving certificate")]
    KeyMismatch,
    /// The certificate is from the future: a clock was or is wrong.
    #[error("the serving certificate is not valid yet")]
    NotYetValid,
    /// The certificate is too old.
    #[error("the serving certificate has expired")]
    Expired,
    /// The certificate lacks a name that it is called by.
    #[error("the serving certificate lacks a name of the webhook service")]
    WrongNames,
    /// No valid authority in the bundle has signed the certificate.
    #[error("the serving certificate is not signed by a trusted authority")]
    Untrusted,
    /// The certificate nears its end.
    #[error("the serving certificate is due for renewal")]
    LeafDue,
    /// The authority nears its end.
    #[error("the certificate authority is due for renewal")]
    CaDue,
    /// A new authority has been announced for long enough.
    #[error("the new certificate authority is known by now")]
    CaPropagated,
}

/// Looks at what there is and says what is to be done now.
///
/// Total: anything may be in the bundle. Carrying out decisions and asking again comes to `Keep` after at most four
/// rounds at any one time.
pub fn decide(now: Timestamp, current: Option<&Bundle>, policy: &RotationPolicy) -> Decision {
    let Some(bundle) = current else { return Decision::IssueAll(IssueReason::Missing) };
    let parts = Parts::of(bundle, policy, now);
    match &parts.leaf {
        Err(reason) => replace_leaf(now, &parts, *reason, policy),
        Ok((leaf, issuer)) => maintain(now, &parts, leaf, *issuer, policy),
    }
}

/// The serving certificate can't be used: every call fails already, so nothing waits.
fn replace_leaf(now: Timestamp, parts: &Parts, reason: IssueReason, policy: &RotationPolicy) -> Decision {
    match parts.signing_ca() {
        Some(ca) if !is_due(now, ca, policy.ca_renew_before) => Decision::IssueLeaf(reason),
        _ => Decision::IssueAll(reason),
    }
}

fn maintain(
    now: Timestamp,
    parts: &Parts,
    leaf: &ParsedCertificate,
    issuer: usize,
    policy: &RotationPolicy,
) -> Decision {
    let signs_too = parts.signer.is_none_or(|signer| signer == issuer);
    let Some(ca) = parts.cas.get(parts.signer.unwrap_or(issuer)) else { return Decision::DropCas };
    if !signs_too {
        let until = after(ca.not_before, [policy.backdate, policy.propagation_time]);
        return if now < until {
            Decision::Keep { until }
        } else {
            Decision::IssueLeaf(IssueReason::CaPropagated)
        };
    }
    let can_sign = parts.signer.is_some();
    match (is_due(now, ca, policy.ca_renew_before), is_due(now, leaf, policy.leaf_renew_before)) {
        (true, _) => Decision::AddCa(IssueReason::CaDue),
        (false, true) if can_sign => Decision::IssueLeaf(IssueReason::LeafDue),
        (false, true) => Decision::AddCa(IssueReason::LeafDue),
        (false, false) => wait(now, parts, leaf, ca, issuer, policy),
    }
}

/// Nothing is to be issued: tidy up, now or later.
fn wait(
    now: Timestamp,
    parts: &Parts,
    leaf: &ParsedCertificate,
    ca: &ParsedCertificate,
    issuer: usize,
    policy: &RotationPolicy,
) -> Decision {
    let superseded = (0..parts.cas.len()).any(|index| index != issuer);
    let overlapped = after(leaf.not_before, [policy.backdate, policy.overlap]);
    if parts.clutter || (superseded && overlapped <= now) {
        return Decision::DropCas;
    }
    let leaf_due = after(leaf.not_after, [-policy.leaf_renew_before]);
    let ca_due = after(ca.not_after, [-policy.ca_renew_before]);
    let until = leaf_due.min(ca_due);
    Decision::Keep { until: if superseded { until.min(overlapped) } else { until } }
}

fn is_due(now: Timestamp, certificate: &ParsedCertificate, renew_before: jiff::SignedDuration) -> bool {
    after(certificate.not_after, [-renew_before]) <= now
}

/// A time plus durations; the end of time where that is past it.
pub(crate) fn after<const N: usize>(time: Timestamp, durations: [jiff::SignedDuration; N]) -> Timestamp {
    durations.into_iter().fold(time, |time, duration| {
        let limit = if duration.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
        time.checked_add(duration).unwrap_or(limit)
    })
}
