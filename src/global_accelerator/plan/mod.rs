//! What AWS has to be asked for: requests in order, with references to what earlier ones make.
//!
//! The accelerator comes first, on its own: its ARN is recorded before anything else is made. Then listeners and endpoint
//! groups, in an order in which AWS takes each request.

mod groups;
mod listeners;
mod matching;
mod placed;
mod updates;

pub use listeners::{deletion, plan_listeners};

use super::Accelerator as Wanted;
use crate::aws_api::global_accelerator::{
    Accelerator, CreateAccelerator, EndpointGroup, Listener, TagAccelerator, UntagAccelerator,
    UpdateAccelerator,
};
use crate::aws_api::{Request, Symbol, Tags};
use std::collections::{BTreeMap, BTreeSet};

/// Which kind of resource a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceleratorStage {
    /// The accelerator and its tags.
    Accelerator,
    /// Listeners, and port overrides that are in their way.
    Listeners,
    /// Endpoint groups and their endpoints.
    EndpointGroups,
}

impl AcceleratorStage {
    /// As upstream labels it in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Accelerator => "*aga.acceleratorSynthesizer",
            Self::Listeners => "*aga.listenerSynthesizer",
            Self::EndpointGroups => "*aga.endpointGroupSynthesizer",
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceleratorStep {
    /// What it is about.
    pub stage: AcceleratorStage,
    /// The request.
    pub request: Request,
    /// What the ARN in its answer is known by from then on.
    pub makes: Option<Symbol>,
    /// The part of the object that asks for it: `spec.listeners[0]`; empty: none does, or all.
    pub place: String,
}

impl AcceleratorStep {
    /// A step that nobody in particular asks for.
    pub fn new(stage: AcceleratorStage, request: impl Into<Request>) -> Self {
        Self { stage, request: request.into(), makes: None, place: String::new() }
    }

    /// On behalf of a wanted listener, or of its endpoint group in a region.
    fn for_listener(self, index: usize, region: Option<&str>) -> Self {
        let of_group = region.map(|region| format!(", region {region}")).unwrap_or_default();
        Self { place: format!("spec.listeners[{index}]{of_group}"), ..self }
    }

    fn making(self, symbol: Symbol) -> Self {
        Self { makes: Some(symbol), ..self }
    }
}

/// Whether targets shall see the address of the client, by ARN of the group and id of the endpoint, as AWS was asked last.
///
/// why: where AWS cannot do what it is asked, it answers with success and shows something else. Asking again is of no use.
pub type AskedFlags = BTreeMap<(String, String), bool>;

/// What AWS has of an accelerator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedListeners {
    /// Listeners with their endpoint groups.
    pub listeners: Vec<(Listener, Vec<EndpointGroup>)>,
}

/// The request that makes the accelerator. `token`: two requests with one token make one accelerator.
pub fn create(wanted: &Wanted, token: &str) -> CreateAccelerator {
    CreateAccelerator {
        name: wanted.name.clone(),
        ip_address_type: wanted.ip_address_type.clone(),
        ip_addresses: wanted.ip_addresses.clone(),
        enabled: true,
        idempotency_token: token.to_owned(),
        tags: wanted.tags.clone(),
    }
}

/// The request that has to be carried out before an accelerator can be deleted.
pub fn disable(arn: &str) -> UpdateAccelerator {
    UpdateAccelerator { arn: arn.to_owned(), name: None, ip_address_type: None, enabled: false }
}

/// What brings an accelerator that exists to what is wanted: its tags, and its settings.
pub fn plan_accelerator(
    wanted: &Wanted,
    found: &Accelerator,
    tags: &Tags,
    ignored: &BTreeSet<String>,
) -> Vec<AcceleratorStep> {
    let arn = &found.arn;
    let is_ours = |key: &String| !key.starts_with("aws:") && !ignored.contains(key);
    let new = wanted.tags.iter().filter(|(key, value)| is_ours(key) && tags.get(*key) != Some(value));
    let new: Tags = new.map(|(key, value)| (key.clone(), value.clone())).collect();
    let gone: Vec<String> =
        tags.keys().filter(|key| is_ours(key) && !wanted.tags.contains_key(*key)).cloned().collect();
    let mut steps = Vec::new();
    if !new.is_empty() {
        steps.push(AcceleratorStep::new(
            AcceleratorStage::Accelerator,
            TagAccelerator { arn: arn.clone(), tags: new },
        ));
    }
    if !gone.is_empty() {
        steps.push(AcceleratorStep::new(
            AcceleratorStage::Accelerator,
            UntagAccelerator { arn: arn.clone(), keys: gone },
        ));
    }
    if found.name != wanted.name || found.ip_address_type != wanted.ip_address_type || !found.enabled {
        let update = UpdateAccelerator {
            arn: arn.clone(),
            name: Some(wanted.name.clone()),
            ip_address_type: Some(wanted.ip_address_type.clone()),
            enabled: true,
        };
        steps.push(AcceleratorStep::new(AcceleratorStage::Accelerator, update));
    }
    steps
}

/// Whether the tags of an accelerator say that it is another object's or another cluster's. One without such tags is nobody's.
pub fn belongs_to_another(tags: &Tags, tracking: &Tags) -> bool {
    tracking.iter().any(|(key, own)| tags.get(key).is_some_and(|value| value != own))
}

/// Whether the tags of an accelerator say that it is this object's.
pub fn is_own(tags: &Tags, tracking: &Tags) -> bool {
    tracking.iter().all(|(key, own)| tags.get(key) == Some(own))
}

#[cfg(test)]
mod tests;
