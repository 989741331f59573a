//! Check that every vendor has a suite.

use std::fs;
use std::path::{Path, PathBuf};

use super::fixture::Vendor;
use super::scenarios;

/// Checks that each module that implements the port has a file of its name here, and is in the list if its feature is
/// on.
pub(crate) fn every_vendor_has_a_suite() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let main = fs::read_to_string(root.join("tests/vendors/main.rs")).unwrap();
    let mut vendors = Vec::new();
    for entry in fs::read_dir(root.join("src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if sources(&path).iter().any(|source| source.contains("impl LlmProvider for ")) {
            assert!(root.join(format!("tests/vendors/{name}.rs")).exists(), "{name} has no suite");
            assert!(main.contains(&format!("{name}::vendor(),")), "{name} is not in the list of vendors");
            vendors.push(name);
        }
    }
    assert!(vendors.contains(&"openai".to_owned()), "the sources were not found");
}

/// Checks that each skip names a scenario and a reason.
pub(crate) fn every_skip_names_a_scenario(vendors: &[Vendor]) {
    for vendor in vendors {
        for (skipped, reason) in vendor.skips {
            let mut names = scenarios::of(vendor).into_iter().flat_map(|(_, scenarios)| scenarios);
            let known = names.any(|(name, _)| name == skipped);
            assert!(known && !reason.is_empty(), "{}: {skipped}", vendor.name);
        }
    }
}

fn sources(path: &PathBuf) -> Vec<String> {
    if path.is_dir() {
        return fs::read_dir(path).unwrap().flat_map(|entry| sources(&entry.unwrap().path())).collect();
    }
    vec![fs::read_to_string(path).unwrap()]
}
