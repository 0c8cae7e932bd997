//! Listeners: creation, description, change, deletion.

use super::{attributes, attributes::carries_datagrams, nested, parent, uses::forwarded};
use crate::{
    World,
    refusal::{CallResult, bad_value, bad_word, ensure, refuse},
    tags,
};
use aws_load_balancer_controller::aws_api::{
    Attributes, Ref, Tags,
    elbv2::{
        CreateListener, DeleteListener, DescribeListeners, IpAddressType, Listener, ListenerSettings,
        LoadBalancer, LoadBalancerType, ModifyListener, Page, Protocol,
    },
};
use std::collections::BTreeSet;

const DEFAULT_POLICY: &str = "ELBSecurityPolicy-2016-08";
/// Security policies, by what follows `ELBSecurityPolicy-` in their names.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>
const POLICIES: &[&str] = &[
    "2015-05",
    "2016-08",
    "FS-1-1-2019-08",
    "FS-1-2-2019-08",
    "FS-1-2-Res-2019-08",
    "FS-1-2-Res-2020-10",
    "FS-2018-06",
    "TLS-1-0-2015-04",
    "TLS-1-1-2017-01",
    "TLS-1-2-2017-01",
    "TLS-1-2-Ext-2018-06",
    "TLS13-1-0-2021-06",
    "TLS13-1-0-FIPS-2023-04",
    "TLS13-1-0-FIPS-PQ-2025-09",
    "TLS13-1-0-PQ-2025-09",
    "TLS13-1-1-2021-06",
    "TLS13-1-1-FIPS-2023-04",
    "TLS13-1-2-2021-06",
    "TLS13-1-2-Ext0-FIPS-2023-04",
    "TLS13-1-2-Ext0-FIPS-PQ-2025-09",
    "TLS13-1-2-Ext1-2021-06",
    "TLS13-1-2-Ext1-FIPS-2023-04",
    "TLS13-1-2-Ext1-FIPS-PQ-2025-09",
    "TLS13-1-2-Ext1-PQ-2025-09",
    "TLS13-1-2-Ext2-2021-06",
    "TLS13-1-2-Ext2-FIPS-2023-04",
    "TLS13-1-2-Ext2-FIPS-PQ-2025-09",
    "TLS13-1-2-Ext2-PQ-2025-09",
    "TLS13-1-2-FIPS-2023-04",
    "TLS13-1-2-FIPS-PQ-2025-09",
    "TLS13-1-2-PQ-2025-09",
    "TLS13-1-2-Res-2021-06",
    "TLS13-1-2-Res-FIPS-2023-04",
    "TLS13-1-2-Res-FIPS-PQ-2025-09",
    "TLS13-1-2-Res-PQ-2025-09",
    "TLS13-1-3-2021-06",
    "TLS13-1-3-FIPS-2023-04",
    "TLS13-1-3-FIPS-PQ-2025-09",
    "TLS13-1-3-PQ-2025-09",
];
const ALPN: &[&str] = &["HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None"];

/// A listener and what `DescribeListeners` does not show of it.
#[derive(Clone, Debug)]
pub(crate) struct ListenerState {
    pub(crate) described: Listener,
    /// The ARN of its default rule.
    pub(crate) default_rule_arn: String,
    pub(crate) default_rule_tags: Tags,
    /// Certificates besides the default one.
    pub(crate) extra_certificates: BTreeSet<String>,
    pub(crate) attributes: Attributes,
    pub(crate) tags: Tags,
}

impl World {
    pub(crate) fn create_listener(&mut self, request: &CreateListener) -> CallResult<Listener> {
        let lb = self.elb.load_balancer(&request.load_balancer_arn)?.described.clone();
        tags::check(&request.tags, &Tags::new(), bad_value, super::tagging::too_many)?;
        let mut described = self.normalize_listener(&lb, &request.settings, None)?;
        if let Some((arn, existing)) = self.listener_on(&lb, described.port) {
            described.arn = arn;
            ensure(existing == described, || duplicate_listener(&lb))?;
            return Ok(existing);
        }
        ensure(self.elb.listeners_of(&lb.arn).count() < self.settings.quotas.listeners, || {
            refuse(
                "TooManyListeners",
                format!("The maximum number of listeners on load balancer '{}' has been reached", lb.arn),
            )
        })?;
        self.check_uses(&lb, &described.protocol, &described.default_actions, &[])?;
        described.arn = format!("{}{}", nested(&lb.arn, ":loadbalancer/", ":listener/"), self.ids.hex(16));
        let rule = format!("{}{}", nested(&described.arn, ":listener/", ":listener-rule/"), self.ids.hex(16));
        let state = ListenerState {
            default_rule_arn: rule,
            default_rule_tags: Tags::new(),
            extra_certificates: BTreeSet::new(),
            attributes: attributes::listener_defaults(&described.protocol),
            tags: request.tags.clone(),
            described: described.clone(),
        };
        self.elb.listeners.insert(described.arn.clone(), state);
        self.refresh_uses(&lb.arn, &forwarded(&described.default_actions));
        Ok(described)
    }

    pub(crate) fn describe_listeners(&self, request: &DescribeListeners) -> CallResult<Page<Listener>> {
        let arn = &self.elb.load_balancer(&request.load_balancer_arn)?.described.arn;
        let listeners =
            self.elb.listeners_of(arn).map(|(arn, listener)| (arn.clone(), listener.described.clone()));
        self.elb_page(listeners, request.marker.as_deref())
    }

    pub(crate) fn modify_listener(&mut self, request: &ModifyListener) -> CallResult<()> {
        let previous = self.elb.listener(&request.arn)?.described.clone();
        let lb = self.elb.load_balancer(&Ref::from(previous.load_balancer_arn.as_str()))?.described.clone();
        let mut described = self.normalize_listener(&lb, &request.settings, Some(&previous))?;
        described.arn.clone_from(&previous.arn);
        let other = self.listener_on(&lb, described.port).filter(|(arn, _)| *arn != previous.arn);
        ensure(other.is_none(), || duplicate_listener(&lb))?;
        self.check_uses(&lb, &described.protocol, &described.default_actions, &previous.default_actions)?;
        let kept: Vec<_> =
            self.elb.rules_of(&previous.arn).map(|(_, rule)| rule.described.actions.clone()).collect();
        for actions in kept {
            self.check_uses(&lb, &described.protocol, &actions, &[])?;
        }
        let mut groups = forwarded(&previous.default_actions);
        groups.extend(forwarded(&described.default_actions));
        self.elb.listener_mut(&request.arn)?.become_like(described);
        self.refresh_uses(&lb.arn, &groups);
        Ok(())
    }

    pub(crate) fn delete_listener(&mut self, request: &DeleteListener) -> CallResult<()> {
        let arn = self.elb.listener(&request.arn)?.described.arn.clone();
        self.drop_listener(&arn);
        Ok(())
    }

    /// Removes a listener and its rules.
    pub(crate) fn drop_listener(&mut self, arn: &str) {
        let rules: Vec<_> = self.elb.rules_of(arn).map(|(arn, _)| arn.clone()).collect();
        let mut groups = BTreeSet::new();
        for rule in rules.iter().filter_map(|rule| self.elb.rules.remove(rule)) {
            groups.extend(forwarded(&rule.described.actions));
        }
        if let Some(listener) = self.elb.listeners.remove(arn) {
            groups.extend(forwarded(&listener.described.default_actions));
        }
        self.refresh_uses(&parent(arn, ":listener/", ":loadbalancer/"), &groups);
    }

    /// Whether an ARN names a certificate that exists.
    pub(crate) fn check_certificate(&self, arn: &str) -> CallResult<()> {
        ensure(self.acm.certificates.contains_key(arn), || {
            refuse("CertificateNotFound", format!("Certificate '{arn}' not found"))
        })
    }

    fn listener_on(&self, lb: &LoadBalancer, port: i32) -> Option<(String, Listener)> {
        let mut listeners = self.elb.listeners_of(&lb.arn);
        let found = listeners.find(|(_, listener)| listener.described.port == port);
        found.map(|(arn, listener)| (arn.clone(), listener.described.clone()))
    }

    /// What the settings describe, over what was, still without an ARN.
    fn normalize_listener(
        &self,
        lb: &LoadBalancer,
        settings: &ListenerSettings,
        previous: Option<&Listener>,
    ) -> CallResult<Listener> {
        check_protocol(lb, settings)?;
        let certificate = self.normalize_certificate(settings, previous)?;
        let was = previous.filter(|listener| is_tls(&listener.protocol));
        let policy = || {
            was.and_then(|listener| listener.ssl_policy.clone()).unwrap_or_else(|| DEFAULT_POLICY.to_owned())
        };
        let was_alpn = previous.map(|listener| listener.alpn_policy.clone()).unwrap_or_default();
        let keeps_alpn = settings.alpn_policy.is_empty() && settings.protocol == Protocol::Tls;
        Ok(Listener {
            arn: String::new(),
            load_balancer_arn: lb.arn.clone(),
            port: settings.port,
            protocol: settings.protocol.clone(),
            default_actions: self.normalize_actions(lb, &settings.protocol, &settings.default_actions)?,
            certificates: certificate.into_iter().collect(),
            ssl_policy: is_tls(&settings.protocol)
                .then(|| settings.ssl_policy.clone().unwrap_or_else(policy)),
            alpn_policy: if keeps_alpn { was_alpn } else { settings.alpn_policy.clone() },
            mutual_authentication: self.normalize_mutual(settings, previous)?,
        })
    }

    fn normalize_certificate(
        &self,
        settings: &ListenerSettings,
        previous: Option<&Listener>,
    ) -> CallResult<Option<String>> {
        let protocol = &settings.protocol;
        if !is_tls(protocol) {
            ensure(settings.certificate.is_none(), || {
                bad_value(format!("Certificates cannot be specified for {protocol} listeners"))
            })?;
            ensure(settings.ssl_policy.is_none(), || {
                bad_value(format!("An SSL policy cannot be specified for {protocol} listeners"))
            })?;
            return Ok(None);
        }
        if let Some(policy) = &settings.ssl_policy {
            let known =
                policy.strip_prefix("ELBSecurityPolicy-").is_some_and(|name| POLICIES.contains(&name));
            ensure(known, || refuse("SSLPolicyNotFound", format!("SSL policy '{policy}' not found")))?;
        }
        if let Some(given) = &settings.certificate {
            let arn = given.resolved()?;
            self.check_certificate(arn)?;
            return Ok(Some(arn.to_owned()));
        }
        let kept = previous.and_then(|listener| listener.certificates.first().cloned());
        ensure(kept.is_some(), || {
            bad_value(format!("A certificate must be specified for {protocol} listeners"))
        })?;
        Ok(kept)
    }
}

impl ListenerState {
    /// Takes new settings; attributes and certificates of another protocol go.
    fn become_like(&mut self, described: Listener) {
        if described.protocol != self.described.protocol {
            let mut fresh = attributes::listener_defaults(&described.protocol);
            for (key, value) in &mut fresh {
                if let Some(kept) = self.attributes.get(key) {
                    value.clone_from(kept);
                }
            }
            self.attributes = fresh;
        }
        if !is_tls(&described.protocol) {
            self.extra_certificates.clear();
        }
        self.described = described;
    }
}

pub(crate) fn is_tls(protocol: &Protocol) -> bool {
    matches!(protocol, Protocol::Https | Protocol::Tls)
}

fn check_protocol(lb: &LoadBalancer, settings: &ListenerSettings) -> CallResult<()> {
    let ListenerSettings { port, protocol, alpn_policy, .. } = settings;
    ensure((1..=65535).contains(port), || {
        bad_value(format!("Port '{port}' must be between '1' and '65535'"))
    })?;
    ensure(!matches!(protocol, Protocol::Other(_)), || bad_word("protocol", protocol))?;
    let application = matches!(protocol, Protocol::Http | Protocol::Https);
    ensure(
        *protocol != Protocol::Geneve && application == (lb.kind == LoadBalancerType::Application),
        || {
            let (http, network) = ("HTTPS, HTTP", "TLS, TCP, TCP_UDP, UDP, QUIC, TCP_QUIC");
            let accepted = if lb.kind == LoadBalancerType::Application { http } else { network };
            bad_value(format!("Listener protocol '{protocol}' must be one of '{accepted}'"))
        },
    )?;
    let translates = lb.enable_prefix_for_ipv6_source_nat.as_deref() == Some("on");
    let dualstack = lb.ip_address_type == IpAddressType::Dualstack;
    ensure(!carries_datagrams(protocol) || !dualstack || translates, || {
        refuse(
            "UnsupportedProtocol",
            format!(
                "Listener protocol '{protocol}' is not supported for dualstack load balancers without prefixes for IPv6 source NAT"
            ),
        )
    })?;
    ensure(alpn_policy.is_empty() || *protocol == Protocol::Tls, || {
        bad_value(format!("An ALPN policy cannot be specified for {protocol} listeners"))
    })?;
    let one_known =
        alpn_policy.len() <= 1 && alpn_policy.iter().all(|policy| ALPN.contains(&policy.as_str()));
    ensure(one_known, || {
        refuse(
            "ALPNPolicyNotFound",
            format!("ALPN policy '{}' must be one of '{}'", alpn_policy.join(", "), ALPN.join(", ")),
        )
    })
}

fn duplicate_listener(lb: &LoadBalancer) -> crate::refusal::Refusal {
    refuse(
        "DuplicateListener",
        format!("A listener already exists on this port for this load balancer '{}'", lb.arn),
    )
}
