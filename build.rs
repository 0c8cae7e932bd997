//! Packs the console's page, and tells the linker what keeps the process small: see `docs/performance.md`, "Where the memory goes".
//!
//! The kernel maps code in windows of 64 KiB around each page that runs, so functions that run must stand together: spread over
//! the binary, as a compiler leaves them, the quarter of them that runs at all holds nearly all of the binary in memory.
//! `functions.order` lists them; `make order` writes it anew. A name that is no longer there is passed over.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "cargo talks to build scripts through the environment"
)]

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=linker/functions.order");
    println!("cargo:rustc-env=SOURCE_COMMIT={}", source_commit());
    pack_console();
    if variable("PROFILE") != "release" || variable("CARGO_CFG_TARGET_OS") != "linux" {
        return;
    }
    if variable("CARGO_CFG_TARGET_ENV") == "gnu" {
        // A tenth of a byte for each pointer that the loader adjusts, instead of 24.
        link("-z,pack-relative-relocs");
    }
    if links_with_lld() {
        let order = Path::new(&variable("CARGO_MANIFEST_DIR")).join("linker/functions.order");
        link(&format!("--symbol-ordering-file={}", order.display()));
        link("--no-warn-symbol-ordering");
    }
}

/// The commit that is built, for `--version`: given by whoever builds, or asked from git for a release.
///
/// why not for other profiles: every commit would build the whole package again.
fn source_commit() -> String {
    println!("cargo:rerun-if-env-changed=SOURCE_COMMIT");
    let given = variable("SOURCE_COMMIT");
    if !given.is_empty() || variable("PROFILE") != "release" {
        return if given.is_empty() { "unknown".to_owned() } else { given };
    }
    println!("cargo:rerun-if-changed=.git/logs/HEAD");
    let asked = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let answer = asked.ok().filter(|answer| answer.status.success());
    let commit = answer.and_then(|answer| String::from_utf8(answer.stdout).ok());
    commit.map_or_else(|| "unknown".to_owned(), |commit| commit.trim().to_owned())
}

/// The one target whose default linker is lld, unless somebody chose another; others do not know the options.
fn links_with_lld() -> bool {
    let chosen = variable("CARGO_ENCODED_RUSTFLAGS");
    variable("TARGET") == "x86_64-unknown-linux-gnu"
        && env::var_os("RUSTC_LINKER").is_none()
        && !["linker", "fuse-ld"].iter().any(|option| chosen.contains(option))
}

fn link(option: &str) {
    println!("cargo:rustc-link-arg-bins=-Wl,{option}");
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

/// Compresses the files of the console's page, and writes the table that `src/serve/console/assets.rs` includes.
fn pack_console() {
    const FOLDER: &str = "src/serve/console/assets";
    println!("cargo:rerun-if-changed={FOLDER}");
    let out = PathBuf::from(variable("OUT_DIR"));
    let mut files: Vec<PathBuf> =
        fs::read_dir(FOLDER).into_iter().flatten().flatten().map(|file| file.path()).collect();
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let content_type = match file.extension().and_then(|extension| extension.to_str()) {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => continue,
        };
        let text = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut hash = Crc::new();
        hash.update(&text);
        let etag = format!("\\\"{:08x}-{:x}\\\"", hash.sum(), text.len());
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        let packed = packed.write_all(&text).and_then(|()| packed.finish());
        let packed = packed.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let path = out.join(format!("{name}.gz"));
        fs::write(&path, packed).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let _ = writeln!(
            table,
            "Asset {{ name: {name:?}, content_type: {content_type:?}, etag: \"{etag}\", gzip: include_bytes!({:?}) }},",
            path.display().to_string()
        );
    }
    table.push(']');
    let path = out.join("console_assets.rs");
    fs::write(&path, table).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
