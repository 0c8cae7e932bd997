//! The image, as `make image` writes it, run where there is nothing else: no shell, no library, no file.
//!
//! The binary is the debug one that `make static` links with everything it needs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use base64::Engine as _;
use harness::assets::repository;
use harness::walkthrough::{Walkthrough, progress::Progress};
use release::archive::sha256;
use release::image::{Binary, Image, Written, write};
use release::package::Release;
use serde_json::Value;

const TYPO: &str = include_str!("../manifests/typo.yaml");
/// Where the test answers questions for names; an address of this machine alone.
const RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 91, 53, 1);

/// The static binary: `STATIC_BINARY`, or that of `make static`.
fn binary() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let path = std::env::var_os("STATIC_BINARY")
        .map_or_else(|| target.join("static/aws-load-balancer-controller"), PathBuf::from);
    assert!(path.is_file(), "no {}; run `make static`, or set STATIC_BINARY", path.display());
    path
}

fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

fn image() -> Image {
    let binary =
        Binary { architecture: architecture().to_owned(), path: binary(), sbom: Some("{}".to_owned()) };
    Image {
        version: "v3.5.100".to_owned(),
        revision: "0123456789".to_owned(),
        time: 1_700_000_000,
        level: 1,
        binaries: vec![binary],
    }
}

/// The image, written once.
fn written() -> &'static (tempfile::TempDir, Written) {
    static WRITTEN: OnceLock<(tempfile::TempDir, Written)> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let written = write(&image(), folder.path()).unwrap();
        (folder, written)
    })
}

/// A blob of the layout, which has the digest that it is called by.
fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let content = std::fs::read(layout.join("blobs/sha256").join(digest)).unwrap();
    assert_eq!(sha256(&content), digest);
    assert_eq!(descriptor["size"], content.len());
    content
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Manifest and configuration of the one image of the layout.
fn manifest(layout: &Path) -> (Value, Value) {
    let top = json(&std::fs::read(layout.join("index.json")).unwrap());
    let index = json(&blob(layout, &top["manifests"][0]));
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(index["manifests"][0]["platform"]["architecture"], architecture());
    let manifest = json(&blob(layout, &index["manifests"][0]));
    let config = json(&blob(layout, &manifest["config"]));
    (manifest, config)
}

/// The file system of the image, laid out in an empty folder.
fn unpacked() -> tempfile::TempDir {
    let layout = written().0.path().join("oci");
    let root = tempfile::tempdir().unwrap();
    let layer = root.path().join("layer.tar.gz");
    std::fs::write(&layer, blob(&layout, &manifest(&layout).0["layers"][0])).unwrap();
    let unpack = Command::new("tar").arg("-xzf").arg(&layer).arg("-C").arg(root.path()).status().unwrap();
    assert!(unpack.success());
    std::fs::remove_file(layer).unwrap();
    root
}

/// The program in a file system of its own, with `input`, and without an environment.
fn run(root: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new("unshare")
        .args(["--user", "--map-root-user", "chroot"])
        .arg(root)
        .arg("/controller")
        .args(args)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

#[test]
#[ignore = "needs `make static`: run it with `make test-image`"]
fn the_same_inputs_give_the_same_image_and_every_blob_is_called_by_its_digest() {
    let again = tempfile::tempdir().unwrap();
    assert_eq!(write(&image(), again.path()).unwrap(), written().1);
    let files =
        [again.path(), written().0.path()].map(|folder| std::fs::read(folder.join("image.tar")).unwrap());
    assert_eq!(sha256(&files[0]), sha256(&files[1]));

    let (manifest, config) = manifest(&again.path().join("oci"));
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"], serde_json::json!(["/controller"]));
    assert_eq!(config["os"], "linux");
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.version"], "v3.5.100");
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 1);
}

#[test]
#[ignore = "needs `make static`: run it with `make test-image`"]
fn the_image_runs_where_there_is_nothing_else() {
    let root = unpacked();
    let version = run(root.path(), &["--version"], "");
    assert!(version.status.success(), "{}", text(&version));
    assert!(text(&version).contains(env!("CARGO_PKG_VERSION")), "{}", text(&version));

    let lint = run(root.path(), &["lint", "-f", "-"], TYPO);
    assert_eq!(lint.status.code(), Some(1), "{}", text(&lint));
    assert!(text(&lint).contains("did you mean `internet-facing`?"), "{}", text(&lint));
}

/// The path of a kubeconfig, in the image's file system, that leads to a host.
fn kubeconfig(root: &Path, host: &str) -> String {
    let name = format!("{host}.yaml");
    let content = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: \"http://{host}:9\"}}}}]\n\
         users: [{{name: u, user: {{token: t}}}}]\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n\
         current-context: x\n"
    );
    std::fs::write(root.join(&name), content).unwrap();
    format!("--kubeconfig=/{name}")
}

#[test]
#[ignore = "needs `make static`: run it with `make test-image`"]
fn names_are_resolved_by_files_and_by_dns() {
    let root = unpacked();
    std::fs::write(root.path().join("etc/hosts"), "127.0.0.1 by-file.test\n").unwrap();
    let reach = |host: &str| {
        text(&run(root.path(), &["plan", "--cluster-name=c", &kubeconfig(root.path(), host)], ""))
    };
    let said = reach("by-file.test");
    assert!(said.contains("refused"), "the name is found, and nobody listens: {said}");

    let Ok(socket) = UdpSocket::bind((RESOLVER, 53)) else {
        println!("only root may answer questions for names");
        return;
    };
    std::thread::spawn(move || answer(&socket));
    let resolvers = format!("nameserver {RESOLVER}\nsearch svc.cluster.test cluster.test\noptions ndots:5\n");
    std::fs::write(root.path().join("etc/resolv.conf"), resolvers).unwrap();
    let said = reach("api");
    assert!(said.contains("refused"), "the name is found in the second domain: {said}");
    let said = reach("nobody");
    assert!(said.contains("lookup") || said.contains("resolve"), "{said}");
}

/// Answers `api.cluster.test` with 127.0.0.1, and that no other name exists.
fn answer(socket: &UdpSocket) {
    let mut question = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut question) {
        let name_end = 12 + question[12..length].iter().position(|byte| *byte == 0).unwrap();
        let is_known = question[12..name_end] == *b"\x03api\x07cluster\x04test";
        let is_for_ipv4 = question[name_end + 1..name_end + 3] == [0, 1];
        let is_answered = is_known && is_for_ipv4;
        let mut reply = question[..2].to_vec();
        reply.extend([0x81, if is_known { 0x80 } else { 0x83 }, 0, 1, 0, u8::from(is_answered), 0, 0, 0, 0]);
        reply.extend(&question[12..name_end + 5]);
        if is_answered {
            reply.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
        }
        let _ = socket.send_to(&reply, from);
    }
}

/// A program that runs the image's, in the image's file system, in which the home of the test is visible.
fn wrapper(root: &Path, home: &Path) -> PathBuf {
    let path = home.join("in-image");
    let script = format!(
        "#!/bin/sh\nexec unshare --user --map-root-user --mount sh -c '\n\
         mkdir -p {root}{home} && mount --bind {home} {root}{home} && exec chroot {root} /controller \"$@\"' controller \"$@\"\n",
        root = root.display(),
        home = home.display(),
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs `make static`: run it with `make test-image`"]
async fn the_controller_of_the_image_serves_a_cluster() {
    let root = unpacked();
    let mut walk = Walkthrough::start(Progress::silent()).await.unwrap();
    walk.binary = Some(wrapper(root.path(), walk.cluster.home().path()));
    walk.install().await.unwrap();
    walk.expose_echo().await.unwrap();
    walk.mistype().await.unwrap();
}

#[test]
#[ignore = "needs `make static`: run it with `make test-image`"]
fn a_release_holds_what_its_checksums_say_and_a_chart_that_helm_reads() {
    let out = tempfile::tempdir().unwrap();
    let image = image();
    write(&image, out.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let helm = runtime.block_on(harness::assets::Assets::locate()).unwrap().path("helm").unwrap();
    let url = "https://example.com/v3.5.100".to_owned();
    let release = Release { repository: repository(), helm: helm.clone(), url, image: &image };
    release.gather(out.path()).unwrap();

    let check =
        Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(out.path()).status();
    assert!(check.unwrap().success());
    let sums = std::fs::read_to_string(out.path().join("SHA256SUMS")).unwrap();
    let arch = architecture();
    let version = env!("CARGO_PKG_VERSION");
    for name in [
        "image.tar".to_owned(),
        "digest".to_owned(),
        "full.yaml".to_owned(),
        "krew.yaml".to_owned(),
        format!("aws-load-balancer-controller-{version}.tgz"),
        format!("aws-load-balancer-controller-linux-{arch}.cdx.json"),
        format!("aws-load-balancer-controller-v3.5.100-linux-{arch}.tar.gz"),
    ] {
        assert!(sums.contains(&format!("  {name}\n")), "{name} is not in\n{sums}");
    }

    let chart = out.path().join(format!("aws-load-balancer-controller-{version}.tgz"));
    let template = Command::new(helm)
        .args(["template", "a"])
        .arg(chart)
        .args(["--set", "clusterName=c", "--kube-version", "1.33.0"])
        .output()
        .unwrap();
    assert!(template.status.success(), "{}", text(&template));
    let manifest = std::fs::read_to_string(out.path().join("full.yaml")).unwrap();
    for part in [
        "kind: CustomResourceDefinition",
        "kind: Deployment",
        "image: \"your-registry/your-repository:v3.5.100\"",
    ] {
        assert!(manifest.contains(part), "{part}");
    }
    let krew = json(&std::fs::read(out.path().join("krew.yaml")).unwrap());
    let platform = &krew["spec"]["platforms"][0];
    assert!(sums.contains(platform["sha256"].as_str().unwrap()), "{krew}");
}

#[test]
#[ignore = "needs `make static`: run it with `make test-image`"]
fn authorities_of_the_image_are_read_by_a_library_of_tls() {
    let root = unpacked();
    let pem = std::fs::read_to_string(root.path().join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    let mut count = 0;
    for block in pem.split("-----BEGIN CERTIFICATE-----\n").skip(1) {
        let body: String = block.split("-----END").next().unwrap().split_whitespace().collect();
        let der = base64::prelude::BASE64_STANDARD.decode(body).unwrap();
        let mut store = rustls::RootCertStore::empty();
        store.add(der.into()).unwrap();
        count += 1;
    }
    assert!(count > 100, "{count}");
}
