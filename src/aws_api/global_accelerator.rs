//! Global Accelerator: accelerators, their listeners and endpoint groups.
//!
//! Source: <https://docs.aws.amazon.com/global-accelerator/latest/api/Welcome.html>

use super::{Ref, Tags};

string_enum! {
    /// Address families of an accelerator.
    AcceleratorAddressType {
        /// Static IPv4 addresses alone.
        Ipv4 = "IPV4",
        /// IPv4 and IPv6.
        DualStack = "DUAL_STACK",
    }
}

string_enum! {
    /// Protocol of a listener.
    AcceleratorProtocol {
        /// TCP connections, passed through.
        Tcp = "TCP",
        /// UDP packets, passed through.
        Udp = "UDP",
    }
}

string_enum! {
    /// What ties a client to an endpoint.
    ClientAffinity {
        /// Each connection may go to another endpoint.
        None = "NONE",
        /// Connections of one client go to one endpoint.
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

/// An accelerator, as AWS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accelerator {
    /// Its ARN, by which all calls name it.
    pub arn: String,
    /// Its name, which need not be unique.
    pub name: String,
    /// The address families that it has.
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

/// A listener of an accelerator, as AWS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its ARN, by which all calls name it.
    pub arn: String,
    /// Protocol towards the clients.
    pub protocol: AcceleratorProtocol,
    /// Ports that clients connect to.
    pub port_ranges: Vec<PortRange>,
    /// Whether connections of one client stay together.
    pub client_affinity: ClientAffinity,
}

/// The endpoints of a listener in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointGroup {
    /// Its ARN, by which all calls name it.
    pub arn: String,
    /// The AWS region of its endpoints.
    pub region: String,
    /// Traffic dial in thousandths of a percent.
    pub traffic_dial: Option<i64>,
    /// Ports of endpoints that differ from those of the listener.
    pub port_overrides: Vec<PortOverride>,
    /// The endpoints that it has.
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

/// Makes an accelerator: `CreateAccelerator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateAccelerator {
    /// Name, at most 64 characters.
    pub name: String,
    /// Its address families from the start.
    pub ip_address_type: AcceleratorAddressType,
    /// Addresses of own pools; empty: AWS chooses.
    pub ip_addresses: Vec<String>,
    /// Whether it takes traffic.
    pub enabled: bool,
    /// Two calls with one token make one accelerator.
    pub idempotency_token: String,
    /// The accelerator's tags from the start.
    pub tags: Tags,
}

/// Reads one accelerator: `DescribeAccelerator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeAccelerator {
    /// The accelerator's ARN.
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
    /// The accelerator's ARN.
    pub arn: String,
    /// New name; none: as before.
    pub name: Option<String>,
    /// New address families; none: as before.
    pub ip_address_type: Option<AcceleratorAddressType>,
    /// Whether it takes traffic.
    pub enabled: bool,
}

/// `DeleteAccelerator`, of one that is disabled and has no listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteAccelerator {
    /// The accelerator's ARN.
    pub arn: String,
}

/// Reads the tags of an accelerator: `ListTagsForResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAcceleratorTags {
    /// ARN of an accelerator.
    pub arn: String,
}

/// Adds tags to an accelerator: `TagResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagAccelerator {
    /// ARN of an accelerator.
    pub arn: String,
    /// Tags to add or change.
    pub tags: Tags,
}

/// Takes tags away from an accelerator: `UntagResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntagAccelerator {
    /// ARN of an accelerator.
    pub arn: String,
    /// Keys of tags to take away.
    pub keys: Vec<String>,
}

/// Adds a listener to an accelerator: `CreateListener`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateAcceleratorListener {
    /// ARN of the accelerator.
    pub accelerator_arn: String,
    /// Protocol towards the clients.
    pub protocol: AcceleratorProtocol,
    /// Ports that clients connect to.
    pub port_ranges: Vec<PortRange>,
    /// Whether connections of one client stay together.
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

/// Changes a listener of an accelerator: `UpdateListener`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateAcceleratorListener {
    /// The listener's ARN.
    pub arn: String,
    /// Protocol that it has afterwards.
    pub protocol: AcceleratorProtocol,
    /// All ports that it has afterwards.
    pub port_ranges: Vec<PortRange>,
    /// Client affinity that it has afterwards.
    pub client_affinity: ClientAffinity,
}

/// `DeleteListener`, of one without endpoint groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteAcceleratorListener {
    /// The listener's ARN.
    pub arn: String,
}

/// Adds an endpoint group to a listener: `CreateEndpointGroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateEndpointGroup {
    /// The ARN of the listener.
    pub listener_arn: Ref,
    /// The AWS region of its endpoints.
    pub region: String,
    /// Traffic dial in percent; `None`: all.
    pub traffic_dial: Option<i32>,
    /// Ports of endpoints that differ from those of the listener.
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
    /// The endpoint group's ARN.
    pub arn: String,
    /// Traffic dial in percent.
    pub traffic_dial: Option<i32>,
    /// All port overrides that it shall have.
    pub port_overrides: Option<Vec<PortOverride>>,
    /// All endpoints that it shall have.
    pub endpoints: Option<Vec<Endpoint>>,
}

/// Takes an endpoint group with its endpoints away: `DeleteEndpointGroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteEndpointGroup {
    /// The endpoint group's ARN.
    pub arn: String,
}

/// Adds endpoints to a group, and leaves the others: `AddEndpoints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddEndpoints {
    /// The ARN of the endpoint group.
    pub group_arn: Ref,
    /// Endpoints that it does not have yet.
    pub endpoints: Vec<Endpoint>,
}

/// Takes endpoints away from a group: `RemoveEndpoints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveEndpoints {
    /// ARN of the group.
    pub group_arn: String,
    /// Ids of endpoints that it has.
    pub ids: Vec<String>,
}
