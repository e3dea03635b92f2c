//! A dry run changes nothing and tells the same as a real one.

use super::*;
use crate::fixture::{Place, Told, text};

fn path(path: &str) -> &Utf8Path {
    Utf8Path::new(path)
}

/// A phase of every kind of change, with a look in between.
fn phase(backend: &dyn FileBackend, log: EffectLog) {
    let session = backend.begin(log);
    session.ensure_dir(path("/etc/kubernetes/manifests"), Mode(0o700)).unwrap();
    session.write(path("/etc/same"), &text("same"), Mode(0o600)).unwrap();
    session.write(path("/etc/other"), &text("new"), Mode(0o600)).unwrap();
    session.write(path("/etc/kubernetes/pki/ca.key"), &Contents::secret("key"), Mode(0o600)).unwrap();
    session.remove(path("/etc/old")).unwrap();
    session.remove(path("/etc/absent")).unwrap();
    assert_eq!(session.read(path("/etc/old")).unwrap(), None);
    let mode = |path: &str| session.mode(Utf8Path::new(path)).unwrap();
    assert_eq!([mode("/etc/old"), mode("/etc/absent"), mode("/etc/same")], [None, None, Some(Mode(0o600))]);
    assert_eq!(mode("/etc/kubernetes/pki/ca.key"), Some(Mode(0o600)));
    assert_eq!(session.read(path("/etc/other")).unwrap(), Some(text("new")));
    assert_eq!(session.read(path("/etc/same")).unwrap().unwrap().as_bytes(), b"same");
    session.publish().unwrap();
    session.write(path("/etc/other"), &text("newer"), Mode(0o600)).unwrap();
    session.commit().unwrap();
}

fn place() -> Place {
    let place = Place::new();
    place.put("/etc/same", "same", 0o600);
    place.put("/etc/other", "old", 0o600);
    place.put("/etc/old", "old", 0o644);
    place
}

#[test]
fn tells_the_same_and_touches_nothing() {
    let place = place();
    let before = place.tree();
    let (mut dry, mut real) = (Told::new(), Told::new());
    let overlay = Overlay::new(place.root());
    phase(&*overlay, dry.log("one"));
    assert_eq!(place.tree(), before);

    let files = HostFiles::new(place.root());
    phase(&*files, real.log("one"));
    assert_eq!(dry.effects(), real.effects());
    for file in ["/etc/same", "/etc/other", "/etc/old", "/etc/kubernetes/pki/ca.key"] {
        let bytes =
            |backend: &dyn FileBackend| backend.read(path(file)).unwrap().map(|contents| contents.as_bytes().to_vec());
        assert_eq!(bytes(&*overlay), bytes(&*files), "{file}");
    }
    for directory in ["/etc", "/etc/kubernetes", "/etc/kubernetes/pki", "/etc/kubernetes/manifests", "/etc/none"] {
        assert_eq!(overlay.list(path(directory)).unwrap(), files.list(path(directory)).unwrap(), "{directory}");
    }
}

#[test]
fn gives_a_list_of_what_would_change() {
    let (place, told) = (place(), Told::new());
    let overlay = Overlay::new(place.root());
    phase(&*overlay, told.log("one"));
    let changes = overlay.changes().unwrap();
    let shown: Vec<String> =
        changes.iter().map(|change| format!("{:?} {} {:o}", change.kind, change.path, change.mode.0)).collect();
    assert_eq!(shown, ["Added /etc/kubernetes/pki/ca.key 600", "Removed /etc/old 644", "Replaced /etc/other 600"]);
    assert!(format!("{:?}", changes[0]).contains("Secret(3 bytes)"), "secrets are not shown");
    let session = overlay.begin(told.log("two"));
    session.write(path("/etc/other"), &text("old"), Mode(0o600)).unwrap();
    session.commit().unwrap();
    assert_eq!(overlay.changes().unwrap().len(), 2, "what is as it was is no change");
}

#[test]
fn writes_the_changes_into_a_directory() {
    let (place, told) = (place(), Told::new());
    let overlay = Overlay::new(place.root());
    phase(&*overlay, told.log("one"));
    let out = Place::new();
    for _ in 0..2 {
        overlay.write_to(&out.dir().join("dry")).unwrap();
    }
    assert_eq!(out.get("/dry/etc/other").unwrap(), "newer");
    assert_eq!(out.get("/dry/etc/kubernetes/pki/ca.key").unwrap(), "key");
    assert_eq!(out.mode("/dry/etc/kubernetes/pki/ca.key"), 0o600);
    assert!(out.get("/dry/etc/old").is_none() && out.get("/dry/etc/same").is_none());
}

#[test]
fn drops_what_a_failed_phase_staged_and_refuses_what_comes_late() {
    let (place, mut told) = (place(), Told::new());
    let overlay = Overlay::new(place.root());
    let (session, other) = (overlay.begin(told.log("one")), overlay.begin(told.log("two")));
    session.write(path("/etc/other"), &text("new"), Mode(0o600)).unwrap();
    let contended = other.write(path("/etc/other"), &text("new"), Mode(0o600));
    assert!(matches!(contended, Err(FileError::Contended { .. })));
    session.roll_back().unwrap();
    assert!(matches!(session.write(path("/etc/a"), &text("a"), Mode(0o600)), Err(FileError::Closed { .. })));
    assert!(overlay.changes().unwrap().is_empty());
    assert_eq!(told.effects(), Vec::<String>::new());
    other.write(path("/etc/other"), &text("new"), Mode(0o600)).unwrap();
}
