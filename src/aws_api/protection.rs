//! WAFv2, WAF Classic (regional) and Shield: what protects a load balancer.

/// Reads which web ACL protects a resource: WAFv2 `GetWebACLForResource`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetWafv2WebAcl {
    /// Load balancer ARN.
    pub resource_arn: super::Ref,
}

/// WAFv2 `ListWebACLs` of scope `REGIONAL`, one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListWafv2WebAcls {
    /// Where the previous page ended.
    pub next_marker: Option<String>,
}

/// One page of web ACLs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebAclPage {
    /// Name and ARN of each.
    pub web_acls: Vec<(String, String)>,
    /// Set when there is more.
    pub next_marker: Option<String>,
}

/// Puts a resource under a web ACL: WAFv2 `AssociateWebACL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssociateWafv2WebAcl {
    /// Web ACL ARN.
    pub web_acl_arn: String,
    /// Load balancer ARN.
    pub resource_arn: super::Ref,
}

/// Takes a resource from under its web ACL: WAFv2 `DisassociateWebACL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisassociateWafv2WebAcl {
    /// Load balancer ARN.
    pub resource_arn: super::Ref,
}

/// WAF Regional `GetWebACLForResource`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetWafRegionalWebAcl {
    /// Load balancer ARN.
    pub resource_arn: super::Ref,
}

/// WAF Regional `AssociateWebACL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssociateWafRegionalWebAcl {
    /// Web ACL id.
    pub web_acl_id: String,
    /// Load balancer ARN.
    pub resource_arn: super::Ref,
}

/// WAF Regional `DisassociateWebACL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisassociateWafRegionalWebAcl {
    /// Load balancer ARN.
    pub resource_arn: super::Ref,
}

/// Shield `GetSubscriptionState`; answers whether the state is `ACTIVE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetShieldSubscription {}

/// Shield `DescribeProtection` by resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeShieldProtection {
    /// Load balancer ARN.
    pub resource_arn: super::Ref,
}

/// A Shield protection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShieldProtection {
    /// Id of the protection.
    pub id: String,
    /// Protection name; tells whose it is.
    pub name: String,
}

/// Protects a resource: Shield `CreateProtection`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateShieldProtection {
    /// Load balancer ARN.
    pub resource_arn: super::Ref,
    /// Name of the protection.
    pub name: String,
}

/// Ends a protection: Shield `DeleteProtection`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteShieldProtection {
    /// Id of the protection.
    pub protection_id: String,
}
