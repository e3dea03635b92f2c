//! Killed anywhere: what stands afterwards is old or new, and the next command brings it to one side.
//!
//! A crash is either real (this test program starts itself again and is killed by a signal) or seen from the disk: from
//! some call on nothing happens any more. The latter also crashes recovery itself.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use kubewright_engine::{Effect, Record, replay};
use kubewright_node::{FileBackend, FileSession, Mode};
use rustix::io::Errno;

use super::*;
use crate::disk::{Call, Disk, Hook};
use crate::fixture::{Place, Told, journal, text};
use crate::root::Root;

const CERTIFICATE: &str = "/etc/kubernetes/pki/ca.crt";
const KEY: &str = "/etc/kubernetes/pki/ca.key";
const STALE: &str = "/etc/stale.conf";
const OLD: &str = "/etc/old.conf";
const UNIT: &str = "/etc/unit.conf";

/// What the phase finds before its first run.
fn prepare(place: &Place) {
    place.put(STALE, "stale", 0o644);
    place.put(OLD, "old", 0o600);
}

/// Writes a pair of one random value, keeps halves that exist, replaces one file and removes another; then restarts
/// something, and writes once more. Only such a phase tells a recovery that works from one that does nothing.
fn pair(session: &dyn FileSession, log: &kubewright_engine::EffectLog) -> Result<(), FileError> {
    let value = format!("{:?}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap());
    session.ensure_dir("/etc/kubernetes/manifests".into(), Mode(0o700))?;
    for (path, mode) in [(KEY, 0o600), (CERTIFICATE, 0o644)] {
        if session.read(path.into())?.is_none() {
            session.write(path.into(), &text(&value), Mode(mode))?;
        }
    }
    session.write(STALE.into(), &text("fresh"), Mode(0o600))?;
    session.remove(OLD.into())?;
    session.publish()?;
    let intent = log.intend(&Effect::new("restart", "service kubelet"))?;
    log.settle(intent, true)?;
    session.write(UNIT.into(), &text("unit"), Mode(0o644))?;
    session.commit()
}

/// Every file is as before the phase or as after it, never between.
fn assert_whole(place: &Place, at: &str) {
    let stale = place.get(STALE).unwrap();
    assert!(["stale", "fresh"].contains(&stale.as_str()), "{at}: {stale:?}");
    let expected = if stale == "stale" { 0o644 } else { 0o600 };
    assert_eq!(place.mode(STALE), expected, "{at}");
    for path in [KEY, CERTIFICATE] {
        assert!(place.get(path).is_none_or(|text| text.ends_with('s') && text.len() > 5), "{at}: {path}");
    }
    for (path, whole) in [(OLD, "old"), (UNIT, "unit")] {
        assert!(place.get(path).is_none_or(|text| text == whole), "{at}: {path}");
    }
}

/// What the phase promised together is all there after a recovery, or nothing of it.
fn assert_all_or_none(place: &Place, at: &str) {
    assert_eq!(place.get(KEY), place.get(CERTIFICATE), "{at}: a pair is whole or absent");
    let published = place.get(KEY).is_some();
    assert_eq!(place.get(STALE).unwrap() == "fresh", published, "{at}");
    assert_eq!(place.get(OLD).is_none(), published, "{at}");
}

/// The state that a run without crash ends in.
fn assert_finished(place: &Place, at: &str) {
    assert_eq!(place.get(KEY), place.get(CERTIFICATE), "{at}: the halves of the pair belong together");
    let tree: Vec<String> = place.tree().iter().map(|line| line.split(" 1").next().unwrap().to_owned()).collect();
    let key = place.get(KEY).unwrap();
    let expected = [
        "/etc 0755".to_owned(),
        "/etc/kubernetes 0700".into(),
        "/etc/kubernetes/manifests 0700".into(),
        "/etc/kubernetes/pki 0755".into(),
        format!("{CERTIFICATE} 0644 {key}").split(" 1").next().unwrap().into(),
        format!("{KEY} 0600 {key}").split(" 1").next().unwrap().into(),
        format!("{STALE} 0600 fresh"),
        format!("{UNIT} 0644 unit"),
    ];
    assert_eq!(tree, expected, "{at}");
}

/// Lets `calls` calls happen and none after them.
fn frozen_after(calls: usize) -> (Hook, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let hook = move |_: crate::disk::Call, _: &Utf8Path| match counter.fetch_add(1, Ordering::SeqCst) < calls {
        true => Ok(()),
        false => Err(Errno::IO.into()),
    };
    (Arc::new(hook), seen)
}

fn files(place: &Place, hook: Option<Hook>) -> Arc<HostFiles> {
    match hook {
        Some(hook) => HostFiles::on(Disk::watched(place.root(), hook)),
        None => HostFiles::new(place.root()),
    }
}

/// Runs the phase until it ends or freezes; nobody rolls back, as after a kill.
fn run(place: &Place, hook: Option<Hook>) -> Result<(), FileError> {
    let told = Told::to(journal(place.dir(), &["certs/ca"]));
    let log = told.log("certs/ca");
    let session = files(place, hook).begin(log.clone());
    pair(&*session, &log)?;
    told.journal
        .append(&Record::Finished { phase: "certs/ca".into(), outcome: kubewright_engine::Outcome::Changed })?;
    Ok(())
}

fn recover(place: &Place, hook: Option<Hook>) -> Result<Recovered, FileError> {
    let history = replay(place.dir(), "init").unwrap();
    files(place, hook).recover(&history.newest.expect("there is a journal"))
}

#[test]
fn a_run_that_stops_at_any_call_is_finished_or_undone() {
    let mut sealed = 0;
    for calls in 0.. {
        let place = Place::new();
        prepare(&place);
        let (hook, _) = frozen_after(calls);
        let at = format!("frozen after {calls} calls");
        let ended = run(&place, Some(hook)).is_ok();
        assert_whole(&place, &at);
        let recovered = recover(&place, None).unwrap();
        assert_whole(&place, &at);
        assert_eq!(place.leftovers(), Vec::<String>::new(), "{at}: whatever the next command selects");
        assert_all_or_none(&place, &at);
        assert_eq!(recovered.foreign, Vec::<Utf8PathBuf>::new(), "{at}");
        sealed += usize::from(!recovered.finished.is_empty());
        assert!(recover(&place, None).unwrap().is_empty(), "{at}: nothing is left to do");
        run(&place, None).unwrap();
        assert_finished(&place, &at);
        if ended {
            assert!(calls > 40, "the phase makes many calls: {calls}");
            break;
        }
    }
    assert!(sealed >= 4, "some of the crashes were between seal and publish: {sealed}");
}

/// As the engine does it: what failed is written down, and taken back as far as it can be.
#[test]
fn a_rename_that_fails_between_two_others_is_gone_on_from() {
    let mut halfway = 0;
    for nth in 1.. {
        let place = Place::new();
        prepare(&place);
        let (renames, at) = (AtomicUsize::new(0), format!("rename {nth} fails"));
        let hook = move |call: Call, _: &Utf8Path| match call == Call::Rename
            && renames.fetch_add(1, Ordering::SeqCst) + 1 == nth
        {
            true => Err(Errno::IO.into()),
            false => Ok(()),
        };
        let told = Told::to(journal(place.dir(), &["certs/ca"]));
        let log = told.log("certs/ca");
        let session = files(&place, Some(Arc::new(hook))).begin(log.clone());
        if pair(&*session, &log).is_ok() {
            break;
        }
        halfway += usize::from(session.halfway());
        let failed = Record::Failed { phase: "certs/ca".into(), error: Vec::new(), halfway: session.halfway() };
        told.journal.append(&failed).unwrap();
        session.roll_back().unwrap();
        assert_whole(&place, &at);
        recover(&place, None).unwrap();
        assert_eq!(place.leftovers(), Vec::<String>::new(), "{at}");
        assert_all_or_none(&place, &at);
        run(&place, None).unwrap();
        assert_finished(&place, &at);
    }
    assert!(halfway > 0, "no rename came after another one");
}

#[test]
fn recovery_that_stops_at_any_call_goes_on_the_next_time() {
    let mut crashes = 0;
    for calls in 0.. {
        let mut more = false;
        for inner in 0.. {
            let place = Place::new();
            prepare(&place);
            let ended = run(&place, Some(frozen_after(calls).0)).is_ok();
            more = !ended;
            let at = format!("frozen after {calls} calls, recovery after {inner}");
            let first = recover(&place, Some(frozen_after(inner).0));
            assert_whole(&place, &at);
            recover(&place, None).unwrap();
            assert_eq!(place.leftovers(), Vec::<String>::new(), "{at}");
            assert_all_or_none(&place, &at);
            if first.is_ok() {
                break;
            }
            crashes += 1;
        }
        if !more {
            break;
        }
    }
    assert!(crashes > 100, "{crashes}");
}

/// Not a test of its own: the part that is killed, in a process of its own.
#[test]
#[ignore = "is run by `a_killed_process_is_finished_or_undone`"]
fn child_that_is_killed() {
    let Ok(order) = std::env::var("KUBEWRIGHT_TEST_KILL") else { return };
    let (calls, dir) = order.split_once(':').unwrap();
    let (calls, dir): (usize, _) = (calls.parse().unwrap(), Utf8PathBuf::from(dir));
    let seen = AtomicUsize::new(0);
    let hook = move |_: crate::disk::Call, _: &Utf8Path| {
        if seen.fetch_add(1, Ordering::SeqCst) == calls {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
        }
        Ok(())
    };
    let told = Told::to(journal(&dir, &["certs/ca"]));
    let log = told.log("certs/ca");
    let session = HostFiles::on(Disk::watched(Root::at(&dir), Arc::new(hook))).begin(log.clone());
    pair(&*session, &log).unwrap();
}

#[test]
fn a_killed_process_is_finished_or_undone() {
    let mut killed = 0;
    // Every third call: each kill is a process of its own, and the calls between are covered above.
    for calls in (0..).step_by(3) {
        let place = Place::new();
        prepare(&place);
        let at = format!("killed before call {calls}");
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "recover::tests::child_that_is_killed", "--ignored"])
            .env("KUBEWRIGHT_TEST_KILL", format!("{calls}:{}", place.dir()))
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert_whole(&place, &at);
        recover(&place, None).unwrap();
        assert_eq!(place.leftovers(), Vec::<String>::new(), "{at}");
        assert_all_or_none(&place, &at);
        run(&place, None).unwrap();
        assert_finished(&place, &at);
        if status.success() {
            break;
        }
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{at}: {status}");
        killed += 1;
    }
    assert!(killed > 10, "{killed}");
}

/// A run that sealed two files and stopped before it published them.
fn sealed_and_stopped(place: &Place) {
    let told = Told::to(journal(place.dir(), &["certs/ca"]));
    let hook = |call: crate::disk::Call, path: &Utf8Path| match call == crate::disk::Call::Rename
        && path.as_str().starts_with("/etc/k")
    {
        true => Err(Errno::IO.into()),
        false => Ok(()),
    };
    let session = HostFiles::on(Disk::watched(place.root(), Arc::new(hook))).begin(told.log("certs/ca"));
    session.write("/etc/key".into(), &text("new key"), Mode(0o600)).unwrap();
    session.write("/etc/kcert".into(), &text("new cert"), Mode(0o644)).unwrap();
    session.commit().unwrap_err();
}

#[test]
fn tells_what_it_finished() {
    let place = Place::new();
    sealed_and_stopped(&place);
    let recovered = recover(&place, None).unwrap();
    let run = &recovered.run_id;
    assert_eq!(
        recovered.lines(),
        [format!("finished 2 files of certs/ca that run {run} had sealed: `/etc/key`, `/etc/kcert`")]
    );
    assert_eq!(place.tree(), ["/etc 0755", "/etc/kcert 0644 new cert", "/etc/key 0600 new key"]);
    assert!(recover(&place, None).unwrap().is_empty());
}

#[test]
fn what_it_finished_is_durable() {
    let place = Place::new();
    sealed_and_stopped(&place);
    let calls: Arc<std::sync::Mutex<Vec<(crate::disk::Call, Utf8PathBuf)>>> = Arc::default();
    let seen = Arc::clone(&calls);
    let hook = move |call: crate::disk::Call, path: &Utf8Path| {
        seen.lock().unwrap().push((call, path.to_owned()));
        Ok(())
    };
    recover(&place, Some(Arc::new(hook))).unwrap();
    let calls = calls.lock().unwrap();
    let at = |call, path: &str| calls.iter().position(|entry| *entry == (call, path.into())).expect("it happened");
    assert!(at(crate::disk::Call::Rename, "/etc/kcert") < at(crate::disk::Call::SyncDirectory, "/etc"));
}

#[test]
fn keeps_what_somebody_changed_since() {
    let place = Place::new();
    sealed_and_stopped(&place);
    place.put("/etc/key", "theirs", 0o640);
    let recovered = recover(&place, None).unwrap();
    assert_eq!(recovered.foreign, ["/etc/key"]);
    assert!(recovered.lines()[1].starts_with("kept `/etc/key`: somebody changed it"), "{:?}", recovered.lines());
    assert_eq!(place.tree(), ["/etc 0755", "/etc/kcert 0644 new cert", "/etc/key 0640 theirs"]);
}

#[test]
fn never_publishes_bytes_that_were_not_sealed() {
    let place = Place::new();
    sealed_and_stopped(&place);
    let leftover = place.leftovers().into_iter().find(|line| line.contains(".key.")).unwrap();
    place.put(leftover.split(' ').next().unwrap(), "tampered", 0o600);
    let recovered = recover(&place, None).unwrap();
    assert_eq!((place.get("/etc/key"), place.get("/etc/kcert").as_deref()), (None, Some("new cert")));
    assert_eq!(recovered.foreign, ["/etc/key"]);
    assert_eq!(place.leftovers(), Vec::<String>::new());
}

#[test]
fn drops_the_files_of_a_phase_that_had_failed() {
    let place = Place::new();
    sealed_and_stopped(&place);
    let mut replay = replay(place.dir(), "init").unwrap().newest.unwrap();
    replay.unfinished[0].roll = Roll::Back;
    let recovered = HostFiles::new(place.root()).recover(&replay).unwrap();
    assert_eq!(recovered.dropped[0].files, ["/etc/key", "/etc/kcert"]);
    assert_eq!(place.tree(), ["/etc 0755"]);
}

#[test]
fn sweeps_only_names_of_that_run() {
    let place = Place::new();
    sealed_and_stopped(&place);
    place.put("/etc/admin.conf", "the user's", 0o600);
    let mut replay = replay(place.dir(), "init").unwrap().newest.unwrap();
    let other = "/etc/.x.000099-20260102T030405Z.new";
    place.put(other, "another run's", 0o600);
    replay.scratch.extend(["/etc/admin.conf".into(), other.into(), "/etc/absent".into()]);
    HostFiles::new(place.root()).recover(&replay).unwrap();
    assert!(place.get("/etc/admin.conf").is_some() && place.get(other).is_some());
}
