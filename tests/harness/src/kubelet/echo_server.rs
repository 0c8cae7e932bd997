//! Pods that are the echo server of the Gateway API's conformance suite, which is told by variables what it serves and where.

use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::PoisonError,
};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::{Container, EnvVar, Pod, Secret, SecretVolumeSource};
use kube::{Api, ResourceExt as _};

use super::Shared;
use crate::{daemon::Program, http::free_address};

/// Variables that name ports, and the ports without them.
type Ports = &'static [(&'static str, u16)];

const HTTP: Ports = &[("HTTP_PORT", 3000), ("H2C_PORT", 3001), ("HTTPS_PORT", 8443)];
const TCP: Ports = &[("TCP_PORT", 3000), ("TLS_PORT", 8443)];
const UDP: Ports = &[("UDP_PORT", 8080)];

/// The server of a pod.
pub(super) struct EchoServer {
    program: PathBuf,
    /// The folder of each volume's files here, by where the container has them.
    mounts: BTreeMap<String, PathBuf>,
}

impl EchoServer {
    /// The server of a pod whose image is the suite's; its Secrets have to be there.
    pub(super) async fn of(shared: &Shared, pod: &Pod, container: &Container) -> Result<Option<Self>> {
        let program = shared.echo_basic.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_echo = container.image.as_deref().is_some_and(|image| image.contains("/echo-basic:"));
        let Some(program) = program.filter(|_| is_echo) else { return Ok(None) };
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let mut mounts = BTreeMap::new();
        for volume in volumes {
            let mut all = container.volume_mounts.iter().flatten();
            let mount = all.find(|mount| mount.name == volume.name);
            let (Some(mount), Some(source)) = (mount, &volume.secret) else { continue };
            let folder = shared.volumes.join(pod.name_any()).join(&volume.name);
            let name = source.secret_name.as_deref().unwrap_or_default();
            let namespace = pod.namespace().unwrap_or_default();
            let secret = Api::<Secret>::namespaced(shared.client.clone(), &namespace).get_opt(name).await?;
            let secret = secret.with_context(|| format!("there is no Secret {name}"))?;
            write(&folder, source, &secret).with_context(|| format!("volume {}", volume.name))?;
            mounts.insert(mount.mount_path.trim_end_matches('/').to_owned(), folder);
        }
        Ok(Some(Self { program, mounts }))
    }

    /// Its command line. It listens on all addresses, so that each of its ports is one that nobody has.
    pub(super) async fn program(
        &self,
        shared: &Shared,
        pod: &Pod,
        container: &Container,
        ip: IpAddr,
    ) -> Result<Program> {
        let mut program = Program::new(pod.name_any(), self.program.clone());
        for variable in container.env.iter().flatten() {
            let value = self.value(variable, pod, ip);
            program.env.extend(value.map(|value| (variable.name.clone(), value)));
        }
        for (name, usual) in ports(&program.env) {
            let port = program.env.get(*name).and_then(|port| port.parse().ok()).unwrap_or(*usual);
            let at = free_address().await?;
            program.env.insert((*name).to_owned(), at.port().to_string());
            shared.network.map_port((ip, port).into(), at);
        }
        Ok(program)
    }

    fn value(&self, variable: &EnvVar, pod: &Pod, ip: IpAddr) -> Option<String> {
        let field = variable.value_from.as_ref().and_then(|from| from.field_ref.as_ref());
        match field.map(|field| field.field_path.as_str()) {
            Some("metadata.name") => Some(pod.name_any()),
            Some("metadata.namespace") => pod.namespace(),
            Some("status.podIP") => Some(ip.to_string()),
            _ => self.at_home(variable.value.as_deref()?),
        }
    }

    /// A value, or where the file that it names is here; nothing for a file of another volume.
    fn at_home(&self, value: &str) -> Option<String> {
        if !value.starts_with('/') {
            return Some(value.to_owned());
        }
        let (file, folder) = self
            .mounts
            .iter()
            .find_map(|(mount, folder)| Some((value.strip_prefix(mount)?.strip_prefix('/')?, folder)))?;
        Some(folder.join(file).display().to_string())
    }
}

/// What a server with these variables listens on.
fn ports(variables: &BTreeMap<String, String>) -> Ports {
    if variables.contains_key("TCP_ECHO_SERVER") {
        TCP
    } else if variables.contains_key("UDP_ECHO_SERVER") {
        UDP
    } else {
        HTTP
    }
}

/// The files of a Secret: those that the volume names, or one of each key.
fn write(folder: &Path, source: &SecretVolumeSource, secret: &Secret) -> Result<()> {
    fs::create_dir_all(folder)?;
    let data = secret.data.clone().unwrap_or_default();
    let named = source.items.as_ref().map(|items| items.iter().map(|item| (&item.key, &item.path)).collect());
    let files: Vec<(&String, &String)> = named.unwrap_or_else(|| data.keys().map(|key| (key, key)).collect());
    for (key, path) in files {
        let content = data.get(key).with_context(|| format!("there is no {key}"))?;
        fs::write(folder.join(path), &content.0)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_server_listens_on_the_ports_of_what_it_serves() {
        for (variable, expected) in [("TCP_ECHO_SERVER", TCP), ("UDP_ECHO_SERVER", UDP), ("OTHER", HTTP)] {
            let variables = BTreeMap::from([(variable.to_owned(), "1".to_owned())]);
            assert_eq!(ports(&variables), expected, "{variable}");
        }
    }

    #[test]
    fn values_that_name_files_of_a_volume_name_them_where_they_are() {
        let mounts = BTreeMap::from([("/etc/secret".to_owned(), PathBuf::from("/here"))]);
        let server = EchoServer { program: PathBuf::new(), mounts };
        for (value, expected) in [
            ("1", Some("1")),
            ("/etc/secret/crt", Some("/here/crt")),
            ("/etc/secrets/crt", None),
            ("/etc/other", None),
        ] {
            assert_eq!(server.at_home(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_volume_has_the_files_that_it_names_or_all() {
        let secret: Secret =
            serde_json::from_value(json!({"data": {"tls.crt": "YQ==", "tls.key": "Yg=="}})).unwrap();
        for (items, expected) in [
            (json!(null), vec!["tls.crt", "tls.key"]),
            (json!([{"key": "tls.crt", "path": "crt"}]), vec!["crt"]),
        ] {
            let source: SecretVolumeSource = serde_json::from_value(json!({"items": items})).unwrap();
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &source, &secret).unwrap();
            let files = fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> =
                files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            assert_eq!(names, expected);
        }
        let source: SecretVolumeSource =
            serde_json::from_value(json!({"items": [{"key": "ca.crt", "path": "ca"}]})).unwrap();
        assert!(write(tempfile::tempdir().unwrap().path(), &source, &secret).is_err());
    }
}
