//! Modules beside one another depend on one another in one direction only.
//!
//! A module and what is below it are one thing in parts, so what leads from a module to its own parents or children does not count.

use super::{read_paths, strip_comments_and_tests};
use crate::sources::{Source, sources};
use std::collections::{BTreeMap, BTreeSet};

/// Modules by path, `plan::diff`, with the modules that they name.
type ImportGraph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_beside_one_another_form_no_circle() {
    assert_eq!(circles(&graph(&sources(&["src"]))), Vec::<Vec<String>>::new());
}

#[test]
fn a_circle_is_found_however_long_it_is() {
    let file = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let files = [
        file("src/plan/mod.rs", "mod diff;\nuse diff::x;"),
        file("src/plan/diff.rs", "use super::{Plan, render::sign};"),
        file("src/plan/render.rs", "use crate::plan::impact;"),
        file("src/plan/impact.rs", "fn f() { super::diff::g() }"),
        file("src/plan/step.rs", "use super::impact::f;"),
    ];
    assert_eq!(circles(&graph(&files)), [["plan::diff", "plan::impact", "plan::render"]]);
}

fn graph(files: &[Source]) -> ImportGraph {
    let modules: BTreeSet<String> = files.iter().map(|file| module_of(&file.path)).collect();
    let edges = files.iter().map(|file| {
        let module = module_of(&file.path);
        let named = read_paths(&strip_comments_and_tests(&file.text));
        let named = named.iter().filter_map(|path| find_module(&module, path, &modules));
        let beside = named.filter(|other| !is_within(other, &module) && !is_within(&module, other));
        (module.clone(), beside.collect())
    });
    edges.collect()
}

/// `src/plan/diff.rs` and `src/plan/diff/mod.rs` are `plan::diff`.
fn module_of(path: &str) -> String {
    let path = path.strip_prefix("src/").unwrap().strip_suffix(".rs").unwrap();
    path.strip_suffix("/mod").unwrap_or(path).replace('/', "::")
}

/// The module that a path leads to, or into.
fn find_module(from: &str, path: &str, modules: &BTreeSet<String>) -> Option<String> {
    let mut base: Vec<&str> = from.split("::").collect();
    let mut rest: Vec<&str> = path.split("::").collect();
    match *rest.first()? {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            base.pop();
        }
        _ => return None,
    }
    rest.remove(0);
    while rest.first() == Some(&"super") {
        rest.remove(0);
        base.pop();
    }
    base.extend(rest);
    while !base.is_empty() {
        let module = base.join("::");
        if modules.contains(&module) {
            return Some(module);
        }
        base.pop();
    }
    None
}

fn is_within(inner: &str, outer: &str) -> bool {
    inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with("::"))
}

/// Sets of modules each of which leads to every other, sorted.
fn circles(graph: &ImportGraph) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|module| (module, reach(graph, module))).collect();
    let mut found = BTreeSet::new();
    for (module, others) in &reached {
        let back = others.iter().filter(|other| reached.get(*other).is_some_and(|all| all.contains(module)));
        let circle: Vec<String> = back.map(|other| (*other).clone()).collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// The modules that a module leads to over any number of others; itself if there is a way back.
fn reach<'g>(graph: &'g ImportGraph, from: &str) -> BTreeSet<&'g String> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&String> = graph.get(from).into_iter().flatten().collect();
    while let Some(module) = waiting.pop() {
        if reached.insert(module) {
            waiting.extend(graph.get(module).into_iter().flatten());
        }
    }
    reached
}
