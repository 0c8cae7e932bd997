//! What is added to a Gateway's load balancer: web ACL, Shield, reserved capacity.
//!
//! Whether each was there is kept in annotations of the Gateway, so that AWS is asked only where there is something to take away.

use super::GatewayContext;
use crate::annotations::parse;
use crate::api::gateway::Gateway;
use crate::api::gateway_config::LoadBalancerConfigurationSpec;
use crate::model::Protection;
use std::collections::BTreeMap;
use strum::VariantArray as _;

/// Something that is added to a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
pub enum AddOn {
    /// A web ACL of WAFv2.
    Wafv2,
    /// Shield Advanced.
    Shield,
    /// Reserved capacity.
    ProvisionedCapacity,
}

impl AddOn {
    /// The annotation that says whether it is there.
    pub fn annotation(self) -> &'static str {
        match self {
            Self::Wafv2 => "gateway.k8s.aws.addon.wafv2",
            Self::Shield => "gateway.k8s.aws.addon.shield",
            Self::ProvisionedCapacity => "gateway.k8s.aws.addon.provisionedcapacity",
        }
    }

    /// Whether a configuration asks for it.
    fn is_wanted(self, spec: &LoadBalancerConfigurationSpec) -> bool {
        match self {
            Self::Wafv2 => spec.waf_v2.as_ref().is_some_and(|waf| !waf.web_acl.is_empty()),
            Self::Shield => {
                spec.shield_configuration.as_ref().and_then(|shield| shield.enabled) == Some(true)
            }
            Self::ProvisionedCapacity => {
                spec.minimum_load_balancer_capacity.as_ref().is_some_and(|units| units.capacity_units != 0)
            }
        }
    }
}

/// Which add-ons there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddOns {
    wafv2: bool,
    shield: bool,
    provisioned_capacity: bool,
}

impl AddOns {
    /// Those that a Gateway's annotations name.
    pub fn of_annotations(gateway: &Gateway) -> Self {
        let annotations = gateway.metadata.annotations.as_ref();
        Self::such(|add_on| {
            let value = annotations.and_then(|annotations| annotations.get(add_on.annotation()));
            value.and_then(|value| parse::boolean(value)) == Some(true)
        })
    }

    /// Those that a configuration asks for and that a load balancer of this kind can have.
    pub fn wanted(spec: &LoadBalancerConfigurationSpec, is_alb: bool) -> Self {
        Self::such(|add_on| (is_alb || add_on == AddOn::ProvisionedCapacity) && add_on.is_wanted(spec))
    }

    fn such(is_there: impl Fn(AddOn) -> bool) -> Self {
        Self {
            wafv2: is_there(AddOn::Wafv2),
            shield: is_there(AddOn::Shield),
            provisioned_capacity: is_there(AddOn::ProvisionedCapacity),
        }
    }

    /// Whether it is among them.
    pub fn contains(self, add_on: AddOn) -> bool {
        match add_on {
            AddOn::Wafv2 => self.wafv2,
            AddOn::Shield => self.shield,
            AddOn::ProvisionedCapacity => self.provisioned_capacity,
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Annotations for those that are here and not in `others`, with a value.
    pub fn annotations_unlike(
        self,
        others: Self,
        value: &'static str,
    ) -> BTreeMap<&'static str, Option<&'static str>> {
        let mine = AddOn::VARIANTS.iter().filter(|add_on| self.contains(**add_on));
        let only_mine = mine.filter(|add_on| !others.contains(**add_on));
        only_mine.map(|add_on| (add_on.annotation(), Some(value))).collect()
    }
}

/// The web ACL and Shield of an ALB; what was there before and is not wanted any more is taken away.
pub(super) fn read(context: &GatewayContext<'_>, before: AddOns) -> Protection {
    let spec = context.view.load_balancer();
    let acl = spec.waf_v2.as_ref().map(|waf| waf.web_acl.clone()).filter(|acl| !acl.is_empty());
    let shield = AddOn::Shield.is_wanted(spec).then_some(true);
    Protection {
        wafv2_web_acl_arn: acl.or_else(|| before.contains(AddOn::Wafv2).then(String::new)),
        waf_regional_web_acl_id: None,
        shield: shield.or_else(|| before.contains(AddOn::Shield).then_some(false)),
    }
}
