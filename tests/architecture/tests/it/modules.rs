//! Floors of modules: a module imports only modules below it, so that no circle arises. Test code is excluded.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::architecture::root;
use crate::source::{code, without_tests};

/// Floors of a crate from the ground up, each with its lines from the ground up. A module imports modules of the lines
/// below its own, and none of its own line.
type Floors = &'static [(&'static str, &'static [&'static str])];

/// Floors of `nexus-core`.
const CORE: Floors = &[
    (
        "ground",
        &[
            "escape  hex  task_group  usage",
            "error",
            "clock  dates  id  language  money  page  store_retry",
            "owner  principal",
        ],
    ),
    (
        "domains",
        &[
            "audit  cache  policy  quota  speech",
            "access  price  retention",
            "document  transfer",
            "admin  retrieve",
            "corpus  grounding",
            "llm",
            "ledger  session",
            "run  stats  system",
        ],
    ),
    ("use cases", &["gateway", "engine", "ingest  search", "ask"]),
    ("top", &["store", "nexus", "operations", "builder"]),
];

/// Floors of `nexus-store-memory`.
const STORE: Floors = &[
    ("ground", &["error", "convert", "db  migrations"]),
    ("data", &["rows", "files", "cache  search", "stats"]),
    ("top", &["store", "ports  transfer"]),
];

/// Module of a crate, at any depth.
struct Module {
    /// Path from the crate's root: `retrieve`, `filter`.
    path: Vec<String>,
    file: PathBuf,
    code: String,
}

#[test]
fn no_module_of_core_imports_one_above_it() {
    check("nexus-core", CORE);
}

#[test]
fn no_module_of_the_embedded_store_imports_one_above_it() {
    check("nexus-store-memory", STORE);
}

/// The page that a stranger reads shows the floors that the code has.
#[test]
fn the_architecture_page_draws_the_floors_of_the_tables() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (floor, lines) in CORE.iter().chain(STORE) {
        for line in *lines {
            assert!(page.contains(line), "ARCHITECTURE.md does not draw `{line}` on the floor `{floor}`");
        }
    }
}

#[test]
fn an_import_upwards_is_found_with_its_line_and_test_code_is_not() {
    let source = "use crate::below::{Thing, Other};\n\nfn call() {\n    crate::above::call();\n}\n\n\
                  #[cfg(test)]\nmod tests {\n    use crate::above::Fake;\n}\n";
    assert_eq!(upwards(&["here"], source), ["file.rs:4: `here` imports `above`"]);
}

#[test]
fn an_import_is_found_in_each_form() {
    for (path, source) in [
        (&["here"][..], "use crate::{\n    below::Thing,\n    above::{Deep, Deeper},\n};\n"),
        (&["here"], "use super::above::Thing;\n"),
        (&["here", "inner"], "\n\nuse super::super::above::Thing;\n"),
        (&["here"], "pub use crate::above;\n"),
        (&["here"], "use crate::Facade;\n"),
        (&["here"], "use super::Facade;\n"),
    ] {
        assert_eq!(upwards(path, source).len(), 1, "{source}");
    }
}

#[test]
fn an_import_of_the_same_line_fails_and_prose_is_no_import() {
    assert_eq!(upwards(&["here"], "use crate::beside::Thing;\n").len(), 1);
    for source in [
        "/// As [`above`](crate::above).\nfn call() {}\n",
        "const TEXT: &str = \"crate::above\";\n",
        "const TEXT: &str = r#\"\"crate::above\"#;\n",
        "use super::inner::Thing;\nuse self::above::Thing;\n",
        "use other_crate::above::Thing;\n",
        "fn quote() -> char { '\"' } // crate::above\n",
    ] {
        assert_eq!(upwards(&["here", "part"], source), Vec::<String>::new(), "{source}");
    }
}

/// Returns the imports upwards of a source in a small crate.
fn upwards(path: &[&str], source: &str) -> Vec<String> {
    let ranks = BTreeMap::from([("below", 0), ("here", 1), ("beside", 1), ("above", 2)]);
    let exports = BTreeMap::from([("Facade".to_owned(), "above".to_owned())]);
    let module = Module {
        path: path.iter().map(|&name| name.to_owned()).collect(),
        file: PathBuf::from("file.rs"),
        code: without_tests(&code(source)),
    };
    violations(&module, &ranks, &exports)
}

fn check(name: &str, floors: Floors) {
    let folder = root().join(name).join("src");
    let (modules, exports) = modules(&folder);
    let lines = floors.iter().flat_map(|(_, lines)| lines.iter());
    let ranks: BTreeMap<&str, usize> = lines
        .enumerate()
        .flat_map(|(rank, line)| line.split_whitespace().map(move |module| (module, rank)))
        .collect();
    for module in &modules {
        let top = module.path.first().unwrap().as_str();
        assert!(ranks.contains_key(top), "{name}: `{top}` has no floor: add it to the table");
    }
    for module in ranks.keys() {
        let is_there = modules.iter().any(|found| found.path.first().is_some_and(|top| top == module));
        assert!(is_there, "{name} has no module `{module}`: remove it from the table");
    }
    let found: Vec<String> = modules.iter().flat_map(|module| violations(module, &ranks, &exports)).collect();
    assert!(found.is_empty(), "imports upwards or of the same line:\n{}", found.join("\n"));
}

/// Returns the imports of `module` that its place forbids, each as a sentence that names the file and the line.
fn violations(
    module: &Module,
    ranks: &BTreeMap<&str, usize>,
    exports: &BTreeMap<String, String>,
) -> Vec<String> {
    let top = module.path.first().unwrap();
    let rank = ranks.get(top.as_str()).copied().unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for (line, name) in imports(&module.code, module.path.len()) {
        let imported = exports.get(&name).unwrap_or(&name);
        let Some(&other) = ranks.get(imported.as_str()) else { continue };
        if imported != top && other >= rank {
            found.push(format!("{}:{line}: `{top}` imports `{imported}`", module.file.display()));
        }
    }
    found
}

/// Returns all modules below the root of the crate in `folder`, tests excluded, and the names that the root exports,
/// each with its module.
fn modules(folder: &Path) -> (Vec<Module>, BTreeMap<String, String>) {
    let read = |file: &Path| without_tests(&code(&fs::read_to_string(file).unwrap()));
    let lib = read(&folder.join("lib.rs"));
    let mut modules: Vec<Module> = Vec::new();
    let mut waiting: Vec<(PathBuf, Vec<String>)> =
        declared(&lib).into_iter().map(|name| (folder.to_owned(), vec![name])).collect();
    while let Some((parent, path)) = waiting.pop() {
        let home = parent.join(path.last().unwrap());
        let candidates = [home.with_extension("rs"), home.join("mod.rs")];
        let file = candidates.iter().find(|file| file.is_file()).unwrap();
        let code = read(file);
        waiting.extend(declared(&code).into_iter().map(|name| {
            let path = path.iter().cloned().chain([name]).collect();
            (home.clone(), path)
        }));
        let shown = file.strip_prefix(root()).unwrap_or(file).to_owned();
        modules.push(Module { path, file: shown, code });
    }
    (modules, exports(&lib))
}

/// Returns the modules that `code` declares in files of their own.
fn declared(code: &str) -> Vec<String> {
    let statements = code.split_inclusive([';', '{', '}']);
    statements
        .filter_map(|statement| {
            let words: Vec<&str> = statement.strip_suffix(';')?.split_whitespace().collect();
            match words.as_slice() {
                [.., "mod", name] => Some((*name).to_owned()),
                _ => None,
            }
        })
        .collect()
}

/// Returns the names that the root of a crate exports, each with the module that it comes from.
fn exports(lib: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for statement in lib.split(';') {
        let Some((module, names)) =
            statement.trim().strip_prefix("pub use ").and_then(|path| path.split_once("::"))
        else {
            continue;
        };
        for name in names.split(|c: char| !is_word(c)).filter(|name| !name.is_empty()) {
            exports.insert(name.to_owned(), module.to_owned());
        }
    }
    exports
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the first segments below the root of the paths in `code` that begin there, each with its line. `depth` is
/// the number of `super` that lead from this code to the root.
fn imports(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (start, keyword) in ["crate::", "super::"].iter().flat_map(|keyword| code.match_indices(keyword)) {
        let (before, path) = code.split_at(start);
        if before.ends_with(|c: char| is_word(c) || c == ':') {
            continue;
        }
        let mut rest = path;
        let mut supers = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            (rest, supers) = (after, supers + 1);
        }
        if keyword == "crate::" {
            rest = path.strip_prefix(keyword).unwrap_or_default();
        } else if supers < depth {
            continue;
        }
        let offset = code.len() - rest.len();
        for (at, name) in first_segments(rest) {
            let line = code.get(..offset + at).unwrap_or_default().matches('\n').count() + 1;
            found.push((line, name));
        }
    }
    found
}

/// Returns the first segment of a path, or of each path of a group in braces, with its place in `rest`.
fn first_segments(rest: &str) -> Vec<(usize, String)> {
    let (mut depth, mut expected, mut segments) = (0_usize, true, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 1 => expected = true,
            c if is_word(c) && expected && depth <= 1 => {
                let name = rest.get(at..).unwrap_or_default().split(|c: char| !is_word(c)).next();
                segments.push((at, name.unwrap_or_default().to_owned()));
                expected = false;
            }
            _ => {}
        }
        if depth == 0 && !c.is_whitespace() {
            break;
        }
    }
    segments
}
