//! Names: one word, one meaning. The glossary of CONTRIBUTING.md is read here, so that it stays true.

use crate::sources::{read_source, sources};
use harness::assets::repository;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Type names that are defined more than once: the same thing as it is wanted, as AWS shows it and as a request, and
/// fields of custom resources that have upstream's names.
const DEFINED_TWICE: &[&str] = &[
    "Accelerator",
    "AcceleratorAddressType",
    "AcceleratorProtocol",
    "ClientAffinity",
    "Endpoint",
    "EndpointGroup",
    "IngressGroup",
    "Listener",
    "LoadBalancer",
    "PortOverride",
    "PortRange",
    "Protection",
    "Rule",
    "SecurityGroup",
    "TargetGroup",
];

/// Folders of production code.
const PRODUCTION: &[&str] = &["src", "webhook-certs/src"];

/// Names that tools take for build output, and skip.
const OF_BUILD_OUTPUT: &[&str] = &["build", "dist", "out", "target"];

#[test]
fn no_type_name_is_defined_twice() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources(PRODUCTION) {
        for name in type_names(source.code()) {
            places.entry(name).or_default().push(source.path.clone());
        }
    }
    places.retain(|name, places| places.len() > 1 && !DEFINED_TWICE.contains(&name.as_str()));
    assert_eq!(places, BTreeMap::new());
}

#[test]
fn every_name_of_the_glossary_is_where_it_says() {
    let rows = glossary_rows();
    assert!((30..=45).contains(&rows.len()), "{} rows", rows.len());
    let wrong: Vec<_> = rows.iter().filter(|row| !is_there(&row.name)).map(|row| &row.name).collect();
    assert_eq!(wrong, Vec::<&String>::new());
    let mut words: Vec<_> = rows.iter().flat_map(|row| row.word.split(", ")).collect();
    words.sort_unstable();
    let all = words.len();
    words.dedup();
    assert_eq!(words.len(), all, "a word has two rows: {words:?}");
}

/// Share of comments on items that may have no more than two words, in percent.
const MOST_SHORT_COMMENTS: usize = 3;

/// why: so short a comment repeats the name of what it is about
#[test]
fn a_comment_says_more_than_its_name() {
    let sources = sources(PRODUCTION);
    let comments: Vec<String> = sources.iter().flat_map(|source| comments_of_items(source.code())).collect();
    let short: Vec<&String> = comments.iter().filter(|text| text.split_whitespace().count() <= 2).collect();
    assert!(
        short.len() * 100 <= comments.len() * MOST_SHORT_COMMENTS,
        "{} of {}",
        short.len(),
        comments.len()
    );
}

#[test]
fn comments_of_items_are_read_as_their_lines() {
    let code = "/// One\n/// two.\nfn f() {}\n\n    /// Three.\n    x: u8,\n// no";
    assert_eq!(comments_of_items(code), ["One two.", "Three."]);
}

#[test]
fn words_without_a_meaning_are_in_no_name() {
    let banned = banned_words();
    assert!(banned.len() > 10, "{banned:?}");
    let mut found = Vec::new();
    for source in sources(PRODUCTION) {
        let names = type_names(source.code()).into_iter().chain(function_names(source.code()));
        for name in names.chain([source.path.clone()]) {
            let words = split_words(&name);
            let hits = banned.iter().filter(|banned| words.iter().any(|word| is_form_of(word, banned)));
            found.extend(hits.map(|word| format!("{}: {name} has {word}", source.path)));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_name_is_read_as_its_words() {
    let cases: &[(&str, &str, bool)] = &[
        ("LedgerPages", "ledger", true),
        ("note_doubts", "doubt", true),
        ("is_settled", "settle", true),
        ("src/deploy/ledger.rs", "ledger", true),
        ("asphalt", "halt", false),
        ("dashboard", "board", false),
        ("StackResources", "stack", true),
    ];
    for (name, word, expected) in cases {
        let has = split_words(name).iter().any(|one| is_form_of(one, word));
        assert_eq!(has, *expected, "{word} in {name}");
    }
}

#[test]
fn no_folder_has_a_name_of_build_output() {
    let mut folders = vec![repository()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            // why: what cargo and git write is not of the sources
            let is_skipped = name.starts_with('.') || (folder == repository() && name == "target");
            if is_skipped || !entry.file_type().unwrap().is_dir() {
                continue;
            }
            let is_empty = fs::read_dir(entry.path()).unwrap().next().is_none();
            if OF_BUILD_OUTPUT.contains(&name.as_str()) && !is_empty {
                found.push(entry.path());
            }
            folders.push(entry.path());
        }
    }
    assert_eq!(found, Vec::<PathBuf>::new());
}

/// Names of structs, enums, traits and type aliases; associated types are none.
/// The texts of comments that begin with three slashes, each in one line.
fn comments_of_items(code: &str) -> Vec<String> {
    let mut comments: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in code.lines() {
        let text = line.trim_start().strip_prefix("///").map(str::trim);
        match (text, comments.last_mut()) {
            (Some(text), Some(last)) if is_inside => *last = format!("{last} {text}"),
            (Some(text), _) => comments.push(text.to_owned()),
            (None, _) => {}
        }
        is_inside = text.is_some();
    }
    comments
}

fn type_names(code: &str) -> Vec<String> {
    let declared = code.lines().filter_map(|line| {
        let is_indented = line.starts_with(' ');
        let words = item_words(line);
        let (keyword, name) = words.split_once(' ')?;
        let is_type = match keyword {
            "struct" | "enum" | "trait" | "union" => true,
            "type" => !is_indented,
            _ => false,
        };
        is_type.then(|| identifier(name)).filter(|name| name.starts_with(char::is_uppercase))
    });
    declared.collect()
}

fn function_names(code: &str) -> Vec<String> {
    let functions = code.lines().filter_map(|line| {
        let words = item_words(line);
        let words = words.strip_prefix("const ").unwrap_or(words);
        let words = words.strip_prefix("async ").unwrap_or(words);
        words.strip_prefix("fn ").map(identifier)
    });
    functions.collect()
}

/// The line from the keyword of an item on.
fn item_words(line: &str) -> &str {
    let line = line.trim_start();
    let Some(rest) = line.strip_prefix("pub") else { return line };
    match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(") ").map_or(line, |(_, rest)| rest),
        None => rest.trim_start(),
    }
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The words of a name in any notation, in lower case.
fn split_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if !letter.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        if letter.is_uppercase() {
            words.push(String::new());
        }
        words.last_mut().unwrap().extend(letter.to_lowercase());
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a word is another one or an inflection of it.
fn is_form_of(word: &str, base: &str) -> bool {
    let stem = base.strip_suffix('e').unwrap_or(base);
    word == base
        || ["s", "es", "ed", "er", "ing"]
            .iter()
            .any(|end| word.strip_suffix(end) == Some(stem) || word.strip_suffix(end) == Some(base))
}

/// A row of the glossary.
struct Row {
    word: String,
    /// The path of a type or a module, without `crate::`.
    name: String,
}

fn glossary() -> String {
    let text = fs::read_to_string(repository().join("CONTRIBUTING.md")).unwrap();
    let (_, rest) = text.split_once("\n## Glossary\n").unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

fn glossary_rows() -> Vec<Row> {
    let glossary = glossary();
    let rows = glossary.lines().filter(|line| line.ends_with("` |"));
    rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        Row { word: cells[0].to_owned(), name: cells[2].trim_matches(['`', ' ']).to_owned() }
    })
    .collect()
}

fn banned_words() -> Vec<String> {
    let glossary = glossary().replace('\n', " ");
    let (_, list) = glossary.split_once("several meanings or none: ").unwrap();
    list.trim().trim_end_matches('.').split(',').map(|word| word.trim().to_owned()).collect()
}

/// Whether a path names a module of `src/`, or a type that is defined in one.
fn is_there(path: &str) -> bool {
    let root = repository().join("src");
    let is_module = |path: &str| module_file(&root, path).is_some();
    let Some((module, name)) = path.rsplit_once("::") else { return is_module(path) };
    module_file(&root, module).is_some_and(|file| {
        let source = read_source(&root, &file);
        type_names(source.code()).iter().any(|defined| defined == name)
    })
}

fn module_file(root: &Path, path: &str) -> Option<PathBuf> {
    let path = path.replace("::", "/");
    [root.join(format!("{path}.rs")), root.join(path).join("mod.rs")].into_iter().find(|file| file.is_file())
}
