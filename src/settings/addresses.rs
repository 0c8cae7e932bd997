//! Static addresses of load balancers, in the subnets that they are of.

use super::Origin;
use super::subnets::associated_ipv6_cidrs;
use crate::aws_api::ec2::Subnet;
use crate::facts::BuildError;
use ipnet::IpNet;
use std::net::IpAddr;

/// What asks AWS for a prefix of its own choice.
const AUTO_ASSIGNED: &str = "auto_assigned";

/// IPv4 addresses.
pub fn parse_ipv4(listed: &[String], origin: &Origin) -> Result<Vec<IpAddr>, BuildError> {
    parse(listed, "IPv4", IpAddr::is_ipv4, origin)
}

/// IPv6 addresses.
pub fn parse_ipv6(listed: &[String], origin: &Origin) -> Result<Vec<IpAddr>, BuildError> {
    parse(listed, "IPv6", IpAddr::is_ipv6, origin)
}

fn parse(
    listed: &[String],
    family: &str,
    is_of_family: fn(&IpAddr) -> bool,
    origin: &Origin,
) -> Result<Vec<IpAddr>, BuildError> {
    let parse = |text: &String| {
        let address = text.parse().ok().filter(is_of_family);
        address.ok_or_else(|| origin.error(format!("{text:?} is not an {family} address")).into())
    };
    listed.iter().map(parse).collect()
}

/// Refuses another number of values than there are subnets; none are fine.
pub fn check_count(count: usize, subnets: usize, origin: &Origin) -> Result<(), BuildError> {
    if count == 0 || count == subnets {
        return Ok(());
    }
    let message = format!("{count} values are given for {subnets} subnets, expected one per subnet");
    Err(origin.error(message).into())
}

/// Refuses what is neither `auto_assigned` nor an address of the subnet's IPv6 ranges followed by `/80`.
pub fn check_source_nat(prefix: &str, subnet: &Subnet, origin: &Origin) -> Result<(), BuildError> {
    match find_prefix_problem(prefix, subnet) {
        Some(problem) => Err(origin.error(format!("{prefix:?} {problem}")).into()),
        None => Ok(()),
    }
}

fn find_prefix_problem(prefix: &str, subnet: &Subnet) -> Option<String> {
    if prefix == AUTO_ASSIGNED {
        return None;
    }
    let mut parts = prefix.split('/');
    let (address, length) = (parts.next().unwrap_or_default(), parts.next());
    let address = address.parse().ok().filter(IpAddr::is_ipv6);
    match (address, length) {
        (_, None) => Some(format!("is neither {AUTO_ASSIGNED} nor an IPv6 prefix")),
        (_, Some(length)) if length != "80" => Some(format!("has prefix length {length}, expected 80")),
        (None, Some(_)) => Some("is not an IPv6 prefix".to_owned()),
        (Some(address), Some(_)) => (!within(&address, associated_ipv6_cidrs(subnet)))
            .then(|| format!("lies outside the IPv6 CIDRs of subnet {}", subnet.id)),
    }
}

/// The only address that lies in a subnet; `None` if no addresses are given.
pub fn place_ipv4(
    addresses: &[IpAddr],
    subnet: &Subnet,
    origin: &Origin,
) -> Result<Option<String>, BuildError> {
    place(addresses, subnet, origin, |address| within(address, [subnet.cidr_block.as_str()]))
}

/// The same of IPv6.
pub fn place_ipv6(
    addresses: &[IpAddr],
    subnet: &Subnet,
    origin: &Origin,
) -> Result<Option<String>, BuildError> {
    place(addresses, subnet, origin, |address| within(address, associated_ipv6_cidrs(subnet)))
}

fn place(
    addresses: &[IpAddr],
    subnet: &Subnet,
    origin: &Origin,
    is_inside: impl Fn(&IpAddr) -> bool,
) -> Result<Option<String>, BuildError> {
    let mut inside = addresses.iter().filter(|address| is_inside(address));
    match (addresses.is_empty(), inside.next(), inside.next()) {
        (true, ..) => Ok(None),
        (false, Some(address), None) => Ok(Some(address.to_string())),
        (false, first, _) => {
            let count = if first.is_none() { "none" } else { "several" };
            let message =
                format!("{count} of the addresses lie in subnet {}, expected exactly one", subnet.id);
            Err(origin.error(message).into())
        }
    }
}

fn within<'c>(address: &IpAddr, cidrs: impl IntoIterator<Item = &'c str>) -> bool {
    cidrs.into_iter().filter_map(|cidr| cidr.parse::<IpNet>().ok()).any(|net| net.contains(address))
}
