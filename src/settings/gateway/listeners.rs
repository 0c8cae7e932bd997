//! What listeners of both kinds of load balancers have: their configuration, certificates, security policy, attributes.

use super::{GatewayContext, attributes};
use crate::api::gateway::{Protocol as ListenerProtocol, TlsMode};
use crate::api::gateway_config::{
    ListenerConfiguration, LoadBalancerConfigurationSpec, MutualAuthenticationConfig,
    MutualAuthenticationMode,
};
use crate::aws_api::Attributes;
use crate::aws_api::elbv2::{MutualAuthentication, Protocol};
use crate::facts::BuildError;
use crate::finding::Part;
use crate::gateway::attachment::PortRoutes;
use crate::gateway::listeners::Judged;
use crate::settings::{Origin, certificates};
use std::collections::BTreeSet;

/// A port with its valid listeners, as a listener of AWS sees them.
pub(super) struct PortContext<'c, 'a> {
    pub context: &'c GatewayContext<'a>,
    pub port: i32,
    pub routes: &'a PortRoutes,
    pub protocol: Protocol,
    pub configuration: Option<&'a ListenerConfiguration>,
}

/// Whether the configurations say anything of listeners.
pub(super) fn is_set(spec: &LoadBalancerConfigurationSpec) -> bool {
    spec.listener_configurations.is_some()
}

impl<'c, 'a> PortContext<'c, 'a> {
    /// Errors: listeners that cannot be one.
    pub fn new(
        context: &'c GatewayContext<'a>,
        port: i32,
        routes: &'a PortRoutes,
    ) -> Result<Self, BuildError> {
        let listeners = routes.listeners.iter().filter_map(|at| context.view.offer.listener(*at));
        let protocols: BTreeSet<Protocol> = listeners.map(protocol_of).collect();
        let protocol = match protocols.into_iter().collect::<Vec<_>>().as_slice() {
            [Protocol::Tcp, Protocol::Udp] | [Protocol::Udp, Protocol::Tcp] => Protocol::TcpUdp,
            [only] => only.clone(),
            _ => {
                let message = format!("the listeners of port {port} have different protocols");
                return Err(Origin::field(&context.object, "spec.listeners").error(message).into());
            }
        };
        let key = format!("{protocol}:{port}").to_lowercase();
        let configurations = context.view.load_balancer().listener_configurations.as_deref();
        let mut configurations = configurations.unwrap_or_default().iter();
        let configuration = configurations.rfind(|one| one.protocol_port.to_lowercase() == key);
        Ok(Self { context, port, routes, protocol, configuration })
    }

    /// Where the settings of the listener are written.
    pub fn origin(&self, field: &str) -> Origin {
        let name = format!("listenerConfigurations[{}].{field}", self.configured_name());
        self.context.view.origin(&name, is_set)
    }

    fn configured_name(&self) -> String {
        let given = self.configuration.map(|configuration| configuration.protocol_port.clone());
        given.unwrap_or_else(|| format!("{}:{}", self.protocol, self.port))
    }

    /// The security policy of a listener that ends TLS.
    pub fn ssl_policy(&self) -> String {
        let given = self.configuration.and_then(|configuration| configuration.ssl_policy.clone());
        given
            .filter(|policy| !policy.is_empty())
            .unwrap_or_else(|| self.context.config.default_ssl_policy.clone())
    }

    /// Attributes to set.
    pub fn attributes(&self) -> Attributes {
        attributes(self.configuration.and_then(|configuration| configuration.listener_attributes.as_deref()))
    }

    /// ARNs of the certificates of a listener that ends TLS, the default one first: those of Secrets and those that the
    /// configuration names, else all that cover its hosts.
    pub fn certificates(&self) -> Result<Vec<String>, BuildError> {
        let named = self.configuration.map(named_certificates).unwrap_or_default();
        match self.context.certificates.get(&self.port) {
            Some(Ok(of_secrets)) if !of_secrets.is_empty() => {
                let others = named.into_iter().filter(|arn| !of_secrets.contains(arn));
                return Ok(of_secrets.iter().cloned().chain(others).collect());
            }
            Some(Err(finding)) => return Err(finding.clone().into()),
            Some(Ok(_)) | None => {}
        }
        if !named.is_empty() {
            return Ok(named);
        }
        let hosts = self.hosts();
        let origin = Origin::field(&self.context.object, format!("spec.listeners (port {})", self.port));
        if hosts.is_empty() {
            let message = format!("no hosts are known to find a certificate for {}", self.configured_name());
            let hint = "give the listener or its routes hostnames, or name a certificate in a LoadBalancerConfiguration";
            return Err(BuildError::from(origin.error(message).hint(hint)).within(Part::Certificates));
        }
        let known = self.context.facts.certificates()??;
        let none = BTreeSet::new();
        let managed = if self.context.config.features.secret_certificates {
            self.context.facts.managed_certificates()??
        } else {
            &none
        };
        // why: what is imported for others goes with them
        let known = known.iter().filter(|certificate| !managed.contains(&certificate.arn));
        let found =
            certificates::discover(hosts.iter().map(String::as_str), known, &origin, self.context.config);
        found.map_err(|error| error.within(Part::Certificates))
    }

    /// The hosts of the listeners of the port, and of the routes on it.
    fn hosts(&self) -> BTreeSet<String> {
        let view = &self.context.view;
        let listeners = self.routes.listeners.iter().filter_map(|at| view.offer.listener(*at));
        let of_listeners = listeners.filter_map(|judged| judged.listener.hostname.clone());
        let of_routes = self.routes.routes.iter().flat_map(|of_port| {
            view.routes.get(of_port.route).map(|route| of_port.hostnames(route)).unwrap_or_default()
        });
        of_listeners.chain(of_routes).filter(|host| !host.is_empty()).collect()
    }

    /// Mutual TLS, with the trust store looked up by its name.
    pub fn mutual_tls(&self) -> Result<Option<MutualAuthentication>, BuildError> {
        let configured =
            self.configuration.and_then(|configuration| configuration.mutual_authentication.as_ref());
        let Some(configured) = configured else { return Ok(None) };
        let mode: &str = configured.mode.into();
        let plain = MutualAuthentication { mode: mode.to_owned(), ..MutualAuthentication::default() };
        if configured.mode != MutualAuthenticationMode::Verify {
            return Ok(Some(plain));
        }
        let advertised = configured.advertise_trust_store_ca_names.map(<&str>::from).unwrap_or_default();
        Ok(Some(MutualAuthentication {
            trust_store_arn: Some(self.trust_store(configured)?),
            ignore_client_certificate_expiry: Some(
                configured.ignore_client_certificate_expiry.unwrap_or_default(),
            ),
            advertise_trust_store_ca_names: Some(advertised.to_owned()).filter(|text| !text.is_empty()),
            ..plain
        }))
    }

    fn trust_store(&self, configured: &MutualAuthenticationConfig) -> Result<String, BuildError> {
        let given = configured.trust_store.clone().unwrap_or_default();
        if given.starts_with("arn:") {
            return Ok(given);
        }
        let found = self.context.facts.trust_stores(&vec![given.clone()])??;
        found.get(&given).cloned().ok_or_else(|| {
            let message = format!("there is no trust store named {given:?}");
            self.origin("mutualAuthentication.trustStore").error(message).into()
        })
    }
}

fn named_certificates(configuration: &ListenerConfiguration) -> Vec<String> {
    let default = configuration.default_certificate.iter().filter(|arn| !arn.is_empty());
    default.chain(configuration.certificates.iter().flatten()).cloned().collect()
}

/// The protocol of a listener of AWS: TLS that ends at the targets is TCP there.
fn protocol_of(judged: &Judged<'_>) -> Protocol {
    let listener = judged.listener;
    let mode = listener.tls.as_ref().and_then(|tls| tls.mode.as_ref());
    match &listener.protocol {
        ListenerProtocol::Tls if mode == Some(&TlsMode::Passthrough) => Protocol::Tcp,
        other => Protocol::from(other.as_str()),
    }
}
