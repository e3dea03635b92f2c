//! A test file without its `mod` line is never compiled, and never fails.

use std::fs;
use std::path::Path;

use crate::graph::rust_files;

#[test]
fn every_test_file_has_its_mod_line() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    // These are packages of their own, with their own roots.
    let own = |path: &String| ["lab/", "differential/", "crash/"].iter().any(|own| path.starts_with(own));
    let files: Vec<_> = rust_files(&tests).into_iter().filter(|path| !own(path)).collect();
    assert!(files.len() > 10, "the tests were not found: {files:?}");
    for file in &files {
        let path = Path::new(file);
        let (name, directory) = match path.file_name().unwrap().to_str().unwrap() {
            "main.rs" => continue,
            "mod.rs" => {
                let module = path.parent().unwrap();
                (module.file_name().unwrap().to_str().unwrap(), module.parent().unwrap())
            }
            _ => (path.file_stem().unwrap().to_str().unwrap(), path.parent().unwrap()),
        };
        let parents = match directory.to_str().unwrap() {
            "" => vec!["main.rs".to_owned()],
            above => vec![format!("{above}/mod.rs"), format!("{above}.rs")],
        };
        let declared = parents.iter().filter_map(|parent| fs::read_to_string(tests.join(parent)).ok()).any(|text| {
            text.lines().any(|line| {
                let line = line.trim().trim_start_matches("pub ");
                line == format!("mod {name};")
            })
        });
        assert!(declared, "tests/{file} is in no `mod` line of {parents:?}");
    }
}
