//! Services behind Ingresses: what their annotations for Ingresses contradict on the Service itself.
//!
//! Only warnings: whether an Ingress of ours leads to the Service is not seen here.

use crate::annotations::ingress::of as annotations_of;
use crate::annotations::parse;
use crate::api::{IntOrString, Service};
use crate::finding::{Finding, ObjectRef};
use crate::settings::ports;

const PORT: &str = "healthcheck-port";

/// What no Ingress could build of the Service.
pub fn of_service(object: &ObjectRef, service: &Service) -> Vec<Finding> {
    let annotations = annotations_of(service.metadata.annotations.as_ref());
    let warn = |suffix: &str, problem: String| Finding::warning(object, problem).at(annotations.key(suffix));
    let target_type = annotations.string("target-type");
    let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref()).unwrap_or("ClusterIP");
    let lacks_nodes = target_type == Some("instance") && kind == "ClusterIP";
    let no_nodes = lacks_nodes.then(|| {
        let problem =
            "target type instance needs node ports, which a Service of type ClusterIP does not have";
        warn("target-type", problem.to_owned()).hint("use target type ip")
    });
    let port = annotations.string(PORT).and_then(|port| port_problem(service, port, target_type));
    let names = || ports::ports(service).iter().map(ports::name).filter(|name| !name.is_empty());
    let given = annotations.string(PORT).unwrap_or_default();
    let port = port.map(|problem| warn(PORT, problem).suggest(given, names()));
    no_nodes.into_iter().chain(port).collect()
}

/// Why health checks cannot go to a port.
fn port_problem(service: &Service, wanted: &str, target_type: Option<&str>) -> Option<String> {
    if wanted == "traffic-port" || parse::int32(wanted).is_some() {
        return None;
    }
    let Some(port) = ports::find(service, &IntOrString::String(wanted.to_owned())) else {
        return Some(format!("{wanted:?} is not the name of a port of the Service"));
    };
    let is_named = matches!(ports::target_port(port), IntOrString::String(_));
    let problem = format!("port {wanted:?} has a named target port, expected a number");
    (is_named && target_type == Some("ip")).then_some(problem)
}
