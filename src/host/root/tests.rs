//! Links are followed inside the tree and never out of it.

use std::os::unix::fs::symlink;

use super::*;
use crate::fixture::Place;

#[test]
fn never_leaves_the_tree() {
    let place = Place::new();
    symlink("/etc/shadow", place.at("/etc/absolute")).unwrap();
    symlink("../../../../../../../../etc/shadow", place.at("/etc/relative")).unwrap();
    for odd in ["/etc/absolute", "/etc/relative", "/../../etc/shadow", "/etc/../etc/./shadow"] {
        assert_eq!(place.root().resolve(odd.into()).unwrap(), "/etc/shadow", "{odd}");
    }
    assert_eq!(place.root().place("/etc/shadow".into()), place.dir().join("etc/shadow"));
    assert_eq!(Root::system().place("/etc/shadow".into()), "/etc/shadow");
}

#[test]
fn circles_are_an_error() {
    let place = Place::new();
    symlink("b", place.at("/etc/a")).unwrap();
    symlink("a", place.at("/etc/b")).unwrap();
    let error = place.root().resolve("/etc/a/file".into()).unwrap_err();
    assert_eq!(Errno::from_io_error(&error), Some(Errno::LOOP));
}

#[test]
fn does_not_follow_what_another_user_laid() {
    if !rustix::process::geteuid().is_root() {
        return; // only root can lay another user's link
    }
    let place = Place::new();
    symlink("/etc/shadow", place.at("/etc/trap")).unwrap();
    std::os::unix::fs::lchown(place.at("/etc/trap"), Some(1234), Some(1234)).unwrap();
    let error = place.root().resolve("/etc/trap".into()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("`/etc/trap`"), "{error}");
}
