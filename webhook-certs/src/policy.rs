//! Names and lifetimes.

use jiff::SignedDuration;

const DAY: i64 = 24;

/// Which names the serving certificate has, and how long everything lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationPolicy {
    /// DNS names of the serving certificate.
    pub names: Vec<String>,
    /// How long an authority is valid.
    pub ca_lifetime: SignedDuration,
    /// How long before its end an authority gets a successor. Longer than `leaf_lifetime`, or the last certificates of
    /// an authority are cut short by its end.
    pub ca_renew_before: SignedDuration,
    /// How long a serving certificate is valid.
    pub leaf_lifetime: SignedDuration,
    /// How long before its end a serving certificate is renewed.
    pub leaf_renew_before: SignedDuration,
    /// How long a new authority is announced before a certificate of it is served: the time API servers may take to
    /// learn of a changed `caBundle`.
    pub propagation_time: SignedDuration,
    /// How long an old authority is trusted after the certificate of a new one came into use: the time replicas may
    /// take to learn of a changed Secret.
    pub overlap: SignedDuration,
    /// How much earlier than its issue a certificate is valid, for API servers whose clock is behind.
    pub backdate: SignedDuration,
}

impl RotationPolicy {
    /// Ten years for an authority, ninety days for a serving certificate, renewed a month before its end.
    pub fn new(names: Vec<String>) -> Self {
        let days = |days: i64| SignedDuration::from_hours(days * DAY);
        Self {
            names,
            ca_lifetime: days(3650),
            ca_renew_before: days(365),
            leaf_lifetime: days(90),
            leaf_renew_before: days(30),
            propagation_time: SignedDuration::from_secs(30),
            overlap: SignedDuration::from_hours(1),
            backdate: SignedDuration::from_hours(1),
        }
    }
}

/// The names by which API servers and people reach a Service: `name.namespace`, with `.svc`, and with the cluster's domain.
pub fn service_names(service: &str, namespace: &str, cluster_domain: &str) -> Vec<String> {
    let short = format!("{service}.{namespace}");
    let full = format!("{short}.svc.{cluster_domain}");
    vec![format!("{short}.svc"), short, full]
}
