//! What mounts and kernel configurations say.

use super::*;

fn find(mounts: &str, memory: bool) -> Option<(String, bool)> {
    ControlGroups::find(mounts, |path| memory && path == "/sys/fs/cgroup/memory").map(|it| (it.at.into(), it.v2))
}

#[test]
fn control_groups_are_found_as_kubeadm_finds_them() {
    let usual = || "/sys/fs/cgroup".to_owned();
    assert_eq!(find("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", false), Some((usual(), true)));
    let hybrid = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
    assert_eq!(find(hybrid, true), Some((usual(), false)), "a tmpfs with v1's hierarchies");
    assert_eq!(find(hybrid, false), Some((usual(), true)), "a tmpfs without");
    let elsewhere = "cgroup /cg/cpu cgroup rw,cpu 0 0\ncgroup /cg/memory cgroup rw,memory 0 0\n";
    assert_eq!(find(elsewhere, false), Some(("/cg/cpu".into(), false)), "the first of v1");
    assert_eq!(find(&format!("{elsewhere}none /cg2 cgroup2 rw 0 0\n"), false), Some(("/cg2".into(), true)), "v2 wins");
    assert_eq!(find("proc /proc proc rw 0 0\nx cgroup\n", false), None);
}

#[test]
fn options_are_read_from_a_kernels_configuration() {
    let text = "# CONFIG_A is not set\nCONFIG_B=y\n CONFIG_C=m \nCONFIG_D=\"text\"\nCONFIG_E=n\nnonsense\n";
    let found: Vec<(&str, char)> = options(text).into_iter().collect();
    assert_eq!(found, [("B", 'y'), ("C", 'm'), ("D", '"'), ("E", 'n')]);
}
