#![allow(clippy::unwrap_used)]

use tempfile::TempDir;

use super::*;

fn place() -> (TempDir, Places) {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = Utf8Path::from_path(dir.path()).unwrap().join("etcd");
    (dir, Places::of(&PutBack { data_dir, name: "now".into() }))
}

/// What etcd's tool makes.
fn make(places: &Places, bytes: &str) {
    fs::create_dir_all(places.making.join("member/snap")).unwrap();
    fs::write(places.making.join("member/snap/db"), bytes).unwrap();
}

fn data(places: &Places) -> Option<String> {
    fs::read_to_string(places.data_dir.join("member/snap/db")).ok()
}

fn with_old_data(places: &Places, bytes: &str) {
    fs::create_dir_all(places.data_dir.join("member/snap")).unwrap();
    fs::write(places.data_dir.join("member/snap/db"), bytes).unwrap();
}

#[test]
fn the_old_is_kept_beside_the_new() {
    let (_dir, places) = place();
    with_old_data(&places, "old");
    places.prepare().unwrap();
    make(&places, "new");
    assert_eq!(places.stage().unwrap(), PutBackStage::Begun);
    places.made().unwrap();
    assert_eq!((places.stage().unwrap(), data(&places).as_deref()), (PutBackStage::Made, Some("old")));
    assert_eq!(places.put_in_place().unwrap().as_deref(), Some("before"));
    assert_eq!((places.stage().unwrap(), data(&places).as_deref()), (PutBackStage::InPlace, Some("new")));
    assert_eq!(fs::read_to_string(places.directory.join("before/snap/db")).unwrap(), "old");
    // Once more changes nothing.
    assert_eq!(places.put_in_place().unwrap().as_deref(), Some("before"));
    assert_eq!(data(&places).as_deref(), Some("new"));
}

#[test]
fn a_data_directory_that_is_gone_is_made() {
    let (_dir, places) = place();
    places.prepare().unwrap();
    assert_eq!(places.data_dir.metadata().unwrap().mode() & 0o777, 0o700);
    make(&places, "new");
    places.made().unwrap();
    assert_eq!(places.put_in_place().unwrap(), None);
    assert_eq!(data(&places).as_deref(), Some("new"));
}

#[test]
fn what_was_half_made_goes_and_what_is_whole_stays() {
    let (_dir, places) = place();
    places.prepare().unwrap();
    make(&places, "half");
    places.prepare().unwrap();
    assert!(!places.making.exists());
    assert!(places.made().is_err(), "nothing was made");
    make(&places, "new");
    places.made().unwrap();
    places.prepare().unwrap();
    assert_eq!(places.stage().unwrap(), PutBackStage::Made);
}

#[test]
fn an_etcd_that_was_started_between_the_two_moves_loses_nothing() {
    let (_dir, places) = place();
    with_old_data(&places, "old");
    places.prepare().unwrap();
    make(&places, "new");
    places.made().unwrap();
    fs::rename(places.member(), places.directory.join("before")).unwrap();
    with_old_data(&places, "started meanwhile");
    places.put_in_place().unwrap();
    assert_eq!(data(&places).as_deref(), Some("new"));
    assert_eq!(fs::read_to_string(places.directory.join("before/snap/db")).unwrap(), "old");
    assert_eq!(fs::read_to_string(places.directory.join("before-2/snap/db")).unwrap(), "started meanwhile");
}

#[test]
fn data_of_another_copy_is_not_taken_for_this_one() {
    let (_dir, places) = place();
    places.prepare().unwrap();
    make(&places, "first");
    places.made().unwrap();
    places.put_in_place().unwrap();
    let next = Places::of(&PutBack { data_dir: places.data_dir.clone(), name: "later".into() });
    assert_eq!(next.stage().unwrap(), PutBackStage::Begun);
    assert!(next.put_in_place().is_err());
    assert_eq!(data(&places).as_deref(), Some("first"));
}
