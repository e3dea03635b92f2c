//! Every invalid configuration of `tests/fixtures/invalid` through the real binary: `config validate` and `init` refuse
//! it in the same words, which name file, line, field, value and fix, and neither panics.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use kubewright_config::yaml;

use super::program::{Home, Said};

struct Case {
    name: String,
    /// Whether `init` only warns of it.
    strict: bool,
    bytes: Vec<u8>,
    message: String,
}

fn cases() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/invalid");
    let mut cases = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let group = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let documents = yaml::documents(&fs::read(&path).unwrap()).unwrap();
        for case in documents[0].value().as_array().unwrap() {
            let text = |field: &str| case.get(field).and_then(|value| value.as_str()).unwrap_or_default();
            let mut bytes = match case.get("hex").and_then(|hex| hex.as_str()) {
                Some(hex) => hex::decode(hex).unwrap(),
                None => text("file").as_bytes().to_vec(),
            };
            if let Some(repeat) = case.get("repeat") {
                let times = repeat["times"].as_u64().unwrap();
                bytes.extend(repeat["text"].as_str().unwrap().repeat(usize::try_from(times).unwrap()).bytes());
            }
            cases.push(Case {
                name: format!("{group}/{}", text("name")),
                strict: case.get("strict").is_some_and(|strict| strict.as_bool() == Some(true)),
                bytes,
                message: text("message").to_owned(),
            });
        }
    }
    assert!(cases.len() >= 200, "{}", cases.len());
    cases
}

/// Runs the program over every so-manieth case, two at a time, and tells which did not end as they must.
fn each(fits: impl Fn(&Case) -> bool, step: usize, run: impl Fn(&Home, &str) -> Said + Sync) {
    let cases: Vec<Case> = cases().into_iter().filter(|case| fits(case)).step_by(step).collect();
    assert!(cases.len() >= 80, "{}", cases.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let home = Home::new();
        let path = home.path().join("kubeadm.yaml");
        let mut wrong = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            home.write_bytes("kubeadm.yaml", &case.bytes);
            let said = run(&home, path.as_str());
            let message = case.message.replace("kubeadm.yaml", path.as_str());
            let whole = format!("{}{}", said.out, said.err);
            if said.code != Some(1) || !whole.contains(&message) || whole.contains("panicked") {
                wrong.push(format!("{}: expected {message}\n{said:?}", case.name));
            }
        }
        wrong
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

#[test]
fn config_validate_refuses_every_one() {
    each(|_| true, 1, |home, path| home.run(&["config", "validate", "--config", path]));
}

/// The library's tests run `init`'s reading over all of them; this is about the way through the program.
#[test]
fn init_refuses_every_third_that_it_reads() {
    let others = ["join/", "reset/", "upgrade/"];
    let fits = |case: &Case| {
        let text = String::from_utf8_lossy(&case.bytes);
        let kinds = ["JoinConfiguration", "ResetConfiguration", "UpgradeConfiguration"];
        !case.strict
            && !others.iter().any(|group| case.name.starts_with(group))
            && !kinds.iter().any(|kind| text.contains(&format!("kind: {kind}")))
    };
    each(fits, 3, |home, path| home.run(&["init", "--dry-run", "--config", path]));
}
