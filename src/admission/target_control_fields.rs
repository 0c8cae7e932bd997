//! Settings of the target-control agent, where their schema leaves gaps. Only `lint` looks: no webhook is called for them.

use super::target_control::{CONFIG_NAME, is_address, port_of};
use crate::api::{AlbTargetControlConfig, AlbTargetControlConfigSpec};
use crate::finding::{Finding, ObjectRef};

/// What is wrong with the settings.
pub fn check(settings: &AlbTargetControlConfig) -> Vec<Finding> {
    let meta = |text: &Option<String>| text.clone().unwrap_or_default();
    let object = ObjectRef {
        kind: "ALBTargetControlConfig",
        namespace: meta(&settings.metadata.namespace),
        name: meta(&settings.metadata.name),
    };
    let spec = &settings.spec;
    let mut findings = check_addresses(&object, spec);
    if object.name != CONFIG_NAME {
        let problem = format!("has no effect: only the object named {CONFIG_NAME} is read");
        findings.push(Finding::warning(&object, problem).at("metadata.name"));
    }
    if spec.image.is_empty() {
        findings.push(Finding::error(&object, "is empty, expected an image").at("spec.image"));
    }
    if spec.tls_cert_path.is_some() != spec.tls_key_path.is_some() {
        let problem = "tlsCertPath and tlsKeyPath need each other";
        findings.push(Finding::error(&object, problem).at("spec.tlsCertPath"));
    }
    findings
}

fn check_addresses(object: &ObjectRef, spec: &AlbTargetControlConfigSpec) -> Vec<Finding> {
    let addresses = [
        ("spec.dataAddress", &spec.data_address),
        ("spec.controlAddress", &spec.control_address),
        ("spec.destinationAddress", &spec.destination_address),
    ];
    let is_right = |text: &str| is_address(text) && (1..=65_535).contains(&port_of(text));
    let wrong = addresses.into_iter().filter(|(_, address)| !is_right(address));
    let mut findings: Vec<Finding> = wrong
        .map(|(field, address)| {
            let problem = format!("{address:?} is not an address and port, expected for example 0.0.0.0:80");
            Finding::error(object, problem).at(field)
        })
        .collect();
    if port_of(&spec.data_address) == port_of(&spec.control_address) {
        let problem = format!("{:?} has the port of spec.dataAddress", spec.control_address);
        findings.push(Finding::error(object, problem).at("spec.controlAddress"));
    }
    findings
}

#[cfg(test)]
mod tests;
