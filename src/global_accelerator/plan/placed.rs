//! Wanted listeners with what AWS has of them.

use super::{AcceleratorStage, AcceleratorStep};
use crate::aws_api::Ref;
use crate::aws_api::global_accelerator::{EndpointGroup, PortOverride, UpdateEndpointGroup};
use crate::global_accelerator::Listener;

/// A wanted listener, and what AWS has of it.
pub(super) struct PlacedListener<'a> {
    pub wanted: &'a Listener,
    pub arn: Ref,
    pub groups: Vec<EndpointGroup>,
}

/// Keeps those port overrides of a group that fit; `None`: all do.
pub(super) fn keep_overrides(
    group: &mut EndpointGroup,
    stage: AcceleratorStage,
    fits: impl Fn(&PortOverride) -> bool,
) -> Option<AcceleratorStep> {
    let before = group.port_overrides.len();
    group.port_overrides.retain(fits);
    if group.port_overrides.len() == before {
        return None;
    }
    let request = UpdateEndpointGroup {
        arn: group.arn.clone(),
        traffic_dial: None,
        port_overrides: Some(group.port_overrides.clone()),
        endpoints: None,
    };
    Some(AcceleratorStep::new(stage, request))
}
