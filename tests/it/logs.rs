//! Logs of a whole process: their level, and what a panic leaves behind.
#![allow(clippy::disallowed_methods)]

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use aws_load_balancer_controller::telemetry::{LogFormat, LogLevel, end_on_panic, init, toggle_verbose};
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
