//! The folder of one run: configuration, data and logs, gone with its owner.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};

/// Waits until its owner is gone and removes the folder, unless told to keep it. Writers may still be dying, hence the loop.
const JANITOR: &str =
    r#"trap '' INT TERM HUP; read -r word; [ "$word" = keep ] || until rm -rf "$1"; do :; done"#;

/// A temporary folder that is removed when this value is dropped, and also when the process dies by a signal.
///
/// A panic keeps the folder, because its logs are then wanted.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    janitor: Child,
    word: Mutex<Option<ChildStdin>>,
}

impl Home {
    /// Makes a new, empty folder.
    pub fn create() -> Result<Self> {
        // why: a socket in it must fit into 104 bytes, so the name is short.
        let path = tempfile::Builder::new().prefix("lbc-").tempdir()?.keep();
        let mut janitor = Command::new("sh")
            .args(["-c", JANITOR, "janitor"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting sh")?;
        let word = Mutex::new(janitor.stdin.take());
        Ok(Self { path, janitor, word })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path below the folder.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a folder below the folder.
    pub fn folder(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let path = self.join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Writes a file below the folder and returns its path.
    pub fn write(&self, name: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// Leaves the folder in place for good.
    pub fn keep(&self) {
        if let Some(mut word) = self.take_word() {
            // A janitor that is gone removes nothing, which is what is asked for.
            let _ = word.write_all(b"keep\n");
        }
    }

    fn take_word(&self) -> Option<ChildStdin> {
        self.word.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("logs are kept in {}", self.path.display());
            self.keep();
        }
        drop(self.take_word());
        let _ = self.janitor.wait();
    }
}
