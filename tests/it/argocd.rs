//! The health checks for Argo CD that the chart ships, run by an interpreter of Lua on the objects of `tests/cases/argocd`.

use harness::assets::{chart, repository};
use mlua::{Lua, LuaSerdeExt as _, Table};
use serde::Deserialize;
use serde_json::Value;
use std::path::PathBuf;

/// An object and its health.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    object: Value,
    is: String,
    says: Option<String>,
}

/// The scripts, by group and kind as Argo CD names them.
pub(crate) fn scripts() -> Vec<(String, String)> {
    let folder = chart().join("files/argocd");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

/// Runs a script as Argo CD does: the object is the global `obj`, the answer a table.
fn run(script: &str, object: &Value) -> (String, String) {
    let lua = Lua::new();
    lua.globals().set("obj", lua.to_value(object).unwrap()).unwrap();
    let health: Table = lua.load(script).eval().unwrap();
    (health.get("status").unwrap(), health.get("message").unwrap())
}

#[test]
fn every_health_check_tells_what_its_cases_say() {
    let scripts = scripts();
    assert!(scripts.len() >= 4);
    for (name, script) in scripts {
        let path = repository().join("tests/cases/argocd").join(format!("{name}.yaml"));
        let cases: Vec<Case> = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for Case { object, is, says } in cases {
            let (status, message) = run(&script, &object);
            assert_eq!((&status, says.as_ref().unwrap_or(&message)), (&is, &message), "{name}: {object}");
        }
    }
}
