//! Tells the linker what keeps the process small: see `docs/performance.md`, "Where the memory goes".
//!
//! The kernel maps code in windows of 64 KiB around each page that runs, so functions that run must stand together: spread over
//! the binary, as a compiler leaves them, the quarter of them that runs at all holds nearly all of the binary in memory.
//! `functions.order` lists them; `make order` writes it anew. A name that is no longer there is passed over.

#![allow(clippy::disallowed_methods, reason = "cargo talks to build scripts through the environment")]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=linker/functions.order");
    println!("cargo:rustc-env=SOURCE_COMMIT={}", source_commit());
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
