//! One at a time, and the others are told who it is.

use std::process::{Command, Stdio};

use kubewright_engine::{Head, Journal, Outcome, Record};

use super::*;
use crate::fixture::Place;

#[test]
fn the_second_is_told_who_has_it() {
    let place = Place::new();
    let first = NodeLock::acquire(&place.root(), "kubewright init").unwrap();
    let error = NodeLock::acquire(&place.root(), "kubewright reset").unwrap_err();
    let words = format!(
        "`kubewright init` with the process id {} is changing this node; wait until it ends, or stop it",
        std::process::id()
    );
    assert_eq!(error.to_string(), words);
    drop(first);
    NodeLock::acquire(&place.root(), "kubewright reset").unwrap();
    assert_eq!(place.mode("/var/lib/kubewright"), 0o700);
}

#[test]
fn the_phases_of_the_holder_are_told_and_those_of_a_dead_run_are_not() {
    let place = Place::new();
    let journal = crate::fixture::journal(&place.at("/var/lib/kubewright"), &["certs/ca", "certs/etcd-ca"]);
    let lock = NodeLock::acquire(&place.root(), "kubewright init").unwrap();
    let holder = NodeLock::holder(&place.root()).unwrap().unwrap();
    assert_eq!((holder.pid, holder.phases), (Some(std::process::id()), Vec::new()), "the journal is another process's");
    drop(journal);

    let head = Head { pid: std::process::id(), ..crate::fixture::head(&[]) };
    let journal = Journal::begin(&place.at("/var/lib/kubewright"), head).unwrap();
    let at = |record: Record| {
        journal.append(&record).unwrap();
        NodeLock::acquire(&place.root(), "kubewright reset").unwrap_err().to_string()
    };
    let told = at(Record::Started { phase: "certs/ca".into() });
    assert!(
        told.ends_with(" is changing this node, in the phase `certs/ca`; wait until it ends, or stop it"),
        "{told}"
    );
    let told = at(Record::Started { phase: "certs/sa".into() });
    assert!(told.contains("in the phases `certs/ca`, `certs/sa`;"), "{told}");
    let told = at(Record::Finished { phase: "certs/ca".into(), outcome: Outcome::Changed });
    assert!(told.contains("in the phase `certs/sa`;"), "{told}");
    drop(lock);
    assert_eq!(NodeLock::holder(&place.root()).unwrap(), None);
}

#[test]
fn who_only_asks_is_in_nobodys_way() {
    let place = Place::new();
    assert_eq!(NodeLock::holder(&place.root()).unwrap(), None, "nobody was ever here");
    assert!(!place.at("/var/lib/kubewright").exists(), "and nothing was made");
    drop(NodeLock::acquire(&place.root(), "kubewright init").unwrap());
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| (0..2000).all(|_| NodeLock::holder(&place.root()).is_ok()));
        for _ in 0..200 {
            drop(NodeLock::acquire(&place.root(), "kubewright init").unwrap());
        }
        assert!(asking.join().unwrap());
    });
}

/// Not a test of its own: holds the lock until it is killed.
#[test]
#[ignore = "is run by `a_process_that_dies_lets_go`"]
fn child_that_holds_the_lock() {
    let Ok(dir) = std::env::var("KUBEWRIGHT_TEST_LOCK") else { return };
    let _lock = NodeLock::acquire(&Root::at(dir), "kubewright init").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[test]
fn a_process_that_dies_lets_go() {
    let place = Place::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lock::tests::child_that_holds_the_lock", "--ignored"])
        .env("KUBEWRIGHT_TEST_LOCK", place.dir())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let holder = format!("{}\nkubewright init\n", child.id());
    for _ in 0..1000 {
        if place.get("/var/lib/kubewright/lock").as_ref() == Some(&holder) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let error = NodeLock::acquire(&place.root(), "kubewright join").unwrap_err();
    assert!(matches!(&error, LockError::Held { holder, .. } if holder.pid == Some(child.id())), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    NodeLock::acquire(&place.root(), "kubewright join").unwrap();
}

#[test]
fn a_link_in_its_place_is_an_error() {
    let place = Place::new();
    place.put("/etc/shadow", "precious", 0o600);
    std::fs::create_dir_all(place.at("/var/lib/kubewright")).unwrap();
    std::os::unix::fs::symlink(place.at("/etc/shadow"), place.at("/var/lib/kubewright/lock")).unwrap();
    assert!(matches!(NodeLock::acquire(&place.root(), "kubewright init"), Err(LockError::Io { .. })));
    assert_eq!(place.get("/etc/shadow").unwrap(), "precious");
}

#[test]
fn a_lock_that_is_removed_leaves_nothing_and_lets_nobody_in_by_the_old_file() {
    let place = Place::new();
    let first = NodeLock::acquire(&place.root(), "kubewright reset").unwrap();
    let path = place.root().place(Utf8Path::new("/var/lib/kubewright/lock"));
    // Another process has opened the file, and waits no longer than we do.
    let late = File::open(&path).unwrap();
    first.remove(&place.root()).unwrap();
    assert!(!path.parent().unwrap().exists());
    let second = NodeLock::acquire(&place.root(), "kubewright init").unwrap();
    rustix::fs::flock(&late, FlockOperation::NonBlockingLockExclusive).unwrap();
    NodeLock::acquire(&place.root(), "kubewright join").unwrap_err();
    // What is not ours stays.
    std::fs::write(path.with_file_name("kept"), "x").unwrap();
    second.remove(&place.root()).unwrap();
    assert!(path.with_file_name("kept").exists() && !path.exists());
}
