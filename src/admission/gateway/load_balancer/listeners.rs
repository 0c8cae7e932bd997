//! Listeners of a LoadBalancerConfiguration.

use super::name_of;
use crate::admission::gateway::field_findings::FieldFindings;
use crate::admission::limits;
use crate::annotations::attributes::ResourceKind;
use crate::annotations::value::{ItemKind, TextKind, ValueKind, is_arn};
use crate::api::gateway_config::{
    AlpnPolicy, ListenerConfiguration, LoadBalancerConfigurationSpec, MutualAuthenticationConfig,
    MutualAuthenticationMode,
};
use crate::finding::alternatives;
use crate::gateway::Controller;
use crate::settings::gateway::quic_refusal;
use std::collections::BTreeMap;

const PROTOCOLS: [&str; 6] = ["HTTP", "HTTPS", "TLS", "TCP", "UDP", "TCP_UDP"];

pub(super) fn check(
    findings: &mut FieldFindings<'_>,
    spec: &LoadBalancerConfigurationSpec,
    controller: Option<Controller>,
) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, listener) in spec.listener_configurations.iter().flatten().enumerate() {
        let field = format!("spec.listenerConfigurations[{index}]");
        let protocol = protocol_port(findings, &field, index, listener, controller);
        if let Some(first) = seen.insert(listener.protocol_port.to_uppercase(), index) {
            let problem = format!(
                "{:?} is that of listenerConfigurations[{first}] too, expected each protocol and port once",
                listener.protocol_port
            );
            findings.error(&format!("{field}.protocolPort"), problem);
        }
        let mut checks = ListenerChecks { findings: &mut *findings, field, listener, protocol };
        checks.certificates();
        checks.mutual_authentication();
        checks.network();
        checks.attributes(controller);
    }
    if let Some(problem) = limits::many_certificates(certificates(spec)) {
        findings.warn("spec.listenerConfigurations", problem);
    }
}

/// How many certificates there are beside the default ones of the listeners.
fn certificates(spec: &LoadBalancerConfigurationSpec) -> usize {
    let of_listener = |listener: &ListenerConfiguration| {
        let has_default = listener.default_certificate.as_ref().is_some_and(|arn| !arn.is_empty());
        let others = listener.certificates.as_ref().map_or(0, Vec::len);
        if has_default { others } else { others.saturating_sub(1) }
    };
    spec.listener_configurations.iter().flatten().map(of_listener).sum()
}

/// The protocol of a listener, upper case, if it names one that there is.
fn protocol_port<'l>(
    findings: &mut FieldFindings<'_>,
    field: &str,
    index: usize,
    listener: &'l ListenerConfiguration,
    controller: Option<Controller>,
) -> Option<&'static str> {
    let (text, field): (&'l str, _) = (&listener.protocol_port, format!("{field}.protocolPort"));
    let Some((given, port)) = text.split_once(':') else {
        findings.error(&field, format!("{text:?} is not a protocol and a port, such as HTTPS:443"));
        return None;
    };
    if given.is_empty() || port.is_empty() {
        let part = if given.is_empty() { "protocol" } else { "port" };
        findings.warn(&field, format!("{text:?} has no {part}, so no listener has these settings"));
    }
    let number = port.parse::<u16>().ok().filter(|number| *number > 0);
    if !port.is_empty() && number.is_none() {
        findings.error(&field, format!("{port:?} is not a port number from 1 to 65535"));
    }
    let protocol = PROTOCOLS.into_iter().find(|known| *known == given);
    if protocol.is_none() && !given.is_empty() {
        findings.not_one_of(&field, index, given, &PROTOCOLS);
    }
    if let (Some(controller), Some(protocol)) = (controller, protocol)
        && is_of_alb(protocol) != (controller == Controller::Alb)
    {
        let kind = name_of(controller);
        findings.warn(&field, format!("{text:?} has no effect: {kind} has no {protocol} listeners"));
    }
    protocol
}

fn is_of_alb(protocol: &str) -> bool {
    matches!(protocol, "HTTP" | "HTTPS")
}

struct ListenerChecks<'f, 'c> {
    findings: &'f mut FieldFindings<'c>,
    field: String,
    listener: &'f ListenerConfiguration,
    protocol: Option<&'static str>,
}

impl ListenerChecks<'_, '_> {
    /// Says of fields that are given and that listeners of the protocol do not have that they have no effect.
    fn without_effect(&mut self, fields: &[(&str, bool)], protocols: &[&str]) {
        let Some(protocol) = self.protocol.filter(|protocol| !protocols.contains(protocol)) else { return };
        let expected = alternatives(protocols);
        for (field, _) in fields.iter().filter(|(_, is_given)| *is_given) {
            let problem = format!("has no effect on a listener that speaks {protocol}, only on {expected}");
            self.findings.warn(&format!("{}.{field}", self.field), problem);
        }
    }

    fn certificates(&mut self) {
        let (listener, field) = (self.listener, self.field.clone());
        let default = listener.default_certificate.as_ref().filter(|arn| !arn.is_empty());
        if let Some(arn) = default {
            self.findings.item(&format!("{field}.defaultCertificate"), arn, ItemKind::Certificate);
        }
        let others = listener.certificates.as_ref();
        self.findings.items(&format!("{field}.certificates"), others, ItemKind::Certificate);
        let policy = listener.ssl_policy.as_ref();
        self.findings.text(&format!("{field}.sslPolicy"), policy, ValueKind::Text(TextKind::SslPolicy));
        let given = [
            ("defaultCertificate", default.is_some()),
            ("certificates", others.is_some_and(|others| !others.is_empty())),
            ("sslPolicy", policy.is_some_and(|policy| !policy.is_empty())),
        ];
        self.without_effect(&given, &["HTTPS", "TLS"]);
    }

    fn mutual_authentication(&mut self) {
        let Some(given) = &self.listener.mutual_authentication else { return };
        let is_on = given.mode != MutualAuthenticationMode::Off;
        self.without_effect(&[("mutualAuthentication", is_on)], &["HTTPS"]);
        self.trust_store(given);
    }

    /// why: the definition of the kind says the same, and nobody has asked it about a file
    fn trust_store(&mut self, given: &MutualAuthenticationConfig) {
        let field = format!("{}.mutualAuthentication", self.field);
        let store = given.trust_store.as_deref();
        if given.mode != MutualAuthenticationMode::Verify {
            let fields = [
                ("trustStore", store.is_some()),
                ("ignoreClientCertificateExpiry", given.ignore_client_certificate_expiry.is_some()),
                ("advertiseTrustStoreCaNames", given.advertise_trust_store_ca_names.is_some()),
            ];
            let mode: &str = given.mode.into();
            for (name, _) in fields.into_iter().filter(|(_, is_given)| *is_given) {
                self.findings
                    .error(&format!("{field}.{name}"), format!("is for mode verify, not for {mode}"));
            }
            return;
        }
        let field = format!("{field}.trustStore");
        match store.unwrap_or_default() {
            "" => self.findings.error(&field, "is missing, expected the name or ARN of a trust store"),
            arn if arn.starts_with("arn:") => {
                if !is_arn(arn, "elasticloadbalancing", "truststore/") {
                    self.findings.error(&field, format!("{arn:?} is not the ARN of a trust store"));
                }
                let foreign = crate::admission::region::check(arn, self.findings.config);
                self.findings.add_all(&field, foreign);
            }
            name if !is_trust_store_name(name) => {
                let problem = format!(
                    "{name:?} is not the name of a trust store, expected 1 to 32 letters, digits and hyphens"
                );
                self.findings.error(&field, problem);
            }
            _ => {}
        }
    }

    /// What listeners of NLBs have.
    fn network(&mut self) {
        let alpn = self.listener.alpn_policy.is_some_and(|policy| policy != AlpnPolicy::None);
        self.without_effect(&[("alpnPolicy", alpn)], &["TLS"]);
        let is_sticky = self.listener.target_group_stickiness == Some(true);
        let is_quic = self.listener.quic_enabled == Some(true);
        let network = ["TCP", "UDP", "TCP_UDP", "TLS"];
        self.without_effect(&[("targetGroupStickiness", is_sticky)], &network);
        match self.protocol {
            Some(protocol) if is_of_alb(protocol) => {
                self.without_effect(&[("quicEnabled", is_quic)], &["UDP", "TCP_UDP"]);
            }
            Some(protocol @ ("TCP" | "TLS")) if is_quic => {
                let problem = format!("{}, expected UDP or TCP_UDP", quic_refusal(protocol));
                self.findings.error(&format!("{}.quicEnabled", self.field), problem);
            }
            _ => {}
        }
    }

    fn attributes(&mut self, controller: Option<Controller>) {
        let is_alb = self.protocol.map(is_of_alb).or(controller.map(|found| found == Controller::Alb));
        let kinds: &[ResourceKind] = match is_alb {
            Some(true) => &[ResourceKind::ApplicationListener],
            Some(false) => &[ResourceKind::NetworkListener],
            None => &[ResourceKind::ApplicationListener, ResourceKind::NetworkListener],
        };
        let field = format!("{}.listenerAttributes", self.field);
        self.findings.attributes(&field, kinds, self.listener.listener_attributes.as_ref());
    }
}

/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTrustStore.html>
fn is_trust_store_name(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
