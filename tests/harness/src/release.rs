//! What a Helm release rendered for the controller: the pod that kubelet would have started.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Container, EnvVar, PodSpec, Service, ServicePort},
};
use kube::{Api, Client, api::ListParams};

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The first container of a Deployment of the release, and how the cluster reaches it.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The namespace of the release.
    pub namespace: String,
    /// The name of the Deployment.
    pub name: String,
    /// Whose rights it has.
    pub service_account: String,
    /// The arguments of the container.
    pub args: Vec<String>,
    /// Its environment, as far as it has literal values or asks for the pod's name and namespace.
    pub env: BTreeMap<String, String>,
    /// Mount path and Secret name of each mounted Secret.
    pub secrets: BTreeMap<String, String>,
    /// `<cluster IP>:<port>` and container port of each Service port that leads to it.
    pub services: Vec<(String, u16)>,
}

impl Workload {
    /// Reads the Deployment `name` and the Services that select its pods.
    pub async fn read(client: &Client, namespace: &str, name: &str) -> Result<Self> {
        let deployment = Api::<Deployment>::namespaced(client.clone(), namespace).get(name).await?;
        let template = deployment.spec.context("the Deployment has no spec")?.template;
        let labels = template.metadata.and_then(|meta| meta.labels).unwrap_or_default();
        let pod = template.spec.context("the Deployment has no pod spec")?;
        let container = pod.containers.first().context("the Deployment has no container")?;
        let services =
            Api::<Service>::namespaced(client.clone(), namespace).list(&ListParams::default()).await?;
        let leading = services.items.iter().filter(|service| selects(service, &labels));
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            service_account: pod.service_account_name.clone().unwrap_or_else(|| "default".to_owned()),
            args: container.args.clone().unwrap_or_default(),
            env: read_env(container, namespace, name),
            secrets: read_secrets(&pod, container),
            services: leading.flat_map(|service| read_ports(service, container)).collect(),
        })
    }
}

fn selects(service: &Service, labels: &BTreeMap<String, String>) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| {
        !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    })
}

fn read_env(container: &Container, namespace: &str, name: &str) -> BTreeMap<String, String> {
    let value_of = |variable: &EnvVar| match &variable.value {
        Some(value) => Some(value.clone()),
        None => match variable.value_from.as_ref()?.field_ref.as_ref()?.field_path.as_str() {
            "metadata.namespace" => Some(namespace.to_owned()),
            "metadata.name" => Some(format!("{name}-0")),
            _ => None,
        },
    };
    let variables = container.env.iter().flatten();
    variables.filter_map(|variable| Some((variable.name.clone(), value_of(variable)?))).collect()
}

fn read_secrets(pod: &PodSpec, container: &Container) -> BTreeMap<String, String> {
    let secret_of = |volume: &str| {
        let volume = pod.volumes.iter().flatten().find(|candidate| candidate.name == volume)?;
        volume.secret.as_ref()?.secret_name.clone()
    };
    let mounts = container.volume_mounts.iter().flatten();
    mounts.filter_map(|mount| Some((mount.mount_path.clone(), secret_of(&mount.name)?))).collect()
}

fn read_ports(service: &Service, container: &Container) -> Vec<(String, u16)> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let Some(address) = spec.cluster_ip.as_deref().filter(|address| *address != "None") else {
        return Vec::new();
    };
    let ports = spec.ports.iter().flatten();
    ports
        .filter_map(|port| Some((format!("{address}:{}", port.port), resolve_port(port, container)?)))
        .collect()
}

fn resolve_port(port: &ServicePort, container: &Container) -> Option<u16> {
    let number = match port.target_port.as_ref() {
        None => port.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => {
            let mut ports = container.ports.iter().flatten();
            ports.find(|candidate| candidate.name.as_ref() == Some(name))?.container_port
        }
    };
    u16::try_from(number).ok()
}
