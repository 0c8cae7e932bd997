//! Where the binaries of the control plane and the controller stand.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tokio::process::Command;

/// The binaries of the control plane.
///
/// A binary in the folder that `KUBEBUILDER_ASSETS` names goes first; the others come from `tests/controlplane`, built on first use.
#[derive(Debug, Clone)]
pub struct Assets {
    folders: Vec<PathBuf>,
}

impl Assets {
    /// Finds the binaries and builds those that are missing, which takes minutes the first time.
    pub async fn locate() -> Result<Self> {
        let script = repository().join("tests/controlplane/build.sh");
        let output = Command::new(&script)
            .stderr(std::process::Stdio::inherit())
            .output()
            .await
            .with_context(|| format!("running {}", script.display()))?;
        ensure!(output.status.success(), "{} failed: {}", script.display(), output.status);
        let built = PathBuf::from(String::from_utf8(output.stdout)?.trim());
        let given = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        Ok(Self { folders: given.into_iter().chain([built]).collect() })
    }

    /// The path of one binary, such as `etcd`.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let found = self.folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
        found.with_context(|| format!("{name} is in none of {:?}", self.folders))
    }
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The chart under test.
pub fn chart() -> PathBuf {
    repository().join("charts/aws-load-balancer-controller")
}

/// The controller binary: `CONTROLLER_BINARY`, or the one that cargo built beside the running test or tool.
pub fn controller_binary() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("CONTROLLER_BINARY") {
        return Ok(PathBuf::from(given));
    }
    tool("aws-load-balancer-controller").context("or set CONTROLLER_BINARY")
}

/// A binary that cargo built beside the running test or tool.
pub fn tool(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    // A tool stands in target/<profile>, a test one folder below it.
    let found = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    match found {
        Some(path) => Ok(path),
        None => bail!("no {name} beside {}; run `cargo build`", this.display()),
    }
}
