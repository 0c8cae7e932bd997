//! Archives whose bytes depend on nothing but what is put in.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

/// A tar archive whose entries all have one time and no owner's name.
pub struct Archive {
    tar: tar::Builder<Vec<u8>>,
    /// Seconds since 1970.
    time: u64,
}

impl Archive {
    /// An empty archive; `time` is in seconds since 1970.
    pub fn new(time: u64) -> Self {
        Self { tar: tar::Builder::new(Vec::new()), time }
    }

    /// Adds a folder. Its path has no slash at either end.
    pub fn folder(&mut self, path: &str, mode: u32) -> Result<()> {
        let mut header = self.header(0, mode);
        header.set_entry_type(tar::EntryType::Directory);
        self.tar.append_data(&mut header, format!("{path}/"), std::io::empty()).context(path.to_owned())
    }

    /// Adds a file.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        let mut header = self.header(content.len() as u64, mode);
        header.set_entry_type(tar::EntryType::Regular);
        self.tar.append_data(&mut header, path, content).context(path.to_owned())
    }

    /// Adds a folder of the disk with everything in it, in the order of names, below `path`.
    pub fn tree(&mut self, path: &str, from: &Path) -> Result<()> {
        let mut entries: Vec<_> = std::fs::read_dir(from)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = format!("{path}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                self.tree(&name, &entry.path())?;
            } else {
                self.file(&name, 0o644, &std::fs::read(entry.path())?)?;
            }
        }
        Ok(())
    }

    /// The bytes.
    pub fn finish(self) -> Result<Vec<u8>> {
        Ok(self.tar.into_inner()?)
    }

    fn header(&self, size: u64, mode: u32) -> tar::Header {
        let mut header = tar::Header::new_ustar();
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(self.time);
        header.set_uid(0);
        header.set_gid(0);
        header
    }
}

/// Compressed with gzip, at a level from 0 to 9, without a time or a name.
pub fn compress(bytes: &[u8], level: u32) -> Result<Vec<u8>> {
    let mut encoder =
        GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::new(level));
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut digits, byte| {
        // Writing to a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
