//! What a release consists of, in one folder, for any place that takes files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::archive::{Archive, compress, sha256};
use crate::image::Image;

const NAME: &str = "aws-load-balancer-controller";

/// What is gathered, beside the image that has been written.
#[derive(Debug)]
pub struct Release<'a> {
    /// The root of the repository.
    pub repository: PathBuf,
    /// The program `helm`.
    pub helm: PathBuf,
    /// Where the files of a release will be, such as `https://example.com/releases/v3.5.100`.
    pub url: String,
    /// The image that has been written, and what it was made of.
    pub image: &'a Image,
}

impl Release<'_> {
    /// Writes everything into `out`, and the checksums of it last. `out` holds the image already.
    pub fn gather(&self, out: &Path) -> Result<()> {
        self.pack_chart(out)?;
        std::fs::write(out.join("full.yaml"), self.manifest()?)?;
        let mut platforms = Vec::new();
        for binary in &self.image.binaries {
            let name = format!("{NAME}-{}-linux-{}.tar.gz", self.image.version, binary.architecture);
            let mut archive = Archive::new(self.image.time);
            archive.file(NAME, 0o755, &std::fs::read(&binary.path)?)?;
            archive.file("LICENSE", 0o644, &std::fs::read(self.repository.join("LICENSE"))?)?;
            let packed = compress(&archive.finish()?, self.image.level)?;
            platforms.push((binary.architecture.clone(), name.clone(), sha256(&packed)));
            std::fs::write(out.join(name), packed)?;
            if let Some(sbom) = &binary.sbom {
                std::fs::write(out.join(format!("{NAME}-linux-{}.cdx.json", binary.architecture)), sbom)?;
            }
        }
        std::fs::write(out.join("krew.yaml"), self.krew(&platforms))?;
        write_checksums(out)
    }

    /// The chart as Helm packages it.
    fn pack_chart(&self, out: &Path) -> Result<()> {
        let mut archive = Archive::new(self.image.time);
        archive.tree(NAME, &self.repository.join("charts").join(NAME))?;
        let version = self.image.version.trim_start_matches('v');
        let packed = compress(&archive.finish()?, self.image.level)?;
        Ok(std::fs::write(out.join(format!("{NAME}-{version}.tgz")), packed)?)
    }

    /// Everything for `kubectl apply`, for those who do not use Helm. Names in angle brackets are to be replaced.
    fn manifest(&self) -> Result<String> {
        let chart = self.repository.join("charts").join(NAME);
        let output = Command::new(&self.helm)
            .args(["template", NAME])
            .arg(chart)
            .args(["--namespace", "kube-system", "--include-crds", "--no-hooks", "--kube-version", "1.33.0"])
            .args([
                "--set",
                "creator=none,clusterName=your-cluster-name,image.repository=your-registry/your-repository",
            ])
            .args(["--set-string", &format!("image.tag={}", self.image.version)])
            .output()
            .with_context(|| self.helm.display().to_string())?;
        ensure!(output.status.success(), "helm template: {}", String::from_utf8_lossy(&output.stderr));
        let head = "# Replace your-cluster-name and your-registry/your-repository, then: kubectl apply --server-side -f full.yaml\n";
        Ok(head.to_owned() + &String::from_utf8(output.stdout)?)
    }

    /// The entry for an index of krew: the commands of the binary as `kubectl lbc`.
    fn krew(&self, platforms: &[(String, String, String)]) -> String {
        let platforms: Vec<_> = platforms
            .iter()
            .map(|(architecture, file, digest)| {
                json!({
                    "selector": {"matchLabels": {"os": "linux", "arch": architecture}},
                    "uri": format!("{}/{file}", self.url),
                    "sha256": digest,
                    "bin": NAME,
                    "files": [{"from": NAME, "to": "."}, {"from": "LICENSE", "to": "."}],
                })
            })
            .collect();
        let entry = json!({
            "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
            "kind": "Plugin",
            "metadata": {"name": "lbc"},
            "spec": {
                "version": self.image.version,
                "homepage": self.url,
                "shortDescription": "Show, plan, check and explain AWS load balancers",
                "description": "status shows load balancers, rules, target groups and targets with their state, plan what the AWS Load Balancer Controller would change in AWS, doctor what keeps it from \
                                working, lint what is wrong with manifests, annotations what each annotation means.",
                "platforms": platforms,
            },
        });
        // JSON is YAML.
        format!("{entry:#}\n")
    }
}

/// `SHA256SUMS` of every file of the folder, as `sha256sum --check` reads it.
fn write_checksums(out: &Path) -> Result<()> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(out)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && name != "SHA256SUMS" {
            lines.push(format!("{}  {name}\n", sha256(&std::fs::read(entry.path())?)));
        }
    }
    lines.sort_by_key(|line| line.split_once("  ").map(|(_, name)| name.to_owned()));
    Ok(std::fs::write(out.join("SHA256SUMS"), lines.concat())?)
}
