//! Damaged configurations: whatever is done to a file, it is taken or refused with a line and a fix, and never panics.
//!
//! `PROPTEST_CASES=1000000 cargo nextest run -p kubewright-config fuzz --release` runs it for long.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::load::tests::machine;
use crate::validate::file::tests::cases;
use crate::{Reading, check_file, migrate};

/// What stands where it should not, or means something else than it looks like.
const SCRAPS: &[&str] = &[
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "*a",
    "!!binary ",
    "!x ",
    "null",
    "~",
    "'",
    "\"",
    "\t",
    "\n",
    "\r\n",
    "---\n",
    "...\n",
    "1e999",
    "-1",
    "0x1F",
    "0o17",
    "017",
    "1_000",
    "2147483648",
    "9223372036854775808",
    ".inf",
    ".nan",
    "yes",
    "on",
    "::",
    "☃",
    "\u{feff}",
    "\u{0}",
    "\u{85}",
    "<<: *a\n",
    "|\n",
    ">-\n",
    "? ",
    "# ",
    "%YAML 1.1\n",
    "{{ .X }}",
    "a: b\n",
    "  ",
    "2001-01-01",
    "12:30:45",
    "=",
    "kind: ClusterConfiguration\n",
    "apiVersion: kubeadm.k8s.io/v1beta3\n",
    "[]",
    "{}",
    "\\",
    "4m0s",
    "10.0.0.0/8",
    "fd00::/64",
    "0.0.0.0",
    "abcdef.0123456789abcdef",
    "registry.k8s.io",
    "-",
    "/",
    "*",
];

/// One thing done to a text.
#[derive(Debug, Clone)]
enum Damage {
    Cut(Index, Index),
    Insert(Index, Index),
    RepeatLine(Index, Index),
    DropLine(Index),
    Indent(Index, usize),
    /// Puts a scrap in the place of what follows a line's colon.
    Value(Index, Index),
    Byte(Index, u8),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        (index(), index()).prop_map(|(from, length)| Damage::Cut(from, length)),
        (index(), index()).prop_map(|(at, scrap)| Damage::Insert(at, scrap)),
        (index(), index()).prop_map(|(from, to)| Damage::RepeatLine(from, to)),
        index().prop_map(Damage::DropLine),
        (index(), 0_usize..9).prop_map(|(line, depth)| Damage::Indent(line, depth)),
        (index(), index()).prop_map(|(line, scrap)| Damage::Value(line, scrap)),
        (index(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    let at = |index: &Index, length: usize| index.index(length);
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    match damage {
        Damage::Cut(from, length) => {
            let from = at(from, bytes.len());
            let length = at(length, bytes.len() - from).min(40);
            bytes.drain(from..from + length);
            return bytes;
        }
        Damage::Insert(place, scrap) => {
            let place = at(place, bytes.len());
            bytes.splice(place..place, SCRAPS[at(scrap, SCRAPS.len())].bytes());
            return bytes;
        }
        Damage::Byte(place, byte) => {
            let place = at(place, bytes.len());
            bytes[place] = *byte;
            return bytes;
        }
        Damage::RepeatLine(from, to) => {
            let line = lines[at(from, lines.len())].clone();
            let to = at(to, lines.len());
            lines.insert(to, line);
        }
        Damage::DropLine(line) => {
            lines.remove(at(line, lines.len()));
        }
        Damage::Indent(line, depth) => {
            let line = at(line, lines.len());
            let bare: Vec<u8> = lines[line].iter().copied().skip_while(|byte| *byte == b' ').collect();
            lines[line] = [vec![b' '; *depth], bare].concat();
        }
        Damage::Value(line, scrap) => {
            let line = at(line, lines.len());
            if let Some(colon) = lines[line].iter().position(|byte| *byte == b':') {
                lines[line].truncate(colon + 1);
                lines[line].extend(format!(" {}\n", SCRAPS[at(scrap, SCRAPS.len())]).bytes());
            }
        }
    }
    lines.concat()
}

/// A file that sets nearly everything, and is right.
const WHOLE: &str = include_str!("fuzz/whole.yaml");

static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let cases = cases();
    let small = cases.iter().map(|(_, case)| case.bytes()).filter(|bytes| bytes.len() < 10_000);
    small.chain([WHOLE.as_bytes().to_vec()]).collect()
});

const LENIENT: Reading = Reading { strict: false, allow_deprecated: false, allow_experimental: false };
const STRICT: Reading = Reading { strict: true, allow_deprecated: true, allow_experimental: true };

fn checked(bytes: &[u8]) -> Result<(), TestCaseError> {
    let file = ("f.yaml", bytes);
    let host = machine();
    let lenient = check_file(file, LENIENT, &host);
    let strict = check_file(file, STRICT, &host);
    for errors in [&lenient, &strict].into_iter().filter_map(|result| result.as_ref().err()) {
        prop_assert!(!errors.errors.is_empty());
        for error in &errors.errors {
            prop_assert!(error.hint.is_some(), "no fix: {error:?}");
            prop_assert!(!error.to_string().contains('\n'), "several lines: {error:?}");
        }
    }
    prop_assert!(lenient.is_ok() || strict.is_err(), "strict reading takes what lenient reading refuses");
    if lenient.is_ok() {
        migrated(file)?;
    }
    Ok(())
}

/// What is taken can be migrated, and then says the same.
fn migrated(file: (&str, &[u8])) -> Result<(), TestCaseError> {
    let host = machine();
    let fill: &mut dyn FnMut(&mut [u8]) = &mut |bytes| bytes.fill(1);
    let migrate = |file, fill: &mut dyn FnMut(&mut [u8])| migrate(file, LENIENT, &host, fill).map(|(text, _)| text);
    let once = migrate(file, fill).map_err(|errors| TestCaseError::fail(format!("not migrated: {errors}")))?;
    let again = migrate((file.0, once.as_bytes()), fill);
    let again = again.map_err(|errors| TestCaseError::fail(format!("migrated and refused: {errors}\n{}", *once)))?;
    prop_assert_eq!(&*once, &*again, "migrating twice differs from migrating once");
    Ok(())
}

#[test]
fn the_whole_file_is_right() {
    let warnings = check_file(("whole.yaml", WHOLE.as_bytes()), STRICT, &machine());
    let warnings = warnings.unwrap_or_else(|errors| panic!("{errors}"));
    assert!(warnings.iter().all(|warning| warning.refusal.is_none()), "{warnings:?}");
}

proptest! {
    #[test]
    fn damaged_files_are_taken_or_refused(
        seed in any::<Index>(),
        damages in prop::collection::vec(any_damage(), 1..8),
    ) {
        let bytes = damages.iter().fold(SEEDS[seed.index(SEEDS.len())].clone(), damaged);
        checked(&bytes)?;
    }

    #[test]
    fn the_whole_file_survives_damage(damages in prop::collection::vec(any_damage(), 1..5)) {
        let bytes = damages.iter().fold(WHOLE.as_bytes().to_vec(), damaged);
        checked(&bytes)?;
    }
}
