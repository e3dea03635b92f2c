//! The transaction: what it changes, what it leaves, and in which order things become durable.

use std::collections::HashSet;
use std::os::unix::fs::symlink;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::Utf8PathBuf;
use kubewright_engine::Record;
use kubewright_node::{MAX_FILE_BYTES, Mode, Owner};
use rustix::io::Errno;

use super::*;
use crate::disk::Call;
use crate::fixture::{Place, RUN, Told, text};
use crate::scratch;

const CONF: &str = "/etc/kubernetes/admin.conf";

fn path(path: &str) -> &Utf8Path {
    Utf8Path::new(path)
}

#[test]
fn files_appear_when_the_phase_commits_and_not_before() {
    let (place, mut told) = (Place::new(), Told::new());
    let files = HostFiles::new(place.root());
    let session = files.begin(told.log("kubeconfig/admin"));
    session.write(path(CONF), &Contents::secret("new"), Mode(0o600)).unwrap();
    assert_eq!(place.get(CONF), None);
    assert_eq!(files.read(path(CONF)).unwrap(), None);
    assert_eq!(files.list(path("/etc/kubernetes")).unwrap(), Some(vec![]), "what is staged is not listed");
    assert_eq!(session.read(path(CONF)).unwrap().unwrap().as_bytes(), b"new");
    session.commit().unwrap();
    assert_eq!(place.get(CONF).unwrap(), "new");
    assert_eq!(place.mode(CONF), 0o600);
    assert_eq!(place.mode("/etc/kubernetes"), 0o755);
    assert_eq!(place.leftovers(), Vec::<String>::new());
    assert_eq!(told.effects(), ["mkdir /etc/kubernetes", "write /etc/kubernetes/admin.conf"]);
    assert!(matches!(files.read(path(CONF)).unwrap(), Some(Contents::Secret(_))), "only its owner may read it");
}

#[test]
fn the_same_bytes_and_mode_change_nothing() {
    let (place, mut told) = (Place::new(), Told::new());
    place.put(CONF, "same", 0o600);
    let inode = place.inode(CONF);
    let files = HostFiles::new(place.root());
    let session = files.begin(told.log("one"));
    session.write(path(CONF), &text("same"), Mode(0o600)).unwrap();
    session.ensure_dir(path("/etc/kubernetes"), Mode(0o700)).unwrap();
    session.remove(path("/etc/kubernetes/none")).unwrap();
    session.commit().unwrap();
    assert_eq!((place.inode(CONF), place.mode("/etc/kubernetes")), (inode, 0o755));
    assert_eq!(told.effects(), Vec::<String>::new());
    assert_eq!(told.journal.records(), [], "nothing was promised, so nothing was flushed");
}

#[test]
fn another_mode_alone_is_a_change() {
    let (place, mut told) = (Place::new(), Told::new());
    place.put(CONF, "same", 0o644);
    let session = HostFiles::new(place.root()).begin(told.log("one"));
    session.write(path(CONF), &text("same"), Mode(0o600)).unwrap();
    session.commit().unwrap();
    assert_eq!((place.mode(CONF), place.get(CONF).unwrap().as_str()), (0o600, "same"));
    assert_eq!(told.effects(), ["write /etc/kubernetes/admin.conf"]);
}

#[test]
fn modes_are_exact_whatever_the_umask() {
    // Only this process's umask could be set, for all tests at once; these bits are taken away by every usual one.
    let (place, told) = (Place::new(), Told::new());
    let session = HostFiles::new(place.root()).begin(told.log("one"));
    session.ensure_dir(path("/etc/open/deep"), Mode(0o777)).unwrap();
    session.write(path("/etc/open/file"), &text("a"), Mode(0o666)).unwrap();
    session.commit().unwrap();
    let modes = ["/etc/open", "/etc/open/deep", "/etc/open/file"].map(|path| place.mode(path));
    assert_eq!(modes, [0o777, 0o777, 0o666]);
}

#[test]
fn keeps_the_owner_of_a_file_that_it_replaces() {
    if !rustix::process::geteuid().is_root() {
        return; // only root can give files away
    }
    let (place, told) = (Place::new(), Told::new());
    place.put(CONF, "old", 0o644);
    std::os::unix::fs::chown(place.at(CONF), Some(1234), Some(4321)).unwrap();
    let session = HostFiles::new(place.root()).begin(told.log("one"));
    session.write(path(CONF), &text("new"), Mode(0o640)).unwrap();
    session.commit().unwrap();
    let stat = rustix::fs::stat(place.at(CONF).as_str()).unwrap();
    assert_eq!((stat.st_uid, stat.st_gid, place.mode(CONF)), (1234, 4321, 0o640));
}

#[test]
fn gives_files_and_directories_away_and_only_once() {
    if !rustix::process::geteuid().is_root() {
        return; // only root can give files away
    }
    let (place, mut told) = (Place::new(), Told::new());
    place.put(CONF, "same", 0o644);
    let owner = Owner { user: 1234, group: 4321 };
    let belongs = |at: &str| {
        let stat = rustix::fs::lstat(place.at(at).as_str()).unwrap();
        (stat.st_uid, stat.st_gid) == (owner.user, owner.group)
    };
    let give = |told: &Told| {
        let session = HostFiles::new(place.root()).begin(told.log("one"));
        session.write_owned(path(CONF), &text("same"), Mode(0o640), owner).unwrap();
        session.ensure_owned_dir(path("/var/lib/etcd"), Mode(0o700), owner).unwrap();
        session.commit().unwrap();
    };
    give(&told);
    assert!(belongs(CONF) && belongs("/var/lib/etcd") && !belongs("/var/lib"));
    assert_eq!((place.mode(CONF), place.get(CONF).unwrap().as_str()), (0o640, "same"));
    assert_eq!(told.effects().last().unwrap(), "write /etc/kubernetes/admin.conf");
    give(&told);
    assert_eq!(told.effects(), Vec::<String>::new(), "it stands there already");

    // What others put there meanwhile is given away too, but not what a link in there names.
    place.put("/var/lib/etcd/member/wal/0.wal", "w", 0o600);
    place.put("/elsewhere", "x", 0o600);
    std::os::unix::fs::symlink(place.at("/elsewhere"), place.at("/var/lib/etcd/member/link")).unwrap();
    give(&told);
    assert_eq!(told.effects(), ["chown /var/lib/etcd"]);
    assert!(
        ["", "/member", "/member/wal/0.wal", "/member/link"].iter().all(|at| belongs(&format!("/var/lib/etcd{at}")))
    );
    assert!(!belongs("/elsewhere"));
    give(&told);
    assert_eq!(told.effects(), Vec::<String>::new());
}

#[test]
fn the_last_of_several_writes_counts_and_leaves_one_change() {
    let (place, mut told) = (Place::new(), Told::new());
    place.put(CONF, "old", 0o600);
    let session = HostFiles::new(place.root()).begin(told.log("one"));
    session.write(path(CONF), &text("first"), Mode(0o600)).unwrap();
    session.write(path(CONF), &text("second"), Mode(0o600)).unwrap();
    session.commit().unwrap();
    assert_eq!(place.get(CONF).unwrap(), "second");
    assert_eq!(told.effects(), ["write /etc/kubernetes/admin.conf"]);

    let session = HostFiles::new(place.root()).begin(told.log("two"));
    session.write(path(CONF), &text("third"), Mode(0o600)).unwrap();
    session.write(path(CONF), &text("second"), Mode(0o600)).unwrap();
    session.commit().unwrap();
    assert_eq!(told.effects(), Vec::<String>::new(), "it stands there already");
    assert_eq!(place.leftovers(), Vec::<String>::new());
}

#[test]
fn removes_files_when_the_phase_commits() {
    let (place, mut told) = (Place::new(), Told::new());
    place.put(CONF, "old", 0o600);
    let session = HostFiles::new(place.root()).begin(told.log("one"));
    session.remove(path(CONF)).unwrap();
    assert_eq!(session.read(path(CONF)).unwrap(), None);
    assert_eq!(place.get(CONF).unwrap(), "old");
    session.commit().unwrap();
    assert_eq!(place.get(CONF), None);
    assert_eq!(told.effects(), ["remove /etc/kubernetes/admin.conf"]);
}

#[test]
fn roll_back_leaves_no_trace() {
    let (place, told) = (Place::new(), Told::new());
    place.put(CONF, "old", 0o600);
    let before = place.tree();
    let session = HostFiles::new(place.root()).begin(told.log("one"));
    session.ensure_dir(path("/etc/kubernetes/manifests"), Mode(0o700)).unwrap();
    session.write(path(CONF), &text("new"), Mode(0o600)).unwrap();
    session.write(path("/etc/kubernetes/pki/etcd/ca.crt"), &text("new"), Mode(0o644)).unwrap();
    session.roll_back().unwrap();
    assert_eq!(place.tree(), before);
    session.roll_back().unwrap();
}

#[test]
fn what_was_published_before_an_outward_effect_stays() {
    let (place, told) = (Place::new(), Told::new());
    let session = HostFiles::new(place.root()).begin(told.log("one"));
    session.write(path(CONF), &text("first"), Mode(0o600)).unwrap();
    session.publish().unwrap();
    assert_eq!(place.get(CONF).unwrap(), "first");
    session.write(path(CONF), &text("second"), Mode(0o600)).unwrap();
    session.write(path("/etc/other/file"), &text("second"), Mode(0o600)).unwrap();
    session.roll_back().unwrap();
    assert_eq!(place.tree(), ["/etc 0755", "/etc/kubernetes 0755", "/etc/kubernetes/admin.conf 0600 first"]);
}

#[test]
fn a_directory_that_another_phase_relies_on_survives_the_roll_back() {
    let (place, told) = (Place::new(), Told::new());
    let files = HostFiles::new(place.root());
    let (first, second) = (files.begin(told.log("one")), files.begin(told.log("two")));
    first.ensure_dir(path("/etc/kubernetes/pki"), Mode(0o755)).unwrap();
    second.ensure_dir(path("/etc/kubernetes/pki"), Mode(0o755)).unwrap();
    first.roll_back().unwrap();
    assert!(place.at("/etc/kubernetes/pki").is_dir(), "the second was told that it is there");
    second.write(path("/etc/kubernetes/pki/ca.crt"), &text("ca"), Mode(0o644)).unwrap();
    second.commit().unwrap();
    assert_eq!(place.get("/etc/kubernetes/pki/ca.crt").unwrap(), "ca");

    let (first, second) = (files.begin(told.log("one")), files.begin(told.log("two")));
    first.ensure_dir(path("/etc/empty"), Mode(0o755)).unwrap();
    second.ensure_dir(path("/etc/empty"), Mode(0o755)).unwrap();
    first.roll_back().unwrap();
    second.roll_back().unwrap();
    assert!(!place.at("/etc/empty").exists(), "the last one out takes it");
}

#[test]
fn late_calls_of_a_closed_session_change_nothing() {
    let (place, told) = (Place::new(), Told::new());
    let files = HostFiles::new(place.root());
    for keep in [true, false] {
        let session = files.begin(told.log("one"));
        if keep { session.commit() } else { session.roll_back() }.unwrap();
        let before = place.tree();
        let closed = |outcome: Result<(), FileError>| matches!(outcome, Err(FileError::Closed { .. }));
        assert!(closed(session.write(path(CONF), &text("late"), Mode(0o600))));
        assert!(closed(session.ensure_dir(path("/etc/late"), Mode(0o700))));
        assert!(closed(session.remove(path(CONF))));
        assert!(closed(session.publish()));
        assert!(closed(session.commit()));
        assert!(closed(session.read(path(CONF)).map(drop)));
        assert_eq!(place.tree(), before);
    }
}

#[test]
fn refuses_a_target_that_somebody_changed_and_publishes_nothing_else() {
    let (place, told) = (Place::new(), Told::new());
    place.put("/etc/a", "old", 0o600);
    place.put("/etc/b", "old", 0o600);
    let session = HostFiles::new(place.root()).begin(told.log("one"));
    session.write(path("/etc/a"), &text("new"), Mode(0o600)).unwrap();
    session.write(path("/etc/b"), &text("new"), Mode(0o600)).unwrap();
    place.put("/etc/b", "theirs", 0o600);
    let error = session.commit().unwrap_err();
    assert!(matches!(&error, FileError::ChangedMeanwhile { path } if path == "/etc/b"), "{error}");
    session.roll_back().unwrap();
    assert_eq!((place.get("/etc/a").unwrap(), place.get("/etc/b").unwrap()), ("old".into(), "theirs".into()));
    assert_eq!(place.leftovers(), Vec::<String>::new());
}

#[test]
fn two_phases_at_one_path_are_told() {
    let (place, told) = (Place::new(), Told::new());
    let files = HostFiles::new(place.root());
    let (first, second) = (files.begin(told.log("one")), files.begin(told.log("two")));
    first.write(path(CONF), &text("1"), Mode(0o600)).unwrap();
    let error = second.write(path(CONF), &text("2"), Mode(0o600)).unwrap_err();
    assert!(matches!(error, FileError::Contended { .. }), "{error}");
    assert!(matches!(second.remove(path(CONF)), Err(FileError::Contended { .. })));
    first.commit().unwrap();
    second.remove(path(CONF)).unwrap();
}

#[test]
fn follows_links_inside_the_tree_and_keeps_them() {
    let (place, mut told) = (Place::new(), Told::new());
    place.put("/data/real.conf", "old", 0o600);
    symlink("/data/real.conf", place.at("/etc/link.conf")).unwrap();
    symlink("../data", place.at("/etc/kubernetes")).unwrap();
    symlink("/data/nothing", place.at("/etc/dangling")).unwrap();
    let session = HostFiles::new(place.root()).begin(told.log("one"));
    session.write(path("/etc/link.conf"), &text("new"), Mode(0o600)).unwrap();
    session.write(path("/etc/kubernetes/other"), &text("other"), Mode(0o644)).unwrap();
    session.write(path("/etc/dangling"), &text("there"), Mode(0o644)).unwrap();
    assert_eq!(session.read(path("/etc/link.conf")).unwrap().unwrap().as_bytes(), b"new");
    session.commit().unwrap();
    let expected = ["/data/nothing 0644 there", "/data/other 0644 other", "/data/real.conf 0600 new"];
    assert_eq!(place.tree()[1..4], expected);
    assert_eq!(
        place.tree()[5..],
        ["/etc/dangling -> /data/nothing", "/etc/kubernetes -> ../data", "/etc/link.conf -> /data/real.conf"]
    );
    let effects = ["write /etc/link.conf", "write /etc/kubernetes/other", "write /etc/dangling"];
    assert_eq!(told.effects(), effects, "people know the names that they gave");
}

#[test]
fn refuses_what_is_no_regular_file_or_too_large() {
    let (place, told) = (Place::new(), Told::new());
    std::fs::create_dir(place.at("/etc/dir")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.at("/etc/pipe").as_str(),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let large = vec![b'x'; MAX_FILE_BYTES + 1];
    std::fs::write(place.at("/etc/large"), &large).unwrap();
    let files = HostFiles::new(place.root());
    let session = files.begin(told.log("one"));
    for odd in ["/etc/dir", "/etc/pipe"] {
        assert!(matches!(files.read(path(odd)), Err(FileError::NotAFile { .. })), "{odd}");
        assert!(matches!(session.write(path(odd), &text("a"), Mode(0o600)), Err(FileError::NotAFile { .. })), "{odd}");
    }
    assert!(matches!(files.read(path("/etc/large")), Err(FileError::TooLarge { .. })));
    let outcome = session.write(path("/etc/new"), &Contents::public(large), Mode(0o600));
    assert!(matches!(outcome, Err(FileError::TooLarge { .. })));
    let error = session.write(path("/etc/large/below"), &text("a"), Mode(0o600)).unwrap_err();
    assert_eq!(error.to_string(), "cannot make the directory `/etc/large`");
    assert!(files.read(path("relative")).is_err());
}

#[test]
fn sweeps_what_dead_runs_left_beside_a_target_and_nothing_else() {
    let (place, told) = (Place::new(), Told::new());
    place.put("/etc/.a.000003-20250102T030405Z.new", "dead", 0o600);
    place.put("/etc/.a.backup.new", "the user's", 0o600);
    place.put("/etc/.ab.000003-20250102T030405Z.new", "another file's", 0o600);
    let session = HostFiles::new(place.root()).begin(told.log("one"));
    session.write(path("/etc/a"), &text("new"), Mode(0o600)).unwrap();
    session.commit().unwrap();
    let expected = [
        "/etc 0755",
        "/etc/.a.backup.new 0600 the user's",
        "/etc/.ab.000003-20250102T030405Z.new 0600 another file's",
        "/etc/a 0600 new",
    ];
    assert_eq!(place.tree(), expected);
}

/// Stands in for a disk whose `call` fails with an error, from the nth time on if `lasting`.
fn fake_broken_disk(place: &Place, call: Call, nth: usize, errno: Errno, lasting: bool) -> Arc<HostFiles> {
    let seen = Mutex::new(0);
    let hook = move |now: Call, _: &Utf8Path| {
        if now != call {
            return Ok(());
        }
        let mut seen = seen.lock().unwrap();
        *seen += 1;
        if *seen == nth || lasting && *seen > nth { Err(errno.into()) } else { Ok(()) }
    };
    HostFiles::on(Disk::watched(place.root(), Arc::new(hook)))
}

#[test]
fn a_full_disk_is_told_and_leaves_the_tree_as_it_was() {
    // The second write is the rest of the first file: half of it is on the disk already.
    for nth in 1..=6 {
        let (place, told) = (Place::new(), Told::new());
        place.put("/etc/a", "old", 0o600);
        let before = place.tree();
        let session = fake_broken_disk(&place, Call::Write, nth, Errno::NOSPC, true).begin(told.log("one"));
        let write = |file: &str| session.write(path(file), &text("new text"), Mode(0o600));
        let error = write("/etc/a").and_then(|()| write("/etc/b")).and_then(|()| write("/etc/new/c")).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().starts_with("cannot write `/etc/"), "{error}");
        assert!(source.contains("No space left on device"), "{source}");
        session.roll_back().unwrap();
        assert_eq!(place.tree(), before, "write {nth}");
    }
}

#[test]
fn any_call_may_fail_and_a_roll_back_leaves_old_or_new_files() {
    let calls = [Call::Create, Call::SetMode, Call::SyncFile, Call::SyncDirectory, Call::Rename, Call::MakeDirectory];
    for (call, nth) in calls.into_iter().flat_map(|call| (1..=4).map(move |nth| (call, nth))) {
        let (place, told) = (Place::new(), Told::new());
        place.put("/etc/a", "old", 0o600);
        let session = fake_broken_disk(&place, call, nth, Errno::IO, false).begin(told.log("one"));
        let outcome = session
            .write(path("/etc/a"), &text("new"), Mode(0o600))
            .and_then(|()| session.write(path("/etc/new/b"), &text("new"), Mode(0o600)))
            .and_then(|()| session.commit());
        if let Err(error) = &outcome {
            assert!(std::error::Error::source(error).is_some(), "{error}");
            session.roll_back().unwrap();
        }
        // What cannot be taken back any more waits for the next run.
        assert_eq!(place.leftovers().len(), usize::from(session.halfway()), "{call:?} {nth}");
        let a = place.get("/etc/a").unwrap();
        assert!(a == "new" || outcome.is_err() && a == "old", "{call:?} {nth}: {a}");
        assert!(a == "new" || !session.halfway(), "{call:?} {nth}");
        assert!(outcome.is_err() || place.get("/etc/new/b").unwrap() == "new", "{call:?} {nth}");
    }
}

#[test]
fn everything_is_durable_before_the_seal_and_nothing_moves_before_it() {
    let (place, told) = (Place::new(), Told::new());
    place.put("/etc/old", "old", 0o600);
    let calls: Arc<Mutex<Vec<(bool, Call, Utf8PathBuf)>>> = Arc::default();
    let hook = {
        let (calls, journal) = (Arc::clone(&calls), Arc::clone(&told.journal));
        move |call: Call, path: &Utf8Path| {
            let sealed = journal.records().iter().any(|record| matches!(record, Record::Sealed { .. }));
            calls.lock().unwrap().push((sealed, call, path.to_owned()));
            Ok(())
        }
    };
    let session = HostFiles::on(Disk::watched(place.root(), Arc::new(hook))).begin(told.log("one"));
    let written = ["/etc/old", "/etc/kubernetes/pki/etcd/ca.crt", "/var/lib/kubelet/config.yaml"];
    for file in written {
        session.write(path(file), &text("new"), Mode(0o600)).unwrap();
    }
    session.commit().unwrap();

    let calls = calls.lock().unwrap();
    let position = |sealed: bool, call: Call, path: &str| {
        let found = calls.iter().rposition(|entry| entry == &(sealed, call, path.into()));
        found.unwrap_or_else(|| panic!("{call:?} of {path} with sealed = {sealed}: {calls:#?}"))
    };
    for file in written {
        let scratch = scratch::of_file(path(file), RUN);
        assert!(position(false, Call::Write, scratch.as_str()) < position(false, Call::SyncFile, scratch.as_str()));
        let parent = path(file).parent().unwrap();
        assert!(
            position(false, Call::Create, scratch.as_str()) < position(false, Call::SyncDirectory, parent.as_str())
        );
        for ancestor in parent.ancestors() {
            position(false, Call::SyncDirectory, ancestor.as_str());
        }
        assert!(position(true, Call::Rename, file) < position(true, Call::SyncDirectory, parent.as_str()));
    }
    let made =
        ["/etc/kubernetes", "/etc/kubernetes/pki", "/etc/kubernetes/pki/etcd", "/var", "/var/lib", "/var/lib/kubelet"];
    for directory in made {
        let parent = path(directory).parent().unwrap();
        assert!(position(false, Call::Rename, directory) < position(false, Call::SyncDirectory, parent.as_str()));
    }
    let finals: HashSet<&str> = written.into_iter().collect();
    assert!(calls.iter().all(|(_, call, path)| *call != Call::Create || !finals.contains(path.as_str())));
    let scratches = told.journal.records().iter().filter(|record| matches!(record, Record::Scratch { .. })).count();
    assert_eq!(scratches, written.len() + made.len());
}

#[test]
fn a_directory_without_files_is_durable_too() {
    let (place, told) = (Place::new(), Told::new());
    let synced: Arc<Mutex<Vec<Utf8PathBuf>>> = Arc::default();
    let hook = {
        let synced = Arc::clone(&synced);
        move |call: Call, path: &Utf8Path| {
            if call == Call::SyncDirectory {
                synced.lock().unwrap().push(path.to_owned());
            }
            Ok(())
        }
    };
    let files = HostFiles::on(Disk::watched(place.root(), Arc::new(hook)));
    let session = files.begin(told.log("one"));
    session.ensure_dir(path("/var/lib/etcd"), Mode(0o700)).unwrap();
    session.commit().unwrap();
    let mut synced_at_last = synced.lock().unwrap().clone();
    synced_at_last.retain(|path| !crate::scratch::is_scratch(path.file_name().unwrap_or_default()));
    assert_eq!(synced_at_last, ["/", "/var", "/var/lib", "/var/lib/etcd"], "each name before something is put in");
    assert_eq!(place.mode("/var/lib/etcd"), 0o700);

    synced.lock().unwrap().clear();
    let session = files.begin(told.log("two"));
    session.ensure_dir(path("/var/lib/etcd"), Mode(0o700)).unwrap();
    session.commit().unwrap();
    assert!(synced.lock().unwrap().is_empty(), "nothing is new");
}

#[test]
fn each_temporary_name_is_recorded_before_it_is_made() {
    let (place, told) = (Place::new(), Told::new());
    let unknown = Arc::new(AtomicBool::new(false));
    let hook = {
        let (journal, unknown) = (Arc::clone(&told.journal), Arc::clone(&unknown));
        move |call: Call, path: &Utf8Path| {
            if matches!(call, Call::Create | Call::MakeDirectory) {
                let known = |record: &Record| matches!(record, Record::Scratch { path: known, .. } if known == path);
                unknown.fetch_or(!journal.records().iter().any(known), Ordering::SeqCst);
            }
            Ok(())
        }
    };
    let session = HostFiles::on(Disk::watched(place.root(), Arc::new(hook))).begin(told.log("one"));
    session.write(path("/etc/new/file"), &text("new"), Mode(0o600)).unwrap();
    session.commit().unwrap();
    assert!(!unknown.load(Ordering::SeqCst));
}
