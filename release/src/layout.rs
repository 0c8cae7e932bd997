//! An OCI image layout: a folder of blobs that are named by their digests, and an index.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use crate::archive::{Archive, sha256};

/// Media types of OCI image format 1.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Of an image for one platform.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Of what a runtime has to know.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Of a part of the file system.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The folder of a layout.
#[derive(Debug)]
pub struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// An empty layout, in the place of one that may be there.
    pub fn create(folder: &Path) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder.join("blobs/sha256"))?;
        std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Self { folder: folder.to_path_buf() })
    }

    /// Adds a blob; answers its descriptor.
    pub fn add(&self, media_type: &str, bytes: &[u8]) -> Result<Value> {
        let digest = sha256(bytes);
        std::fs::write(self.folder.join("blobs/sha256").join(&digest), bytes)?;
        Ok(json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len()}))
    }

    /// Adds a blob of JSON; answers its descriptor.
    pub fn add_json(&self, media_type: &str, content: &Value) -> Result<Value> {
        self.add(media_type, content.to_string().as_bytes())
    }

    /// Writes the index: one image, with the name that tools show for it.
    pub fn finish(&self, mut image: Value, name: &str) -> Result<()> {
        image["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image]});
        Ok(std::fs::write(self.folder.join("index.json"), index.to_string())?)
    }

    /// The whole layout as one tar file, as `skopeo`, `podman load` and `docker load` read it.
    pub fn pack(&self, time: u64) -> Result<Vec<u8>> {
        let mut archive = Archive::new(time);
        archive.file("oci-layout", 0o644, &std::fs::read(self.folder.join("oci-layout"))?)?;
        archive.file("index.json", 0o644, &std::fs::read(self.folder.join("index.json"))?)?;
        archive.tree("blobs", &self.folder.join("blobs"))?;
        archive.finish()
    }
}
