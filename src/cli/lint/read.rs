//! Finds the manifests to lint: files, folders, patterns and the standard input.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Endings of files that are taken from folders, as by kubectl.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// The content of a file.
#[derive(Clone, Debug)]
pub struct ManifestFile {
    /// Path as the user gave it, or `stdin`.
    pub name: String,
    /// Content.
    pub text: String,
}

/// A file, folder or pattern that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct Unreadable {
    /// Path as the user gave it.
    pub name: String,
    /// What the operating system said.
    pub reason: String,
}

/// Reads every path. A path that cannot be read does not keep the others from being read.
pub(super) fn read_sources(
    paths: &[PathBuf],
    recursive: bool,
    stdin: &mut dyn Read,
) -> (Vec<ManifestFile>, Vec<Unreadable>) {
    let (mut sources, mut unreadable) = (Vec::new(), Vec::new());
    let found = paths.iter().flat_map(|path| find_files(path, recursive));
    for file in found {
        match file.and_then(|path| read_source(&path, stdin)) {
            Ok(source) => sources.push(source),
            Err(error) => unreadable.push(error),
        }
    }
    (sources, unreadable)
}

/// The files that a path stands for, in the order of their names.
fn find_files(path: &Path, recursive: bool) -> Vec<Result<PathBuf, Unreadable>> {
    if path == Path::new("-") || path.is_file() {
        return vec![Ok(path.to_owned())];
    }
    if path.is_dir() {
        return find_in_folder(path, recursive);
    }
    match path.to_str().filter(|text| text.contains(['*', '?', '['])) {
        Some(pattern) => find_matches(pattern, recursive),
        None => vec![Ok(path.to_owned())],
    }
}

/// The manifests of a folder. Links to folders are not followed, so that a circle of links ends.
fn find_in_folder(folder: &Path, recursive: bool) -> Vec<Result<PathBuf, Unreadable>> {
    let depth = if recursive { usize::MAX } else { 1 };
    let entries = WalkDir::new(folder).min_depth(1).max_depth(depth).sort_by_file_name();
    entries
        .into_iter()
        .filter_map(|entry| match entry {
            Ok(entry) => is_manifest(entry.path()).then(|| Ok(entry.into_path())),
            Err(error) => Some(Err(Unreadable {
                name: error.path().unwrap_or(folder).display().to_string(),
                reason: error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
            })),
        })
        .collect()
}

fn is_manifest(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str);
    path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// The files and folders that a shell pattern matches.
fn find_matches(pattern: &str, recursive: bool) -> Vec<Result<PathBuf, Unreadable>> {
    let unreadable = |reason: String| vec![Err(Unreadable { name: pattern.to_owned(), reason })];
    let matches = match glob::glob(pattern) {
        Ok(matches) => matches,
        Err(error) => return unreadable(error.to_string()),
    };
    let found: Vec<_> = matches
        .flat_map(|entry| match entry {
            Ok(path) if path.is_dir() => find_in_folder(&path, recursive),
            Ok(path) => vec![Ok(path)],
            Err(error) => vec![Err(Unreadable {
                name: error.path().display().to_string(),
                reason: error.error().to_string(),
            })],
        })
        .collect();
    if found.is_empty() { unreadable("no file matches this pattern".to_owned()) } else { found }
}

fn read_source(path: &Path, stdin: &mut dyn Read) -> Result<ManifestFile, Unreadable> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = stdin.read_to_string(&mut text);
        return named("stdin".to_owned(), read.map(|_| text));
    }
    named(path.display().to_string(), std::fs::read_to_string(path))
}

fn named(name: String, text: std::io::Result<String>) -> Result<ManifestFile, Unreadable> {
    match text {
        Ok(text) => Ok(ManifestFile { name, text }),
        Err(error) => Err(Unreadable { name, reason: error.to_string() }),
    }
}
