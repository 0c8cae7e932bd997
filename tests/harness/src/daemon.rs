//! Child processes that cannot outlive their parent.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};

/// Runs a command on a leash: a watchdog in the same process group holds the read end of a pipe whose write end only we hold.
/// However we end, the kernel closes it, and the watchdog kills the group. The shell then becomes the command itself, so its
/// process id is that of the child we see.
const LEASH: &str = r#"exec 3<&0 </dev/null
{ read -r _ <&3; kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&-
exec "$@""#;

/// What to run.
#[derive(Debug, Clone)]
pub struct Program {
    /// A short name, which is also that of the log file.
    pub name: String,
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment; nothing is inherited but `PATH`.
    pub env: BTreeMap<String, String>,
}

impl Program {
    /// A program without arguments.
    pub fn new(name: impl Into<String>, path: PathBuf) -> Self {
        Self { name: name.into(), path, args: Vec::new(), env: BTreeMap::new() }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }
}

/// A running child process. Dropping it kills it, and so does the death of this process, whatever its cause.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
    _leash: Option<ChildStdin>,
}

impl Daemon {
    /// Starts a program whose output is appended to `<logs>/<name>.log`.
    pub fn start(program: &Program, logs: &Path) -> Result<Self> {
        let log = logs.join(format!("{}.log", program.name));
        let output = File::options().create(true).append(true).open(&log)?;
        let mut child = Command::new("sh")
            .args(["-c", LEASH, &program.name])
            .arg(&program.path)
            .args(&program.args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(&program.env)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.name))?;
        // why: waiting for a child closes its standard input, and closing this one kills it.
        let leash = child.stdin.take();
        Ok(Self { name: program.name.clone(), child, log, _leash: leash })
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its output.
    pub fn tail(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_else(|error| error.to_string());
        let all: Vec<&str> = text.lines().collect();
        all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
    }

    /// Fails, with the end of its log, if it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}:\n{}", self.name, self.tail(20)),
        }
    }

    /// Sends a signal; one that has ended already needs none.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let Some(pid) = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed())) else { return Ok(()) };
        match kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("signalling {}", self.name)),
        }
    }

    /// Sends SIGKILL and waits for the end.
    pub async fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait().await?;
        Ok(())
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn terminate(&mut self, deadline: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.end(deadline).await
    }

    /// Waits for the end.
    pub async fn end(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let ended = tokio::time::timeout(deadline, self.child.wait()).await;
        Ok(ended.with_context(|| format!("{} did not end within {deadline:?}", self.name))??)
    }
}
