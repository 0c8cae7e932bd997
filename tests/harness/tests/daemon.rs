//! Nothing outlives the process that started it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use harness::{
    daemon::{Daemon, Program},
    eventually,
    home::Home,
};

/// Started by the test below: runs a daemon, says where, and waits to be killed.
#[tokio::test]
#[ignore = "half of another test"]
async fn run_a_daemon_until_killed() {
    let home = Home::create().unwrap();
    let program = Program::new("daemon", PathBuf::from("/bin/sh")).args(["-c", "while :; do sleep 1; done"]);
    let daemon = Daemon::start(&program, home.path()).unwrap();
    println!("\ndaemon {} {}", daemon.pid().unwrap(), home.path().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_daemon_and_its_folder_are_gone_after_the_sudden_death_of_their_owner() {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "run_a_daemon_until_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.starts_with("daemon ")).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let [_, pid, folder] = words[..] else { unreachable!("{line}") };
    assert!(is_running(pid) && Path::new(folder).is_dir(), "{line}");

    owner.kill().unwrap();
    owner.wait().unwrap();

    eventually("the daemon and its folder are gone", Duration::from_secs(20), || async {
        anyhow::ensure!(!is_running(pid), "process {pid} still runs");
        anyhow::ensure!(!Path::new(folder).exists(), "{folder} is still there");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_daemon_that_ends_is_reported_with_the_end_of_its_log() {
    let home = Home::create().unwrap();
    let program =
        Program::new("brief", PathBuf::from("/bin/sh")).args(["-c", "echo something is wrong; exit 3"]);
    let mut daemon = Daemon::start(&program, home.path()).unwrap();
    let report = eventually("it ends", Duration::from_secs(20), || {
        let ended = daemon.check().err().ok_or_else(|| anyhow::anyhow!("it still runs"));
        std::future::ready(ended)
    });
    let report = report.await.unwrap().to_string();
    assert!(report.contains("exit status: 3") && report.contains("something is wrong"), "{report}");
}

/// Whether the process lives; a zombie that nobody has waited for does not.
fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_else(|_| String::new());
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}
