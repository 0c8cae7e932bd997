//! `listen-ports`: which listeners an Ingress wants, written as JSON (upstream's `pkg/ingress/model_build_listener.go`).

use super::InvalidAnnotation;
use crate::annotations::Annotations;
use crate::aws_api::elbv2::Protocol;
use std::collections::BTreeMap;

const SUFFIX: &str = "listen-ports";

/// Protocol by port, if the annotation is there. Of a repeated port the last one counts. May be empty.
pub fn parse_listen_ports(
    annotations: &Annotations<'_>,
) -> Result<Option<BTreeMap<i32, Protocol>>, InvalidAnnotation> {
    let Some(text) = annotations.string(SUFFIX) else { return Ok(None) };
    let invalid = |problem: String| {
        InvalidAnnotation::new(annotations.key(SUFFIX), problem)
            .hint("write for example [{\"HTTP\": 80}, {\"HTTPS\": 443}]")
    };
    // why: the keys are protocols, hence data; they keep their case
    let entries: Option<Vec<BTreeMap<String, i32>>> = serde_json::from_str(text)
        .map_err(|error| invalid(format!("is not a list of protocols and ports: {error}")))?;
    let entries =
        entries.filter(|entries| !entries.is_empty()).ok_or_else(|| invalid("is empty".to_owned()))?;
    let mut ports = BTreeMap::new();
    for (protocol, port) in entries.into_iter().flatten() {
        let (port, protocol) = check(&protocol, port).map_err(invalid)?;
        ports.insert(port, protocol);
    }
    Ok(Some(ports))
}

fn check(protocol: &str, port: i32) -> Result<(i32, Protocol), String> {
    if !(1..=65535).contains(&port) {
        return Err(format!("port is {port}, expected 1 to 65535"));
    }
    match protocol {
        "HTTP" => Ok((port, Protocol::Http)),
        "HTTPS" => Ok((port, Protocol::Https)),
        other => Err(format!("protocol is {other:?}, expected HTTP or HTTPS")),
    }
}
