//! Logs of a whole process: their level, and what a panic leaves behind.
#![allow(clippy::disallowed_methods)]

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use aws_load_balancer_controller::telemetry::{LogFormat, LogLevel, end_on_panic, init, toggle_verbose};
use harness::assets::repository;
use serde_json::Value;

/// Runs another test of this binary in a process of its own; answers its status and the lines of its log.
fn run(test: &str) -> (std::process::ExitStatus, Vec<Value>) {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).args(["--exact", test, "--ignored", "--nocapture"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status, text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

#[tokio::test]
#[ignore = "half of another test"]
async fn panic_in_a_task() {
    init(LogLevel::Info, LogFormat::Json);
    end_on_panic();
    let _ = tokio::task::spawn(async { panic!("nobody expected {}", "this") }).await;
    unreachable!("a panic in a task ends the process");
}

#[test]
fn a_panic_in_a_task_ends_the_process_with_a_trace() {
    let (status, lines) = run("logs::panic_in_a_task");
    assert_eq!(status.signal(), Some(6), "{status}");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "error");
    assert!(lines[0]["panic"].as_str().unwrap().contains("nobody expected this"), "{}", lines[0]);
    assert!(lines[0]["trace"].as_str().unwrap().contains("panic_in_a_task"), "{}", lines[0]);
}

/// A program that ends as ours does, from a function that is called by another.
const BROKEN: &str = r#"
fn main() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}\n{}", std::backtrace::Backtrace::force_capture());
        std::process::abort();
    }));
    reconcile(std::env::args().count());
}

#[inline(never)]
fn reconcile(objects: usize) {
    look_up(&vec![objects; objects], objects + 3);
    println!("done");
}

#[inline(never)]
fn look_up(objects: &[usize], index: usize) {
    println!("{}", objects[index]);
}
"#;

/// Stripped of its symbols, or without the tables to unwind by, a release would leave a trace that tells nothing.
#[test]
fn a_trace_names_functions_in_the_release_profile_too() {
    let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let profile = manifest.split_once("[profile.release]\n").unwrap().1.split("\n[").next().unwrap();
    assert!(profile.contains("panic = \"abort\""), "{profile}");
    let folder = tempfile::tempdir().unwrap();
    let package =
        "[package]\nname = \"broken\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[profile.release]\n";
    std::fs::write(folder.path().join("Cargo.toml"), format!("{package}{profile}")).unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/main.rs"), BROKEN).unwrap();

    let build = ["build", "--release", "--offline", "--quiet", "--target-dir", "target"];
    let built = Command::new(env!("CARGO")).args(build).current_dir(folder.path()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let output = Command::new(folder.path().join("target/release/broken")).output().unwrap();
    assert_eq!(output.status.signal(), Some(6), "{}", output.status);
    let trace = String::from_utf8(output.stderr).unwrap();
    for part in ["index is 4", "broken::look_up", "broken::reconcile"] {
        assert!(trace.contains(part), "{part}: {trace}");
    }
}

#[test]
#[ignore = "half of another test"]
fn switch_the_level() {
    init(LogLevel::Info, LogFormat::Json);
    let talk = || tracing::debug!("whispered");
    talk();
    assert!(toggle_verbose());
    talk();
    assert!(!toggle_verbose());
    talk();
    tracing::info!("said");
}

#[test]
fn the_level_can_be_switched_while_the_process_runs() {
    let (status, lines) = run("logs::switch_the_level");
    assert!(status.success(), "{status}");
    let messages: Vec<_> = lines.iter().map(|line| line["msg"].as_str().unwrap()).collect();
    assert_eq!(messages, ["whispered", "said"]);
}
