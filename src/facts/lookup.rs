//! Questions a build may ask.

use crate::model::StackId;

/// Which subnets are asked for. Answers come in AWS's order and are not judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubnetLookup {
    /// By id, in any VPC. Duplicates are asked once.
    Ids(Vec<String>),
    /// Whose `Name` tag is one of these, in the controller's VPC.
    Names(Vec<String>),
    /// Which carry each tag key with one of its values (EC2 wildcards apply), in the controller's VPC.
    Tags(Vec<(String, Vec<String>)>),
    /// All of the controller's VPC.
    All,
}

/// A question whose answer a build needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// Load balancers that carry the stack's tags.
    ExistingLoadBalancers(StackId),
    /// What AWS holds of a stack now; asked only when a member of a group is broken and shall keep what it has.
    LiveStack(StackId),
    /// Subnets, by ids, names, tags or role.
    Subnets(SubnetLookup),
    /// Route tables of the controller's VPC.
    RouteTables,
    /// Type of each of these zones (by zone id).
    ZoneTypes(Vec<String>),
    /// Security groups by id.
    SecurityGroupsById(Vec<String>),
    /// Security groups of the controller's VPC by `Name` tag.
    SecurityGroupsByName(Vec<String>),
    /// Id of the shared backend security group; asking creates it if need be.
    BackendSecurityGroup,
    /// The controller's VPC.
    Vpc,
    /// All issued certificates with their domains.
    Certificates,
    /// ARNs of the certificates that were made for Ingresses, whichever cluster's.
    ManagedCertificates,
    /// ARNs of trust stores by name.
    TrustStores(Vec<String>),
    /// ARN of a target group by name.
    TargetGroupByName(String),
    /// ARN of a regional WAFv2 web ACL by name.
    WebAclByName(String),
    /// A Service of the cluster.
    Service {
        /// Namespace of the Service.
        namespace: String,
        /// Name of the Service.
        name: String,
    },
    /// A Secret of the cluster.
    Secret {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
    },
    /// The certificate that ACM has of a TLS Secret; asking imports it if need be.
    SecretCertificate {
        /// Namespace of the object.
        namespace: String,
        /// Name of the object.
        name: String,
    },
    /// Whether a TLS Secret could be imported; asking imports nothing.
    SecretCheck {
        /// Namespace of the object.
        namespace: String,
        /// Name of the object.
        name: String,
    },
}
