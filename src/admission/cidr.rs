//! Address ranges in fields.

use crate::annotations::parse;
use ipnet::IpNet;
use std::net::IpAddr;

/// What is said of a text that is no range.
pub const PROBLEM: &str = "is not a CIDR";

/// What is wrong with a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CidrError {
    /// It is none; perhaps a single address, then as a range.
    Unreadable(Option<IpNet>),
    /// It has bits outside of its prefix; without them.
    HostBits(IpNet),
    /// AWS spells it differently; as AWS does.
    Spelling(IpNet),
}

/// What is wrong with a range, if anything.
pub fn check(text: &str) -> Option<CidrError> {
    match parse::cidr(text) {
        Some(net) if net != net.trunc() => Some(CidrError::HostBits(net.trunc())),
        Some(net) if net.to_string() != text => Some(CidrError::Spelling(net)),
        Some(_) => None,
        None => Some(CidrError::Unreadable(text.parse::<IpAddr>().ok().map(IpNet::from))),
    }
}
