//! The sources of production code, for the tests that read them.

use harness::assets::repository;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of production code.
pub(crate) struct Source {
    /// Its path in the repository.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

impl Source {
    /// Its text up to the tests at its end.
    pub(crate) fn code(&self) -> &str {
        production(&self.text)
    }
}

/// The files under some folders of the repository, by path, without those of tests.
pub(crate) fn sources(folders: &[&str]) -> Vec<Source> {
    let root = repository();
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut sources = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.file_stem().is_some_and(|stem| stem == "tests") {
                continue;
            }
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(read_source(&root, &path));
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

/// One file under `root`.
pub(crate) fn read_source(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    Source { path: path.strip_prefix(root).unwrap().display().to_string(), text }
}

/// The text of a file up to the tests at its end.
pub(crate) fn production(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}
