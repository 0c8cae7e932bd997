//! The image: the static binary, certificate authorities, and what a resolver of names reads. No base, no shell.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::archive::{Archive, compress, sha256};
use crate::layout::{CONFIG, INDEX, LAYER, Layout, MANIFEST};

/// The user that the program runs as; a number, so that `runAsNonRoot` can be checked.
const USER: u32 = 65532;

/// Where Linux programs look for authorities.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";

/// A binary for one platform.
#[derive(Debug, Clone)]
pub struct Binary {
    /// As images name it: `amd64` or `arm64`.
    pub architecture: String,
    /// Where the binary is.
    pub path: PathBuf,
    /// Its software bill of materials, as JSON; it goes into the image if there is one.
    pub sbom: Option<String>,
}

/// What an image is made of.
#[derive(Debug, Clone)]
pub struct Image {
    /// Such as `v3.5.100`.
    pub version: String,
    /// The commit.
    pub revision: String,
    /// Of everything in it, in seconds since 1970.
    pub time: u64,
    /// How hard to compress, from 0 to 9.
    pub level: u32,
    /// One for each platform.
    pub binaries: Vec<Binary>,
}

/// What was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// Of the index: what to pin.
    pub digest: String,
    /// Architecture, digest, and compressed size in bytes of each platform.
    pub platforms: Vec<(String, String, u64)>,
}

/// Writes the image as a layout into the folder `oci` of `out`, and as one tar file beside it.
pub fn write(image: &Image, out: &Path) -> Result<Written> {
    ensure!(!image.binaries.is_empty(), "an image needs a binary");
    std::fs::create_dir_all(out)?;
    let layout = Layout::create(&out.join("oci"))?;
    let (mut manifests, mut platforms) = (Vec::new(), Vec::new());
    for binary in &image.binaries {
        let (manifest, size) = write_platform(image, binary, &layout)?;
        platforms.push((binary.architecture.clone(), text(&manifest["digest"]), size));
        manifests.push(manifest);
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": manifests,
        "annotations": labels(image),
    });
    let index = layout.add_json(INDEX, &index)?;
    let digest = text(&index["digest"]);
    layout.finish(index, &image.version)?;
    std::fs::write(out.join("image.tar"), layout.pack(image.time)?)?;
    std::fs::write(out.join("digest"), format!("{digest}\n"))?;
    Ok(Written { digest, platforms })
}

/// Answers the descriptor of the manifest, and the size of what a node pulls.
fn write_platform(image: &Image, binary: &Binary, layout: &Layout) -> Result<(Value, u64)> {
    let tar = file_system(image, binary)?;
    let packed = compress(&tar, image.level)?;
    let layer = layout.add(LAYER, &packed)?;
    let config = json!({
        "architecture": binary.architecture,
        "os": "linux",
        "created": timestamp(image.time),
        "config": {
            "User": format!("{USER}:{USER}"),
            "Entrypoint": ["/controller"],
            "Env": ["PATH=/"],
            "Labels": labels(image),
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sha256(&tar))]},
        "history": [{"created": timestamp(image.time), "created_by": "make image"}],
    });
    let config = layout.add_json(CONFIG, &config)?;
    let size = [&layer, &config].iter().filter_map(|blob| blob["size"].as_u64()).sum();
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
    let mut manifest = layout.add_json(MANIFEST, &manifest)?;
    manifest["platform"] = json!({"architecture": binary.architecture, "os": "linux"});
    Ok((manifest, size))
}

/// The files of the image, as a tar archive.
pub fn file_system(image: &Image, binary: &Binary) -> Result<Vec<u8>> {
    let program = std::fs::read(&binary.path).with_context(|| binary.path.display().to_string())?;
    let mut archive = Archive::new(image.time);
    archive.file("controller", 0o755, &program)?;
    for folder in ["etc", "etc/ssl", "etc/ssl/certs"] {
        archive.folder(folder, 0o755)?;
    }
    archive.file("etc/nsswitch.conf", 0o644, b"hosts: files dns\n")?;
    let user = format!("controller:x:{USER}:{USER}::/:/controller\n");
    archive.file("etc/passwd", 0o644, user.as_bytes())?;
    archive.file("etc/group", 0o644, format!("controller:x:{USER}:\n").as_bytes())?;
    archive.file(AUTHORITIES, 0o644, authorities().as_bytes())?;
    archive.folder("tmp", 0o1777)?;
    if let Some(sbom) = &binary.sbom {
        for folder in ["usr", "usr/share", "usr/share/sbom"] {
            archive.folder(folder, 0o755)?;
        }
        archive.file("usr/share/sbom/controller.cdx.json", 0o644, sbom.as_bytes())?;
    }
    archive.finish()
}

/// The authorities that Mozilla trusts, in PEM.
fn authorities() -> String {
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let text = BASE64_STANDARD.encode(certificate.as_ref());
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

fn labels(image: &Image) -> Value {
    json!({
        "org.opencontainers.image.created": timestamp(image.time),
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.revision": image.revision,
        "org.opencontainers.image.title": "aws-load-balancer-controller",
        "org.opencontainers.image.version": image.version,
    })
}

/// RFC 3339, in UTC, of seconds since 1970.
fn timestamp(time: u64) -> String {
    let time = i64::try_from(time).ok().and_then(|time| jiff::Timestamp::from_second(time).ok());
    time.unwrap_or_default().to_string()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_as_files_of_them_are() {
        let pem = authorities();
        assert!(pem.matches("-----BEGIN CERTIFICATE-----").count() > 100);
        assert!(pem.lines().all(|line| line.len() <= 64));
    }
}
