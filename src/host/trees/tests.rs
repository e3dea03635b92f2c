//! Trees with everything in them that somebody hostile, or a pod, could leave.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::*;

struct Place {
    dir: tempfile::TempDir,
    trees: Arc<HostTrees>,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(Utf8Path::from_path(dir.path()).unwrap());
        fs::create_dir_all(dir.path().join("var/lib/kubelet")).unwrap();
        Self { trees: HostTrees::new(root), dir }
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join(path)
    }

    fn look(&self, target: &Target) -> Cleared {
        walk(&self.trees.root, target, false).unwrap()
    }

    fn clear(&self, target: &Target) -> Cleared {
        walk(&self.trees.root, target, true).unwrap()
    }
}

fn kubelet() -> Target {
    Target::ContentsOf("/var/lib/kubelet".into())
}

#[test]
fn all_goes_and_the_directory_stays_and_the_look_told_it_before() {
    let place = Place::new();
    fs::create_dir_all(place.at("var/lib/kubelet/pods/a/volumes")).unwrap();
    fs::write(place.at("var/lib/kubelet/pods/a/volumes/x"), "x").unwrap();
    fs::write(place.at("var/lib/kubelet/config.yaml"), "x").unwrap();
    let _socket = UnixListener::bind(place.at("var/lib/kubelet/socket")).unwrap();
    let told = place.look(&kubelet());
    assert!(place.at("var/lib/kubelet/pods/a/volumes/x").exists(), "a look changes nothing");
    assert_eq!(
        told.gone,
        [
            "/var/lib/kubelet/config.yaml",
            "/var/lib/kubelet/pods/a/volumes/x",
            "/var/lib/kubelet/pods/a/volumes",
            "/var/lib/kubelet/pods/a",
            "/var/lib/kubelet/pods",
            "/var/lib/kubelet/socket",
        ]
    );
    assert_eq!(place.clear(&kubelet()), told);
    assert_eq!(fs::read_dir(place.at("var/lib/kubelet")).unwrap().count(), 0);
    assert_eq!(place.clear(&kubelet()), Cleared::default(), "a second time there is nothing");
}

#[test]
fn links_go_as_links() {
    let place = Place::new();
    fs::create_dir_all(place.at("precious")).unwrap();
    fs::write(place.at("precious/data"), "x").unwrap();
    symlink(place.at("precious"), place.at("var/lib/kubelet/pods")).unwrap();
    symlink("/etc/passwd", place.at("var/lib/kubelet/passwd")).unwrap();
    symlink("..", place.at("var/lib/kubelet/up")).unwrap();
    assert_eq!(place.clear(&kubelet()).gone.len(), 3);
    assert!(place.at("precious/data").exists() && Path::new("/etc/passwd").exists());
}

#[test]
fn a_path_goes_itself_and_a_link_in_its_place_is_not_followed() {
    let place = Place::new();
    fs::write(place.at("kept"), "x").unwrap();
    fs::create_dir_all(place.at("etc/kubernetes")).unwrap();
    symlink("/kept", place.at("etc/kubernetes/admin.conf")).unwrap();
    let target = Target::At("/etc/kubernetes/admin.conf".into());
    assert_eq!(place.clear(&target).gone, ["/etc/kubernetes/admin.conf"]);
    assert!(place.at("kept").exists() && !place.at("etc/kubernetes/admin.conf").is_symlink());
    assert_eq!(place.clear(&target), Cleared::default());
    fs::create_dir_all(place.at("etc/kubernetes/admin.conf/x")).unwrap();
    assert_eq!(place.clear(&target).gone, ["/etc/kubernetes/admin.conf/x", "/etc/kubernetes/admin.conf"]);
}

#[test]
fn an_administrators_link_leads_to_the_directory_that_is_meant() {
    let place = Place::new();
    fs::create_dir_all(place.at("data/kubelet")).unwrap();
    fs::write(place.at("data/kubelet/x"), "x").unwrap();
    fs::remove_dir(place.at("var/lib/kubelet")).unwrap();
    symlink("/data/kubelet", place.at("var/lib/kubelet")).unwrap();
    assert_eq!(place.clear(&kubelet()).gone, ["/var/lib/kubelet/x"]);
    assert!(place.at("data/kubelet").exists());
}

#[test]
fn a_link_to_where_the_system_lives_is_refused() {
    let place = Place::new();
    fs::create_dir_all(place.at("usr/share")).unwrap();
    fs::write(place.at("usr/share/x"), "x").unwrap();
    fs::remove_dir(place.at("var/lib/kubelet")).unwrap();
    symlink("/usr/share", place.at("var/lib/kubelet")).unwrap();
    let error = walk(&place.trees.root, &kubelet(), true).unwrap_err();
    assert!(matches!(error, TreeError::System { .. }), "{error}");
    assert!(place.at("usr/share/x").exists());
}

#[test]
fn a_tree_that_is_too_deep_to_be_held_open_goes_too() {
    let place = Place::new();
    let mut deep = rustix::fs::open(place.at("var/lib/kubelet").as_path(), OFlags::RDONLY, Mode::empty()).unwrap();
    for _ in 0..3000 {
        rustix::fs::mkdirat(&deep, "d", Mode::RWXU).unwrap();
        deep = rustix::fs::openat(&deep, "d", OFlags::RDONLY, Mode::empty()).unwrap();
    }
    drop(deep);
    assert!(place.clear(&kubelet()).left.is_empty());
    assert_eq!(fs::read_dir(place.at("var/lib/kubelet")).unwrap().count(), 0);
}

#[test]
fn an_absent_directory_has_nothing_to_go() {
    let place = Place::new();
    assert_eq!(place.look(&Target::ContentsOf("/etc/kubernetes/pki".into())), Cleared::default());
    assert_eq!(place.look(&Target::At("/etc/kubernetes/admin.conf".into())), Cleared::default());
}

/// `/proc/sys/fs/binfmt_misc` or another file system below `/proc` would do, but whoever runs the tests may have none: a
/// directory of `/` that is a mount is looked at from above, which changes nothing.
#[test]
fn what_is_mounted_is_told_as_mounted() {
    let top = rustix::fs::open("/", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    let mut walk =
        Walk { really: false, cleared: Cleared::default(), top: None, old_kernel: None, brought: Vec::new() };
    assert!(!walk.entry(top.as_fd(), c"proc", Utf8Path::new("/"), 0));
    assert_eq!(walk.cleared.left, [Left { path: "/proc".into(), why: Why::Mounted }]);
    assert_eq!(walk.cleared.gone, [""; 0]);
    // The same where the kernel has no such call.
    let mounts = mounts::read().unwrap().into_iter().map(|mount| mount.point).collect();
    let mut walk =
        Walk { really: false, cleared: Cleared::default(), top: None, old_kernel: Some(mounts), brought: Vec::new() };
    assert!(!walk.entry(top.as_fd(), c"proc", Utf8Path::new("/"), 0));
    assert_eq!(walk.cleared.left.len(), 1);
}
