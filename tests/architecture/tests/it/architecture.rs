//! Layers of `ARCHITECTURE.md`, checked against cargo's resolution and the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Allowed dependencies between members, tests and benchmarks aside.
const ARROWS: [(&str, &[&str]); 7] = [
    ("nexus-core", &[]),
    ("nexus-store-memory", &["nexus-core"]),
    ("nexus-store-postgres", &["nexus-core"]),
    ("nexus-providers", &["nexus-core"]),
    ("nexus-server", &["nexus-core", "nexus-store-memory", "nexus-store-postgres", "nexus-providers"]),
    // The command line opens its store as the server does.
    (
        "nexus-cli",
        &["nexus-core", "nexus-store-memory", "nexus-store-postgres", "nexus-providers", "nexus-server"],
    ),
    // A fake that shares code with the code under test would share its mistakes.
    ("nexus-fake-provider", &[]),
];

/// Crates that only these members may name as a dependency of their own.
const DIRECT: [(&str, &[&str]); 6] = [
    ("sqlx", &["nexus-store-postgres"]),
    ("rusqlite", &["nexus-store-memory"]),
    ("tantivy", &["nexus-store-memory"]),
    ("reqwest", &["nexus-providers"]),
    ("axum", &["nexus-server", "nexus-fake-provider"]),
    ("clap", &["nexus-cli", "nexus-server", "nexus-fake-provider"]),
];

/// Crates that the core must not reach, directly or through others.
const NOT_IN_CORE: [&str; 9] = [
    "sqlx",
    "rusqlite",
    "tantivy",
    "reqwest",
    "axum",
    "clap",
    "hyper",
    "libsqlite3-sys",
    "tracing-subscriber",
];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn members(metadata: &Value) -> Vec<&Value> {
    let ids: BTreeSet<&str> =
        metadata["workspace_members"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| ids.contains(text(package, "id")))
        .collect()
}

/// Returns the names of a package's own dependencies of the ordinary kind.
fn direct(package: &Value) -> Vec<&str> {
    let all = package["dependencies"].as_array().unwrap();
    all.iter()
        .filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| text(dependency, "name"))
        .collect()
}

#[test]
fn every_arrow_points_inwards() {
    let metadata = metadata();
    let members = members(&metadata);
    let names: BTreeSet<&str> = members.iter().map(|member| text(member, "name")).collect();
    for (name, allowed) in ARROWS {
        let member = members.iter().find(|member| text(member, "name") == name).unwrap();
        for dependency in direct(member) {
            let fine = !names.contains(dependency) || allowed.contains(&dependency);
            assert!(fine, "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn each_foreign_world_is_named_in_one_place() {
    let metadata = metadata();
    for member in members(&metadata) {
        let name = text(member, "name");
        for (foreign, allowed) in DIRECT {
            let fine = !direct(member).contains(&foreign) || allowed.contains(&name);
            assert!(fine, "{name} must not depend on {foreign}");
        }
    }
}

#[test]
fn the_core_reaches_no_database_no_network_and_no_shell() {
    let metadata = metadata();
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (text(node, "id"), node))
        .collect();
    let core = names.iter().find(|(_, name)| **name == "nexus-core").map(|(id, _)| *id).unwrap();
    let (mut reached, mut waiting) = (BTreeSet::from([core]), vec![core]);
    while let Some(id) = waiting.pop() {
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            let ordinary =
                dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
            if ordinary && reached.insert(text(dependency, "pkg")) {
                waiting.push(text(dependency, "pkg"));
            }
        }
    }
    let reached: BTreeSet<&str> = reached.into_iter().map(|id| names[id]).collect();
    assert!(reached.contains("tokio"), "the walk is broken");
    for forbidden in NOT_IN_CORE {
        assert!(!reached.contains(forbidden), "nexus-core reaches {forbidden}");
    }
}

/// The feature makes proofs of decisions that no policy made.
#[test]
fn only_the_test_kit_turns_on_the_testing_feature_of_the_core() {
    let metadata = metadata();
    let (mut holders, mut features) = (BTreeSet::new(), BTreeSet::new());
    for member in members(&metadata) {
        let name = text(member, "name");
        if name == "nexus-core" {
            assert_eq!(member["features"]["testing"], serde_json::json!([]));
            assert!(member["features"]["default"].is_null(), "a default feature could turn it on");
        }
        for dependency in member["dependencies"].as_array().unwrap() {
            let to = text(dependency, "name");
            let enabled =
                dependency["features"].as_array().unwrap().iter().any(|feature| feature == "testing");
            let is_own_test = name == to && dependency["kind"] == "dev";
            if to == "nexus-core" && enabled && !is_own_test {
                features.insert(name);
            }
            if to == "nexus-testkit" && dependency["kind"].is_null() {
                holders.insert(name);
            }
        }
        let own = member["features"].as_object().unwrap().values().flat_map(|own| own.as_array().unwrap());
        assert!(own.clone().all(|enabled| enabled != "nexus-core/testing"), "{name}");
    }
    assert_eq!(features, BTreeSet::from(["nexus-testkit"]));
    // A crate of tests, on which no other crate depends.
    assert_eq!(holders, BTreeSet::from(["nexus-gateway-tests"]));
}

/// The registry knows each operation, and the name of an action is spelled in one place.
#[test]
fn each_operation_is_registered_and_each_action_is_spelled_once() {
    let mut sources = Vec::new();
    collect(&root().join("nexus-core/src"), &mut sources);
    let registry = fs::read_to_string(root().join("nexus-core/src/operations.rs")).unwrap();
    let (_, listed) = registry.split_once("pub const ALL").unwrap();
    let (listed, _) = listed.split_once("];").unwrap();
    let listed: Vec<&str> = listed.lines().filter_map(|line| line.trim().strip_suffix(',')).collect();
    let (mut declared, mut actions) = (Vec::new(), Vec::new());
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        for after in source.split("pub const ").skip(1) {
            let Some((name, value)) = after.split_once(": Operation =") else { continue };
            if name.contains(char::is_whitespace) {
                continue;
            }
            declared.push(name.to_owned());
            if let Some(action) = value.trim_start().strip_prefix("Operation::new(") {
                actions.push(action.split('"').nth(1).unwrap().to_owned());
            }
        }
    }
    declared.sort();
    let mut expected = listed.clone();
    expected.sort_unstable();
    assert_eq!(declared, expected);
    assert!(declared.len() > 40, "the operations were not found");
    let distinct: BTreeSet<&String> = actions.iter().collect();
    assert_eq!(distinct.len(), actions.len(), "{actions:?}");
}

#[test]
fn the_core_reads_no_environment_and_no_files() {
    let mut sources = Vec::new();
    collect(&root().join("nexus-core/src"), &mut sources);
    assert!(sources.len() > 20, "the sources were not found");
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        for forbidden in
            ["std::env::", "env::var", "std::fs", "File::open", "std::net", "tokio::fs", "tokio::net"]
        {
            assert!(!source.contains(forbidden), "{} uses {forbidden}", path.display());
        }
    }
}

/// A module without a model cannot call one past the gateway.
#[test]
fn only_the_gateway_holds_a_model() {
    let mut holders = 0;
    // The builder passes on its arguments.
    for (folder, allowed) in [
        ("nexus-core/src", &["/gateway/", "/builder.rs"][..]),
        ("nexus-server/src", &[]),
        ("nexus-cli/src", &[]),
    ] {
        let mut sources = Vec::new();
        collect(&root().join(folder), &mut sources);
        for path in sources {
            let source = fs::read_to_string(&path).unwrap();
            let ports = ["dyn LlmProvider", "dyn Embedder", "dyn SpeechSynthesizer"];
            if ports.iter().any(|port| source.contains(port)) {
                let name = path.to_string_lossy();
                assert!(allowed.iter().any(|place| name.contains(place)), "{name} holds a model");
                holders += 1;
            }
        }
    }
    assert!(holders >= 3, "the holders were not found");
}

#[test]
fn every_member_is_unpublished_and_inherits_lints_and_version() {
    let metadata = metadata();
    for member in members(&metadata) {
        let name = text(member, "name");
        assert_eq!(member["publish"], serde_json::json!([]), "{name} could be published");
        let manifest = fs::read_to_string(text(member, "manifest_path")).unwrap();
        for inherited in ["[lints]\nworkspace = true", "version.workspace = true", "license.workspace = true"]
        {
            assert!(manifest.contains(inherited), "{name} lacks `{}`", inherited.replace('\n', " "));
        }
    }
}

/// The order of a hash map differs from process to process, and the parsed text would with it.
#[test]
fn readers_of_documents_use_no_hash_maps() {
    let mut sources = Vec::new();
    collect(&root().join("nexus-providers/src/documents"), &mut sources);
    assert!(sources.len() > 30, "the readers were not found");
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        let hashed = ["HashMap", "HashSet", "RandomState"].iter().find(|name| source.contains(**name));
        assert_eq!(hashed, None, "{}", path.display());
    }
}

#[test]
fn every_direct_dependency_is_defended_in_the_decision_record() {
    let record = fs::read_to_string(root().join("docs/adr/0002-dependencies.md")).unwrap();
    let metadata = metadata();
    let members = members(&metadata);
    let names: BTreeSet<&str> = members.iter().map(|member| text(member, "name")).collect();
    let mut missing = BTreeSet::new();
    for member in &members {
        for dependency in member["dependencies"].as_array().unwrap() {
            let dependency = text(dependency, "name");
            if !names.contains(dependency) && !record.contains(&format!("\n| {dependency} |")) {
                missing.insert(dependency);
            }
        }
    }
    assert!(missing.is_empty(), "not in docs/adr/0002-dependencies.md: {missing:?}");
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}
