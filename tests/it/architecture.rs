//! The map of the house holds: dependencies point down, and each outside library has one room.
//!
//! The rules are the tables below. A new module of `src/` needs a row, so that nobody adds one without a place.

mod cycles;

use crate::sources::{Source, production, sources};
use harness::assets::repository;
use std::collections::BTreeSet;

/// A module of `src/`, its layer, and the modules of the same layer that it may name.
/// Lower layers may always be named, higher ones never. Layers 0 to 2 are the core.
const MODULES: &[(&str, u8, &[&str])] = &[
    ("api", 0, &[]),
    ("aws_api", 0, &[]),
    ("finding", 0, &[]),
    ("config", 1, &[]),
    ("model", 1, &[]),
    ("annotations", 1, &[]),
    ("facts", 1, &["annotations", "config", "model"]),
    ("settings", 2, &["gateway"]),
    ("builder", 2, &["gateway", "settings"]),
    ("gateway", 2, &[]),
    ("global_accelerator", 2, &["settings"]),
    ("plan", 2, &[]),
    ("secret_certificates", 2, &[]),
    ("targets", 2, &[]),
    ("status", 2, &["builder", "plan", "settings", "targets"]),
    ("take_over", 2, &["builder", "gateway", "plan"]),
    ("admission", 2, &["builder", "gateway", "plan", "settings", "take_over"]),
    ("migrate", 2, &["admission", "builder", "gateway", "settings", "take_over"]),
    ("topology", 2, &["gateway", "settings", "status", "targets"]),
    ("clock", 3, &[]),
    ("fence", 3, &[]),
    ("aws", 3, &["clock", "fence"]),
    ("metrics", 3, &["aws"]),
    ("pool", 3, &["metrics"]),
    ("deploy", 3, &["aws", "clock", "metrics"]),
    // why deploy: ports of deploy that the API server keeps have their adapters where its client is.
    ("cluster", 3, &["clock", "deploy", "fence"]),
    ("telemetry", 3, &["clock"]),
    ("controller", 4, &["args", "serve"]),
    ("serve", 4, &[]),
    ("cli", 4, &["args", "controller", "serve"]),
    ("args", 4, &[]),
    ("lib", 5, &[]),
    ("main", 5, &[]),
];

const CORE: u8 = 2;

/// A path prefix, and the only modules that may name it.
const ROOMS: &[(&str, &[&str])] = &[
    ("aws_sdk_", &["aws"]),
    ("aws_config", &["aws"]),
    ("aws_smithy_", &["aws"]),
    ("axum", &["serve"]),
    ("kube::Client", &["cluster"]),
    ("kube::client", &["cluster"]),
];

/// What the core may not name: I/O, clocks, environment, threads, and collections whose order is random.
const NOT_IN_CORE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net::Tcp",
    "std::net::Udp",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "tokio",
    "tracing",
    "rand",
];

/// Lines of production code in one file, comments and blank lines not counted.
const LONGEST: usize = 600;

#[test]
fn dependencies_point_down_and_every_library_keeps_to_its_room() {
    let offences_of = |source: Source| find_offences(source.path.strip_prefix("src/").unwrap(), &source.text);
    let offences: Vec<_> = sources(&["src"]).into_iter().flat_map(offences_of).collect();
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn every_row_is_of_a_module_that_is_there() {
    let root = repository().join("src");
    let is_there = |module: &str| root.join(module).is_dir() || root.join(format!("{module}.rs")).is_file();
    let rows = MODULES.iter().map(|(module, ..)| *module);
    assert_eq!(rows.filter(|module| !is_there(module)).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_forbidden_edge_is_named() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("model/stack.rs", "use crate::aws_api::Ref;", &[]),
        (
            "model/stack.rs",
            "use crate::builder::Built;",
            &["src/model/stack.rs: model (layer 1) may not name builder (layer 2)"],
        ),
        (
            "plan/mod.rs",
            "use crate::{\n  builder::Built,\n  model::Stack,\n};",
            &["src/plan/mod.rs: plan (layer 2) may not name builder (layer 2)"],
        ),
        ("status/mod.rs", "fn f(p: crate::plan::Plan) {}", &[]),
        (
            "builder/mod.rs",
            "use aws_sdk_elasticloadbalancingv2::Client;",
            &["src/builder/mod.rs: only aws may name aws_sdk_elasticloadbalancingv2::Client"],
        ),
        (
            "controller/mod.rs",
            "use kube::{Api, Client};",
            &["src/controller/mod.rs: only cluster may name kube::Client"],
        ),
        (
            "facts/mod.rs",
            "use std::collections::{BTreeMap, HashMap};",
            &["src/facts/mod.rs: the core may not name std::collections::HashMap"],
        ),
        ("facts/mod.rs", "// use std::fs;\n#[cfg(test)]\nmod tests { use std::fs; }", &[]),
        ("attic.rs", "", &["src/attic.rs: attic has no row in tests/it/architecture.rs"]),
    ];
    for (file, text, expected) in cases {
        assert_eq!(find_offences(file, text), *expected, "{file}: {text}");
    }
}

#[test]
fn nested_imports_are_read_as_the_paths_they_stand_for() {
    let paths = read_paths("use a::{self, b::{C, D as E}, f::*};\nfn g() { h::i::j(k::<l::M>()) }");
    let expected = ["a", "a::b::C", "a::b::D", "a::f", "h::i::j", "l::M"];
    assert!(expected.iter().all(|path| paths.contains(*path)), "{paths:?}");
}

fn find_offences(file: &str, text: &str) -> Vec<String> {
    let module = file.split(['/', '.']).next().unwrap();
    let Some((layer, siblings)) = look_up(module) else {
        return vec![format!("src/{file}: {module} has no row in tests/it/architecture.rs")];
    };
    let code = strip_comments_and_tests(text);
    let mut offences = Vec::new();
    for path in read_paths(&code) {
        offences.extend(
            judge_path(module, layer, siblings, &path).map(|offence| format!("src/{file}: {offence}")),
        );
    }
    let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
    if lines > LONGEST {
        offences.push(format!("src/{file}: {lines} lines of code, at most {LONGEST} are allowed"));
    }
    offences
}

fn look_up(module: &str) -> Option<(u8, &'static [&'static str])> {
    MODULES.iter().find(|row| row.0 == module).map(|row| (row.1, row.2))
}

fn judge_path(module: &str, layer: u8, siblings: &[&str], path: &str) -> Option<String> {
    if let Some((_, homes)) = ROOMS.iter().find(|(prefix, _)| path.starts_with(prefix))
        && !homes.contains(&module)
    {
        return Some(format!("only {} may name {path}", homes.join(" and ")));
    }
    if layer <= CORE && NOT_IN_CORE.iter().any(|banned| starts_path(path, banned)) {
        return Some(format!("the core may not name {path}"));
    }
    let other = path.strip_prefix("crate::")?.split("::").next()?;
    let (theirs, _) = look_up(other)?;
    let allowed = other == module || theirs < layer || (theirs == layer && siblings.contains(&other));
    (!allowed).then(|| format!("{module} (layer {layer}) may not name {other} (layer {theirs})"))
}

/// Whether `path` is `banned` or below it; `std::net::Tcp` also covers `std::net::TcpStream`.
fn starts_path(path: &str, banned: &str) -> bool {
    let Some(rest) = path.strip_prefix(banned) else { return false };
    rest.is_empty() || rest.starts_with("::") || banned.ends_with("Tcp") || banned.ends_with("Udp")
}

/// The code up to the tests, without comments.
fn strip_comments_and_tests(text: &str) -> String {
    let lines =
        production(text).lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every path of the code, imports unfolded.
fn read_paths(code: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut rest = code;
    while let Some(start) = find_use(rest) {
        read_plain_paths(&rest[..start], &mut paths);
        let statement = rest[start + "use ".len()..].split(';').next().unwrap();
        unfold("", statement, &mut paths);
        rest = &rest[start + "use ".len() + statement.len()..];
    }
    read_plain_paths(rest, &mut paths);
    paths
}

fn find_use(code: &str) -> Option<usize> {
    code.match_indices("use ").map(|(at, _)| at).find(|at| {
        let line = code[..*at].rsplit('\n').next().unwrap();
        matches!(line.trim(), "" | "pub" | "pub(crate)" | "pub(super)")
    })
}

fn read_plain_paths(code: &str, paths: &mut BTreeSet<String>) {
    let words = code.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'));
    paths.extend(words.filter(|word| word.contains("::")).map(|word| word.trim_matches(':').to_owned()));
}

/// Adds the paths of an import tree such as `a::{b, c::{d, e}}`.
fn unfold(prefix: &str, tree: &str, paths: &mut BTreeSet<String>) {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let prefix = format!("{prefix}{}", head.trim());
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        for branch in split_group(group) {
            unfold(&prefix, branch, paths);
        }
        return;
    }
    let leaf = tree.split(" as ").next().unwrap().trim();
    let path = match leaf {
        "" => return,
        "self" | "*" => prefix.to_owned(),
        _ => format!("{prefix}{leaf}"),
    };
    paths.insert(path.trim_end_matches("::*").trim_end_matches("::").to_owned());
}

/// Splits at the commas that stand in no inner group.
fn split_group(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut branches) = (0_usize, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&group[start..]);
    branches
}
