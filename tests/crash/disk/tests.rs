use super::*;
use crate::tracee::Ended;

fn disk(before: Tree, ops: Vec<Op>) -> Disk {
    Disk::of(&Recording { before, ops, ended: Ended { code: Some(0), killed: false, said: String::new() } })
}

fn file(bytes: &[u8]) -> Entry {
    Entry { mode: 0o644, owner: (0, 0), bytes: Some(bytes.to_vec()) }
}

fn open(path: &str) -> Op {
    Op::Open { path: path.into(), mode: 0o644, owner: (0, 0), truncated: false }
}

fn write(path: &str, bytes: &[u8]) -> Op {
    Op::Write { path: path.into(), at: 0, bytes: bytes.to_vec() }
}

fn sync(path: &str, began: usize) -> Op {
    Op::Sync { path: path.into(), began }
}

fn rename(from: &str, to: &str) -> Op {
    Op::Rename { from: from.into(), to: to.into() }
}

/// What may stand under one name, over all states.
fn found(disk: &Disk, path: &str) -> HashSet<Option<Vec<u8>>> {
    disk.states(50).into_iter().map(|state| state.tree.get(path).map(|entry| entry.bytes.clone().unwrap())).collect()
}

fn these(contents: &[Option<&[u8]>]) -> HashSet<Option<Vec<u8>>> {
    contents.iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect()
}

fn old() -> Tree {
    Tree::from([("a".to_owned(), file(b"old"))])
}

#[test]
fn a_file_written_in_place_may_be_anything() {
    let emptied = Op::Open { path: "a".into(), mode: 0o644, owner: (0, 0), truncated: true };
    let disk = disk(old(), vec![emptied, write("a", b"new!")]);
    let all: [Option<&[u8]>; 7] =
        [Some(b"old"), Some(b""), Some(b"new!"), Some(b"ne"), Some(b"\0\0\0\0"), Some(b"ned"), Some(b"new!")];
    assert_eq!(found(&disk, "a"), these(&all));
}

#[test]
fn a_rename_without_a_flush_of_the_file_may_bring_no_bytes() {
    let disk = disk(old(), vec![open(".a"), write(".a", b"new!"), rename(".a", "a"), sync("", 3)]);
    let all: [Option<&[u8]>; 5] = [Some(b"old"), Some(b"new!"), Some(b""), Some(b"ne"), Some(b"\0\0\0\0")];
    assert_eq!(found(&disk, "a"), these(&all));
}

#[test]
fn a_flushed_file_that_is_renamed_is_old_or_new() {
    let steps = vec![open(".a"), write(".a", b"new!"), sync(".a", 2), rename(".a", "a"), sync("", 4)];
    let states = disk(old(), steps.clone()).states(50);
    assert_eq!(found(&disk(old(), steps), "a"), these(&[Some(b"old"), Some(b"new!")]));
    assert_eq!(states.last().unwrap().tree, Tree::from([("a".to_owned(), file(b"new!"))]), "in the end all is there");
    // One that is not flushed may be lost although it is over.
    let lost = disk(old(), vec![open(".a"), write(".a", b"new!"), sync(".a", 2), rename(".a", "a")]);
    assert_eq!(found(&lost, "a"), these(&[Some(b"old"), Some(b"new!")]));
}

#[test]
fn a_flush_that_began_before_the_write_promises_nothing() {
    // A name that comes after the flush: states that have it are later.
    let later = |began| {
        let disk = disk(Tree::new(), vec![open("a"), sync("", 1), write("a", b"new!"), sync("a", began), open("z")]);
        let states = disk.states(9).into_iter().filter(|state| state.tree.contains_key("z"));
        states.map(|state| state.tree["a"].bytes.clone()).collect::<HashSet<_>>()
    };
    assert_eq!(later(3), these(&[Some(b"new!")]));
    assert_eq!(later(2), these(&[Some(b""), Some(b"ne"), Some(b"\0\0\0\0"), Some(b"new!")]));
}

#[test]
fn names_of_two_directories_are_lost_each_for_itself() {
    let make = |path: &str| Op::MakeDirectory { path: path.into(), mode: 0o700, owner: (0, 0) };
    let disk = disk(Tree::new(), vec![make("d"), open("d/a"), open("b"), sync("d", 3)]);
    let trees: Vec<Vec<String>> = disk.states(9).into_iter().map(|state| state.tree.into_keys().collect()).collect();
    for expected in [&[][..], &["d"], &["d", "d/a"], &["b"], &["b", "d", "d/a"]] {
        assert!(trees.iter().any(|tree| tree == expected), "{expected:?} is not in {trees:?}");
    }
    assert!(trees.iter().all(|tree| !tree.contains(&"d/a".to_owned()) || tree.contains(&"d".to_owned())));
}
