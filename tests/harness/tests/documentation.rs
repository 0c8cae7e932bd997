//! Every command of the documentation is run, as it stands there, or it is on a list with the reason why not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use harness::assets::{chart, controller_binary, repository};
use harness::walkthrough::{Walkthrough, progress::Progress};
use tokio::process::Command;

/// What stands in angle brackets, and what is put there.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("<your registry>", "registry.example.com"),
    ("<registry>", "registry.example.com"),
    ("<version>", "v3.5.100"),
    ("<cluster>", "demo"),
    ("<role ARN>", "arn:aws:iam::111122223333:role/controller"),
    ("<name>", "svc-nlb-ip-type"),
    ("FILE…", "service.yaml"),
    ("-f shop.yaml", "-f service.yaml"),
];

/// Beginnings of commands that are not run, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("aws ", "the AWS CLI is not among what tests need"),
    (
        "aws-load-balancer-controller console",
        "it serves until it is interrupted; tests/it/console.rs looks at the pages",
    ),
    (
        "aws-load-balancer-controller completion zsh",
        "it writes to a folder of the user's shell, which is not there",
    ),
    (
        "aws-load-balancer-controller completion fish",
        "it writes to a folder of the user's shell, which is not there",
    ),
    (
        "aws-load-balancer-controller status ingress/shop -n shop --wait=5m",
        "it waits for an Ingress of the reader's own",
    ),
    (
        "aws-load-balancer-controller status -n shop --watch",
        "it goes on until it is interrupted; tests/it/status.rs records what it prints",
    ),
    ("crane ", "there is no registry"),
    ("helm push ", "there is no registry"),
    (
        "kubectl wait targetgroupbinding ",
        "the condition is behind a feature gate, and the names of bindings are made",
    ),
    (
        "helm rollback ",
        "the stand-in for the Go controller answers no webhooks, which this chart still names",
    ),
    ("kubectl -n kube-system port-forward ", "it forwards until it is interrupted"),
    ("oras ", "there is no registry"),
    ("skopeo ", "there is no registry"),
];

/// Beginnings of commands that may end with another status than 0: what they say depends on what they find.
const STATUSES: &[(&str, &[i32])] = &[
    ("aws-load-balancer-controller doctor", &[0, 1]),
    ("aws-load-balancer-controller plan", &[0, 1, 2]),
    ("aws-load-balancer-controller lint", &[0, 1]),
    ("aws-load-balancer-controller status", &[0, 1]),
    ("aws-load-balancer-controller migrate", &[0, 3]),
    ("kubectl kustomize . | aws-load-balancer-controller lint", &[0, 1]),
    ("helm template shop | aws-load-balancer-controller lint", &[0, 1]),
    // The page shows how it is refused.
    ("kubectl apply -f service.yaml", &[1]),
];

/// Pages that start on an empty cluster.
const NOTHING_INSTALLED: &[&str] = &["docs/install.md"];
/// Pages that start where the Go controller's chart is installed.
const GO_CONTROLLER_INSTALLED: &[&str] = &["README.md", "docs/migrate.md"];
/// The page that is read in the folder of the chart.
const CHART: &str = "charts/aws-load-balancer-controller/README.md";

/// A command and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    place: String,
    text: String,
}

/// The commands of a page: lines of blocks that are indented or fenced as `sh`. Of a block with prompts only what follows one.
fn commands(page: &str, text: &str) -> Vec<Shown> {
    let mut found = Vec::new();
    for (first, block) in blocks(text) {
        let has_prompts = block.iter().any(|line| line.starts_with("$ "));
        let mut joined: Option<Shown> = None;
        for (number, line) in block.iter().enumerate() {
            let line = match (has_prompts, line.strip_prefix("$ ")) {
                (true, None) => continue,
                (_, Some(rest)) => rest,
                (false, None) => line,
            };
            let line = line.split("  #").next().unwrap_or_default().trim();
            let part = line.trim_end_matches('\\').trim_end();
            match &mut joined {
                Some(shown) => shown.text = format!("{} {part}", shown.text),
                None => {
                    joined =
                        Some(Shown { place: format!("{page}:{}", first + number), text: part.to_owned() });
                }
            }
            if !line.ends_with('\\') {
                found.extend(
                    joined.take().filter(|shown| !shown.text.is_empty() && !shown.text.starts_with('#')),
                );
            }
        }
    }
    found
}

/// Blocks of commands: the number of the first line, and the lines.
fn blocks(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    let mut fence: Option<bool> = None;
    let mut before = "";
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            fence =
                if fence.is_some() { None } else { Some(matches!(language, "" | "sh" | "bash" | "console")) };
            goes_on = false;
        } else {
            let is_indented = line.starts_with("    ") && (goes_on || before.is_empty());
            let part = match fence {
                Some(of_commands) => of_commands.then_some(line),
                None => is_indented.then(|| &line[4..]),
            };
            match part {
                Some(part) if goes_on => found.last_mut().unwrap().1.push(part.to_owned()),
                Some(part) => found.push((index + 1, vec![part.to_owned()])),
                None => {}
            }
            goes_on = part.is_some();
        }
        before = line;
    }
    found
}

/// Pages with their texts, relative to the repository.
fn pages() -> Vec<(String, String)> {
    let mut paths = vec![PathBuf::from("README.md"), PathBuf::from("CONTRIBUTING.md"), PathBuf::from(CHART)];
    let mut book: Vec<PathBuf> = std::fs::read_dir(repository().join("docs"))
        .unwrap()
        .map(|entry| Path::new("docs").join(entry.unwrap().file_name()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    book.sort();
    paths.extend(book);
    let read = |path: PathBuf| {
        (path.display().to_string(), std::fs::read_to_string(repository().join(&path)).unwrap())
    };
    paths.into_iter().map(read).collect()
}

fn commands_of(page: &str) -> Vec<Shown> {
    let text = std::fs::read_to_string(repository().join(page)).unwrap();
    commands(page, &text)
}

/// Where commands are typed: a folder with what a user would have there.
struct Workspace {
    walk: Walkthrough,
    folder: tempfile::TempDir,
}

impl Workspace {
    async fn set_up() -> Self {
        let walk = Walkthrough::start(Progress::silent()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let workspace = Self { walk, folder };
        workspace.lay_out().await;
        workspace
    }

    async fn lay_out(&self) {
        let path = self.folder.path();
        for name in ["charts", "docs", "Makefile"] {
            std::os::unix::fs::symlink(repository().join(name), path.join(name)).unwrap();
        }
        let manifests = repository().join("tests/harness/manifests");
        std::fs::copy(manifests.join("typo.yaml"), path.join("service.yaml")).unwrap();
        std::fs::copy(manifests.join("game-2048.yaml"), path.join("ingress.yaml")).unwrap();
        std::fs::write(path.join("kustomization.yaml"), "resources: [ingress.yaml]\n").unwrap();
        std::fs::create_dir(path.join("manifests")).unwrap();
        std::fs::copy(manifests.join("echo.yaml"), path.join("manifests/echo.yaml")).unwrap();
        std::fs::write(path.join("values.yaml"), "clusterName: demo\n").unwrap();
        self.run("helm create shop", path).await.unwrap();
    }

    /// Types a command; answers why it is not as the page has it.
    async fn try_command(&self, shown: &Shown, folder: &Path) -> Result<()> {
        let mut text = shown.text.clone();
        for (placeholder, value) in PLACEHOLDERS {
            text = text.replace(placeholder, value);
        }
        if let Some(rest) = text.strip_prefix("make ") {
            // Long, or run by every other test; here it counts that the target exists.
            text = format!("make --dry-run {rest}");
        }
        let (status, said) = self.run(&text, folder).await?;
        let allowed =
            STATUSES.iter().find(|(start, _)| text.starts_with(start)).map_or(&[0][..], |(_, all)| all);
        ensure!(allowed.contains(&status), "{}: `{text}` ends with {status}: {said}", shown.place);
        for mistake in ["unexpected argument", "Usage:", "unknown flag", "panicked"] {
            ensure!(!said.contains(mistake), "{}: `{text}`: {said}", shown.place);
        }
        Ok(())
    }

    async fn run(&self, text: &str, folder: &Path) -> Result<(i32, String)> {
        let programs =
            [self.walk.cluster.binary("kubectl")?, self.walk.cluster.binary("helm")?, controller_binary()?];
        let folders: BTreeSet<String> =
            programs.iter().filter_map(|program| Some(program.parent()?.display().to_string())).collect();
        let path = folders.into_iter().collect::<Vec<_>>().join(":");
        let home = self.walk.cluster.home().path();
        let output = Command::new("bash")
            .args(["-o", "pipefail", "-c", text])
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap_or_default()))
            .env("HOME", home)
            .env("KUBECONFIG", self.walk.cluster.kubeconfig())
            .env("AWS_ENDPOINT_URL", self.walk.aws.endpoint())
            .envs([
                ("AWS_REGION", "us-west-2"),
                ("AWS_ACCESS_KEY_ID", "demo"),
                ("AWS_SECRET_ACCESS_KEY", "demo"),
            ])
            .output()
            .await?;
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        Ok((output.status.code().unwrap_or(-1), said.concat()))
    }

    /// Types the commands of a page one after the other.
    async fn read_page(&self, page: &str, wrong: &mut Vec<String>) {
        let folder = if page == CHART { chart() } else { self.folder.path().to_path_buf() };
        for shown in commands_of(page) {
            if NOT_RUN.iter().any(|(start, _)| shown.text.starts_with(start)) {
                continue;
            }
            if let Err(error) = self.try_command(&shown, &folder).await {
                wrong.push(error.to_string());
            }
        }
    }

    async fn uninstall(&self) {
        let uninstall = "helm uninstall aws-load-balancer-controller -n kube-system --ignore-not-found --wait --timeout=60s";
        let (status, said) = self.run(uninstall, self.folder.path()).await.unwrap();
        assert_eq!(status, 0, "{said}");
    }

    /// The Go controller's chart, with what a user gave it. `--reuse-values` then brings its own default values along, too.
    async fn install_go_controller(&self) {
        let chart = repository().join("tests/harness/manifests/go-controller");
        let (values, chart) = (chart.join("values.yaml").display().to_string(), chart.display().to_string());
        let install =
            ["install", "aws-load-balancer-controller", &chart, "-n", "kube-system", "--values", &values];
        self.walk.cluster.helm(&install).await.unwrap().expect_ok().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_that_install_and_swap_work_as_they_are_written() {
    let (workspace, mut wrong) = (Workspace::set_up().await, Vec::new());
    for page in NOTHING_INSTALLED.iter().chain([&CHART]) {
        workspace.read_page(page, &mut wrong).await;
        workspace.uninstall().await;
    }
    for page in GO_CONTROLLER_INSTALLED {
        workspace.install_go_controller().await;
        workspace.read_page(page, &mut wrong).await;
        workspace.uninstall().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_all_other_pages_work_as_they_are_written() {
    let (mut workspace, mut wrong) = (Workspace::set_up().await, Vec::new());
    workspace.walk.install().await.unwrap();
    workspace.walk.expose_echo().await.unwrap();
    // Two revisions, for a page that goes back to the first.
    let values = "helm upgrade aws-load-balancer-controller charts/aws-load-balancer-controller -n kube-system --reset-then-reuse-values";
    assert_eq!(workspace.run(values, workspace.folder.path()).await.unwrap().0, 0);
    let special: Vec<&str> =
        NOTHING_INSTALLED.iter().chain(GO_CONTROLLER_INSTALLED).copied().chain([CHART]).collect();
    for (page, _) in pages() {
        if !special.contains(&page.as_str()) {
            workspace.read_page(&page, &mut wrong).await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_reason_not_to_run_a_command_is_needed() {
    let all: Vec<Shown> = pages().iter().flat_map(|(page, text)| commands(page, text)).collect();
    for (start, why) in NOT_RUN {
        assert!(
            all.iter().any(|shown| shown.text.starts_with(start)),
            "no command starts with {start}: {why}"
        );
    }
    assert!(all.len() >= 40, "{} commands", all.len());
}

#[test]
fn commands_are_found_in_indented_and_fenced_blocks() {
    let page = "Text\n\n    helm install a \\\n      --set b   # why\n    # a comment\n\n```yaml\nkind: Service\n```\n\n```sh\nkubectl get pods\n```\n\n    $ a plan\n    said\n\n- item\n    more of the item\n";
    let found: Vec<(String, String)> =
        commands("p", page).into_iter().map(|shown| (shown.place, shown.text)).collect();
    let expected = [("p:3", "helm install a --set b"), ("p:12", "kubectl get pods"), ("p:15", "a plan")];
    assert_eq!(found, expected.map(|(place, text)| (place.to_owned(), text.to_owned())));
}
