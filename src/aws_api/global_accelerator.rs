//! Global Accelerator: accelerators, their listeners and endpoint groups.
//!
//! Source: <https://docs.aws.amazon.com/global-accelerator/latest/api/Welcome.html>

use super::{Ref, Tags};

string_enum! {
    /// Address families of an accelerator.
    AcceleratorAddressType {
        /// IPv4.
        Ipv4 = "IPV4",
        /// IPv4 and IPv6.
        DualStack = "DUAL_STACK",
    }
}

string_enum! {
    /// Protocol of a listener.
    AcceleratorProtocol {
        /// TCP.
        Tcp = "TCP",
        /// UDP.
        Udp = "UDP",
    }
}

string_enum! {
    /// What ties a client to an endpoint.
    ClientAffinity {
        /// Nothing.
        None = "NONE",
        /// Its address.
        SourceIp = "SOURCE_IP",
    }
}

string_enum! {
    /// How far AWS is with an accelerator.
    AcceleratorStatus {
        /// All is as it was asked for.
        Deployed = "DEPLOYED",
        /// A change is on its way to the edge locations.
        InProgress = "IN_PROGRESS",
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceleratorPage<T> {
    /// What is listed.
    pub items: Vec<T>,
    /// Set when there is more.
    pub next_token: Option<String>,
}

/// An accelerator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accelerator {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Address families.
    pub ip_address_type: AcceleratorAddressType,
    /// Whether it takes traffic.
    pub enabled: bool,
    /// How far AWS is.
    pub status: AcceleratorStatus,
    /// DNS name of the IPv4 addresses.
    pub dns_name: String,
    /// DNS name of all addresses, if it has IPv6 ones.
    pub dual_stack_dns_name: Option<String>,
    /// Addresses by family (`IPv4`, `IPv6`).
    pub ip_sets: Vec<(String, Vec<String>)>,
}

/// Ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    /// The first port.
    pub from: i32,
    /// The last port.
    pub to: i32,
}

/// A listener port whose traffic goes to another port of the endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortOverride {
    /// Port of the listener.
    pub listener_port: i32,
    /// Port of the endpoints.
    pub endpoint_port: i32,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// ARN.
    pub arn: String,
    /// Protocol.
    pub protocol: AcceleratorProtocol,
    /// Ports.
    pub port_ranges: Vec<PortRange>,
    /// Client affinity.
    pub client_affinity: ClientAffinity,
}

/// The endpoints of a listener in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointGroup {
    /// ARN.
    pub arn: String,
    /// Region.
    pub region: String,
    /// Traffic dial in thousandths of a percent.
    pub traffic_dial: Option<i64>,
    /// Port overrides.
    pub port_overrides: Vec<PortOverride>,
    /// Endpoints.
    pub endpoints: Vec<Endpoint>,
}

/// An endpoint, as it is asked for and as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// ARN of a load balancer, id of an address or instance.
    pub id: String,
    /// Share of the traffic, 0 to 255.
    pub weight: Option<i32>,
    /// Whether targets see the address of the client.
    pub client_ip_preservation: Option<bool>,
}

/// `CreateAccelerator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateAccelerator {
    /// Name.
    pub name: String,
    /// Address families.
    pub ip_address_type: AcceleratorAddressType,
    /// Addresses of own pools; empty: AWS chooses.
    pub ip_addresses: Vec<String>,
    /// Whether it takes traffic.
    pub enabled: bool,
    /// Two calls with one token make one accelerator.
    pub idempotency_token: String,
    /// Tags.
    pub tags: Tags,
}

/// `DescribeAccelerator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeAccelerator {
    /// ARN.
    pub arn: String,
}

/// `ListAccelerators`, one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListAccelerators {
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// `UpdateAccelerator`; what is `None` stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateAccelerator {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: Option<String>,
    /// Address families.
    pub ip_address_type: Option<AcceleratorAddressType>,
    /// Whether it takes traffic.
    pub enabled: bool,
}

/// `DeleteAccelerator`, of one that is disabled and has no listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteAccelerator {
    /// ARN.
    pub arn: String,
}

/// `ListTagsForResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAcceleratorTags {
    /// ARN of an accelerator.
    pub arn: String,
}

/// `TagResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagAccelerator {
    /// ARN of an accelerator.
    pub arn: String,
    /// Tags to add or change.
    pub tags: Tags,
}

/// `UntagResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntagAccelerator {
    /// ARN of an accelerator.
    pub arn: String,
    /// Keys of tags to take away.
    pub keys: Vec<String>,
}

/// `CreateListener`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateAcceleratorListener {
    /// ARN of the accelerator.
    pub accelerator_arn: String,
    /// Protocol.
    pub protocol: AcceleratorProtocol,
    /// Ports.
    pub port_ranges: Vec<PortRange>,
    /// Client affinity.
    pub client_affinity: ClientAffinity,
}

/// `ListListeners`, one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAcceleratorListeners {
    /// ARN of the accelerator.
    pub accelerator_arn: String,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// `UpdateListener`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateAcceleratorListener {
    /// ARN.
    pub arn: String,
    /// Protocol.
    pub protocol: AcceleratorProtocol,
    /// Ports.
    pub port_ranges: Vec<PortRange>,
    /// Client affinity.
    pub client_affinity: ClientAffinity,
}

/// `DeleteListener`, of one without endpoint groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteAcceleratorListener {
    /// ARN.
    pub arn: String,
}

/// `CreateEndpointGroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateEndpointGroup {
    /// The listener.
    pub listener_arn: Ref,
    /// Region.
    pub region: String,
    /// Traffic dial in percent; `None`: all.
    pub traffic_dial: Option<i32>,
    /// Port overrides.
    pub port_overrides: Vec<PortOverride>,
}

/// `ListEndpointGroups`, one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEndpointGroups {
    /// ARN of the listener.
    pub listener_arn: String,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// `UpdateEndpointGroup`; what is `None` stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateEndpointGroup {
    /// ARN.
    pub arn: String,
    /// Traffic dial in percent.
    pub traffic_dial: Option<i32>,
    /// All port overrides that it shall have.
    pub port_overrides: Option<Vec<PortOverride>>,
    /// All endpoints that it shall have.
    pub endpoints: Option<Vec<Endpoint>>,
}

/// `DeleteEndpointGroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteEndpointGroup {
    /// ARN.
    pub arn: String,
}

/// `AddEndpoints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddEndpoints {
    /// The group.
    pub group_arn: Ref,
    /// Endpoints that it does not have yet.
    pub endpoints: Vec<Endpoint>,
}

/// `RemoveEndpoints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveEndpoints {
    /// ARN of the group.
    pub group_arn: String,
    /// Ids of endpoints that it has.
    pub ids: Vec<String>,
}
