//! The layers, held by their manifests, and the rules of the house that no lint holds.

use std::fs;
use std::path::{Path, PathBuf};

/// A crate and the crates of ours that it may name; a folder each.
const MAY_NAME: [(&str, &[&str]); 5] = [
    ("proto", &[]),
    ("lake", &[]),
    ("ingest", &["dinh-proto", "dinh-lake"]),
    ("query", &["dinh-proto", "dinh-lake"]),
    ("hub", &["dinh-proto", "dinh-lake", "dinh-ingest", "dinh-query"]),
];
/// What the lake must not know of: protocols, doors, and the engine that reads it.
const NOT_IN_THE_LAKE: [&str; 6] = ["tonic", "prost", "axum", "pgwire", "clap", "datafusion"];
/// Lines of a file before its tests.
const LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace holds it").to_owned()
}

/// The names of all that a crate depends on, its tests and its build script too.
fn dependencies(folder: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = tables.into_iter().filter_map(|table| manifest.get(table)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn a_crate_names_only_those_below_it() {
    let workspace: toml::Table =
        fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    assert_eq!(members.len(), MAY_NAME.len(), "a crate without a layer: {members:?}");
    for (folder, may_name) in MAY_NAME {
        for dependency in dependencies(folder).iter().filter(|name| name.starts_with("dinh-")) {
            assert!(may_name.contains(&dependency.as_str()), "{folder} must not name {dependency}");
        }
    }
}

#[test]
fn the_lake_knows_no_protocol() {
    for dependency in dependencies("lake") {
        let foreign = NOT_IN_THE_LAKE.iter().any(|name| dependency.split('-').next() == Some(name));
        assert!(!foreign, "the lake must not name {dependency}");
    }
}

#[test]
fn only_the_edge_of_the_way_in_names_messages_and_domain() {
    let named = sources("ingest/src").into_iter().filter(|(_, text)| text.contains("dinh_proto"));
    let edge = |path: &str| {
        path.ends_with("lib.rs") || path.contains("/wire") || path.contains("/service")
    };
    let inside: Vec<_> = named.map(|(path, _)| path).filter(|path| !edge(path)).collect();
    assert!(inside.is_empty(), "{inside:?} must not name messages");
}

#[test]
fn files_are_short_and_names_can_be_traced() {
    for (folder, _) in MAY_NAME {
        for (path, text) in sources(&format!("{folder}/src")) {
            let glob = text
                .lines()
                .find(|line| line.trim_start().starts_with("pub use ") && line.contains("::*"));
            assert!(
                glob.is_none(),
                "{path}: a name cannot be traced through `{}`",
                glob.unwrap_or_default()
            );
            let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
            assert!(
                lines <= LINES_MAX || path.ends_with("tests.rs"),
                "{path} has {lines} lines before its tests"
            );
            let says = text.starts_with("//!") || path.ends_with("tests.rs");
            assert!(says, "{path} does not say what it is for");
        }
    }
}

/// The Rust files below a folder, without those that are generated.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("generated") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().display().to_string(), text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}
