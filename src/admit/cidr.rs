//! Address ranges in fields.

use ipnet::IpNet;
use std::net::IpAddr;

/// What is said of a text that is no range.
pub const PROBLEM: &str = "is not a CIDR";

/// What is wrong with a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CidrMistake {
    /// It is none; perhaps a single address, then as a range.
    Unreadable(Option<IpNet>),
    /// It has bits outside of its prefix; without them.
    HostBits(IpNet),
    /// AWS spells it differently; as AWS does.
    Spelling(IpNet),
}

/// What is wrong with a range, if anything.
pub fn check(text: &str) -> Option<CidrMistake> {
    match text.parse::<IpNet>() {
        Ok(net) if net != net.trunc() => Some(CidrMistake::HostBits(net.trunc())),
        Ok(net) if net.to_string() != text => Some(CidrMistake::Spelling(net)),
        Ok(_) => None,
        Err(_) => Some(CidrMistake::Unreadable(text.parse::<IpAddr>().ok().map(IpNet::from))),
    }
}
