//! Random files, made from real ones: nothing may panic or hang, and what is said of a file must hold everywhere.
//!
//! A few hundred a run; `KUBEWRIGHT_FUZZ_SECONDS=3600 cargo test -p kubewright-config fuzz` goes on for an hour.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_macros, clippy::print_stdout)]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::file_schema::tests::Judge;
use crate::load::tests::machine;
use crate::validate::file::tests::cases;
use crate::{HostFacts, InitFlags, Reading, check_file, load_init, migrate, stored_cluster, yaml};

const CASES: u32 = 256;

/// Far more than any file of this size takes, even in a debug build: of the thread's own time, which does not pass while
/// a busy machine gives the processor to others.
const LIMIT: Duration = Duration::from_secs(20);

fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs().try_into().unwrap())
}

/// A file that sets nearly everything, and is right.
const WHOLE: &str = include_str!("fuzz/whole.yaml");

const FILES: [&str; 10] = [
    WHOLE,
    include_str!("../../tests/fixtures/full/v1beta4-local.yaml"),
    include_str!("../../tests/fixtures/full/v1beta4-external.yaml"),
    include_str!("../../tests/fixtures/full/v1beta3-local.yaml"),
    include_str!("../../tests/fixtures/full/v1beta3-external.yaml"),
    include_str!("../../tests/fixtures/full/v1beta2-local.yaml"),
    include_str!("../../tests/fixtures/kubeadm-1.36.2/print/init-defaults.yaml"),
    include_str!("../../tests/fixtures/kubeadm-1.36.2/print/join-defaults.yaml"),
    include_str!("../../tests/fixtures/kubeadm-1.36.2/print/upgrade-defaults.yaml"),
    include_str!("../../tests/fixtures/kubeadm-1.20.2/print/init-defaults.yaml"),
];

/// Files that somebody could have meant: valid ones, and those with one fault each.
static CORPUS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let valid = FILES.into_iter().map(|file| file.as_bytes().to_vec());
    let small = |bytes: &Vec<u8>| bytes.len() < 100_000;
    valid.chain(cases().iter().map(|(_, case)| case.bytes()).filter(small)).collect()
});

/// Texts that mean something to a parser, a rule or a type.
const TOKENS: [&str; 64] = [
    "",
    "null",
    "~",
    "true",
    "no",
    "0",
    "-1",
    "010",
    "1e3",
    "1e400",
    ".inf",
    "0x",
    "6443",
    "65536",
    "2147483648",
    "9223372036854775808",
    "99999999999999999999",
    "\"\"",
    "'",
    "\"",
    "[]",
    "{}",
    "[null]",
    "{a: b}",
    "[[[[",
    "}}}}",
    "- ",
    "? ",
    ": ",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!!int x",
    "!x ",
    "|",
    ">-",
    "|2-",
    "%YAML 1.1",
    "---",
    "...",
    "#",
    "\t",
    "\r\n",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{0}",
    "é",
    "4m",
    "-4m",
    "1.5h",
    "87600h0m0.000000001s",
    "10.96.0.0/12",
    "fd00::/108",
    "0.0.0.0/0",
    "::/0",
    "[fd00::1]:6443",
    "v1.36.2",
    "stable-1",
    "v1.20.99999999999999999999",
    "unix:///x",
    "all",
    "v1beta2",
];

#[derive(Debug, Clone)]
enum Change {
    Remove(Index, u8),
    Insert(Index, &'static str),
    InsertBytes(Index, Vec<u8>),
    RemoveLine(Index),
    RepeatLine(Index, u8),
    SwapLines(Index, Index),
    /// Replaces what follows the `:` of a line.
    Value(Index, &'static str),
    Indent(Index, u8),
    /// Puts a part of another file in.
    Splice(Index, Index, Index, u8),
    Nest(Index, u16),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let token = || prop::sample::select(TOKENS.to_vec());
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), 1..20_u8).prop_map(|(place, count)| Change::Remove(place, count)),
        4 => (at(), token()).prop_map(|(place, token)| Change::Insert(place, token)),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..8)).prop_map(|(place, bytes)| Change::InsertBytes(place, bytes)),
        3 => at().prop_map(Change::RemoveLine),
        2 => (at(), 1..4_u8).prop_map(|(place, count)| Change::RepeatLine(place, count)),
        2 => (at(), at()).prop_map(|(a, b)| Change::SwapLines(a, b)),
        8 => (at(), token()).prop_map(|(place, token)| Change::Value(place, token)),
        2 => (at(), 0..8_u8).prop_map(|(place, count)| Change::Indent(place, count)),
        2 => (at(), at(), at(), 1..10_u8).prop_map(|(place, file, from, count)| Change::Splice(place, file, from, count)),
        1 => (at(), 1..400_u16).prop_map(|(place, depth)| Change::Nest(place, depth)),
        1 => at().prop_map(Change::Cut),
    ]
}

fn apply(file: &mut Vec<u8>, change: Change) {
    let byte = |place: Index, file: &Vec<u8>| place.index(file.len() + 1);
    match change {
        Change::Remove(place, count) => {
            let start = byte(place, file);
            let end = (start + usize::from(count)).min(file.len());
            file.drain(start..end);
        }
        Change::Insert(place, token) => insert(file, byte(place, file), token.as_bytes()),
        Change::InsertBytes(place, bytes) => insert(file, byte(place, file), &bytes),
        Change::Nest(place, depth) => insert(file, byte(place, file), "[".repeat(depth.into()).as_bytes()),
        Change::Cut(place) => file.truncate(byte(place, file)),
        _ => in_lines(file, change),
    }
}

fn insert(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    file.splice(at..at, bytes.iter().copied());
}

fn in_lines(file: &mut Vec<u8>, change: Change) {
    let mut lines: Vec<Vec<u8>> = file.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let line = |place: Index, lines: &Vec<Vec<u8>>| place.index(lines.len());
    match change {
        Change::RemoveLine(place) => drop(lines.remove(line(place, &lines))),
        Change::RepeatLine(place, count) => {
            let at = line(place, &lines);
            let copies = vec![lines[at].clone(); count.into()];
            lines.splice(at..at, copies);
        }
        Change::SwapLines(a, b) => {
            let (a, b) = (line(a, &lines), line(b, &lines));
            lines.swap(a, b);
        }
        Change::Value(place, token) => {
            let at = line(place, &lines);
            let line = &mut lines[at];
            let key = line.iter().position(|byte| *byte == b':').map_or(0, |colon| colon + 1);
            line.truncate(key);
            line.extend([b" ", token.as_bytes()].concat());
        }
        Change::Indent(place, count) => {
            let at = line(place, &lines);
            let start = lines[at].iter().take_while(|byte| **byte == b' ').count();
            lines[at].splice(..start, vec![b' '; count.into()]);
        }
        Change::Splice(place, other, from, count) => {
            let at = line(place, &lines);
            let other = other.get(&CORPUS);
            let others: Vec<Vec<u8>> = other.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            let from = from.index(others.len());
            lines.splice(at..at, others.into_iter().skip(from).take(count.into()));
        }
        _ => {}
    }
    *file = lines.join(&b'\n');
}

/// A file, shown as text where a test fails.
struct File(Vec<u8>);

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

fn file() -> impl Strategy<Value = File> {
    let changed = (any::<Index>(), prop::collection::vec(change(), 0..6)).prop_map(|(start, changes)| {
        let mut file = start.get(&CORPUS).clone();
        for change in changes {
            apply(&mut file, change);
        }
        file
    });
    let text = "[-:a-c&*!|>'\"{}\\[\\]#?,% \n]{0,200}".prop_map(String::into_bytes);
    prop_oneof![16 => changed, 1 => prop::collection::vec(any::<u8>(), 0..200), 2 => text].prop_map(File)
}

fn fill(bytes: &mut [u8]) {
    bytes.fill(1);
}

const STRICT: Reading = Reading { strict: true, allow_deprecated: true };

/// What holds for every file.
fn holds(bytes: &[u8], judge: &Judge) -> Result<(), TestCaseError> {
    let start = own_time();
    let host = machine();
    let _ = stored_cluster(bytes);
    let _ = crate::load_reset(Some(("f", bytes)), &crate::ResetFlags::default(), &host);
    let _ = crate::load_upgrade(Some(("f", bytes)), &crate::UpgradeFlags::default());
    let _ = crate::load_images(Some(("f", bytes)), &InitFlags::default(), &HostFacts::default());
    let init = load_init(Some(("f", bytes)), &InitFlags::default(), &host, &mut fill);
    if let Err(errors) = &init {
        prop_assert!(!errors.errors.is_empty());
    }
    let checked = check_file(("f", bytes), STRICT, &host);
    let migrated = migrate(("f", bytes), STRICT, &host, &mut fill);
    prop_assert_eq!(checked.is_ok(), migrated.is_ok(), "validate and migrate agree");
    let lenient = check_file(("f", bytes), Reading::default(), &host);
    prop_assert!(lenient.is_ok() || checked.is_err(), "strict reading takes what lenient reading refuses");
    for error in [&checked, &lenient].into_iter().filter_map(|result| result.as_ref().err()).flat_map(|it| &it.errors) {
        prop_assert!(error.hint.is_some(), "no fix: {}", error);
        prop_assert!(error.line.is_some() || error.field.is_empty(), "no line: {}", error);
        prop_assert!(!error.to_string().contains('\n'), "several lines: {}", error);
    }
    let documents = yaml::documents(bytes).unwrap_or_default();
    for document in &documents {
        let text = yaml::to_string(document.value());
        let again = yaml::document(text.as_bytes());
        let again = again.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(again.value(), document.value(), "what is written reads back");
        if checked.is_ok() && is_current(document.value()) {
            prop_assert_eq!(judge.refuses(document.value()), None, "the schema takes what is valid");
        }
    }
    if let Ok((text, _)) = migrated {
        let (again, _) = migrate(("f", text.as_bytes()), STRICT, &host, &mut fill)
            .map_err(|errors| TestCaseError::fail(format!("{errors}\n{}", text.as_str())))?;
        prop_assert_eq!(again.as_str(), text.as_str(), "what was migrated stays as it is");
        for document in yaml::documents(text.as_bytes()).unwrap() {
            prop_assert_eq!(judge.refuses(document.value()), None, "the schema takes what was migrated");
        }
    }
    let took = own_time() - start;
    prop_assert!(took < LIMIT, "it took {:?}", took);
    Ok(())
}

/// The schema is of this version, and of the components' documents.
fn is_current(document: &Value) -> bool {
    let version = document["apiVersion"].as_str().unwrap_or_default();
    !version.starts_with("kubeadm.k8s.io/") || version.ends_with("/v1beta4")
}

#[test]
fn the_whole_file_is_right() {
    let warnings = check_file(("whole.yaml", WHOLE.as_bytes()), STRICT, &machine());
    let warnings = warnings.unwrap_or_else(|errors| panic!("{errors}"));
    assert!(warnings.iter().all(|warning| warning.refusal.is_none()), "{warnings:?}");
}

#[test]
fn random_files_are_read_or_refused_and_mean_one_thing() {
    let judge = Judge::new();
    let seconds = std::env::var("KUBEWRIGHT_FUZZ_SECONDS").ok().map(|text| text.parse().unwrap());
    let deadline = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
    let mut files = 0;
    loop {
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let result = TestRunner::new(config).run(&file(), |file| holds(&file.0, &judge));
        if let Err(error) = result {
            panic!("{error}");
        }
        files += CASES;
        if Instant::now() >= deadline {
            break;
        }
    }
    println!("{files} files");
}
