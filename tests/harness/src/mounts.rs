//! Secrets as files, kept as kubelet keeps them: a hidden folder for each version and a `..data` link that swaps atomically.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    pin::pin,
};

use anyhow::Result;
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    runtime::{WatchStreamExt as _, watcher, watcher::watch_object},
};
use tokio::task::AbortHandle;

/// One mounted Secret; its files follow the object until dropped.
#[derive(Debug)]
pub struct SecretMount {
    folder: PathBuf,
    task: AbortHandle,
}

impl SecretMount {
    /// Mounts a Secret at `folder`. One that does not exist yet gives an empty folder.
    pub async fn mount(client: &Client, namespace: &str, name: &str, folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
        if let Some(secret) = api.get_opt(name).await? {
            publish(&folder, &secret)?;
        }
        let task = tokio::spawn(follow(api, name.to_owned(), folder.clone())).abort_handle();
        Ok(Self { folder, task })
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for SecretMount {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(api: Api<Secret>, name: String, folder: PathBuf) -> Result<()> {
    let mut changes = pin!(watch_object(api, &name).default_backoff());
    loop {
        match changes.try_next().await {
            Ok(Some(Some(secret))) => publish(&folder, &secret)?,
            Ok(Some(None)) | Err(watcher::Error::WatchFailed(_) | watcher::Error::WatchError(_)) => {}
            Ok(None) => return Ok(()),
            Err(other) => return Err(other.into()),
        }
    }
}

/// Writes one version and makes it the current one.
fn publish(folder: &Path, secret: &Secret) -> Result<()> {
    let version = format!("..{}", secret.metadata.resource_version.as_deref().unwrap_or("0"));
    let versioned = folder.join(&version);
    if versioned.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&versioned)?;
    let data = secret.data.iter().flatten();
    for (key, value) in data.clone() {
        std::fs::write(versioned.join(key), &value.0)?;
    }
    let (link, fresh) = (folder.join("..data"), folder.join("..data_tmp"));
    let _ = std::fs::remove_file(&fresh);
    symlink(&version, &fresh)?;
    std::fs::rename(&fresh, &link)?;
    for (key, _) in data {
        let file = folder.join(key);
        if file.symlink_metadata().is_err() {
            symlink(Path::new("..data").join(key), file)?;
        }
    }
    Ok(())
}
