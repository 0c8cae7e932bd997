//! `release image` and `release gather`; see the Makefile.
#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use release::image::{Binary, Image, Written, write};
use release::package::Release;
use release::sbom;

/// What a node pulls may have this many bytes.
const LARGEST: u64 = 15 * 1000 * 1000;

#[derive(Parser)]
#[command(about = "Writes the container image without a daemon, and gathers what a release consists of")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Write the image: a layout in <out>/oci, and <out>/image.tar
    Image(Source),
    /// Write the image, the chart, the binaries, a manifest, an entry for krew, and checksums
    Gather {
        #[command(flatten)]
        source: Source,
        /// The program helm
        #[arg(long)]
        helm: PathBuf,
        /// Where the files will be
        #[arg(long)]
        url: String,
    },
}

#[derive(Args)]
struct Source {
    /// <target triple>=<path of the static binary>, once for each platform
    #[arg(long = "binary", required = true)]
    binaries: Vec<String>,
    /// The folder to write to
    #[arg(long)]
    out: PathBuf,
}

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    match Arguments::parse().what {
        What::Image(source) => source.write(&root).map(drop),
        What::Gather { source, helm, url } => {
            let image = source.write(&root)?;
            Release { repository: root, helm, url, image: &image }.gather(&source.out)?;
            println!("gathered in {}", source.out.display());
            Ok(())
        }
    }
}

impl Source {
    fn write(&self, root: &Path) -> Result<Image> {
        let commit = run(root, "git", &["log", "-1", "--format=%H %ct"]).unwrap_or_default();
        let (revision, time) = commit.trim().split_once(' ').unwrap_or(("unknown", "0"));
        let binaries = self.binaries.iter().map(|text| read_binary(root, text)).collect::<Result<_>>()?;
        let version = format!("v{}", env!("CARGO_PKG_VERSION"));
        let image = Image { version, revision: revision.to_owned(), time: time.parse()?, level: 9, binaries };
        let Written { digest, platforms } = write(&image, &self.out)?;
        for (architecture, digest, size) in platforms {
            let (megabytes, tenths) = (size / 1_000_000, size / 100_000 % 10);
            println!("linux/{architecture}  {digest}  {megabytes}.{tenths} MB compressed");
            ensure!(
                size <= LARGEST,
                "the image for {architecture} is larger than {} MB",
                LARGEST / 1_000_000
            );
        }
        println!("index        {digest}\n{}", self.out.join("image.tar").display());
        Ok(image)
    }
}

fn read_binary(root: &Path, text: &str) -> Result<Binary> {
    let (target, path) = text.split_once('=').context("--binary is <target>=<path>")?;
    let architecture = match target.split('-').next() {
        Some("x86_64") => "amd64",
        Some("aarch64") => "arm64",
        other => anyhow::bail!("no name for the architecture {other:?}"),
    };
    let metadata = ["metadata", "--locked", "--format-version", "1", "--filter-platform", target];
    let sbom = sbom::from_metadata(&run(root, "cargo", &metadata)?, target)?;
    Ok(Binary { architecture: architecture.to_owned(), path: path.into(), sbom: Some(sbom) })
}

fn run(folder: &Path, program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program).args(args).current_dir(folder).output().context(program.to_owned())?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
