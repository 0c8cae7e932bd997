//! QUIC server ids: how a pod's environment names the id under which a QUIC load balancer reaches it.
//!
//! Upstream's `pkg/k8s/pod_info.go`. The id is injected at admission as standard base64 of eight bytes; ELBv2 wants it
//! as `0x` and hexadecimal digits.

use crate::api::TargetGroupBindingSpec;
use crate::api::target_group_binding::TargetGroupProtocol;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// The QUIC server ids of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuicServerIds {
    /// By container port.
    pub by_port: Box<[(i32, Box<str>)]>,
    /// For ports that no container declares: the first id found.
    pub fallback: Option<Box<str>>,
}

impl QuicServerIds {
    /// The id (`0x…`) of the container behind a port.
    pub fn for_port(&self, port: i32) -> Option<&str> {
        let declared = self.by_port.iter().find(|(declared, _)| *declared == port).map(|(_, id)| &**id);
        declared.or(self.fallback.as_deref())
    }
}

/// The id as ELBv2 spells it (`0x1c717e8000001505`), from the value of the environment variable; `None` if that is not
/// base64.
pub fn parse_server_id(value: &str) -> Option<Box<str>> {
    let bytes = STANDARD.decode(value).ok()?;
    let mut id = String::with_capacity(2 + 2 * bytes.len());
    id.push_str("0x");
    for byte in bytes {
        // why: writing to a String cannot fail
        let _ = write!(id, "{byte:02x}");
    }
    Some(id.into())
}

/// Whether the targets of this binding are told apart by QUIC server id.
pub fn has_server_ids(spec: &TargetGroupBindingSpec) -> bool {
    matches!(spec.target_group_protocol, Some(TargetGroupProtocol::Quic | TargetGroupProtocol::TcpQuic))
}

#[cfg(test)]
mod tests;
