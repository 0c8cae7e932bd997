//! Which kinds are wanted, and which of them the API server serves.

use super::GatewayKind;
use crate::cluster::write;
use crate::config::Config;
use crate::gateway::Controller;
use kube::Client;
use kube::core::ApiResource;
use std::collections::BTreeSet;
use strum::VariantArray as _;

/// The kinds that the enabled controllers use.
pub(super) fn wanted_kinds(config: &Config) -> BTreeSet<GatewayKind> {
    let features = &config.features;
    let controllers =
        [(Controller::Alb, features.alb_gateway_api), (Controller::Nlb, features.nlb_gateway_api)];
    let is_wanted = |kind: &GatewayKind| match kind {
        GatewayKind::ListenerSet => features.gateway_listener_set,
        GatewayKind::ReferenceGrant => true,
        kind => controllers.iter().any(|(controller, is_on)| *is_on && kind.is_required_by(*controller)),
    };
    GatewayKind::VARIANTS.iter().copied().filter(is_wanted).collect()
}

/// Which kinds the API server serves, of those that are wanted.
pub async fn served(
    client: &Client,
    wanted: &BTreeSet<GatewayKind>,
) -> Result<BTreeSet<GatewayKind>, kube::Error> {
    let versions: BTreeSet<String> = wanted.iter().map(|kind| kind.resource().api_version).collect();
    let mut found = BTreeSet::new();
    for version in versions {
        let resources = match client.list_api_group_resources(&version).await {
            Ok(list) => list.resources,
            Err(error) if write::is_not_found(&error) => continue,
            Err(error) => return Err(error),
        };
        found.extend(resources.into_iter().map(|resource| (version.clone(), resource.name)));
    }
    let is_found = |kind: &GatewayKind| {
        let ApiResource { api_version, plural, .. } = kind.resource();
        found.contains(&(api_version, plural))
    };
    Ok(wanted.iter().copied().filter(is_found).collect())
}
